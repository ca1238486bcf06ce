"""The cost of a comment: no third-party import where it holds no command, nine requests in four rounds where it does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlops_sandbox.github import GitHubServer
from tests.actions.chatops.step import ChatopsStep
from tests.support.payloads import VARIANTS, make_sample, write_event

LIST_FOREIGN = """
import json, os, sys
before = set(sys.modules)  # modules of the interpreter's own start, such as the finder of an editable install
from mlops_actions.__main__ import act
code = act("chatops", os.environ, out=open(os.devnull, "w"))
loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
print(json.dumps([code, sorted(loaded - sys.stdlib_module_names - {"mlops_actions"})]))
"""


@pytest.mark.parametrize("body", ["Looks good to me.", "/lgtm", "Use `/train`", "> /train\n\nWhy?", "x" * 65_536])
def test_a_comment_that_is_no_command_imports_nothing_foreign(body: str, tmp_path: Path) -> None:
    delivery = make_sample().pull.comment(body, by="writer")
    foreign = _foreign(write_event(delivery, tmp_path / "event.json"), delivery.event)
    # A line that looks like a command has the workflow's `commands` read: YAML's reader comes, with Cython's modules in it.
    allowed = {"yaml", "_yaml", "cython_runtime"} if body.startswith("/") else set()
    assert {name for name in foreign if not name.startswith("_cython_")} <= allowed


@pytest.mark.parametrize(
    "name", ["comment by a bot", "comment edited by another", "comment on an issue", "push", "label taken off"]
)
def test_an_event_that_is_ignored_imports_nothing_foreign(name: str, tmp_path: Path) -> None:
    delivery = VARIANTS[name]()
    assert _foreign(write_event(delivery, tmp_path / "event.json"), delivery.event) == []


def _foreign(event: Path, name: str) -> list[str]:
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("GITHUB_", "INPUT_"))} | {
        "GITHUB_EVENT_NAME": name,
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_OUTPUT": os.devnull,
        "GITHUB_REPOSITORY": "octo-org/digits",
        "INPUT_COMMANDS": "train: {params: {lr: {type: float}}}",
        "INPUT_GITHUB-TOKEN": "not-used",
    }
    finished = subprocess.run(
        [sys.executable, "-c", LIST_FOREIGN], env=environ, capture_output=True, text=True, check=True, timeout=60
    )
    code, foreign = json.loads(finished.stdout)
    assert code == 0
    assert isinstance(foreign, list)
    return foreign


def test_a_command_makes_nine_requests_in_four_rounds(github: GitHubServer, tmp_path: Path) -> None:
    sample = make_sample(github)
    inputs = {"commands": "/train", "pending-label": "training", "check-name": "model"}
    ran = ChatopsStep(github, tmp_path).run(sample.pull.comment("/train", by="maintainer"), inputs)
    assert ran.outputs["triggered"] == "true"
    requests = [f"{one.method} {one.path.removeprefix('/repos/octo-org/digits')}" for one in github.exchanges]
    comment = ran.outputs["comment-id"]
    # Four rounds: within one, requests go together and may arrive in any order.
    assert sorted(requests[:3]) == ["GET /collaborators/maintainer/permission", "GET /issues/1/events", "GET /pulls/1"]
    assert requests[3] == "GET /activity"
    assert requests[8:] == ["POST /issues/1/comments"]
    assert sorted(requests[4:8]) == [
        "GET /pulls/1",
        "POST /check-runs",
        "POST /issues/1/labels",
        f"POST /issues/comments/{comment}/reactions",
    ]


LIST_CONTROLS = """
import json, os, sys
from mlops_actions.__main__ import act
act("chatops", os.environ, out=open(os.devnull, "w"))
print(json.dumps(sorted(name for name in sys.modules if name.startswith("mlops_actions.chatops.controls"))))
"""


@pytest.mark.parametrize(("body", "is_imported"), [("/train", False), ("/status", True)])
def test_the_controls_are_imported_only_for_a_control(
    body: str, is_imported: bool, github: GitHubServer, tmp_path: Path
) -> None:
    sample = make_sample(github)
    delivery = sample.pull.comment(body, by="maintainer")
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("GITHUB_", "INPUT_"))} | {
        "GITHUB_API_URL": github.api_url,
        "GITHUB_EVENT_NAME": delivery.event,
        "GITHUB_EVENT_PATH": str(write_event(delivery, tmp_path / "event.json")),
        "GITHUB_OUTPUT": os.devnull,
        "GITHUB_REPOSITORY": "octo-org/digits",
        "GITHUB_STATE": os.devnull,
        "INPUT_COMMANDS": "train",
        "INPUT_CONTROLS": "status, stop, retry",
        "INPUT_GITHUB-TOKEN": github.workflow_token(sample.repository, {"pull-requests": "write", "contents": "read"}).value,
    }
    finished = subprocess.run(
        [sys.executable, "-c", LIST_CONTROLS], env=environ, capture_output=True, text=True, check=True, timeout=60
    )
    assert bool(json.loads(finished.stdout)) is is_imported
