"""What chatops decides after a login got another owner, and after a pull request was closed and opened again."""

from __future__ import annotations

from pathlib import Path

from mlops_sandbox.github import GitHubServer
from tests.actions.chatops.step import ChatopsStep
from tests.support.payloads import make_sample


def test_an_approver_who_was_renamed_in_case_only_is_still_who_commands(github: GitHubServer, tmp_path: Path) -> None:
    sample = make_sample(github)
    sample.pull.review("APPROVED", by="maintainer")
    delivery = sample.pull.comment("/train", by="maintainer")
    github.rename("maintainer", "Maintainer")
    ran = ChatopsStep(github, tmp_path).run(delivery, {"commands": "/train", "require-approval": "true"})
    assert ran.outputs["reason"] == "not-approved", ran.log


def test_a_login_that_a_maintainer_has_by_now_gives_its_former_owner_no_role(github: GitHubServer, tmp_path: Path) -> None:
    sample = make_sample(github)
    delivery = sample.pull.comment("/train", by="outsider")
    github.rename("outsider", "somebody")
    github.rename("maintainer", "outsider")
    ran = ChatopsStep(github, tmp_path).run(delivery, {"commands": "/train"})
    assert ran.outputs["triggered"] == "false", ran.log


def test_a_sender_of_the_same_login_and_another_id_is_not_the_author(github: GitHubServer, tmp_path: Path) -> None:
    sample = make_sample(github)
    delivery = sample.pull.comment("/train", by="maintainer")
    delivery.payload["sender"]["id"] += 1
    ran = ChatopsStep(github, tmp_path).run(delivery, {"commands": "/train"})
    assert ran.outputs["reason"] == "sender-not-author", ran.log


def test_who_was_renamed_while_the_job_waited_is_refused(github: GitHubServer, tmp_path: Path) -> None:
    sample = make_sample(github)
    delivery = sample.pull.comment("/train", by="maintainer")
    github.rename("maintainer", "keeper")
    ran = ChatopsStep(github, tmp_path).run(delivery, {"commands": "/train"})
    assert (ran.exit_code, ran.outputs["reason"]) == (3, "permission-unknown"), ran.log


def test_a_comment_on_a_closed_pull_request_commands_nothing_after_it_is_reopened(
    github: GitHubServer, tmp_path: Path
) -> None:
    """The page showed the head that the pull request was closed with; a push since is not what the commenter saw."""
    sample = make_sample(github)
    sample.pull.close(by="writer")
    sample.pull.push(by="writer")
    delivery = sample.pull.comment("/train", by="maintainer")
    sample.pull.reopen(by="writer")
    ran = ChatopsStep(github, tmp_path).run(delivery, {"commands": "/train"})
    assert ran.outputs["triggered"] == "false", ran.log


def test_a_comment_on_a_closed_pull_request_is_refused_while_it_is_closed(github: GitHubServer, tmp_path: Path) -> None:
    sample = make_sample(github)
    sample.pull.close(by="writer")
    sample.pull.push(by="writer")
    delivery = sample.pull.comment("/train", by="maintainer")
    ran = ChatopsStep(github, tmp_path).run(delivery, {"commands": "/train"})
    assert ran.outputs["reason"] == "closed", ran.log
