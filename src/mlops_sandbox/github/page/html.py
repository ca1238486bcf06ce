"""Render a pull request as one HTML page that loads nothing from other servers."""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from mlops_sandbox.github.accounts import User
from mlops_sandbox.github.page import view
from mlops_sandbox.github.page.markdown import has_diagram, render_markdown
from mlops_sandbox.github.page.transcript import render_transcript
from mlops_sandbox.github.repository import PullRequest, Repository
from mlops_sandbox.github.workflow_runs import WorkflowRun
from mlops_sandbox.timestamps import timestamp

MERMAID_PATH = "/-/mermaid.js"
NOTHING, SELF = "'none'", "'self'"


def render_page(pull: PullRequest, *, standalone: bool = True, commenters: Sequence[str] = ()) -> str:
    """Return the page. With diagrams it uses the mermaid library, which is inside the file if `standalone`.

    A page that is served has a form to comment as one of `commenters`, and is loaded again when the pull request changes.
    """
    # Before the page: of a change in between, the page loads itself again.
    version = version_of(pull) if commenters else ""
    body = environment().get_template("body.html").render({**context(pull), "commenters": commenters, "version": version})
    title = f"{pull.title} · Pull request #{pull.number} · {pull.repository.full_name}"
    return document(title, Markup(body), standalone=standalone, live=bool(commenters))  # noqa: S704 - rendered just above


def version_of(pull: PullRequest) -> str:
    """Return a text that differs when the page does."""
    return hashlib.sha256(render_transcript(pull).encode()).hexdigest()


def render_run(repository: Repository, run: WorkflowRun) -> str:
    """Return the page of a workflow run: its jobs, each with its annotations and its summary; served only."""
    body = environment().get_template("run.html").render(
        repository=repository,
        run=run,
        jobs=[(job, view.check_of(job.check_run)) for job in run.jobs],
        pulls=repository.pulls,
        markdown=MarkdownOf(repository),
    )  # fmt: skip
    return document(f"{run.name} · Run {run.id}", Markup(body), standalone=False)  # noqa: S704 - rendered just above


def render_missing(path: str, pulls: Sequence[PullRequest]) -> str:
    """Return the page for an address that has none."""
    body = environment().get_template("missing.html").render(path=path, pulls=pulls)
    return document("Not found", Markup(body), standalone=False)  # noqa: S704 - rendered just above


def context(pull: PullRequest) -> dict[str, Any]:
    """Return what the templates of a pull request need."""
    checks = view.checks(pull)
    state, sentence = view.overall_state(checks)
    return {
        "pull": pull,
        "repository": pull.repository,
        "view": view,
        "timeline": view.timeline(pull),
        "checks": checks,
        "overall_state": state,
        "sentence": sentence,
        "markdown": MarkdownOf(pull.repository),
    }


def document(title: str, body: Markup, *, style: str = "", standalone: bool = True, live: bool = False) -> str:
    """Return a whole document in the style of the pull request's page, and the given one.

    Its content security policy allows only the page's own scripts: those that draw diagrams, where it has some, and for a
    `live` page the one that loads it again.
    """
    scripts = [_resource("page.js")] if has_diagram(body) else []
    linked = [MERMAID_PATH] if scripts and not standalone else []
    inline = [mermaid_library(), *scripts] if scripts and standalone else scripts
    inline += [_resource("live.js")] if live else []
    sources = [f"'sha256-{_digest(script)}'" for script in inline] + (["'self'"] if linked else [])
    policy = [
        "default-src 'none'", "style-src 'unsafe-inline'", "img-src data:", "font-src data:", "base-uri 'none'",
        f"script-src {' '.join(sources) or NOTHING}", f"form-action {SELF if live else NOTHING}",
        *([f"connect-src {SELF}"] if live else []),
    ]  # fmt: skip
    return (
        environment()
        .get_template("page.html")
        .render(
            title=title,
            body=body,
            style=Markup(f"{_resource('page.css')}\n{style}"),  # noqa: S704 - part of this package and of its callers
            inline=[Markup(script) for script in inline],  # noqa: S704 - part of this package and of mmdc
            linked=linked,
            policy="; ".join(policy),
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


class MarkdownOf:
    """Renders the texts of one page with the references of a repository; each text has its own prefix of ids."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._count = 0

    def __call__(self, text: str | None) -> Markup:
        """Render one text."""
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
def environment(*packages: str) -> Environment:
    """Return the environment of this package's templates; those of `packages` may use them."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(name) for name in (*packages, "mlops_sandbox.github.page")]),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"time": _time, "iso": timestamp, "hue": _hue, "ink": _ink, "link": _link, "path": _path}
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


def _path(pull: PullRequest) -> str:
    """Return the path of a pull request's page."""
    return f"/{pull.repository.full_name}/pull/{pull.number}"


def _link(address: str) -> str:
    """Return an address that a page may link, empty for any other."""
    return address if address.startswith(("http://", "https://")) else ""
