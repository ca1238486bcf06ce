"""A cluster that takes the sandbox's federated logins: GitHub's issuer, AWS, Azure, and the cluster itself, over HTTPS."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from mlops_sandbox.cluster import SUBMITTER, Cluster
from mlops_sandbox.cluster.access import Identity
from mlops_sandbox.host import Host
from mlops_sandbox.identity import Aws, AwsCluster, Azure, FederatedCredential, InstanceMetadata, Issuer
from mlops_sandbox.identity.azure import TENANT
from mlops_sandbox.identity.github import SUBJECT, Refusal
from tests.support.cluster_certificates import Certificate
from tests.support.interceptor import Interceptor

ROLE = "arn:aws:iam::111122223333:role/ci"
OTHER_ROLE = "arn:aws:iam::111122223333:role/deeper"
USER = "arn:aws:iam::111122223333:user/ci"
APPLICATION = "aaaaaaaa-0000-4000-8000-000000000001"
SUBSCRIPTION = "bbbbbbbb-0000-4000-8000-000000000002"
AUDIENCE = "https://cluster.test"
REGION = "eu-west-1"


class IdentityPlatform:
    """Everything on loopback with one certificate. Use as a context manager; `environ` holds a job's variables then."""

    def __init__(self, cluster: Cluster, certificate: Certificate, directory: Path) -> None:
        self.cluster = cluster
        self.issuer = Issuer()
        self.aws, self.azure = Aws(self.issuer), Azure(self.issuer)
        joined = directory / "identity.pem"
        joined.write_text(certificate.certificate.read_text() + certificate.key.read_text())
        self.authority = certificate.certificate.read_text()
        self._authority_file = str(certificate.certificate)
        self.interceptors = {
            name: Interceptor(app, prefix="")
            for name, app in {"github": self.issuer.app, "aws": self.aws.app, "azure": self.azure.app}.items()
        }
        self.instance = InstanceMetadata(self.aws)
        self.metadata = Host(self.instance.app)  # which EC2 serves by plain HTTP
        self.hosts = {name: Host(one, certificate=joined) for name, one in self.interceptors.items()}
        self.api = Host(cluster.app, certificate=joined)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        for host in (*self.hosts.values(), self.api, self.metadata):
            self._stack.enter_context(host)
        self.aws.clusters["train"] = AwsCluster(self.api.url, self.authority)
        self.aws.roles |= {ROLE: SUBJECT, OTHER_ROLE: ROLE}
        self.aws.describers |= {ROLE, USER}
        sts = self.hosts["aws"].url.removeprefix("https://")
        users = dict.fromkeys((ROLE, OTHER_ROLE, USER), SUBMITTER)
        self.azure.applications[APPLICATION] = FederatedCredential(SUBJECT)
        self.azure.add_cluster(
            SUBSCRIPTION, "ml", "train", self.kubeconfig(kubelogin("devicecode", "--client-id", "people"))
        )
        self.cluster.access.authenticators += [
            self.aws.authenticator("train", sts, users),
            self.azure.authenticator({APPLICATION: SUBMITTER}),
            self._by_identity,
        ]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    @property
    def environ(self) -> dict[str, str]:
        """The variables of a job with `id-token: write`, which lead AWS's and Azure's clients to the stand-ins."""
        return {
            **self.issuer.variables(self.hosts["github"].url),
            "REQUESTS_CA_BUNDLE": self._authority_file,
            "AZURE_AUTHORITY_HOST": self.hosts["azure"].url,
            "AZURE_RESOURCE_MANAGER_URL": self.hosts["azure"].url,
            "AWS_ENDPOINT_URL": self.hosts["aws"].url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/nowhere/config",
            "AWS_SHARED_CREDENTIALS_FILE": "/nowhere/credentials",
        }

    def kubeconfig(self, user: Mapping[str, Any] | None) -> str:
        """A kubeconfig of the cluster with what it says of the user; None: without one."""
        data = base64.b64encode(self.authority.encode()).decode()
        context = {"cluster": "train", **({} if user is None else {"user": "ci"})}
        return yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "train",
                "clusters": [{"name": "train", "cluster": {"server": self.api.url, "certificate-authority-data": data}}],
                "contexts": [{"name": "train", "context": context}],
                "users": [] if user is None else [{"name": "ci", "user": dict(user)}],
            }
        )

    def _by_identity(self, token: str) -> Identity | None:
        """Structured authentication configuration that trusts the issuer."""
        try:
            claims = self.issuer.verify(token, AUDIENCE)
        except Refusal:
            return None
        return Identity(f"github:{claims['sub']}", SUBMITTER) if claims["sub"] == SUBJECT else None


def aws_cli(*more: str, **env: str) -> dict[str, Any]:
    """What `aws eks update-kubeconfig` writes."""
    args = ["--region", REGION, "eks", "get-token", "--cluster-name", "train", "--output", "json", *more]
    return {"exec": {"command": "aws", "args": args, "env": [{"name": name, "value": env[name]} for name in env]}}


def kubelogin(mode: str, *more: str) -> dict[str, Any]:
    """What `az aks get-credentials --format exec` and `kubelogin convert-kubeconfig` write."""
    server = "6dae42f8-4368-4678-94ff-3960e28e3630"
    args = ["get-token", "--environment", "AzurePublicCloud", "--server-id", server, "--tenant-id", TENANT]
    return {"exec": {"command": "kubelogin", "args": [*args, "--login", mode, *more], "env": None}}
