"""The report of an image's layers: as Markdown, as JSON, and the tags of the base branch it is compared with."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from mlops_actions.core.event import Event, read
from mlops_actions.docker_publish.dockerfile import instructions
from mlops_actions.docker_publish.layers import base_branch, growth, made_by
from mlops_actions.docker_publish.layers.drawing import layers_document, layers_markdown, share_bar
from mlops_actions.docker_publish.layers.examine import LayerReport
from mlops_actions.docker_publish.layers.hints import Hint
from mlops_actions.docker_publish.revision import Revision
from mlops_actions.docker_publish.tags.rules import RuleTags
from tests.unit.docker_publish.test_image_layers import BASE, image_of

MB = 1_000_000
BASE_ENTRIES = tuple((command, size * MB) for command, size in BASE)
DOCKERFILE = "FROM nvidia/cuda:12.8\nCOPY . /app\nRUN pip install torch\n"
URL = "https://github.com/o/r/blob/abc/Dockerfile"


def report(*own: tuple[str, int], earlier: tuple[tuple[str, int], ...] | None = None, dockerfile: str = "") -> LayerReport:
    text = dockerfile or "FROM nvidia/cuda:12.8\n" + "\n".join(command for command, _ in own) + "\n"
    divided = made_by.divide(image_of(*BASE_ENTRIES, *own), instructions.parse(text))
    before = image_of(*BASE_ENTRIES, *earlier) if earlier is not None else None
    return LayerReport(
        dockerfile="Dockerfile",
        platform="linux/amd64",
        base=divided.base,
        base_layers=len(divided.base_layers),
        comparison=growth.compare(divided, before),
        compared="main" if before else "",
        compared_digest="sha256:0" if before else "",
    )


@pytest.mark.parametrize(
    ("share", "drawn"),
    [(0, ""), (0.001, "▏"), (0.5, "█" * 8), (1, "█" * 16), (7, "█" * 16), (-1, ""), (0.0625 * 1.5, "█▌")],
)
def test_a_share_is_drawn_to_an_eighth_of_a_block(share: float, drawn: str) -> None:
    assert share_bar(share) == drawn


def rows(text: str) -> list[str]:
    return [line.replace("\u00a0", " ") for line in text.splitlines() if line.startswith("|")][2:]


def test_layers_are_drawn_by_size_with_their_lines() -> None:
    text = layers_markdown(report(("COPY . /app", 12 * MB), ("RUN pip install torch", 2300 * MB)), URL)
    assert rows(text) == [
        f"| [line 3]({URL}#L3) `RUN pip install torch` | 2.30 GB | `{'█' * 16}` |",
        "| from the base `nvidia/cuda:12.8` (2 layers) | 150.0 MB | `█` |",
        f"| [line 2]({URL}#L2) `COPY . /app` | 12.0 MB | `▏` |",
    ]
    assert text.startswith("#### Layers (linux/amd64)\n\n2.46 GB in the registry (compressed). The lines are those of ")


@pytest.mark.parametrize(
    ("own", "earlier", "total", "changes"),
    [
        ((("RUN a", 5 * MB),), (("RUN a", 5 * MB),), "the same size", ["same", "same"]),
        ((("RUN a", 7 * MB),), (("RUN a", 5 * MB),), "+2.0 MB", ["same", "+2.0 MB"]),
        ((("RUN a", 5 * MB),), (("RUN a", 7 * MB),), "−2.0 MB", ["same", "−2.0 MB"]),
        ((("RUN a", 5 * MB), ("RUN b", 4 * MB)), (("RUN a", 5 * MB),), "+4.0 MB", ["same", "same", "new"]),
        ((("RUN a", 5 * MB),), (("RUN a", 5 * MB), ("RUN b", 4 * MB)), "−4.0 MB", ["same", "same", "−4.0 MB"]),
    ],
)
def test_growth_is_shown_layer_by_layer(own: Any, earlier: Any, total: str, changes: list[str]) -> None:
    text = layers_markdown(report(*own, earlier=earlier))
    assert f"**{total}** against `main`. " in text
    assert [row.split("|")[3].strip() for row in rows(text)] == changes


@pytest.mark.parametrize(
    ("sizes", "last"),
    [
        ((2300 * MB, 92, 480), "| 2 smaller layers | 572 B | `▏` |"),
        ((2300 * MB, 92), "| line 3 `RUN step 1` | 92 B | `▏` |"),
        ((2300 * MB, 2 * MB, 1 * MB), "| 2 smaller layers | 3.0 MB | `▏` |"),
        ((300 * MB, 3 * MB, 2 * MB), "| line 4 `RUN step 2` | 2.0 MB | `▏` |"),
    ],
)
def test_layers_that_do_not_matter_are_summed_up(sizes: tuple[int, ...], last: str) -> None:
    own = tuple((f"RUN step {number}", size) for number, size in enumerate(sizes))
    assert rows(layers_markdown(report(*own)))[-1] == last


def test_many_layers_are_summed_up() -> None:
    own = tuple((f"RUN step {number}", number * MB) for number in range(1, 31))
    text = layers_markdown(report(*own, earlier=own))
    assert len(rows(text)) == 13
    assert rows(text)[-1].startswith(f"| 19 smaller layers | {sum(range(1, 20))}.0 MB |")


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("RUN echo `id` | sh", "<code>RUN echo &#96;id&#96; &#124; sh</code>"),
        ("RUN " + "x" * 100, "`RUN " + "x" * 65 + "…`"),
        ("RUN <img src=x>", "`RUN <img src=x>`"),
    ],
)
def test_instructions_are_escaped_and_cut(command: str, shown: str) -> None:
    assert shown in layers_markdown(report((command, MB)))


def test_hints_name_the_line_and_are_cut() -> None:
    some = report(("RUN pip install torch", 2300 * MB))
    made = some.comparison.layers[0].made
    text = layers_markdown(
        replace(some, hints=tuple(Hint(made, "pip's cache", "use *it*", MB + number) for number in range(0, 10**7, 10**6)))
    )
    assert "- line\u00a02 `RUN pip install torch`: holds 1&#46;0 MB of pip's cache; use \\*it\\*\n" in text
    assert text.endswith("- and 2 more")


def test_layers_that_may_hold_the_same_share_a_hint() -> None:
    some = report(("RUN pip install a", 20 * MB), ("RUN pip install b", 30 * MB))
    text = layers_markdown(replace(some, hints=tuple(Hint(layer.made, "x", "y") for layer in some.comparison.layers)))
    assert text.endswith("\n\n- line\u00a02 `RUN pip install a`, line\u00a03 `RUN pip install b`: may hold x; y")


def test_the_document_has_every_layer() -> None:
    some = report(("COPY . /app", 12 * MB), ("RUN b", MB), earlier=(("COPY . /app", 12 * MB),))
    document = layers_document(replace(some, hints=(Hint(some.comparison.layers[1].made, "x", "y"),)))
    assert document["base"] == {"image": "nvidia/cuda:12.8", "layers": 2, "size": 150 * MB, "compared-size": 150 * MB}
    assert [(layer["line"], layer["compared-size"], layer["kept"]) for layer in document["layers"]] == [
        (2, 12 * MB, True),
        (3, None, False),
    ]
    assert document["hints"] == [{"digest": f"sha256:{MB:064}", "line": 3, "size": None, "text": "may hold x; y"}]
    assert (document["compared-tag"], document["compared-size"], document["removed-size"]) == ("main", 162 * MB, 0)


def test_the_document_stays_small_whatever_the_image_holds() -> None:
    own = tuple((f"RUN {'é' * 4000}{number}", MB + number) for number in range(120))
    some = report(*own, earlier=own)
    hints = tuple(Hint(layer.made, "x" * 100, "y" * 100) for layer in some.comparison.layers)
    assert len(json.dumps(layers_document(replace(some, hints=hints)))) < 70_000  # of the 100 kB that `result` may have


SHA, BASE_SHA = "a" * 40, "b" * 40
PERSON = {"login": "mona", "id": 1, "type": "User"}
REPOSITORY = {"full_name": "o/r", "id": 1}
PULL: dict[str, Any] = {
    "number": 7,
    "state": "open",
    "user": PERSON,
    "head": {"ref": "feature", "sha": SHA, "repo": REPOSITORY},
    "base": {"ref": "develop", "sha": BASE_SHA, "repo": REPOSITORY},
}


def event(name: str, payload: dict[str, Any]) -> Event:
    whole = {"sender": PERSON, "repository": REPOSITORY | {"default_branch": "main"}, "action": "opened", **payload}
    return read(name, whole)


REVISION = Revision(SHA, "refs/heads/feature", "main", datetime(2026, 1, 1, tzinfo=UTC), pull_request=7, from_fork=False)


@pytest.mark.parametrize(
    ("rules", "pull_request", "environ", "tags"),
    [
        (("sha", "branch", "latest"), True, {}, (BASE_SHA[:12], "develop")),
        (("branch",), True, {}, ("develop",)),
        (("sha", "branch", "latest"), False, {}, ("main", "latest")),
        (("sha", "branch", "latest"), False, {"GITHUB_BASE_REF": "release/1"}, ("release-1",)),
        # A pull request moves no tag of this name, so it stands for an image of a branch.
        (("sha", "nightly"), True, {}, (BASE_SHA[:12], "nightly")),
        (("pr",), True, {}, ()),
    ],
)
def test_a_pull_request_is_compared_with_its_base_s_image(
    rules: tuple[str, ...], pull_request: bool, environ: dict[str, str], tags: tuple[str, ...]
) -> None:
    of_event = event("pull_request", {"pull_request": PULL}) if pull_request else None
    assert base_branch.candidate_tags(RuleTags(rules), REVISION, of_event, environ) == tags


def test_a_push_is_not_compared_with_a_base_branch() -> None:
    push = replace(REVISION, pull_request=None)
    assert base_branch.candidate_tags(RuleTags(("sha", "branch")), push, None, {}) == ()
