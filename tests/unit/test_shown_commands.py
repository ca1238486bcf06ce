"""Commands that messages show: whatever somebody else wrote stays one word, and what a person pastes runs nothing else."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from mlops_actions.argo_submit.read_manifest import read_manifest
from mlops_actions.argo_submit.submission import listing
from mlops_actions.boundary.github.failures import GitHubRefused, label_refusal
from mlops_actions.core.errors import BadInput, Refused, Unavailable
from mlops_actions.doctor import network
from mlops_actions.doctor.checks import Checker, HealthCheck
from mlops_actions.doctor.ports import ApiAnswer, Endpoint, GitHubApi, Ports, Route, Stage
from mlops_actions.doctor.run import run
from mlops_actions.doctor.scope import Scope
from mlops_actions.doctor.workflow import parse
from tests.unit.doctor.test_groups import CLUSTER, Answers, FixedMachine, FixedRegistry, PartialTracker, controller

ROOT = Path(__file__).parents[2]
HOSTILE = "x';id;$(id)`id`\"|id&"
OPTION = "--kubeconfig=x';id;'"
REPOSITORY, SERVER = f"o/{HOSTILE}", f"{HOSTILE}.test"
PROGRAMS = r"kubectl|gh|git|docker|argo|gcloud|aws|az|curl|openssl|nslookup|wandb|mlops-actions|pip|pipx|sh|export|base64|jq"
SUITE = "machine-learning-apps/mlops-actions/actions"


def workflow_file(value: str) -> str:
    """A workflow file with the value in every field that reaches a request or a message."""
    steps: list[tuple[str, dict[str, str]]] = [
        ("chatops", {
            "commands": "/train", "pending-label": value, "success-label": value, "check-name": value, "environment": value,
            "require-checks": value, "allow-teams": f"{value}/{value}", "require-code-owner": "true", "app-id": value,
            "app-private-key": value,
        }),
        ("docker-publish", {"image": f"{SERVER}/{value}", "registry": SERVER, "username": value}),
        ("docker-publish", {"image": f"ghcr.io/o/{value}"}),
        ("argo-submit", {"workflow": "workflow.yaml", "namespace": value, "service-account": value}),
        ("argo-submit", {"workflow": "workflow.yaml", "namespace": value, "kubeconfig": f"{value}.config"}),
        ("argo-submit", {"workflow": value, "namespace": value}),
        ("argo-submit", {"workflow": "no manifest", "namespace": value, "artifacts": value}),
        ("argo-submit", {"from": f"workflowtemplate/{value}", "namespace": value}),
        ("argo-submit", {"from": f"clusterworkflowtemplate/{value}", "namespace": value}),
        ("argo-submit", {"from": f"workflowtemplate/{value}", "namespace": value, "argo-server": f"https://{SERVER}"}),
        ("argo-submit", {"workflow": "workflow.yaml", "namespace": value, "argo-server": f"https://{SERVER}"}),
        ("wandb-runs", {
            "project": f"{value}/{value}", "metrics": value, "curves": value, "config-keys": value, "gates": value,
            "baseline-tags": value, "promote-alias": value, "statement": "true",
        }),
        ("wandb-runs", {"project": f"{value}/{value}", "base-url": "${{ needs.a.outputs.b }}"}),
    ]  # fmt: skip
    used: list[dict[str, Any]] = [{"uses": f"{SUITE}/{action}@v1", "with": inputs} for action, inputs in steps]
    used += [{"uses": f"{value}/r@{value}"}, {"uses": f"o/r@{'a' * 40}"}, {"uses": f"o/{value}/mlops-actions@v1"}]
    used += [{"run": "x", "env": {"A": "${{ secrets.A }}${{ vars.B }}"}}]
    jobs = {value: {"permissions": {}, "steps": used}, f"a\n{value}\nid": {"permissions": {}, "steps": used[:1]}}
    return yaml.safe_dump({"on": "issue_comment", "jobs": jobs})


def manifest(value: str) -> str:
    environment = [{"name": "A", "valueFrom": {"secretKeyRef": {"name": value, "key": "k"}}}]
    template = {
        "name": "main",
        "container": {"image": "x", "env": environment, "resources": {"limits": {"nvidia.com/gpu": 1}}},
    }
    spec = {"entrypoint": "main", "imagePullSecrets": [{"name": value}], "templates": [template]}
    document = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"generateName": "x-"}, "spec": spec}
    return f"{yaml.safe_dump(document)}---\napiVersion: v1\nkind: ConfigMap\n"


def github(value: str) -> Iterator[Mapping[str, ApiAnswer]]:
    """The answers of GitHub: a repository with one fault or another."""
    root = f"/repos/{REPOSITORY}"
    policy = {"deployment_branch_policy": {"custom_branch_policies": True}, "protection_rules": [{"type": "wait_timer"}]}
    plain = {"deployment_branch_policy": {"custom_branch_policies": False}}
    for permissions, environment in (
        ({"enabled": False}, policy),
        ({"enabled": True, "allowed_actions": "selected"}, plain),
    ):
        yield {
            f"{root}/contents": ApiAnswer(404, {}, {}),
            f"{root}/actions/workflows": ApiAnswer(200, {"state": "disabled_manually"}, {}),
            f"{root}/actions/permissions/selected": ApiAnswer(200, {"patterns_allowed": [value]}, {}),
            f"{root}/actions/permissions/fork-pr-workflows": ApiAnswer(
                200, {"run_workflows_from_fork_pull_requests": True, "send_secrets_and_variables": True}, {}
            ),
            f"{root}/actions/permissions": ApiAnswer(200, permissions, {}),
            f"{root}/actions/secrets": ApiAnswer(200, {"secrets": []}, {}),
            f"{root}/actions/variables": ApiAnswer(200, {"variables": []}, {}),
            f"{root}/labels": ApiAnswer(200, [], {}),
            f"{root}/activity": ApiAnswer(200, [{"after": value}], {}),
            f"{root}/branches": ApiAnswer(200, {"commit": {"sha": f"{value}1"}, "protected": False}, {}),
            f"{root}/rules": ApiAnswer(200, [], {}),
            f"{root}/environments": ApiAnswer(200, {**environment, "branch_policies": []}, {}),
            root: ApiAnswer(200, {"default_branch": value, "private": True, "pushed_at": "2026-01-01T00:00:00Z"}, {
                "x-oauth-scopes": "", "date": "Thu, 01 Jan 2026 13:00:00 GMT",
            }),
        }  # fmt: skip
    yield {}


def cluster(value: str) -> Iterator[Mapping[str, ApiAnswer]]:
    stopped = controller("controller:v3.7.0", replicas=0)
    stopped["items"][0]["metadata"] = {"name": value, "namespace": value}
    pods = {"items": [{"metadata": {"name": value}, "status": {"phase": "Pending", "conditions": [
        {"type": "PodScheduled", "status": "False"},
    ]}}]}  # fmt: skip
    known = {name: answer for name, answer in CLUSTER.items() if "namespaces" not in name}
    denied = {"/apis/authorization": ApiAnswer(201, {"status": {"allowed": False}}, {})}
    server = {"/api/v1/version": ApiAnswer(200, {"version": "v3.7.0"}, {})}
    deployments = {"/apis/apps/v1/deployments": ApiAnswer(200, stopped, {})}
    found = {f"/api/v1/namespaces/{part}": ApiAnswer(200, pods, {}) for part in ("x", "-")}
    yield {**known, **server, **deployments}
    yield {"/api/v1/namespaces": ApiAnswer(200, pods, {}), **known, **server, **deployments, **found}
    yield {**known, **denied, "/api/v1/workflows": ApiAnswer(403, {}, {})}
    yield {**known, **server, "/apis/argoproj.io/v1alpha1/namespaces": ApiAnswer(400, {}, {}),
           "/apis/argoproj.io/v1alpha1": known["/apis/argoproj.io/v1alpha1"]}  # fmt: skip
    yield {"/version": ApiAnswer(401, {}, {}), "/api/v1/version": ApiAnswer(401, {}, {})}


class OneRepository(Answers):
    """GitHub's answers, of which that about the repository is about nothing below it."""

    def get(self, path: str, **query: str | int) -> ApiAnswer:
        root = f"/repos/{REPOSITORY}"
        known = {start: answer for start, answer in self.answers.items() if start != root or path == root}
        return Answers(known).get(path, **query)


