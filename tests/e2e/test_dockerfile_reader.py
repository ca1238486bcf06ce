"""The Dockerfile reader against BuildKit's own: of all that a build reads, nothing may be missed.

The program in tools/e2e/dockerfile answers with BuildKit's parser and dockerfile2llb. DOCKERFILES sets how many Dockerfiles
are made (the nightly run makes ten times as many), DOCKERFILES_SEED which.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from mlops_actions.docker_publish.dockerfile import arguments, characters, directives, instructions, scopes, shell
from tests.e2e.buildkit_reader import BuildKitReader, full_reference, is_accepted, is_unknown, misses, smallest
from tests.e2e.dockerfile_grammar import Case, generated, mutated
from tests.unit.docker_publish.test_dockerfile_sources import CASES

ROOT = Path(__file__).parents[2]
NUMBER = int(os.environ.get("DOCKERFILES", "6000"))
SEED = int(os.environ.get("DOCKERFILES_SEED", "20261129"))
MAX_UNKNOWN = 0.05  # of BuildKit's own Dockerfiles: "unknown" must be no way out
_GO_TEXT = re.compile("`([^`]*)`")
_FROM = re.compile(r"^\s*from\s", re.IGNORECASE | re.MULTILINE)

# Cases of the table that BuildKit refuses, which are read nevertheless.
REFUSED = ("FROM a\rCOPY --from=b x y\n", "# syntax=docker/dockerfile:1\n# syntax=other/x\nFROM a\n")

# The first asks for a build of the program from source.
pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def tools() -> Path:
    run = subprocess.run([ROOT / "tools/e2e/dockerfile/build.sh"], stdout=subprocess.PIPE, text=True)
    if run.returncode == 3:
        pytest.skip("there is no Go here to build BuildKit's Dockerfile reader with")
    assert run.returncode == 0
    return Path(run.stdout.strip())


@pytest.fixture(scope="module")
def buildkit(tools: Path) -> Iterator[BuildKitReader]:
    reader = BuildKitReader(tools / "bin/dockerfile-sources")
    yield reader
    reader.close()


@pytest.fixture(scope="module")
def corpus(tools: Path) -> list[Case]:
    """Return BuildKit's own test data: its Dockerfiles, and those that its Go tests hold as text."""
    contents: dict[bytes, None] = {}
    for path in sorted((tools / "corpus").rglob("*")):
        if path.name.endswith("_test.go"):
            texts = _GO_TEXT.findall(path.read_text(encoding="utf-8"))
            contents |= {text.encode(): None for text in texts if _FROM.search(text)}
        elif path.is_file():
            contents[path.read_bytes()] = None
    return [Case(content) for content in contents]


def read_all(buildkit: BuildKitReader, cases: Iterable[Case]) -> tuple[int, int, list[str]]:
    """Return how many BuildKit accepts, how many of those are unknown here, and the least Dockerfile of each miss."""
    accepted = unknown = 0
    missed = []
    for case in cases:
        answer = buildkit.read(case)
        if is_accepted(answer):
            accepted += 1
            unknown += is_unknown(case)
        for miss in misses(case, answer)[:1]:
            kind = miss.split()[0]

            def is_such_a_miss(other: Case, kind: str = kind) -> bool:
                return any(text.split()[0] == kind for text in misses(other, buildkit.read(other)))

            least = smallest(case, is_such_a_miss)
            missed.append(f"{misses(least, buildkit.read(least))[0]}: {least.content!r} with {least.arguments}")
            if len(missed) == 5:
                return accepted, unknown, missed
    return accepted, unknown, missed


def test_nothing_of_buildkits_own_dockerfiles_is_missed(buildkit: BuildKitReader, corpus: list[Case]) -> None:
    accepted, unknown, missed = read_all(buildkit, corpus)
    print(f"BuildKit's Dockerfiles: {len(corpus)}, accepted {accepted}, unknown {unknown}, missed {len(missed)}")
    assert missed == []
    assert accepted > 300
    assert unknown <= MAX_UNKNOWN * accepted


def test_nothing_of_generated_dockerfiles_is_missed(buildkit: BuildKitReader) -> None:
    accepted, unknown, missed = read_all(buildkit, generated(NUMBER, SEED))
    print(f"generated Dockerfiles: {NUMBER}, accepted {accepted}, unknown {unknown}, missed {len(missed)}; seed {SEED}")
    assert missed == []
    assert accepted > NUMBER // 3
    assert unknown < accepted // 2


def test_nothing_of_mutated_dockerfiles_is_missed(buildkit: BuildKitReader, corpus: list[Case]) -> None:
    seeds = [*corpus, *generated(len(corpus), SEED + 1)]
    accepted, unknown, missed = read_all(buildkit, mutated(seeds, NUMBER, SEED))
    print(f"mutated Dockerfiles: {NUMBER}, accepted {accepted}, unknown {unknown}, missed {len(missed)}; seed {SEED}")
    assert missed == []
    assert accepted > NUMBER // 5
    assert unknown < accepted // 3


@pytest.mark.parametrize(("content", "images", "sees_git"), CASES)
def test_the_table_of_cases_is_right(
    buildkit: BuildKitReader, content: str | bytes, images: set[str] | None, sees_git: bool
) -> None:
    case = Case(content if isinstance(content, bytes) else content.encode())
    answer = buildkit.read(case)
    assert misses(case, answer) == []
    read = [target for target in answer["targets"] or [] if not target["error"]]
    if read and images is not None:
        found = {image for target in read for image in target["images"] or []} | set(filter(None, [answer["frontend"]]))
        assert {full_reference(image) for image in images} == {full_reference(image) for image in found}
        assert not any(target["addresses"] for target in read)
    elif images is not None:
        assert content in REFUSED


def test_a_miss_is_made_small(buildkit: BuildKitReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directives, "frontend", lambda text: "")
    _, _, missed = read_all(buildkit, [Case(b"# syntax=docker/dockerfile:1\n# escape=`\nFROM base\nRUN true\n")])
    assert missed == ["frontend e: b'#syntax=e' with {}"]


@pytest.mark.parametrize(
    ("module", "name", "wrong"),
    [
        (shell, "heredocs", lambda line: ((), True)),
        (shell, "expand", lambda text, values, escape: text),
        (arguments, "split_flags", lambda text, escape: ((), text)),
        (scopes, "_forget", lambda scope: None),
        (arguments, "json_list", lambda text: None),
        (arguments, "mount_options", lambda mount: dict(option.partition("=")[::2] for option in mount.split(","))),
        (characters, "decode", lambda content: content.decode("utf-8", "replace").replace("\r", "\n")),
    ],
)
def test_a_reader_with_a_fault_is_caught(
    buildkit: BuildKitReader, monkeypatch: pytest.MonkeyPatch, module: object, name: str, wrong: object
) -> None:
    monkeypatch.setattr(module, name, wrong)
    if name == "decode":
        monkeypatch.setattr(instructions, name, wrong)
    assert read_all(buildkit, generated(2000, SEED))[2] != []
