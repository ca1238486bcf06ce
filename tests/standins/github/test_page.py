"""The pull request as a page and as Markdown: their content, and hostile text in it."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

import pytest
import requests
from hypothesis import example, given
from hypothesis import strategies as st

from mlops_sandbox.github import render_page, render_transcript
from mlops_sandbox.github.page.markdown import render_markdown
from mlops_sandbox.github.page.sanitise import ELEMENTS, VOID_ELEMENTS, sanitise
from tests.support.payloads import Sample, make_sample
from tests.support.payloads.hostile import HOSTILE


class _Tags(HTMLParser):
    """Collects what a parser sees in the output, and checks that it is balanced."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID_ELEMENTS:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes what the comment did not open"
        assert self.open.pop() == tag

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment survived")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError("a declaration survived")

    def handle_pi(self, data: str) -> None:
        raise AssertionError("a processing instruction survived")


def _harmless(html: str) -> None:
    tags = _Tags()
    tags.feed(html)
    tags.close()
    assert tags.open == []
    for tag, attributes in tags.seen:
        assert tag in ELEMENTS, tag
        for name, value in attributes.items():
            assert not name.startswith("on"), name
            assert name not in ("style", "src", "srcdoc", "srcset", "formaction", "name"), name
            if name == "href":
                assert re.match(r"(https?:|mailto:|[^:]*$|[^:]*[/?#])", value or "", re.IGNORECASE), value
            if name == "id":
                assert (value or "").startswith("user-content-")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_comments_are_harmless(text: str) -> None:
    _harmless(render_markdown(text))
    _harmless(render_markdown(f"> {text}\n\n<details><summary>{text}</summary>\n\n{text}\n</details>"))


@given(st.text(alphabet="<>/=\"'&;:#!-[]()`*_|~ \n\tabdehiklmnoprstux0x\x00", max_size=80))
@example('<a href="java\x00script:x">')
@example("<p <a href=x>")
@example("<![a:")
@example("<![0 x><script>x</script>")
def test_no_text_is_harmful(text: str) -> None:
    _harmless(render_markdown(text))
    _harmless(sanitise(text))


@given(st.lists(st.sampled_from(HOSTILE), min_size=2, max_size=4))
def test_no_combination_is_harmful(texts: list[str]) -> None:
    _harmless(render_markdown("".join(texts)))
    _harmless(render_markdown("\n\n".join(texts)))


def test_markdown_as_github_renders_it() -> None:
    html = render_markdown(
        "> [!WARNING]\n> Careful.\n\n- [x] done\n- [ ] open\n\n| a | b |\n|:--|--:|\n| 1 | ~~2~~ |\n\n"
        "<details><summary>More</summary>\n\n```python\nprint('<b>')\n```\n\n</details>\n\n"
        "one\ntwo https://x.example :rocket:"
    )
    for part in (
        'class="markdown-alert markdown-alert-warning"', '<input type="checkbox" disabled checked>',
        '<td align="right"><s>2</s></td>', "<details><summary>More</summary>", 'class="language-python"', "&lt;b&gt;",
        "one<br>\ntwo", '<a href="https://x.example"', "🚀",
    ):  # fmt: skip
        assert part in html, part


def test_references_are_marked_only_where_they_exist() -> None:
    def render(text: str) -> str:
        return render_markdown(text, accounts={"writer"}, issues={1}, commits={"a" * 7: "a" * 40}.get)

    assert '<span class="mention">@writer</span>' in render("ask @writer")
    assert "mention" not in render("ask @nobody, writer@writer.example, `@writer`, @\u200bwriter, #2")
    assert '<span class="mention">#1</span>' in render("see #1")
    assert f'title="{"a" * 40}"' in render("at aaaaaaa")


def test_images_become_links_and_are_not_loaded() -> None:
    html = render_markdown("![a plot](https://example.org/plot.png)")
    assert '<a class="image" href="https://example.org/plot.png"' in html
    assert "<img" not in html


def _eventful() -> Sample:
    sample = make_sample()
    pull, repo, bot = sample.pull, sample.repository, sample.github.actions_app.bot
    comment = pull.comment("/train lr=3e-4", by="maintainer").subject
    pull.react(comment, "eyes", bot)
    pull.label("training", by=bot)
    report = pull.comment("Started.", by=bot)
    pull.edit_comment(report.subject, "```mermaid\nflowchart LR\n  a --> b\n```", by=bot)
    repo.check_run(pull.head_sha, "training", conclusion="failure", title="1 gate failed", summary="| a |\n|---|\n| b |")
    repo.check_run(pull.head_sha, "lint", conclusion="success")
    pull.unlabel("training", by=bot)
    pull.label("failed", by=bot)
    pull.review("CHANGES_REQUESTED", by="triager")
    deployment = repo.deploy(pull.head_sha, "staging", by=bot)
    repo.deployment_status(deployment, "success", by=bot)
    pull.push(by="writer", message="Fix the rate", force=True)
    pull.merge(by="maintainer")
    return sample