class ClosedRegistry(FixedRegistry):
    def tags(self, repository: str) -> list[str]:
        raise Unavailable("no answer", "ask again")


class NoProject(PartialTracker):
    def ask(self, query: str, variables: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[str]]:
        return {"viewer": {"username": "ada"}}, []


class UnreadableRegistry(FixedRegistry):
    def manifest(self, repository: str, reference: str) -> None:
        raise Refused("denied", "log in")


def read(path: str) -> str:
    if path == "workflow.yaml":
        return manifest(HOSTILE)
    if path.endswith(".config"):
        return "users: [{name: a, user: {exec: {command: aws}}}]"
    raise BadInput(f"no file {path!r}", "git ls-files")


def scopes(value: str) -> Iterator[Scope]:
    text = workflow_file(value)
    for is_job in (False, True):
        yield Scope(
            workflow=parse(text, f".github/workflows/{value}.yml"),
            repository=REPOSITORY,
            context={"github.actor": value},
            read=lambda path: manifest(value) if path == value else read(path),
            read_manifest=read_manifest,
            why_committed=lambda _: "git tracks it",
            host=SERVER,
            is_job=is_job,
            try_writes=True,
            commit="a" * 40,
        )


@dataclass(frozen=True)
class FailingMachine(FixedMachine):
    """A machine that reaches nothing: a stage of the connection fails."""

    stage: Stage = Stage.NAME

    def reach(self, endpoint: Endpoint) -> Route:
        return Route(failed=self.stage, detail="no", proxy_setting="https_proxy")


