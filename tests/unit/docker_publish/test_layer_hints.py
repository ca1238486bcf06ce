"""Hints: caches, files written twice, files removed too late; from files that were seen, or from the instruction alone."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from mlops_actions.core.errors import Unavailable
from mlops_actions.core.image_name import ImageName
from mlops_actions.docker_publish.layers import contents, scan
from mlops_actions.docker_publish.layers.contents import LayerContents, LayerFile, TooMuch
from mlops_actions.docker_publish.layers.hints import Hint, hints, is_rewriting
from mlops_actions.docker_publish.layers.image_layers import Layer
from mlops_actions.docker_publish.layers.made_by import MadeLayer
from tests.support.clock import FakeClock

NAME = ImageName("registry.example.com", "octo/digits")
GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
MB = 1_000_000


def made(command: str, *, index: int = 0, size: int = 20 * MB, arguments: str = "", kind: str = GZIP) -> MadeLayer:
    return MadeLayer(index, Layer(f"sha256:{index:064}", size, kind), command, line=index + 2, arguments=arguments)


def files(sizes: Mapping[str, int]) -> LayerContents:
    return LayerContents({path: LayerFile(size) for path, size in sizes.items()})


@pytest.mark.parametrize(
    ("command", "path", "what"),
    [
        ("RUN pip install torch", "root/.cache/pip/http-v2/a", "pip's cache"),
        ("RUN pip install torch", "home/user/.cache/pip/wheels/a.whl", "pip's cache"),
        ("RUN pip install torch", "usr/lib/python3/site-packages/pip/x.py", ""),
        ("RUN uv sync", "root/.cache/uv/archive-v0/x", "uv's cache"),
        ("RUN poetry install", "root/.cache/pypoetry/cache/x", "Poetry's cache"),
        ("RUN conda install x", "opt/conda/pkgs/mkl.conda", "conda's packages"),
        ("RUN mamba install x", "opt/miniforge3/pkgs/mkl.conda", "conda's packages"),
        ("RUN micromamba install x", "root/micromamba/pkgs/mkl.conda", "conda's packages"),
        ("RUN conda install x", "opt/conda/lib/libmkl.so", ""),
        ("RUN apt-get update", "var/lib/apt/lists/deb.debian.org_Packages.lz4", "apt's lists"),
        ("RUN apt-get install x", "var/cache/apt/archives/x.deb", "apt's archives"),
        ("RUN dnf install x", "var/cache/dnf/x.rpm", "the package manager's cache"),
        ("RUN apk add x", "var/cache/apk/x.apk", "apk's cache"),
        ("RUN npm ci", "root/.npm/_cacache/content-v2/x", "npm's cache"),
        ("RUN yarn", "root/.cache/yarn/v6/x", "Yarn's cache"),
        ("RUN go build", "root/.cache/go-build/00/x", "Go's build cache"),
        ("RUN cargo build", "usr/local/cargo/registry/cache/x", "Cargo's downloads"),
        ("RUN python load.py", "root/.cache/huggingface/hub/models--x/blobs/1", "Hugging Face's download cache"),
        ("RUN python load.py", "root/.cache/torch/hub/checkpoints/x.pth", "PyTorch's download cache"),
        ("COPY . /app", "app/.git/objects/pack/x.pack", "git's history"),
        ("RUN git clone x", "src/.git/objects/pack/x.pack", ""),
        ("COPY . /app", "app/__pycache__/x.pyc", "compiled Python files"),
        ("RUN pip install x", "usr/lib/python3/__pycache__/x.pyc", ""),
        ("COPY . /app", "app/.venv/lib/python3/x.so", "a virtual environment"),
    ],
)
def test_caches_that_were_seen(command: str, path: str, what: str) -> None:
    layer = made(command)
    found = hints([layer], {0: files({path: 3 * MB, "bin/x": 1})}, {})
    assert [(hint.what, hint.size) for hint in found] == ([(what, 3 * MB)] if what else [])
    assert hints([layer], {0: files({path: MB - 1})}, {}) == []


@pytest.mark.parametrize(
    ("command", "arguments", "environment", "what"),
    [
        ("RUN pip install torch", "", {}, "pip's cache"),
        ("RUN pip3 install -r requirements.txt", "", {}, "pip's cache"),
        ("RUN python -m pip install -e .", "", {}, "pip's cache"),
        ("RUN pip install --no-cache-dir torch", "", {}, ""),
        ("RUN pip install torch", "--mount=type=cache,target=/root/.cache/pip pip install torch", {}, ""),
        ("RUN pip install torch", "", {"PIP_NO_CACHE_DIR": "1"}, ""),
        ("RUN pip install torch", "", {"PIP_NO_CACHE_DIR": "0"}, "pip's cache"),
        ("RUN pip install torch && pip cache purge", "", {}, ""),
        ("RUN pip install torch && rm -rf /root/.cache", "", {}, ""),
        ("RUN pip download torch", "", {}, ""),
        ("RUN uv pip install torch", "", {}, "uv's cache"),
        ("RUN conda install -y pytorch", "", {}, "conda's packages"),
        ("RUN conda env create -f env.yml", "", {}, "conda's packages"),
        ("RUN conda install -y x && conda clean -afy", "", {}, ""),
        ("RUN apt-get update && apt-get install -y git", "", {}, "apt's lists"),
        ("RUN apt-get update && apt-get install -y git && rm -rf /var/lib/apt/lists/*", "", {}, ""),
        ("RUN npm ci", "", {}, "npm's cache"),
        ("RUN chown -R user /app", "", {}, "files of the layers below, written a second time"),
        ("RUN make", "", {}, ""),
        ("RUN " + "pip " * 30_000 + "install", "", {}, ""),  # the search in it would take minutes
        ("COPY pip install", "", {}, ""),
    ],
)
def test_layers_that_are_judged_by_their_instruction(
    command: str, arguments: str, environment: Mapping[str, str], what: str
) -> None:
    found = hints([made(command, arguments=arguments)], {}, environment)
    # `uv pip install` is a pip install too, by its words.
    assert [hint.what for hint in found if hint.what != "pip's cache" or what == "pip's cache"] == ([what] if what else [])
    assert hints([made(command, arguments=arguments, size=9 * MB)], {}, environment) == []


@pytest.mark.parametrize(
    ("command", "rewriting"),
    [
        ("RUN chmod -R 755 /app", True),
        ("RUN chown -R 1000 /app && chmod -R g+w /app; mv /a /b", True),
        ("RUN sudo chown -R user /opt", True),
        ("RUN make && chmod -R 755 /app", False),
        ("RUN chmodder", False),
    ],
)
def test_instructions_that_only_rewrite(command: str, rewriting: bool) -> None:
    assert is_rewriting(command) is rewriting


COPY, RUN = made("COPY model /m"), made("RUN chmod 644 /m/w", index=1)


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [
        ({"m/w": LayerFile(2 * MB)}, LayerContents({"m/w": LayerFile(2 * MB)}), [(1, "files that line 2 wrote already")]),
        ({"m/w": LayerFile(2 * MB)}, LayerContents({"m/w": LayerFile(3 * MB)}), []),
        ({"m/w": LayerFile(MB - 1)}, LayerContents({"m/w": LayerFile(MB - 1)}), []),
        ({"m/w": LayerFile(2 * MB, "x")}, LayerContents({"n": LayerFile(2 * MB, "x")}), [(1, "copies of files of line 2")]),
        ({"m/w": LayerFile(2 * MB)}, LayerContents({}, ("m/w",)), [(0, "files that line 3 removes")]),
        ({"m/w": LayerFile(2 * MB)}, LayerContents({}, ("m",)), [(0, "files that line 3 removes")]),
        ({"m/w": LayerFile(2 * MB)}, LayerContents({}, ("mo",)), []),
        ({"m-x": LayerFile(2 * MB), "m/w": LayerFile(1)}, LayerContents({}, ("m", "m/w", "m/w/x")), []),
        (
            {"m-x": LayerFile(3 * MB), "m/a/b": LayerFile(MB), "m/w": LayerFile(MB), "n": LayerFile(3 * MB)},
            LayerContents({}, ("m/a", "k", "m", "m/w")),
            [(0, "files that line 3 removes")],
        ),
        ({"m/w": LayerFile(2 * MB)}, LayerContents({}, ("",)), [(0, "files that line 3 removes")]),
        (
            {"m/w": LayerFile(2 * MB), "a": LayerFile(2 * MB, "x"), "b": LayerFile(2 * MB, "x")},
            LayerContents(),
            [(0, "copies of files of the same layer")],
        ),
    ],
)
def test_files_in_two_layers(lower: Mapping[str, LayerFile], upper: LayerContents, expected: list[tuple[int, str]]) -> None:
    found = hints([COPY, RUN], {0: LayerContents(lower), 1: upper}, {})
    assert [(hint.made.index, hint.what) for hint in found] == expected
    assert all(hint.size == 2 * MB for hint in found)


def test_the_largest_hint_is_first_and_words_what_was_seen() -> None:
    found = hints(
        [made("RUN pip install x"), made("RUN npm ci", index=1)],
        {1: files({"root/.npm/_cacache/x": 5 * MB, "var/lib/apt/lists/x": 7 * MB})},
        {},
    )
    assert [hint.text.partition(";")[0] for hint in found] == [
        "holds 7.0 MB of apt's lists",
        "holds 5.0 MB of npm's cache",
        "may hold pip's cache",
    ]
    assert Hint(COPY, "x", "y").text == "may hold x; y"


def archive(entries: Sequence[tuple[str, bytes]], mode: str = "w:gz") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as packed:  # type: ignore[call-overload]
        for name, content in entries:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            if name.endswith("/"):
                member.type = tarfile.DIRTYPE
            packed.addfile(member, io.BytesIO(content))
    return out.getvalue()


def pieces(content: bytes, size: int = 1000) -> Iterator[bytes]:
    return (content[start : start + size] for start in range(0, len(content), size))


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_layer_s_files(mode: str) -> None:
    large = bytes(range(256)) * 2048
    entries = [
        ("./app/", b""),
        ("./app/a.py", b"print()"),
        ("app/large", large),
        ("app/.wh.old", b""),
        ("lib/.wh..wh..opq", b""),
    ]
    found = contents.read(pieces(archive(entries, mode)), 1 << 30)
    assert {path: file.size for path, file in found.files.items()} == {"app/a.py": 7, "app/large": len(large)}
    assert found.files["app/large"].digest
    assert not found.files["app/a.py"].digest
    assert found.removed == ("app/old", "lib")


NOT_ARCHIVES = {
    "empty": b"",
    "text": b"x" * 5000,
    "packed text": gzip.compress(b"x" * 5000),
    "broken off": archive([("a", b"x" * 90000)])[:100],
}


@pytest.mark.parametrize("name", NOT_ARCHIVES)
def test_what_is_no_archive_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no archive"):
        contents.read(pieces(NOT_ARCHIVES[name]), 1 << 30)


def header_of(size: int) -> bytes:
    """An archive whose first header claims to be followed by so many bytes of attributes, and is."""
    member = tarfile.TarInfo("x")
    member.type, member.size = tarfile.XHDTYPE, size
    return gzip.compress(member.tobuf() + bytes(size))


def test_a_header_that_claims_too_much_is_left() -> None:
    with pytest.raises(TooMuch):
        contents.read(pieces(header_of(40 * MB)), 10 * MB)


def test_a_layer_whose_names_are_too_long_together_is_left() -> None:
    with pytest.raises(TooMuch):
        contents.read(pieces(archive([(f"{number:04}/{'d/' * 1500}f", b"") for number in range(3400)]), 1 << 16), 1 << 30)


def test_several_gzip_files_in_a_row_are_one_layer() -> None:
    plain = archive([("a", b"x" * 5000)], "w")
    joined = gzip.compress(plain[:700]) + gzip.compress(plain[700:])
    assert contents.read(pieces(joined, 7), 1 << 30).files["a"].size == 5000


def test_a_layer_that_unpacks_to_too_much_is_left() -> None:
    bomb = archive([("zeros", bytes(20 * MB))])
    assert len(bomb) < 100_000
    with pytest.raises(TooMuch):
        contents.read(pieces(bomb), 10 * MB)


@pytest.mark.parametrize(
    ("kind", "readable"),
    [
        (GZIP, True),
        ("application/vnd.docker.image.rootfs.diff.tar.gzip", True),
        ("application/vnd.oci.image.layer.v1.tar", True),
        ("application/vnd.oci.image.layer.v1.tar+gzip+encrypted", False),
        ("application/vnd.cncf.model.layer", False),
        ("", False),
    ],
)
def test_layers_that_can_be_unpacked(kind: str, readable: bool) -> None:
    assert contents.is_readable(kind) is readable


@pytest.mark.parametrize(
    ("sizes", "chosen"),
    [
        ([0, 1], [0, 1]),
        ([5] * (scan.MAX_LAYERS + 2), list(range(scan.MAX_LAYERS))),
        ([scan.MAX_LAYER, scan.MAX_LAYER + 1], [0]),
        ([scan.MAX_LAYER, scan.MAX_LAYER, 1], [0, 1]),
        ([10 * MB, scan.MAX_LAYER, 60 * MB], [1, 2]),
        ([], []),
    ],
)
def test_layers_are_looked_into_within_bounds(sizes: list[int], chosen: list[int]) -> None:
    own = [made("RUN x", index=index, size=size) for index, size in enumerate(sizes)]
    assert [layer.index for layer in scan.choose(own, ())] == chosen
    assert scan.choose(own, [layer.layer.digest for layer in own]) == []
    assert scan.choose([made("RUN x", kind="application/vnd.cncf.model.layer")], ()) == []
    assert scan.choose([made("WORKDIR /app")], ()) == []


class Blobs:
    """A registry's blobs; each piece takes `seconds`, and `broken` ends the answer with an error."""

    def __init__(self, content: bytes, clock: FakeClock, *, seconds: float = 0.0, broken: bool = False) -> None:
        self.content, self.clock, self.seconds, self.broken = content, clock, seconds, broken
        self.sent = 0

    def stream_blob(self, repository: str, digest: str) -> Iterator[bytes]:
        for piece in pieces(self.content):
            if self.broken:
                raise Unavailable("broke off", "again")
            self.clock.at += timedelta(seconds=self.seconds)
            self.sent += 1
            yield piece


@pytest.mark.parametrize(("seconds", "broken", "found"), [(0.0, False, True), (2.0, False, False), (0.0, True, False)])
def test_a_slow_or_broken_answer_costs_a_hint_and_no_more(seconds: float, broken: bool, found: bool) -> None:
    clock = FakeClock(at=datetime(2026, 1, 1, tzinfo=UTC))
    blobs = Blobs(archive([("a", bytes(range(256)) * 40)] * 90, "w"), clock, seconds=seconds, broken=broken)
    seen = scan.scan(blobs, NAME, [made("RUN x")], known=(), clock=clock)  # type: ignore[arg-type]
    assert bool(seen) is found
    assert found or blobs.sent < 10
