"""All four stand-ins together, and the variables by which programs find them."""

from __future__ import annotations

import base64
import secrets
import shlex
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from mlops_sandbox import workflow_page
from mlops_sandbox.cluster import Cluster, Executor, LocalImage, ProcessExecutor
from mlops_sandbox.github import GitHubServer
from mlops_sandbox.host import Host
from mlops_sandbox.registry import Account, Registry
from mlops_sandbox.runner.process import until_stopped
from mlops_sandbox.wandb import WandbServer

REGISTRY_USER = "publisher"


class Sandbox:
    """A GitHub, a registry, a cluster and a W&B on loopback, from `__enter__` to `__exit__`.

    The stand-ins are attributes; their addresses are `…_url` once started. The cluster has the secret `wandb` for W&B, the
    registry has one account (and lets everybody pull), and the kubeconfig holds the credentials of a submitter.
    """

    def __init__(self, executor: Executor, *, github: GitHubServer | None = None) -> None:
        self.github = github or GitHubServer()
        self.registry_password = secrets.token_urlsafe(18)
        accounts = {REGISTRY_USER: Account(self.registry_password)}
        self.registry = Registry(challenge="bearer", accounts=accounts, anonymous_pull=True)
        self.wandb = WandbServer()
        self.cluster = Cluster(executor)
        self._stack = ExitStack()
        self._kubeconfig = Path()
        self.registry_url = self.wandb_url = self.cluster_url = self.argo_url = ""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mlops-sandbox-")))
            stack.enter_context(self.github.serve())
            self.registry_url = stack.enter_context(Host(self.registry.app)).url
            self.wandb_url = stack.enter_context(Host(self.wandb.app)).url
            self.cluster_url = stack.enter_context(Host(self.cluster.app)).url
            self.argo_url = stack.enter_context(Host(workflow_page.application(self.cluster))).url
            stack.enter_context(self.cluster)  # exits before its server: running workflows end first
            self._kubeconfig = self.cluster.write_kubeconfig(root / "kubeconfig", self.cluster_url)
            self.cluster.add_secret("wandb", self._wandb_secret())
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def open_namespace(self, name: str) -> None:
        """Make a namespace of the cluster that has the secret `wandb`, unless it is there."""
        if self.cluster.add_namespace(name):
            self.cluster.add_secret("wandb", self._wandb_secret(), namespace=name)

    @property
    def registry_host(self) -> str:
        """The registry part of an image name, `127.0.0.1:PORT`."""
        return self.registry_url.partition("//")[2]

    def environment(self) -> dict[str, str]:
        """Return the variables by which the suite's actions, kubectl and the wandb SDK find the sandbox."""
        return {
            "GITHUB_SERVER_URL": self.github.origin,
            "GITHUB_API_URL": self.github.api_url,
            "GITHUB_GRAPHQL_URL": f"{self.github.origin}/api/graphql",
            "KUBECONFIG": str(self._kubeconfig),
            "REGISTRY": self.registry_host,
            "REGISTRY_USERNAME": REGISTRY_USER,
            "REGISTRY_PASSWORD": self.registry_password,
            **self.wandb.environment(self.wandb_url),
        }

    def variables(self, project: str) -> dict[str, str]:
        """Return the `vars` of a repository whose workflows use the sandbox; `project` is the W&B project's name."""
        return {
            "ARGO_URL": self.argo_url,
            "NAMESPACE": "default",
            "REGISTRY": self.registry_host,
            "REGISTRY_USERNAME": REGISTRY_USER,
            "WANDB_BASE_URL": self.wandb_url,
            "WANDB_PROJECT": f"{self.wandb.entity}/{project}",
        }

    def secrets(self) -> dict[str, str]:
        """Return the `secrets` of such a repository; base64 keeps the masking of the kubeconfig from hiding single words."""
        return {
            "KUBECONFIG": base64.b64encode(self._kubeconfig.read_bytes()).decode(),
            "REGISTRY_PASSWORD": self.registry_password,
            "WANDB_API_KEY": self.wandb.api_key,
        }

    def _wandb_secret(self) -> Mapping[str, str]:
        return {"api-key": self.wandb.api_key, "base-url": self.wandb_url, "entity": self.wandb.entity}


def exports(environment: Mapping[str, str]) -> str:
    """Return the lines that set these variables in a shell."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())


def serve() -> int:
    """Serve until SIGINT or SIGTERM, and print what to export; containers run as processes in a copy of this directory."""
    directory = Path.cwd()
    with until_stopped() as wait, Sandbox(ProcessExecutor(lambda _: LocalImage(directory))) as sandbox:
        sys.stdout.write(exports(sandbox.environment()))
        repository = sandbox.github.repository("octo-org/sandbox")
        repository.collaborator("maintainer", "maintain")
        pull = repository.open_pull_request(by="contributor", title="A pull request to comment on")
        token = sandbox.github.user_token("maintainer").value
        sys.stdout.write(
            f"export GITHUB_TOKEN={token}\n"
            f"# The pull request: {sandbox.github.origin}/{repository.full_name}/pull/{pull.number}\n"
            f"# The experiment tracker: {sandbox.wandb_url}/\n"
            "# Serving until stopped (Ctrl-C).\n"
        )
        sys.stdout.flush()
        wait()
    return 0
