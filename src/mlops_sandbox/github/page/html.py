"""Render a pull request as one HTML page that loads nothing from other servers."""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from datetime import datetime
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from mlops_sandbox.github.accounts import User
from mlops_sandbox.github.page import view
from mlops_sandbox.github.page.markdown import has_diagram, render_markdown
from mlops_sandbox.github.repository import PullRequest
from mlops_sandbox.timestamps import timestamp

MERMAID_PATH = "/-/mermaid.js"


def render_page(pull: PullRequest, *, standalone: bool = True) -> str:
    """Return the page. With diagrams it uses the mermaid library, which is inside the file if `standalone`.

    Comments are sanitised, and a content security policy allows only the page's own two scripts.
    """
    checks = view.checks(pull)
    state, sentence = view.overall_state(checks)
    context = {
        "pull": pull,
        "repository": pull.repository,
        "view": view,
        "timeline": view.timeline(pull),
        "checks": checks,
        "overall_state": state,
        "sentence": sentence,
        "markdown": _Markdown(pull),
    }
    body = _environment().get_template("body.html").render(context)
    scripts = [_resource("page.js")] if has_diagram(body) else []
    library = mermaid_library() if scripts else ""
    inline = [library, *scripts] if standalone and scripts else scripts
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in inline)
    sources = f"{hashes} 'self'" if scripts and not standalone else hashes or "'none'"
    return (
        _environment()
        .get_template("page.html")
        .render(
            title=f"{pull.title} · Pull request #{pull.number} · {pull.repository.full_name}",
            body=Markup(body),  # noqa: S704 - rendered with escaping just above
            style=Markup(_resource("page.css")),  # noqa: S704 - part of this package
            inline=[Markup(script) for script in inline],  # noqa: S704 - part of this package and of mmdc
            linked=[MERMAID_PATH] if scripts and not standalone else [],
            policy=f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; script-src {sources}",
        )
    )


@cache
def mermaid_library() -> str:
    """Return the mermaid library of the package mmdc."""
    # The package is not imported: only its file is needed, and it imports many modules.
    package = find_spec("mmdc")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("the package mmdc, which contains mermaid, is not installed", name="mmdc")
    text = (Path(package.origin).parent / "assets" / "mermaid.js").read_text(encoding="utf-8")
    # The text must not end its own element in a page. Both sequences occur only in strings and comments.
    return re.sub(r"<(?=/script|!--)", r"\\x3c", text, flags=re.IGNORECASE)


class _Markdown:
    """Renders the texts of one pull request with its references; each text has its own prefix of ids."""

    def __init__(self, pull: PullRequest) -> None:
        self._repository = pull.repository
        self._count = 0

    def __call__(self, text: str | None) -> Markup:
        self._count += 1
        return render_markdown(
            text or "",
            accounts=self._repository.instance.users,
            issues=self._repository.issues,
            commits=self._full_sha,
            prefix=f"user-content-{self._count}-",
        )

    def _full_sha(self, sha: str) -> str | None:
        commit = self._repository.find_commit(sha)
        return commit.sha if commit else None


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("mlops_sandbox.github.page"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"time": _time, "iso": timestamp, "hue": _hue, "ink": _ink, "link": _link}
    return environment


@cache
def _resource(name: str) -> str:
    return (files(__package__ or "") / "templates" / name).read_text(encoding="utf-8")


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _time(time: datetime) -> str:
    return time.strftime("%-d %b %Y, %H:%M")


def _hue(user: User) -> int:
    """Return the hue of an account, in degrees of the colour circle."""
    return zlib.crc32(user.login.encode()) % 360


def _ink(color: str) -> str:
    """Return black or white as text colour for a background of six hexadecimal digits, by its lightness."""
    red, green, blue = (int(color[index : index + 2], 16) for index in (0, 2, 4))
    return "#1f2328" if red * 0.299 + green * 0.587 + blue * 0.114 > 150 else "#ffffff"


def _link(address: str) -> str:
    """Return an address that a page may link, empty for any other."""
    return address if address.startswith(("http://", "https://")) else ""
