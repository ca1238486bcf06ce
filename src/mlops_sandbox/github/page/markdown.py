"""Render GitHub-flavoured Markdown to safe HTML."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Sequence
from functools import cache
from html import escape

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup
from mdit_py_plugins.gfm import gfm_plugin

from mlops_sandbox.github.page.references import rewrite
from mlops_sandbox.github.page.sanitise import sanitise

# References that GitHub links in plain text: an account, an issue, a commit.
_REFERENCE = re.compile(
    r"(?<![\w/@&.-])@(?P<login>[A-Za-z\d](?:[A-Za-z\d]|-(?=[A-Za-z\d])){0,38})(?![\w/])"
    r"|(?<![\w/])#(?P<number>\d{1,9})\b"
    r"|(?<![\w/.-])(?P<sha>[0-9a-f]{7,40})(?![\w/.-])"
)
_EMOJI_NAMES = {
    "white_check_mark": "✅", "x": "❌", "warning": "⚠️", "rocket": "🚀", "eyes": "👀", "tada": "🎉", "hourglass": "⌛",
    "chart_with_upwards_trend": "📈", "package": "📦", "link": "🔗", "no_entry": "⛔", "confused": "😕",
}  # fmt: skip
_ALIGNMENT = re.compile(r"text-align:(left|right|center)")
_EMOJI = re.compile(rf":({'|'.join(_EMOJI_NAMES)}):")


class _Renderer(RendererHTML):
    """Break lines where the text does, and align table cells by attribute, as GitHub does in comments."""

    def softbreak(self, *_: object) -> str:
        """Break the line."""
        return "<br>\n"

    def renderToken(  # noqa: N802 - the library's name
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType
    ) -> str:
        """Turn the style of a table cell into the attribute `align`, since styles do not pass the sanitiser."""
        if alignment := _ALIGNMENT.fullmatch(str(tokens[idx].attrs.pop("style", ""))):
            tokens[idx].attrs["align"] = alignment[1]
        return super().renderToken(tokens, idx, options, env)


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": True}, renderer_cls=_Renderer).use(gfm_plugin)


def render_markdown(
    text: str,
    *,
    accounts: Container[str] = (),
    issues: Container[int] = (),
    commits: Callable[[str], str | None] = lambda _: None,
    prefix: str = "user-content-",
) -> Markup:
    """Render a comment. `@name`, `#1` and SHAs are marked only where they exist, as on GitHub.

    `accounts` holds lower-case logins; `commits` completes a SHA or returns None; `prefix` separates
    the ids of two comments on one page.
    """

    def reference(match: re.Match[str]) -> str:
        if (login := match["login"]) and login.lower() in accounts:
            return f'<span class="mention">@{escape(login)}</span>'
        if (number := match["number"]) and int(number) in issues:
            return f'<span class="mention">#{number}</span>'
        if (sha := match["sha"]) and (full := commits(sha)):
            return f'<code class="sha" title="{escape(full)}">{escape(full[:7])}</code>'
        return escape(match[0], quote=False)

    def render_text(data: str) -> str:
        data = _EMOJI.sub(lambda match: _EMOJI_NAMES[match[1]], data)
        parts, end = [], 0
        for match in _REFERENCE.finditer(data):
            parts += [escape(data[end : match.start()], quote=False), reference(match)]
            end = match.end()
        return "".join([*parts, escape(data[end:], quote=False)])

    return Markup(rewrite(sanitise(_parser().render(text), prefix=prefix), render_text))  # noqa: S704 - sanitised just here


def has_diagram(html: str) -> bool:
    """Return whether rendered Markdown contains a mermaid block."""
    return 'class="language-mermaid"' in html
