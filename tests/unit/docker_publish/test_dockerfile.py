"""Dockerfiles and .dockerignore files: the images and files that a build reads."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_actions.docker_publish.dockerfile import bases, instructions, paths, shell
from mlops_actions.docker_publish.reuse import dockerignore


def test_instructions_are_read_with_their_lines() -> None:
    text = (
        "# syntax=docker/dockerfile:1\n# escape=\\\n\n# a comment\nFROM a AS b\n  run one && \\\n  # inside\n\n    two\n"
        'COPY <<EOF <<-"END" /x/\nRUN not an instruction\nEOF\n\ttext\n\tEND\nCMD ["x"]'
    )
    parsed = instructions.parse(text)
    assert parsed.directives == {"syntax": "docker/dockerfile:1", "escape": "\\"}
    assert [(entry.keyword, entry.line) for entry in parsed.instructions] == [
        ("FROM", 5),
        ("RUN", 6),
        ("COPY", 10),
        ("CMD", 15),
    ]
    assert parsed.instructions[1].arguments == "one &&     two"
    assert parsed.instructions[2].heredocs == "RUN not an instruction\n\ttext"


def test_the_escape_directive_changes_line_continuation() -> None:
    parsed = instructions.parse("# escape=`\nFROM a\nRUN one `\n two\\\n")
    run = parsed.instructions[1]
    assert (run.keyword, run.arguments, run.line, run.end_line) == ("RUN", "one  two\\", 3, 4)


def test_a_directive_after_anything_else_is_a_comment() -> None:
    assert instructions.parse("# a comment\n# syntax=x\nFROM a\n").directives == {}
    assert instructions.parse("\ufeff# syntax=x\nFROM a\n").directives == {"syntax": "x"}


@pytest.mark.parametrize(
    ("step", "line"),
    [
        ("[2/3] RUN one &&     two", 3),
        ("[build 2/3] RUN one && two", 3),
        ("[3/3] COPY a b", 5),
        ("[4/4] RUN three", 0),
        ("exporting to image", 0),
    ],
)
def test_the_line_of_a_build_step_is_found(step: str, line: int) -> None:
    parsed = instructions.parse("\nFROM x\nRUN one && \\\n    two\nCOPY a b\n")
    assert instructions.line_of(parsed, step) == line


STAGES = (
    "FROM x AS build\nRUN pip install a\nONBUILD RUN make\nRUN <<EOF\necho a\nEOF\n"
    "FROM y\nRUN pip install a\nRUN  pip\\\n install b\nFROM build AS FINAL\nRUN pip install a\n"
)


@pytest.mark.parametrize(
    ("step", "line"),
    [
        ("[build 2/4] RUN pip install a", 2),
        ("[stage-1 2/3] RUN pip install a", 8),
        ("[stage-1 3/3] RUN pip install b", 9),
        ("[final 3/3] RUN pip install a", 12),
        ("[linux/arm64 final 3/3] RUN pip install a", 12),
        ("[final 2/3] RUN make", 3),
        ("[build 3/4] RUN <<EOF (echo a)", 4),
        ("[other 2/2] RUN pip install a", 2),
        ("RUN pip install a", 2),
        ("[final 3/3] RUN pip", 0),
    ],
)
def test_the_line_of_a_step_is_found_in_its_stage(step: str, line: int) -> None:
    assert instructions.line_of(instructions.parse(STAGES), step) == line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a$V", "a1"), ("a${V}b", "a1b"), ("${W:-x}", "x"), ("${V:-x}", "1"), ("${V:+x}", "x"), ("${W:+x}", ""),
        ("a${W}", "a"), ("a$W", "a"), ("${V%x}", None), ("plain", "plain"), ("${W-x}", "x"), ("${E-x}", ""),
        ("${E:-x}", "x"),
        ("${E+x}", "x"), ("${E:+x}", ""), ("${W?no}", None), ("${V?no}", "1"), ("${W:-${V}2}", "12"), ("${W:-'a b'}", "a b"),
        ("'$V'", "$V"), ('"$V"', "1"), ("\\$V", "$V"), ("a$", "a$"), ("$TARGETARCH", None), ("${TARGETARCH:-x}", None),
        ("${", None), ("${}", None), ("'", None), ("${V/1/2}", None), ("$$", ""), ("a b", "a b"), ("${W:-a\\}b}", "a}b"),
    ],
)  # fmt: skip
def test_variables_are_expanded(text: str, expected: str | None) -> None:
    assert shell.expand(text, {"V": "1", "E": ""}.get) == expected


BASES = [
    # Dockerfile, build arguments, images, number of reasons
    ("FROM a\n", {}, ["a"], 0),
    ("FROM a AS b\nFROM b\nCOPY --from=b x y\nCOPY --from=0 x y\n", {}, ["a"], 0),
    ("FROM a as Build\nFROM scratch\nCOPY --from=build x y\n", {}, ["a"], 0),
    ("FROM --platform=$BUILDPLATFORM a AS b\n", {}, ["a"], 0),
    ("FROM a\nCOPY --from=c/d:1 --chown=1 x y\n", {}, ["a", "c/d:1"], 0),
    ("FROM a\nRUN --mount=type=bind,from=tool:2,target=/t x\n", {}, ["a", "tool:2"], 0),
    ("FROM a\nONBUILD COPY --from=e x y\n", {}, ["a", "e"], 0),
    ("# syntax=docker/dockerfile:1.7\nFROM a\n", {}, ["docker/dockerfile:1.7", "a"], 0),
    ("ARG V=1\nFROM a:$V\n", {}, ["a:1"], 0),
    ("ARG V=1\nFROM a:$V\n", {"V": "2"}, ["a:2"], 0),
    ('ARG V="1" W=${V}-slim\nFROM a:$W\n', {}, ["a:1-slim"], 0),
    ("ARG V\nFROM a:${V:-9}\n", {}, ["a:9"], 0),
    ("ARG V\nFROM a$V\n", {}, ["a"], 0),
    ("ARG TARGETARCH\nFROM a-$TARGETARCH\n", {}, [], 1),
    ("ARG V=$TARGETARCH\nFROM a-${V:-x}\n", {}, [], 1),
    ("FROM a-$TARGETARCH\n", {}, [], 1),
    ("FROM a\nARG V=1\nFROM b$V\n", {}, ["a", "b"], 0),
    ("FROM a\nADD https://example.com/x /x\n", {}, ["a"], 1),
    ("FROM a\nADD --checksum=sha256:00 https://example.com/x /x\n", {}, ["a"], 0),
    ("FROM a\nADD git@example.com:x/y.git /x\n", {}, ["a"], 1),
    ('FROM a\nADD ["https://example.com/x", "/x"]\n', {}, ["a"], 1),
    ("FROM a\nADD x.tar /x\n", {}, ["a"], 0),
    ("FROM a\nCOPY --from=$X x y\n", {}, ["a"], 1),
    ("FROM a@sha256:00\n", {}, ["a@sha256:00"], 0),
]


@pytest.mark.parametrize(("text", "arguments", "images", "reasons"), BASES)
def test_base_images_and_unknown_sources_are_found(
    text: str, arguments: dict[str, str], images: list[str], reasons: int
) -> None:
    base_images = bases.find_base_images(instructions.parse(text), arguments)
    assert (list(base_images.images), len(base_images.reasons)) == (images, reasons)


@pytest.mark.parametrize(
    ("text", "platforms", "arguments", "images"),
    [
        ("FROM a-$TARGETARCH\n", ("linux/amd64",), {}, ["a-amd64"]),
        ("FROM a-$TARGETARCH\n", ("linux/amd64", "linux/arm64"), {}, ["a-amd64", "a-arm64"]),
        ("FROM b AS b-arm64\nFROM a AS b-amd64\nFROM b-${TARGETARCH}\n", ("linux/arm64",), {}, ["b", "a"]),
        ("ARG TARGETARCH\nFROM a-$TARGETOS-$TARGETARCH\n", ("linux/arm64/v8",), {}, ["a-linux-arm64"]),
        ("ARG TARGETARCH=x\nFROM a-$TARGETARCH\n", ("linux/arm64",), {}, ["a-x"]),
        ("FROM a-$TARGETARCH\n", ("linux/arm64",), {"TARGETARCH": "y"}, ["a-y"]),
        ("FROM a-$TARGETARCH\n", ("linux/x86_64",), {}, None),
        ("FROM a-$TARGETARCH\n", ("linux/amd64", "linux/arm/v7"), {}, None),
        ("FROM a-$TARGETVARIANT\n", ("linux/arm64",), {}, None),
        ("FROM a-$BUILDARCH\n", ("linux/arm64",), {}, None),
    ],
)
def test_images_of_the_platforms_that_are_built(
    text: str, platforms: tuple[str, ...], arguments: dict[str, str], images: list[str] | None
) -> None:
    found = bases.find_base_images(instructions.parse(text), arguments, platforms)
    assert (None if found.reasons else list(found.images)) == images


@pytest.mark.parametrize(
    ("line", "sees"),
    [
        ("COPY . .", True), ("COPY ./ /x", True), ("COPY * /x", True), ("COPY .g* /x", True), ("COPY .git/HEAD /x", True),
        ("COPY [\".\", \"/x\"]", True), ("COPY $DIR /x", True), ("ADD . /x", True), ("ONBUILD COPY . /x", True),
        ("RUN --mount=type=bind,target=/x y", True), ("RUN --mount=target=/x y", True), ("COPY src/../. /x", True),
        ("COPY train.py /x", False), ("COPY src tests /x/", False), ("COPY *.py /x/", False), ("COPY --from=a . .", False),
        ("RUN --mount=type=cache,target=/x y", False), ("RUN --mount=type=bind,source=src,target=/x y", False),
        ("COPY .gitignore /x", False), ("RUN ls .", False),
    ],
)  # fmt: skip
def test_a_build_that_may_read_git_is_recognised(line: str, sees: bool) -> None:
    assert paths.sees_git(instructions.parse(f"FROM a\n{line}\n"), {}) is sees


IGNORED = [
    # patterns, path, excluded (as moby/patternmatcher decides)
    ("a", "a", True), ("a", "a/b", True), ("a", "b/a", False), ("/a", "a", True), ("a/", "a/b", True), ("./a", "a", True),
    ("*", "a", True), ("*", "a/b", True), ("*.py", "x.py", True), ("*.py", "d/x.py", False), ("**/*.py", "d/e/x.py", True),
    ("**/*.py", "x.py", True), ("**", "a/b", True), ("a/**", "a/b/c", True), ("a/**", "a", False), ("**/a", "b/a", True),
    ("**/a", "b/ca", False), ("a/**/b", "a/b", True), ("a/**/b", "a/x/y/b", True), ("a?", "ab", True), ("a?", "a/", False),
    ("[ab]x", "bx", True), ("[^ab]x", "bx", False), ("[a-c]x", "bx", True), ("a.b", "aXb", False), ("a+b", "a+b", True),
    ("\\*", "*", True), ("\\*", "a", False), ("*\n!a", "a", False), ("*\n!a", "b", True), ("!a\n*", "a", True),
    ("*\n!a/b", "a/b", False), ("*\n!a/b", "a/c", True), ("a\n!a/b\na/b/c", "a/b/c", True), ("# a", "# a", False),
    ("", "a", False), (" a ", "a", True), ("a/../b", "b", True), ("**/.git", "x/.git/y", True),
    ("*.md\n!README.md", "README.md", False),
    ("\ufeffa", "a", True), ("a\r", "a", True), ("foo*bar", "foo/bar", False), ("a{b}", "a{b}", True),
    ("a(b|c)", "a(b|c)", True),
]  # fmt: skip


@pytest.mark.parametrize(("text", "path", "excluded"), IGNORED)
def test_dockerignore_patterns_match_as_in_buildkit(text: str, path: str, excluded: bool) -> None:
    assert dockerignore.parse(text).excludes(path) is excluded


@pytest.mark.parametrize("text", ["!", "a[", "[b-a]"])
def test_a_pattern_that_cannot_be_read_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"pattern|'!'"):
        dockerignore.parse(text)


@given(
    st.lists(st.sampled_from(["*", "**", "**/", "/", "a", "b", "?", "[ab]", "[^a]", "a/", r"\*", "."]), max_size=9).map(
        "".join
    ),
    st.text(alphabet="ab/*.", max_size=9).map(lambda text: text.lstrip("/")),
)
def test_many_wildcards_match_what_a_regular_expression_matches(pattern: str, path: str) -> None:
    try:
        few = dockerignore.parse(f"*\n!{pattern}")
    except ValueError:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dockerignore, "_MAX_WILDCARDS", 0)
        assert dockerignore.parse(f"*\n!{pattern}").excludes(path) is few.excludes(path)


@pytest.mark.parametrize(
    ("pattern", "path", "excluded"),
    [
        ("*a" * 60 + "*b", "a" * 200, False),
        ("*a" * 60 + "*b", "a" * 200 + "b", True),
        ("**/a/" * 30 + "**/b", "a/" * 60 + "c", False),
        ("**a" * 30 + "**b", "a/" * 60 + "ab", True),
        ("[!-~]*" * 30 + "b", "a" * 100, False),
    ],
)
def test_many_wildcards_are_matched_at_once(pattern: str, path: str, excluded: bool) -> None:
    assert dockerignore.parse(pattern).excludes(path) is excluded


@pytest.mark.parametrize(
    "content",
    [
        "FROM a\nRUN " + "${A:-" * 20_000,
        "FROM " + "${A:-" * 20_000,
        "FROM a\nCOPY [" * 10_000,
        "FROM a\n" + "RUN <<EOF\n" * 20_000,
        "FROM a\n" + "".join(f"RUN <<-A{number}\n" for number in range(20_000)),
        "FROM a\nENV A=xxxxxxxxxx\n" + "ENV A=$A$A\n" * 200 + "COPY $A /x\nADD $A /x\n",
        "ARG A=xxxxxxxxxx\n" + "ARG A=${A:-b}$A$A\n" * 200 + "FROM $A\n",
        "ONBUILD " * 20_000,
        "FROM a\nRUN " + "\\ " * 50_000,
        "FROM a\nRUN --mount=" + "a," * 50_000,
        b"\x00\xff\xfe" * 1000,
    ],
    ids=lambda content: str(content[:20]),
)
def test_a_hostile_text_is_read_at_once(content: str | bytes) -> None:
    parsed = instructions.parse(content)
    bases.find_base_images(parsed, {})
    paths.sees_git(parsed, {})
    instructions.line_of(parsed, "[1/2] RUN x")


@given(st.text() | st.text(alphabet="RUNFOMCPYonbuild<-EF'\"${}:\\\\`#\n\r\t =[],--mt"))
def test_any_text_is_read_or_refused(text: str) -> None:
    instructions.parse(text)
    bases.find_base_images(instructions.parse(text), {})
    paths.sees_git(instructions.parse(text), {})
    with contextlib.suppress(ValueError):
        dockerignore.parse(text).excludes("a/b")
