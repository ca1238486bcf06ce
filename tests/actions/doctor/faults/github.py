"""Faults of GitHub: token, workflow file, settings, secrets, labels, actions, environments, the GitHub App."""

from __future__ import annotations

import json
from typing import Any

from mlops_sandbox.github import App
from mlops_sandbox.github.actions_settings import Environment
from mlops_sandbox.github.keys import key_pair
from tests.actions.doctor.faults.breakage import (
    AS_TOLD,
    CHATOPS,
    Breakage,
    Change,
    both,
    environment,
    replaced,
    setting,
)
from tests.actions.doctor.world import WORKFLOW, World


def without_label(name: str) -> Change:
    return lambda world: world.repository.labels.pop(name)


def owned(text: str) -> Change:
    """Push a CODEOWNERS file to the default branch."""
    return lambda world: world.repository.push("main", by="maintainer", files={".github/CODEOWNERS": text})


def job_token(**permissions: str) -> Change:
    named = {name.replace("_", "-"): level for name, level in permissions.items()}

    def change(world: World) -> None:
        world.environ["GH_TOKEN"] = world.github.workflow_token(world.repository, named).value
        world.environ["DOCTOR_VARS"] = json.dumps(world.settings.variables)

    return change


def person(world: World) -> None:
    world.environ["GH_TOKEN"] = world.github.user_token("maintainer").value


def locked(world: World) -> None:
    job_token(contents="read", checks="write")(world)
    world.github.faults.answer("PATCH /repos/*/*/check-runs/*", 403, {"message": "This check run is locked"})


SUITE = "machine-learning-apps/mlops-actions"
CHECKOUT = "08c6903cd8c0fde910a37f88322edcfb5dd907a8"


def released(version: str, name: str = SUITE, sha: str | None = None) -> Change:
    """Publish another release of an action; `sha` names its commit."""

    def change(world: World) -> None:
        repository = world.github.repository(name)
        if sha and sha not in repository.commits:
            repository.push("other", by=repository.owner, sha=sha)
        repository.release(version, sha=sha)

    return change


def pin(uses: str) -> Change:
    """Pin the suite in the file to the commit of its newest release."""

    def change(world: World) -> None:
        sha = world.github.repository(SUITE).tags["v1"]
        world.replace(uses, f"{uses.partition('@')[0]}@{sha}")

    return change


def private(world: World) -> None:
    """Make the repository private; the actions' settings for forks are other ones there."""
    world.repository.private = True


def with_app(**permissions: str) -> Change:
    """Register a GitHub App, install it, let the file act as it, and give doctor its key."""

    def change(world: World) -> None:
        app = world.github.register_app("trainer", permissions=permissions, repositories=[world.repository])
        world.environ["DOCTOR_APP_KEY"] = app.private_key
        world.replace(CHATOPS, f"{CHATOPS}          app-id: {app.id}\n")

    return change


def app_of(world: World) -> App:
    return world.github.apps["trainer"]


def private_suite(level: str) -> Change:
    """Let the file use a private copy of the suite."""

    def change(world: World) -> None:
        copy = world.github.repository("octo-org/mlops-actions", private=True)
        copy.collaborator("maintainer", "admin")
        copy.release("v1.0.0", "v1")
        copy.actions_settings.access_level = level  # type: ignore[assignment]
        if SUITE in world.files[WORKFLOW]:
            world.replace(SUITE, copy.full_name)

    return change


def environment_of_the_job(**rules: Any) -> Change:
    """Let the job name an environment with protection rules."""
    named = replaced("    runs-on:", "    environment: production\n    runs-on:")
    return both(named, setting("environments", {"production": Environment(**rules)}))


def pushed(world: World, name: str) -> str:
    """Push another commit to a repository; return it."""
    repository = world.github.repository(name)
    return repository.push("other", by=repository.owner).sha


def other_key(world: World) -> str:
    return key_pair.__wrapped__()[0]


BUILDER = replaced("          tags: sha", "          builder: tcp://builder:1\n          tags: sha")
READ = ("actions", "contents", "pull_requests", "checks")
GRANTED = {"pull_requests": "write", "issues": "write", "checks": "write"}
WITH_ENVIRONMENT = replaced(CHATOPS, f"{CHATOPS}          environment: production\n")
WITH_DEPLOYMENTS = replaced("      checks: write", "      deployments: write\n      checks: write")
RECORD = 'checks: write # the check run "training"; the record of each command'
WRITES = ("--try-writes", "--commit", "HEAD")
# By secret: what writes it in one line to the command that stores it.
SECRETS = {"KUBECONFIG": "base64 < FILE | tr -d '\\n' | ", "WANDB_API_KEY": "", "REGISTRY_PASSWORD": ""}

