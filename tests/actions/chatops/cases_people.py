"""Who may command, and where."""

from __future__ import annotations

from tests.actions.chatops.case import Case
from tests.actions.chatops.step import APP_PERMISSIONS, PERMISSIONS
from tests.support.payloads import Sample, make_fork_sample, make_sample


def _team(sample: Sample) -> None:
    sample.github.team("octo-org/ml", ["writer"])


def _nested_team(sample: Sample) -> None:
    sample.github.team("octo-org/vision", ["writer"], parent=sample.github.team("octo-org/ml"))


def _team_role(sample: Sample) -> None:
    sample.repository.grant(sample.github.team("octo-org/ml", ["insider"]), "maintain")


def _custom_role(base: str):  # type: ignore[no-untyped-def]
    def arrange(sample: Sample) -> None:
        sample.repository.collaborator("special", sample.repository.custom_role("ml-lead", base))

    return arrange


def _role_fails(sample: Sample) -> None:
    sample.github.faults.answer("GET /repos/*/*/collaborators/*/permission", 404)


CASES = [
    Case(
        "an outsider",
        "permission",
        by="outsider",
        reply=("Your role does not allow it", "'read'", "'write'"),
        reactions=("confused",),
    ),
    Case("triage is not write", "permission", by="triager", reply=("'triage'", "'write'")),
    Case("write", "ok", by="writer", outputs={"actor": "writer"}),
    Case("maintain ranks above write", "ok", by="maintainer"),
    Case(
        "an organisation's owner",
        "ok",
        by="boss",
        before=lambda sample: sample.github.organization("octo-org", owners=["boss"]),
    ),
    Case("a role by a team", "ok", by="insider", before=_team_role),
    Case("a custom role on write", "ok", by="special", before=_custom_role("write")),
    Case("a custom role on triage", "permission", by="special", before=_custom_role("triage"), reply=("'triage'",)),
    Case("triage where triage is enough", "ok", by="triager", inputs={"permission": "triage"}),
    Case("read where read is enough", "ok", by="outsider", inputs={"permission": "read"}),
    Case("maintain is needed", "permission", by="writer", inputs={"permission": "maintain"}, reply=("'maintain'",)),
    Case("admin is needed", "permission", by="maintainer", inputs={"permission": "admin"}, reply=("'admin'",)),
    Case(
        "a command's own permission is higher",
        "permission",
        by="writer",
        inputs={"commands": "train: {permission: admin}"},
        reply=("'admin'",),
    ),
    Case("a command's own permission is lower", "ok", by="triager", inputs={"commands": "train: {permission: triage}"}),
    Case(
        "nobody in a private repository",
        "permission",
        by="stranger",
        before=lambda sample: setattr(sample.repository, "private", True),
        reply=("'none'",),
    ),
    Case(
        "an unknown role is a denial",
        "permission-unknown",
        before=_role_fails,
        exit_code=3,
        reply=("GitHub did not return your role",),
        log=("404",),
    ),
    Case(
        "an outsider's ill-typed parameter",
        "permission",
        "/train lr=x",
        by="outsider",
        inputs={"commands": "train: {params: {lr: {type: int}}}"},
        reply=("Your role does not allow it",),
    ),
    # Lists
    Case("on the list of users", "ok", by="writer", inputs={"allow-users": "Writer, other"}),
    Case(
        "not on the list of users",
        "not-allowed",
        by="maintainer",
        inputs={"allow-users": "writer"},
        reply=("not among them",),
    ),
    Case("on the list without the role", "permission", by="outsider", inputs={"allow-users": "outsider"}, reply=("'read'",)),
    Case(
        "in the team",
        "ok",
        by="writer",
        before=_team,
        inputs={"allow-teams": "octo-org/ml"},
        app=APP_PERMISSIONS,
    ),
    Case(
        "in a child of the team",
        "ok",
        by="writer",
        before=_nested_team,
        inputs={"allow-teams": "octo-org/ml"},
        app=APP_PERMISSIONS,
    ),
    Case(
        "not in the team",
        "not-allowed",
        by="maintainer",
        before=_team,
        inputs={"allow-teams": "octo-org/ml"},
        app=APP_PERMISSIONS,
        reply=("not among them",),
    ),
    Case(
        "a team and no App",
        "team-unknown",
        by="writer",
        before=_team,
        inputs={"allow-teams": "octo-org/ml"},
        exit_code=3,
        reply=("did not return who is in the team", "'app-id' and 'app-private-key'", "'members: read'"),
    ),
    Case(
        "a team and a job that asks for members, which no job is given",
        "team-unknown",
        by="writer",
        before=_team,
        inputs={"allow-teams": "octo-org/ml"},
        permissions={**PERMISSIONS, "members": "write"},
        exit_code=3,
        reply=("did not return who is in the team", "'app-id' and 'app-private-key'", "'members: read'"),
    ),
    Case(
        "a team and an App that may not see members",
        "team-unknown",
        by="writer",
        before=_team,
        inputs={"allow-teams": "octo-org/ml"},
        app={name: level for name, level in APP_PERMISSIONS.items() if name != "members"},
        exit_code=3,
        reply=("did not return who is in the team", "was not granted members: read", "the App's settings"),
    ),
    Case(
        "a team that does not exist",
        "team-unknown",
        by="writer",
        inputs={"allow-teams": "octo-org/ml"},
        app=APP_PERMISSIONS,
        exit_code=3,
        reply=("did not return who is in the team", "it does not exist"),
    ),
    Case(
        "user or team",
        "ok",
        by="maintainer",
        before=_team,
        inputs={"allow-teams": "octo-org/ml", "allow-users": "maintainer"},
    ),
    # Bots
    Case("a bot", "bot", by="dependabot[bot]"),
    Case(
        "our own reply",
        "bot",
        by="github-actions[bot]",
        reply=None,
        event=lambda sample: sample.repository.open_pull_request(by="writer", head="other").comment(
            "/train", by="github-actions[bot]"
        ),
    ),
    Case(
        "a bot on the list",
        "ok",
        by="renovate[bot]",
        inputs={"allow-bots": "renovate[bot]"},
        outputs={"actor": "renovate[bot]"},
    ),
    Case("a bot on the list without its ending", "ok", by="renovate[bot]", inputs={"allow-bots": "Renovate"}),
    Case("another bot than that on the list", "bot", by="dependabot[bot]", inputs={"allow-bots": "renovate[bot]"}),
    Case(
        "a bot on the list is not held up by the list of users",
        "ok",
        by="renovate[bot]",
        inputs={"allow-bots": "renovate", "allow-users": "writer"},
    ),
    # Re-runs
    Case(
        "run again by an outsider",
        "rerun-permission",
        environ={"GITHUB_RUN_ATTEMPT": "2", "GITHUB_TRIGGERING_ACTOR": "outsider"},
        reply=("ran the job again",),
    ),
    Case("run again by a writer", "ok", environ={"GITHUB_RUN_ATTEMPT": "2", "GITHUB_TRIGGERING_ACTOR": "writer"}),
    Case("run again by who commanded", "ok", environ={"GITHUB_RUN_ATTEMPT": "3", "GITHUB_TRIGGERING_ACTOR": "Maintainer"}),
    Case(
        "run again by nobody known",
        "permission-unknown",
        environ={"GITHUB_RUN_ATTEMPT": "2", "GITHUB_TRIGGERING_ACTOR": "ghost9"},
        exit_code=3,
        reply=("did not return your role",),
    ),
    # The pull request
    Case("closed", "closed", before=lambda sample: sample.pull.close(by="writer"), reply=("not open",)),
    Case("merged", "closed", before=lambda sample: sample.pull.merge(by="maintainer"), reply=("not open",)),
    Case("closed since", "closed", after=lambda sample: sample.pull.close(by="writer"), reply=("not open",)),
    Case(
        "plain issue",
        "not-a-pull-request",
        event=lambda sample: sample.repository.open_issue(by="outsider").comment("/train", by="maintainer"),
    ),
    Case("draft", "ok", before=lambda sample: sample.pull.set_draft(True, by="writer")),
    Case(
        "draft denied",
        "draft",
        before=lambda sample: sample.pull.set_draft(True, by="writer"),
        inputs={"drafts": "deny"},
        reply=("A draft takes no commands",),
    ),
    Case("base branch", "ok", inputs={"base-branches": "main, release/*"}),
    Case("other base branch", "base-branch", inputs={"base-branches": "release/*"}, reply=("base branch: main",)),
    Case(
        "no pull request to be read",
        "pull-request-unknown",
        before=lambda sample: sample.github.faults.answer("GET /repos/*/*/pulls/*", 403),
        exit_code=3,
        reply=("did not return the pull request",),
        log=("pull-requests: read",),
    ),
    # Forks
    Case("fork", "fork", sample=make_fork_sample, reply=("comes from a fork",)),
    Case(
        "fork that is gone",
        "fork-gone",
        sample=lambda github: make_fork_sample(github, deleted=True),
        inputs={"forks": "allow"},
        reply=("was deleted",),
    ),
    Case(
        "fork allowed needs a pin",
        "sha-missing",
        sample=make_fork_sample,
        inputs={"forks": "allow"},
        reply=("/train sha=",),
    ),
    Case(
        "fork allowed, head latest still needs a pin",
        "sha-missing",
        sample=make_fork_sample,
        inputs={"forks": "allow", "head": "latest"},
        reply=("/train sha=",),
    ),
    Case(
        "fork allowed with a pin",
        "ok",
        sample=make_fork_sample,
        inputs={"forks": "allow"},
        event=lambda sample: sample.pull.comment(f"/train sha={sample.pull.head_sha}", by="maintainer"),
        outputs={"fork": "true", "head-repo": "outsider/digits"},
    ),
    Case(
        "fork with a pin is still a fork",
        "fork",
        sample=make_fork_sample,
        event=lambda sample: sample.pull.comment(f"/train sha={sample.pull.head_sha}", by="maintainer"),
        reply=("comes from a fork",),
    ),
    Case(
        "fork approved",
        "ok",
        sample=make_fork_sample,
        inputs={"forks": "approved"},
        before=lambda sample: sample.pull.review("APPROVED", by="maintainer"),
    ),
    Case(
        "fork not approved",
        "fork-not-approved",
        sample=make_fork_sample,
        inputs={"forks": "approved"},
        reply=("approve exactly this commit",),
    ),
    Case(
        "fork approved by an outsider",
        "fork-not-approved",
        sample=make_fork_sample,
        inputs={"forks": "approved"},
        before=lambda sample: sample.pull.review("APPROVED", by="passer-by"),
        reply=("approve exactly this commit",),
    ),
    Case(
        "fork approved by its author",
        "fork-not-approved",
        sample=make_fork_sample,
        inputs={"forks": "approved"},
        before=lambda sample: (sample.repository.collaborator("outsider"), sample.pull.review("APPROVED", by="outsider")),
        reply=("approve exactly this commit",),
    ),
    Case(
        "fork approved before the last push",
        "fork-not-approved",
        sample=make_fork_sample,
        inputs={"forks": "approved"},
        before=lambda sample: (sample.pull.review("APPROVED", by="maintainer"), sample.pull.push()),
        reply=("approve exactly this commit",),
    ),
    Case(
        "fork, approval dismissed",
        "fork-not-approved",
        sample=make_fork_sample,
        inputs={"forks": "approved"},
        before=lambda sample: sample.pull.dismiss(sample.pull.review("APPROVED", by="maintainer").subject),
        reply=("approve exactly this commit",),
    ),
    Case(
        "fork, approval taken back",
        "fork-not-approved",
        sample=make_fork_sample,
        inputs={"forks": "approved"},
        before=lambda sample: (
            sample.pull.review("APPROVED", by="maintainer"),
            sample.pull.review("CHANGES_REQUESTED", by="maintainer"),
        ),
        reply=("approve exactly this commit",),
    ),
    Case(
        "fork, approval then a remark",
        "ok",
        sample=make_fork_sample,
        inputs={"forks": "approved"},
        before=lambda sample: (
            sample.pull.review("APPROVED", by="maintainer"),
            sample.pull.review("COMMENTED", by="maintainer"),
        ),
    ),
    # Authors
    Case(
        "somebody edits another's comment",
        "unsupported-action",
        event=lambda sample: sample.pull.edit_comment(
            sample.pull.comment("Fine.", by="outsider").subject, "/train", by="maintainer"
        ),
    ),
    Case(
        "the author edits",
        "unsupported-action",
        event=lambda sample: sample.pull.edit_comment(
            sample.pull.comment("Fine.", by="maintainer").subject, "/train", by="maintainer"
        ),
    ),
    Case("on a draft scene", "ok", sample=lambda github: make_sample(github, draft=True)),
]