def always(value: Any) -> Callable[..., Any]:
    return lambda *_: value


def no_key(app_id: str, key: str) -> GitHubApi:
    raise BadInput("no key", "give a key")


def connected(kind: type[FixedRegistry], tag: str, _host: str, anonymous: bool) -> FixedRegistry:
    return kind(False, anonymous, (tag,))


def checks(value: str) -> Iterator[HealthCheck]:
    """All checks of doctor on worlds with different faults."""
    registries: tuple[type[FixedRegistry], ...] = (FixedRegistry, ClosedRegistry, UnreadableRegistry)
    trackers = (PartialTracker(()), NoProject(()))
    worlds = list(github(value)), list(cluster(value))
    for scope in scopes(value):
        for number in range(max(map(len, worlds))):
            of_github = OneRepository(worlds[0][number % len(worlds[0])])
            of_cluster = Answers(worlds[1][number % len(worlds[1])], namespace=value)
            registry, tracker = registries[number % 3], trackers[number % 2]
            ports = Ports(
                github=always(of_github),
                github_app=no_key,
                registry=partial(connected, registry, value),
                cloud_token=str,
                cluster=always(of_cluster),
                tracker=always(tracker),
                runner=always(FixedMachine(is_job=scope.is_job)),
            )
            groups = ("github", "registry", "cluster", "wandb")
            yield from run(scope, ports, groups, (), lambda *_: None).checks
    address = Endpoint(url=f"https://{SERVER}:8443")
    for stage in Stage:
        machine = FailingMachine(stage=stage)
        yield from network.check([("registry", lambda: address), ("cluster", lambda: address)], machine).checks