def test_a_minimised_comment_is_folded_with_its_reason() -> None:
    sample = make_sample()
    hidden = sample.pull.comment("The **old** report.", by="writer").subject
    sample.pull.comment("The new report.", by="writer")
    hidden.minimised = "off-topic"
    page = render_page(sample.pull)
    folded = re.search(r'<details class="card hidden">.*?</details>', page, re.DOTALL)
    assert folded is not None
    assert "This comment was marked as off-topic." in folded[0]
    assert "The <strong>old</strong> report." in folded[0]
    assert page.count('class="card hidden"') == 1
    transcript = render_transcript(sample.pull)
    assert "commented, marked as off-topic" in transcript
    assert "old** report" not in transcript
    assert "The new report." in transcript


def _text(html: str) -> str:
    body = re.sub(r"<(style|script|symbol)\b.*?</\1>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


def test_the_page_shows_the_events_in_order() -> None:
    text = _text(render_page(_eventful().pull))
    story = [
        "A schedule #1", "Merged", "maintainer merged", "writer opened this pull request", "pushed a commit",
        "/train lr=3e-4", "👀 1", "github-actions bot added training", "commented", "edited", "removed training",
        "triager requested changes", "deployed", "staging Active", "force-pushed", "Fix the rate", "merged this",
    ]  # fmt: skip
    position = 0
    for part in story:
        index = text.find(part, position)
        assert index >= 0, f"{part!r} does not come after {text[:position][-80:]!r}"
        position = index


def test_checks_of_the_head_decide_the_overall_state() -> None:
    sample = make_sample()
    assert "No checks on this commit" in render_page(sample.pull)
    sample.repository.check_run(sample.pull.head_sha, "tests")
    assert "1 of 1 checks in progress" in render_page(sample.pull)
    sample.repository.check_run(sample.pull.head_sha, "tests", conclusion="success")
    assert "The check has passed" in render_page(sample.pull)
    sample.repository.status(sample.pull.head_sha, "ci", "error", description="broken")
    assert "1 of 2 checks failed" in render_page(sample.pull)
    sample.pull.push(by="writer")
    assert "No checks on this commit" in render_page(sample.pull)


def test_titles_names_and_labels_are_escaped() -> None:
    sample = make_sample()
    attack = "<img src=x onerror=attack()>"
    sample.pull.title = attack
    sample.pull.label(attack, by="maintainer")
    sample.repository.check_run(
        sample.pull.head_sha, attack, conclusion="success", title=attack, details_url="javascript:attack()"
    )
    sample.repository.deploy(sample.pull.head_sha, attack, by="maintainer")
    sample.pull.push(by="writer", message=attack)
    page = render_page(sample.pull)
    assert "<img" not in page
    assert "javascript:attack" not in page


def test_the_policy_names_exactly_the_scripts_of_the_page() -> None:
    plain = unescape(render_page(make_sample().pull))
    assert "script-src 'none'" in plain
    assert "<script" not in plain
    drawn = unescape(render_page(_eventful().pull))
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', drawn)
    assert policy is not None
    assert len(re.findall(r"sha256-", policy[1])) == len(re.findall(r"<script>", drawn)) == 2
    assert "default-src 'none'" in policy[1]
    assert not re.search(r"(src|href)=\"(?:https?:)?//", drawn.partition("<body>")[0])


def test_the_served_page_loads_only_the_mermaid_library(sample: Sample) -> None:
    sample.pull.comment("```mermaid\nflowchart LR\n  a --> b\n```", by="writer")
    origin = sample.github.origin
    page = requests.get(f"{origin}/octo-org/digits/pull/1", timeout=10)
    assert (page.status_code, len(page.content) < 100_000) == (200, True)
    (address,) = re.findall(r'<script src="([^"]+)"', page.text)
    library = requests.get(origin + address, timeout=10)
    assert library.headers["Content-Type"].startswith("text/javascript")
    assert "mermaid" in library.text
    assert requests.get(f"{origin}/octo-org/digits/pull/1.md", timeout=10).text.startswith("# A schedule")
    assert requests.get(f"{origin}/octo-org/digits/pull/9", timeout=10).status_code == 404
    assert "/octo-org/digits/pull/1" in requests.get(origin, timeout=10).text


def test_the_transcript_keeps_each_comment_within_its_quote() -> None:
    sample = _eventful()
    sample.pull.comment("```\nnever closed\n# A heading", by="outsider")
    text = render_transcript(sample.pull)
    assert "> ```\n> never closed\n> # A heading" in text
    assert text.index("/train lr=3e-4") < text.index("never closed") < text.index("No checks on this commit")
    assert not re.search(r"^(```|# A heading)", text, re.MULTILINE)
