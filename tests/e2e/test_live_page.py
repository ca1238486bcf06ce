"""The served page of a pull request in a real browser: its form is there, and it loads itself again after a change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import Receive, Scope, Send

from mlops_sandbox.github import PullRequest
from mlops_sandbox.host import Host
from tests.e2e.conftest import Browser
from tests.support.payloads import make_sample

LATER = "written after the page was loaded"


class LaterComment:
    """The pages of a GitHub; once the page asks whether it is old, there is one comment more."""

    def __init__(self) -> None:
        sample = make_sample()
        self._github, self._pull, self._asked = sample.github, sample.pull, 0
        sample.github.open_form(["writer"])

    @property
    def pull(self) -> PullRequest:
        return self._pull

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._asked += scope["path"].endswith(".version")
        if self._asked == 1:
            self._pull.comment(LATER, by="writer")
        await self._github.app(scope, receive, send)


@contextmanager
def served() -> Iterator[str]:
    pages = LaterComment()
    with Host(pages) as host:
        yield f"{host.url}/{pages.pull.repository.full_name}/pull/{pages.pull.number}"


def test_the_page_shows_what_was_written_after_it_was_loaded(browser: Browser) -> None:
    with served() as address:
        document = browser(address, "--dump-dom")
    assert LATER in document
    assert "<form" in document
    assert "<option>writer</option>" in document
