"""The pages for a browser: pull requests, with a form to comment on them where it is open, and workflow runs."""

from __future__ import annotations

import re
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from mlops_sandbox.github.api import origin_of
from mlops_sandbox.github.discussion import MAX_BODY_LENGTH
from mlops_sandbox.github.page import (
    MERMAID_PATH,
    mermaid_library,
    render_missing,
    render_page,
    render_run,
    render_transcript,
    version_of,
)
from mlops_sandbox.github.repository import PullRequest
from mlops_sandbox.github.state import GitHubState

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_PULL = "/{owner}/{repo}/pull/{number:int}"


class Site:
    """The pages of one GitHub. Whoever opens a pull request's page may comment as one of `commenters`; nobody at first."""

    def __init__(self, state: GitHubState) -> None:
        self._state = state
        self.commenters: tuple[str, ...] = ()
        self.routes = [
            Route(f"{_PULL}.md", self._transcript),
            Route(f"{_PULL}.version", self._version),
            Route(_PULL, self._page),
            Route(_PULL, self._write, methods=["POST"]),
            Route("/{owner}/{repo}/actions/runs/{run:int}", self._run),
            Route("/{owner}/{repo}/actions/runs/{run:int}/job/{job:int}", self._run),
            Route(MERMAID_PATH, self._mermaid),
            Route("/", self._index),
            Route("/{path:path}", self._missing),
        ]

    async def _page(self, request: Request) -> Response:
        pull = self._pull(request)
        if pull is None:
            return self._not_found(request)
        return HTMLResponse(render_page(pull, standalone=False, commenters=self.commenters))

    async def _write(self, request: Request) -> Response:
        """Write the comment that the page's form holds, as the event of a person."""
        pull = self._pull(request)
        if pull is None or not self.commenters:
            return self._not_found(request)
        if not _is_own_page(request):
            return PlainTextResponse("Only the page of the pull request itself may send this form.", 403)
        try:
            fields = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=4)
        except ValueError:  # more fields than the form has
            fields = {}
        author, text = (fields.get(name, [""])[0] for name in ("by", "body"))
        if author not in self.commenters or not text.strip() or len(text) > MAX_BODY_LENGTH:
            return PlainTextResponse("Choose an account of the form, and write a comment that GitHub would take.", 422)
        comment = pull.comment(text, by=author, at=self._state.clock.now()).subject
        return RedirectResponse(f"{request.url.path}#issuecomment-{comment.id}", 303)

    async def _transcript(self, request: Request) -> Response:
        pull = self._pull(request)
        if pull is None:
            return self._not_found(request)
        return Response(render_transcript(pull), media_type="text/markdown")

    async def _version(self, request: Request) -> Response:
        """Answer with a text that differs when the page does."""
        pull = self._pull(request)
        if pull is None:
            return self._not_found(request)
        return PlainTextResponse(version_of(pull))

    async def _run(self, request: Request) -> Response:
        name = f"{request.path_params['owner']}/{request.path_params['repo']}"
        repository = self._state.find_repository(name)
        run = repository.workflow_runs.get(request.path_params["run"]) if repository else None
        if repository is None or run is None:
            return self._not_found(request)
        return HTMLResponse(render_run(repository, run))

    async def _mermaid(self, _: Request) -> Response:
        return Response(mermaid_library(), media_type="text/javascript")

    async def _index(self, request: Request) -> Response:
        pulls = [pull for repository in self._state.repositories.values() for pull in repository.pulls]
        lines = [f"{origin_of(request)}/{pull.repository.full_name}/pull/{pull.number}" for pull in pulls]
        return PlainTextResponse("\n".join(lines) + "\n")

    async def _missing(self, request: Request) -> Response:
        return self._not_found(request)

    def _not_found(self, request: Request) -> Response:
        pulls = [pull for repository in self._state.repositories.values() for pull in repository.pulls]
        return HTMLResponse(render_missing(request.url.path, pulls), 404)

    def _pull(self, request: Request) -> PullRequest | None:
        repository = self._state.find_repository(f"{request.path_params['owner']}/{request.path_params['repo']}")
        issue = repository.issues.get(request.path_params["number"]) if repository else None
        return issue if isinstance(issue, PullRequest) else None


def _is_own_page(request: Request) -> bool:
    """Return whether a page of this very server sent the form: another site, or a name that leads here, must not."""
    host = request.headers.get("host", "")
    is_loopback = re.sub(r":[0-9]+$", "", host) in LOOPBACK
    return is_loopback and request.headers.get("origin", "") == f"{request.url.scheme}://{host}"