GITHUB = (
    Breakage("an unknown token", environment("GH_TOKEN", "ghp_unknown"), ("github", "repository"), "gh auth login", person),
    Breakage("no token", lambda world: world.environ.pop("GH_TOKEN"), ("github", "connection"), "gh auth login", person),
    Breakage(
        "no such repository",
        environment("GITHUB_REPOSITORY", "octo-org/other"),
        ("github", "repository"),
        "gh repo view octo-org/other",
        environment("GITHUB_REPOSITORY", "octo-org/digits"),
    ),
    Breakage(
        "no connection", lambda world: world.github.faults.close("* /**"), ("github", "connection"), "curl",
        lambda world: world.github.faults.clear(),
    ),
    Breakage(
        "another server", lambda world: world.github.faults.answer("* /**", 200, "<html>hello"), ("github", "connection"),
        "GITHUB_API_URL", lambda world: world.github.faults.clear(),
    ),
    Breakage(
        "the file is only in the checkout",
        lambda world: world.repository.commits[world.repository.branches["main"]].files.pop(WORKFLOW),
        ("github", "workflow file"),
        "git push origin HEAD:main",
        lambda world: world.write(WORKFLOW, world.files[WORKFLOW]),
    ),
    Breakage(
        "a disabled workflow", setting("disabled_workflows", {WORKFLOW}), ("github", "workflow state"),
        "gh workflow enable mlops.yml", AS_TOLD,
    ),
    Breakage(
        "Actions disabled", setting("enabled", False), ("github", "Actions settings"), "enabled=true", AS_TOLD,
    ),
    Breakage(
        "local actions only", setting("allowed_actions", "local_only"), ("github", "Actions settings"),
        "allowed_actions=selected", AS_TOLD,
    ),
    Breakage(
        "selected actions without the suite", setting("allowed_actions", "selected"), ("github", "Actions settings"),
        "patterns_allowed", AS_TOLD,
    ),
    Breakage(
        "no comments", replaced("issue_comment:", "push:"), ("github", "events"), "issue_comment",
        replaced("  push:", "  issue_comment:"),
    ),
    *(
        Breakage(
            f"no {name}", both(private, replaced(f"      {name}: {level} #", "      # ")), ("github", "job permissions"),
            f"{name}: {level}", AS_TOLD,
        )
        for name, level in (("contents", "read"), ("pull-requests", "write"), ("checks", "write"))
    ),
    Breakage(
        "too low a permission", replaced("pull-requests: write", "pull-requests: read"), ("github", "job permissions"),
        "pull-requests: write", AS_TOLD,
    ),
    Breakage(
        "a job that may not cancel a run for /stop", replaced("actions: write", "actions: read"),
        ("github", "job permissions"), "actions: write", AS_TOLD,
    ),
    Breakage(
        "a job that may not read the record of a command",
        both(private, replaced("          check-name: training\n", ""), replaced(f"      {RECORD}\n", "")),
        ("github", "job permissions"), "jobs.listen.permissions: { checks: read }",
        replaced("      actions: write", "      checks: read\n      actions: write"),
    ),
    Breakage(
        "a concluding job that may not conclude the check run",
        replaced('      checks: write # the check run "training"\n    steps:', "    steps:"),
        ("github", "job permissions"), "jobs.finish.permissions: { checks: write }", AS_TOLD,
    ),
    Breakage(
        "an environment without deployments", WITH_ENVIRONMENT, ("github", "job permissions"), "deployments: write", AS_TOLD,
    ),
    Breakage(
        "an action that follows a branch", replaced("actions/chatops@v1", "actions/chatops@main"),
        ("github", "action reference"), "commits/main", pin("actions/chatops@main"),
    ),
    *(
        Breakage(
            f"no secret {name}", lambda world, name=name: world.settings.secrets.remove(name),  # type: ignore[misc]
            ("github", f"secret {name}"), f"{writer}gh secret set {name} -R octo-org/digits", AS_TOLD,
        )
        for name, writer in SECRETS.items()
    ),
    Breakage(
        "no variable for the project", lambda world: world.settings.variables.pop("WANDB_PROJECT"),
        ("github", "variable WANDB_PROJECT"), "gh variable set WANDB_PROJECT", AS_TOLD,
    ),
    *(
        Breakage(
            f"no label {name}", without_label(name), ("github", f"label {name}"), f"gh label create {name}", AS_TOLD,
        )
        for name in ("training", "trained", "training-failed")
    ),
    Breakage(
        "no activity", lambda world: world.github.faults.answer("GET /repos/*/*/activity", 403), ("github", "activity"),
        "contents: read", lambda world: world.github.faults.clear(),
    ),
    Breakage(
        "a team and the job's token",
        both(
            lambda world: world.github.team("octo-org/ml", ["maintainer"]),
            replaced(CHATOPS, f"{CHATOPS}          allow-teams: octo-org/ml\n"),
        ),
        ("github", "team token"), "app-id", replaced(CHATOPS, f"{CHATOPS}          app-id: 7\n"),
    ),
    Breakage(
        "no such team",
        replaced(CHATOPS, f"{CHATOPS}          allow-teams: octo-org/ml\n          app-id: 7\n"),
        ("github", "team octo-org/ml"), "gh api orgs/octo-org/teams",
        lambda world: world.github.team("octo-org/ml", ["maintainer"]),
    ),
    Breakage(
        "code owners without a file", replaced(CHATOPS, f"{CHATOPS}          require-code-owner: true\n"),
        ("github", "code owners"), "name the owners in .github/CODEOWNERS", owned("* @maintainer\n"),
    ),
    Breakage(
        "a line of code owners that GitHub does not know",
        both(replaced(CHATOPS, f"{CHATOPS}          require-code-owner: true\n"), owned("* @maintainer\n[a].py @nobody\n")),
        ("github", "code owners"), "correct these lines", owned("* @maintainer\n"),
    ),
    Breakage(
        "a team of code owners and the job's token",
        both(
            lambda world: world.repository.grant(world.github.team("octo-org/ml", ["maintainer"]), "write"),
            replaced(CHATOPS, f"{CHATOPS}          require-code-owner: true\n"), owned("* @octo-org/ml\n"),
        ),
        ("github", "team token"), "app-id", replaced(CHATOPS, f"{CHATOPS}          app-id: 7\n"),
    ),
    Breakage(
        "an App that may not see the teams that own code",
        both(
            lambda world: world.repository.grant(world.github.team("octo-org/ml", ["maintainer"]), "write"),
            replaced(CHATOPS, f"{CHATOPS}          require-code-owner: true\n"), owned("* @octo-org/ml\n"),
            with_app(**GRANTED),
        ),
        ("github", "App permission members"), "grant members: read",
        lambda world: app_of(world).permissions.update(members="read"),
    ),
    Breakage(
        "protection that binds no job",
        both(WITH_ENVIRONMENT, WITH_DEPLOYMENTS, setting("environments", {"production": Environment(["maintainer"])})),
        ("github", "environment production"), "environment: production", AS_TOLD,
    ),
    Breakage(
        "a command that waits for itself", replaced(CHATOPS, f"{CHATOPS}          require-checks: training\n"),
        ("github", "required checks"), "require-checks", replaced("          require-checks: training\n", ""),
    ),
    Breakage(
        "a required check that waits for itself",
        both(
            replaced(CHATOPS, f"{CHATOPS}          require-checks: required\n"),
            lambda world: world.repository.protect("main", ["training"]),
        ),
        ("github", "required checks"), "main requires", lambda world: world.repository.protections.clear(),
    ),
    Breakage(
        "commits are required", setting("sha_pinning_required", True), ("github", "action pinning"), "--jq .sha",
        pin("@v1"),
    ),
    Breakage(
        "a token that may not create check runs", job_token(contents="read"), ("github", "check run"), "checks: write",
        job_token(contents="read", checks="write"), WRITES,
    ),
    Breakage(
        "a token without the scope repo",
        lambda world: world.environ.__setitem__("GH_TOKEN", world.github.user_token("maintainer", ("gist",)).value),
        ("github", "token"), "gh auth refresh --scopes repo", person,
    ),
    *(
        Breakage(
            f"a job's token that may not read {name}",
            both(private, environment("GITHUB_ACTIONS", "true"), environment("DOCKER_HOST", "unix:///nowhere"), BUILDER,
                 job_token(**{level: "read" for level in READ if level != permission})),
            ("github", f"may read {name}"), f"{name}: read",
            job_token(**dict.fromkeys(READ, "read")),
        )
        for name, permission in (("actions", "actions"), ("pull-requests", "pull_requests"), ("checks", "checks"))
    ),
    Breakage(
        "an action that does not exist", replaced(f"{SUITE}/actions/chatops@v1", f"{SUITE}/actions/chatops@v9"),
        ("github", "action exists"), f"gh release list -R {SUITE}",
        replaced(f"{SUITE}/actions/chatops@v9", f"{SUITE}/actions/chatops@v1"),
    ),
    Breakage(
        "an action's repository that does not exist", replaced(f"{SUITE}/actions/chatops@v1", "octo/none@v1"),
        ("github", "action exists"), "gh release list -R octo/none",
    ),
    Breakage(
        "a tag that was moved",
        lambda world: world.github.repository("actions/checkout").release("v5.0.0", sha=pushed(world, "actions/checkout")),
        ("github", "action tag"), "gh api repos/actions/checkout/commits/v5.0.0",
        lambda world: world.github.repository("actions/checkout").release("v5.0.0", sha=CHECKOUT),
    ),
    Breakage(
        "an outdated suite", released("v2.0.0"), ("github", "action release"), f"gh release view v2.0.0 -R {SUITE}",
        both(replaced("@v1", "@v2"),
             lambda world: world.github.repository(SUITE).release("v2.0.0", "v2")),
    ),
    *(
        Breakage(
            f"forks get {name}",
            both(private, lambda world, gifts=gifts: world.settings.fork_workflows.update(gifts)),  # type: ignore[misc]
            ("github", "fork policy"), "fork-pr-workflows-private-repos", AS_TOLD,
        )
        for name, gifts in (
            ("secrets", {"run_workflows_from_fork_pull_requests": True, "send_secrets_and_variables": True}),
            ("a token that writes",
             {"run_workflows_from_fork_pull_requests": True, "send_write_tokens_to_workflows": True}),
        )
    ),
    Breakage(
        "a private suite that shares nothing", private_suite("none"), ("github", "action access"),
        "access_level=organization", AS_TOLD,
    ),
    Breakage(
        "an activity that lags", lambda world: world.repository.activity.pop(), ("github", "activity"), "gh pr comment",
        lambda world: world.repository.push("main", by="maintainer"),
    ),
    Breakage(
        "an environment for other branches", environment_of_the_job(branches=["release/*"]),
        ("github", "branches of production"), "deployment-branch-policies -f name=main", AS_TOLD,
    ),
    Breakage(
        "an environment for protected branches", environment_of_the_job(branches="protected"),
        ("github", "branches of production"), "deployment-branch-policies -f name=main", AS_TOLD,
    ),
    Breakage(
        "no such App", both(with_app(**GRANTED), lambda world: setattr(app_of(world), "id", app_of(world).id + 1)),
        ("github", "App"), "app-id", lambda world: setattr(app_of(world), "id", app_of(world).id - 1),
    ),
    Breakage(
        "another App's key",
        both(with_app(**GRANTED), lambda world: world.environ.__setitem__("DOCTOR_APP_KEY", other_key(world))),
        ("github", "App"), "app-private-key",
        lambda world: world.environ.__setitem__("DOCTOR_APP_KEY", app_of(world).private_key),
    ),
    Breakage(
        "a key that is none", both(with_app(**GRANTED), environment("DOCTOR_APP_KEY", "no key")), ("github", "App"),
        "app-private-key", lambda world: world.environ.__setitem__("DOCTOR_APP_KEY", app_of(world).private_key),
    ),
    Breakage(
        "an App that is not installed",
        both(with_app(**GRANTED), lambda world: setattr(app_of(world).installations[0], "repositories", frozenset())),
        ("github", "App installation"), "/apps/trainer/installations/new",
        lambda world: setattr(app_of(world).installations[0], "repositories", None),
    ),
    Breakage(
        "a suspended App",
        both(with_app(**GRANTED),
             lambda world: setattr(app_of(world).installations[0], "suspended_at", world.github.clock.now())),
        ("github", "App installation"), "Unsuspend",
        lambda world: setattr(app_of(world).installations[0], "suspended_at", None),
    ),
    *(
        Breakage(
            f"an App without {name}",
            with_app(**{other: level for other, level in GRANTED.items() if other != name}),
            ("github", f"App permission {name}"), f"grant {name}: write",
            lambda world, name=name: app_of(world).permissions.update({name: "write"}),  # type: ignore[misc]
        )
        for name in GRANTED
    ),
    Breakage(
        "an App that may not see members",
        both(with_app(**GRANTED), lambda world: world.github.team("octo-org/ml", ["maintainer"]),
             replaced(CHATOPS, f"{CHATOPS}          allow-teams: octo-org/ml\n")),
        ("github", "App permission members"), "grant members: read",
        lambda world: app_of(world).permissions.update(members="read"),
    ),
    Breakage("a locked check run", locked, ("github", "check run"), "check-name", None, WRITES),
)  # fmt: skip
