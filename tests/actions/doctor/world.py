"""A small world in which everything is in place for the workflow file of `examples/digits`, and doctor asks it."""

from __future__ import annotations

import io
import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mlops_actions.cli import build_parser
from mlops_actions.core.errors import BadInput
from mlops_actions.doctor import command
from mlops_actions.doctor.ports import GitHubApi
from mlops_sandbox.cluster import SUBMITTER, Cluster, Rule
from mlops_sandbox.github import GitHubServer, Repository
from mlops_sandbox.github.published import publish_actions
from mlops_sandbox.host import Host
from mlops_sandbox.registry import Account, Registry
from mlops_sandbox.wandb import WandbServer

ROOT = Path(__file__).parents[3]
DIGITS = ROOT / "examples/digits"
WORKFLOW = ".github/workflows/mlops.yml"
SHA, BASELINE = "a" * 40, "b" * 40
PASSWORD = "a-password-of-the-registry"
LABELS = ("training", "trained", "training-failed")
SUMMARY = {"test_accuracy": 0.95, "val_accuracy": 0.93, "loss": 0.1}
CONFIG = {"lr": 0.1, "epochs": 10, "hidden_units": 32, "seed": 0}


@dataclass
class World:
    """The stand-ins, a checkout, and the environment of a person."""

    github: GitHubServer
    registry: Registry
    wandb: WandbServer
    cluster: Cluster
    cluster_url: str
    repository: Repository
    checkout: Path
    environ: dict[str, str]
    hosts: dict[str, Host]
    files: dict[str, str] = field(default_factory=dict)

    @property
    def wandb_url(self) -> str:
        """Where W&B listens, whatever the environment says."""
        return self.hosts["wandb"].url

    @property
    def settings(self) -> Any:
        return self.repository.actions_settings

    def workflow(self) -> dict[str, Any]:
        return dict(yaml.safe_load(self.files[WORKFLOW].replace("\non:", "\n'on':")))

    def write(self, path: str, text: str) -> None:
        """Change a file of the checkout and of the default branch."""
        self.files[path] = text
        target = self.checkout / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        self.repository.push("main", by="maintainer", files={path: text})

    def git(self, *arguments: str) -> None:
        """Run git in the checkout."""
        subprocess.run(["git", *arguments], cwd=self.checkout, check=True)

    def replace(self, old: str, new: str, path: str = WORKFLOW) -> None:
        text = self.files[path]
        assert old in text, old
        self.write(path, text.replace(old, new))

    def act_as(self, rules: tuple[Rule, ...], namespace: str = "default") -> None:
        """Give the kubeconfig other rights."""
        token = self.cluster.add_user("person", rules)
        self.cluster.write_kubeconfig(Path(self.environ["KUBECONFIG"]), self.cluster_url, token=token, namespace=namespace)

    def without_right(self, verb: str, resource: str) -> None:
        """Take one verb on one resource away from the submitter."""
        rules = []
        for granted in SUBMITTER:
            for plural in granted.resources:
                verbs = granted.verbs - {verb} if plural == resource else granted.verbs
                rules.append(Rule(frozenset({plural}), verbs))
        self.act_as(tuple(rules))

    def log_runs(self, *, summary: dict[str, Any] = SUMMARY, config: dict[str, Any] = CONFIG, **more: Any) -> None:
        for name, sha, tags in (("c1", SHA, ["candidate"]), ("b1", BASELINE, ["baseline"])):
            given = {"state": "finished", "commit": sha, "tags": tags, **more}
            self.wandb.store.add_run("sandbox", "digits", name=name, summary=dict(summary), config=dict(config), **given)

    def ask(self, *arguments: str) -> Diagnosed:
        """Run doctor and read its JSON."""
        out = io.StringIO()
        options = build_parser().parse_args(["doctor", "--json", *arguments])
        code = command.main(options, self.environ, out)
        return Diagnosed(code, json.loads(out.getvalue())["checks"], out.getvalue())


@dataclass(frozen=True)
class Diagnosed:
    """An exit code and the checks."""

    code: int
    checks: list[dict[str, str]]
    text: str

    def named(self, status: str) -> set[tuple[str, str]]:
        return {(check["group"], check["name"]) for check in self.checks if check["status"] == status}

    def check(self, group: str, name: str, status: str = "") -> dict[str, str]:
        """Return the first check of a name, and of a status if one is given."""
        named = (check for check in self.checks if (check["group"], check["name"]) == (group, name))
        return next(check for check in named if status in ("", check["status"]))


def build(
    github: GitHubServer, hosts: dict[str, Host], registry: Registry, wandb: WandbServer, cluster: Cluster, folder: Path
) -> World:
    """Set everything up as the documentation asks for."""
    files = {path: (DIGITS / path).read_text(encoding="utf-8") for path in (WORKFLOW, "workflow.yaml")}
    repository = github.repository("octo-org/digits", files=files)
    repository.collaborator("maintainer", "admin")
    for label in LABELS:
        repository.define_label(label)
    publish_actions(github, files.values())
    settings = repository.actions_settings
    settings.secrets |= {"KUBECONFIG", "REGISTRY_PASSWORD", "WANDB_API_KEY"}
    registry_host = hosts["registry"].url.partition("//")[2]
    settings.variables |= {
        "REGISTRY": registry_host,
        "REGISTRY_USERNAME": "publisher",
        "WANDB_PROJECT": "sandbox/digits",
        "WANDB_BASE_URL": hosts["wandb"].url,
        "NAMESPACE": "default",
        "ARGO_URL": "https://argo.example",
    }
    checkout = folder / "checkout"
    for path, text in files.items():
        (checkout / path).parent.mkdir(parents=True, exist_ok=True)
        (checkout / path).write_text(text, encoding="utf-8")
    cluster.add_secret("wandb", {"api-key": wandb.api_key})
    home = folder / "home"
    home.mkdir()
    environ = {
        "HOME": str(home),
        "PATH": "/usr/bin:/bin",
        "GH_TOKEN": github.user_token("maintainer").value,
        "GITHUB_REPOSITORY": "octo-org/digits",
        "GITHUB_API_URL": github.api_url,
        "GITHUB_SERVER_URL": "https://github.com",  # as `gh` names it in remedies
        "KUBECONFIG": str(cluster.write_kubeconfig(folder / "kubeconfig", hosts["cluster"].url)),
        "WANDB_API_KEY": wandb.api_key,
        "WANDB_BASE_URL": hosts["wandb"].url,
        "REGISTRY": registry_host,
        "REGISTRY_USERNAME": "publisher",
        "REGISTRY_PASSWORD": PASSWORD,
    }
    world = World(
        github=github,
        registry=registry,
        wandb=wandb,
        cluster=cluster,
        cluster_url=hosts["cluster"].url,
        repository=repository,
        checkout=checkout,
        environ=environ,
        hosts=hosts,
        files=files,
    )
    world.log_runs()
    return world


def registry_of_one_account() -> Registry:
    return Registry(challenge="bearer", accounts={"publisher": Account(PASSWORD)}, anonymous_pull=True)


def no_cloud(host: str) -> str:
    """Stand for a job without credentials of a cloud, where a test is about another registry."""
    raise BadInput(f"there are no credentials for {host}", "docker login")


def no_github() -> GitHubApi:
    """Stand for a person without a token, where a test is about another system."""
    raise BadInput("there is no token", "gh auth login")
