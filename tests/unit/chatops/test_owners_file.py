"""CODEOWNERS as GitHub reads it: patterns, owners, and what GitHub does not support."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_actions.chatops.owners_file import InvalidLine, owners_of, parse


@pytest.mark.parametrize(
    ("pattern", "owned", "not_owned"),
    [
        ("*", ["a", "a/b.py", ".github/CODEOWNERS"], []),
        ("**", ["a", "a/b.py"], []),
        ("*.js", ["a.js", "src/a.js", "a.js/b"], ["a.jsx", "js"]),
        ("/*.js", ["a.js"], ["src/a.js"]),
        ("/*", ["README.md"], ["src/a.py"]),
        ("/build/logs/", ["build/logs/a", "build/logs/a/b"], ["build/logs", "x/build/logs/a", "build/logsx/a"]),
        ("docs/*", ["docs/a.md"], ["docs/build/a.md", "x/docs/a.md", "docs"]),
        ("docs/**", ["docs/a.md", "docs/build/a.md"], ["docs", "x/docs/a.md"]),
        ("apps/", ["apps/a", "x/apps/a", "x/apps/y/a"], ["apps", "xapps/a"]),
        ("/docs/", ["docs/a", "docs/b/c"], ["x/docs/a"]),
        ("/apps/github", ["apps/github", "apps/github/a"], ["apps/githubx", "x/apps/github"]),
        ("apps/github", ["apps/github/a"], ["x/apps/github"]),
        ("**/logs", ["logs", "a/logs", "a/b/logs/c"], ["alogs"]),
        ("**/logs/*.txt", ["logs/a.txt", "x/logs/a.txt"], ["logs/x/a.txt"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b/c"], ["ab", "x/a/b"]),
        ("a/**/", ["a/x/y"], ["a/x"]),
        ("a?c", ["abc", "x/abc"], ["ac", "a/c", "abbc"]),
        ("a.c", ["a.c"], ["abc"]),
        ("train(1).py", ["train(1).py"], ["train1.py"]),
        (r"my\ file.py", ["my file.py"], ["my", "file.py"]),
        (r"a\*b", ["a*b"], ["axb"]),
        ("Src/", ["Src/a"], ["src/a"]),
        ("*/x", ["a/x", "a/x/y"], ["x", "a/b/x"]),
        ("a#b", ["a#b"], ["a"]),
    ],
)
def test_a_pattern_owns_the_paths_that_github_says(pattern: str, owned: list[str], not_owned: list[str]) -> None:
    rules = parse(f"{pattern} @owner\n")
    assert [path for path in owned + not_owned if owners_of(rules, path)] == owned


@pytest.mark.parametrize(
    ("text", "owners"),
    [
        ("* @a @b", {"@a", "@b"}),
        ("* @A @Org/Team me@Example.com", {"@a", "@org/team", "me@example.com"}),
        ("* @a\n*.py @b", {"@b"}),
        ("*.py @b\n* @a", {"@a"}),
        ("* @a\n/src/", set()),
        ("/src/", set()),
        ("*.md @a", set()),
        ("# * @b\n* @a # why\n  # more", {"@a"}),
        ("\ufeff* @a\r\n\r\n\t\n", {"@a"}),
        ("*.py\t@a_company", {"@a_company"}),
        ("", set()),
        # Only a line feed ends a line.
        ("* @a \x0b@b", {"@a", "@b"}),
    ],
)
def test_the_last_line_that_matches_tells_the_owners(text: str, owners: set[str]) -> None:
    assert owners_of(parse(text), "src/a.py") == owners


@pytest.mark.parametrize(
    "line",
    ["!*.py @a", r"\#a @a", "[ab].py @a", "a]b @a", "/ @a", "// @a", "***/a @a", "* owner", "* @", "* @a/", "* @-a",
     "* @a,@b",
     "* @a\xa0@b", "* @a#b", "src\\"],
)  # fmt: skip
def test_what_github_does_not_support_is_said_with_its_line(line: str) -> None:
    with pytest.raises(InvalidLine, match=r"^line 2: "):
        parse(f"* @a\n{line}\n")


@given(st.text(alphabet="a*?/\\#.[]! @\n", max_size=30), st.text(alphabet="ab/.", max_size=12))
def test_no_text_breaks_it(text: str, path: str) -> None:
    try:
        rules = parse(text)
    except InvalidLine:
        return
    owners_of(rules, path)