def test_what_a_workflow_file_holds_is_one_word_of_every_command_that_doctor_shows() -> None:
    found = list(checks(HOSTILE))
    assert [check.answer for check in found if check.name == "answers"] == []
    commands = {line for check in found for line in check.remedy.splitlines() if re.match(rf"(?:{PROGRAMS}) ", line)}
    hostile = {line for line in commands if "$(id)" in line.replace("'\"'\"'", "'")}
    for line in commands:
        rest = [word.replace(HOSTILE, "") for word in shlex.split(line)]
        assert not any("id" in re.split(r"[^a-z-]", word) for word in rest), line
    programs = ("gh label", "gh api", "gh secret", "gh workflow", "gh variable", "git push", "git rm", "docker login",
                "docker pull", "kubectl create", "kubectl diff", "kubectl -n", "kubectl auth", "wandb projects", "curl -sSI",
                "curl -v", "nslookup", "openssl s_client")  # fmt: skip
    assert [program for program in programs if not any(line.startswith(program) for line in hostile)] == []


def test_no_line_of_a_remedy_begins_with_what_a_workflow_file_holds() -> None:
    lines = [line for check in checks(HOSTILE) for line in check.remedy.splitlines()]
    assert [line for line in lines if line.lstrip("' ").startswith(("x", "id"))] == []
    check = Checker("github").fails("name", "asked", "answer", remedy=("one\nid", "two"))
    assert check.remedy == "one id\ntwo"


def test_a_name_that_looks_like_an_option_is_none() -> None:
    commands = {line for check in checks(OPTION) for line in check.remedy.splitlines() if line.startswith("kubectl ")}
    named = [words for line in commands if OPTION in (words := shlex.split(line))]
    assert len(named) > 5
    for words in named:
        for number, word in enumerate(words):
            assert word != OPTION or words[number - 1] in ("--", "-n", "-f"), words


def test_the_actions_own_remedies_keep_values_in_one_word() -> None:
    refused = GitHubRefused(403, "You do not have permission to create labels", "x")
    remedy = label_refusal(refused, [HOSTILE], REPOSITORY, SERVER, as_app=False).remedy
    words = shlex.split(remedy.removeprefix("create the label once: ").rpartition("; or ")[0])
    assert words == ["gh", "label", "create", HOSTILE, "-R", f"{SERVER}/{REPOSITORY}"]
    assert shlex.split(listing(HOSTILE, HOSTILE))[2] == HOSTILE


COMMAND = re.compile(rf"(?:(?:^|[`\n]|&& |\| )\s*(?:{PROGRAMS}) |^ ?-n )[^`\n]*$")
# Constants, words of the code, and what was put together from words above.
OWN = {
    "','.join(extras)", "','.join(missing)", "__version__", "approval.options", "right.verb", "right.resource", "self.verb",
    "answers.kubeconfig_secret", "answers.wandb_secret", "answers.namespace",  # `init` takes names only
}  # fmt: skip
SENTENCES = ("git cannot", "docker has", "docker ", "git tag ")


def test_every_value_in_a_command_of_the_code_is_a_word() -> None:
    """A value of an object is quoted where it enters a command; a name of the function's own may hold a part of one."""
    faults = []
    for path in sorted((ROOT / "src/mlops_actions").rglob("*.py")):
        texts = (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.JoinedStr))
        for text in texts:
            before = ""
            for part in text.values:
                if isinstance(part, ast.FormattedValue):
                    value = ast.unparse(part.value)
                    is_quoted = value.startswith(("shell.word(", "shell.operand(", "shlex.quote(", "github_cli.", "_path("))
                    is_own = isinstance(part.value, ast.Name) or value in OWN
                    if COMMAND.search(before) and not is_quoted and not is_own and not before.startswith(SENTENCES):
                        faults.append(f"{path.relative_to(ROOT)}:{text.lineno}: {before!r} {value}")
                    before += "…"
                else:
                    before += str(part.value) if isinstance(part, ast.Constant) else ""
    assert faults == []
