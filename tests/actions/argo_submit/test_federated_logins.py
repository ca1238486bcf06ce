"""Whole jobs on EKS, AKS and a cluster that trusts GitHub's issuer, by the clouds' own libraries, against stand-ins."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mlops_sandbox.cluster import SUBMITTER, Cluster, LocalImage, ProcessExecutor
from mlops_sandbox.cluster.access import Identity, rule
from mlops_sandbox.identity import AwsCluster, FederatedCredential
from mlops_sandbox.identity.azure import TENANT
from mlops_sandbox.identity.github import SUBJECT
from mlops_sandbox.identity.signature import SignedRequest
from tests.actions.argo_submit.job import Job, shell
from tests.support.cluster_certificates import Certificate, for_loopback
from tests.support.git import commit
from tests.support.identity_platform import (
    APPLICATION,
    AUDIENCE,
    OTHER_ROLE,
    REGION,
    ROLE,
    SUBSCRIPTION,
    USER,
    IdentityPlatform,
    aws_cli,
    kubelogin,
)

EKS = {"eks_cluster": "train", "eks_region": REGION}
BY_ROLE = {**EKS, "aws_role": ROLE}
AKS = {
    "aks_cluster": "train",
    "aks_resource_group": "ml",
    "aks_subscription": SUBSCRIPTION,
    "azure_client_id": APPLICATION,
    "azure_tenant_id": TENANT,
}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return for_loopback(tmp_path_factory.mktemp("certificate"), "identity")


@pytest.fixture
def platform(certificate: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[IdentityPlatform]:
    executor = ProcessExecutor({"": LocalImage()})
    with Cluster(executor) as cluster, IdentityPlatform(cluster, certificate, tmp_path) as made:
        for name, value in made.environ.items():  # botocore reads the process' own
            monkeypatch.setenv(name, value)
        for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID"):
            monkeypatch.delenv(name, raising=False)
        yield made


@pytest.fixture
def job(platform: IdentityPlatform, tmp_path: Path) -> Job:
    made = Job(tmp_path)
    made.environ |= platform.environ
    return made


def run(job: Job, **inputs: str) -> int:
    return job.run(**{"workflow": shell("echo there"), "idempotency": "none", **inputs})


def succeeds(job: Job, **inputs: str) -> None:
    assert run(job, **inputs) == 0, job.log
    assert "\nthere\n" in job.log


def sign_in_by_key(job: Job, platform: IdentityPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    """What configure-aws-credentials leaves."""
    key, secret = platform.aws.add_key(USER)
    job.environ["AWS_REGION"] = REGION
    for name, value in {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}.items():
        monkeypatch.setenv(name, value)


# EKS


def test_a_role_is_assumed_by_the_job_s_identity_token(job: Job, platform: IdentityPlatform) -> None:
    succeeds(job, **BY_ROLE)
    assert platform.aws.sessions == ["mlops-actions-42"]
    [session] = [key for key in platform.aws.keys.values() if key.token]
    for secret in (session.secret, session.token, platform.issuer.tokens[0], platform.issuer.request_token):
        assert f"::add-mask::{secret}" in job.log
        assert secret not in job.log.replace(f"::add-mask::{secret}", "")
    assert "::add-mask::k8s-aws-v1." in job.log


def test_the_environment_that_configure_aws_credentials_leaves_signs_in(
    job: Job, platform: IdentityPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in_by_key(job, platform, monkeypatch)
    succeeds(job, eks_cluster="train")
    succeeds(job, kubeconfig=platform.kubeconfig(aws_cli()))
    authenticator = {"exec": {"command": "aws-iam-authenticator", "args": ["token", "-i", "train"]}}
    succeeds(job, kubeconfig=platform.kubeconfig(authenticator))
    assert platform.issuer.tokens == []


def test_a_kubeconfig_of_eks_is_used_with_a_role_and_one_more(job: Job, platform: IdentityPlatform) -> None:
    succeeds(job, kubeconfig=platform.kubeconfig(aws_cli()), aws_role=ROLE)
    succeeds(job, kubeconfig=platform.kubeconfig(aws_cli("--role-arn", OTHER_ROLE)), aws_role=ROLE)
    assert platform.aws.sessions == ["mlops-actions-42"] * 3


def test_keys_in_a_kubeconfig_are_used_and_masked(job: Job, platform: IdentityPlatform) -> None:
    key, secret = platform.aws.add_key(USER)
    given = aws_cli(AWS_ACCESS_KEY_ID=key, AWS_SECRET_ACCESS_KEY=secret)
    succeeds(job, kubeconfig=platform.kubeconfig(given))
    assert f"::add-mask::{secret}" in job.log


def let_tokens_end(platform: IdentityPlatform, *, uses: int) -> list[str]:
    """Let the cluster refuse each token after some uses, as if it had expired; return the tokens that come."""
    seen: list[str] = []
    authenticators = list(platform.cluster.access.authenticators)

    def authenticate(token: str) -> Identity | None:
        seen.append(token)
        identities = (one(token) for one in authenticators)
        return next(filter(None, identities), None) if seen.count(token) <= uses else None

    platform.cluster.access.authenticators[:] = [authenticate]
    return seen


def on_an_instance(job: Job, platform: IdentityPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run on a machine of EC2, which is a runner of one's own."""
    job.environ["AWS_REGION"] = REGION
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "false")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", platform.metadata.url)


def test_the_role_of_the_instance_that_runs_the_job_signs_in(
    job: Job, platform: IdentityPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_an_instance(job, platform, monkeypatch)
    platform.instance.role = ROLE
    succeeds(job, eks_cluster="train")
    succeeds(job, kubeconfig=platform.kubeconfig(aws_cli()))
    assert platform.issuer.tokens == []


@pytest.mark.parametrize("is_instance", [False, True], ids=["no answer", "no role"])
def test_an_instance_without_credentials_is_told_the_ways_to_sign_in(
    job: Job, platform: IdentityPlatform, monkeypatch: pytest.MonkeyPatch, is_instance: bool
) -> None:
    """The step runs in a container, which an instance does not answer unless its hop limit is 2."""
    on_an_instance(job, platform, monkeypatch)
    if not is_instance:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:9")
    assert run(job, eks_cluster="train") == 2, job.log
    cause, remedy = job.error.splitlines()
    assert cause == "there are no credentials for AWS"
    for way in ("'aws-role'", "configure-aws-credentials", "aws ec2 modify-instance-metadata-options"):
        assert way in remedy


def test_a_session_that_ends_while_one_waits_is_replaced(job: Job, platform: IdentityPlatform) -> None:
    """AWS lets each session end after the cluster has asked about it three times, and the step signs in anew."""
    platform.aws.lifetime = 300
    used: list[str] = []
    caller = platform.aws.caller

    def end_sessions(signed: SignedRequest, service: str, valid: timedelta) -> str:
        key = signed.parts.get("Credential", "").split("/")[0]
        used.append(key)
        if used.count(key) > 3:
            platform.aws.keys[key].end = datetime.now(UTC)
        return caller(signed, service, valid)

    platform.aws.caller = end_sessions  # type: ignore[method-assign]
    succeeds(job, **BY_ROLE)
    assert len({key for key in used if used.count(key) > 3}) > 1


def test_a_role_s_session_that_ends_soon_is_renewed(job: Job, platform: IdentityPlatform) -> None:
    platform.aws.lifetime = 300  # botocore renews what has less than ten minutes left
    succeeds(job, **BY_ROLE)
    assert len(platform.aws.sessions) > 1


@pytest.mark.parametrize(
    ("change", "inputs", "code", "cause", "remedy"),
    [
        (lambda it: it.aws.roles.clear(), BY_ROLE, 3, "AccessDenied: Not authorized to perform", "trust policy"),
        (lambda it: setattr(it.issuer, "subject", "repo:evil/fork:ref:x"), BY_ROLE, 3, "AccessDenied", "trust policy"),
        (lambda it: setattr(it.issuer, "lifetime", -1), BY_ROLE, 3, "ExpiredTokenException", "have expired or are wrong"),
        (lambda it: it.aws.describers.clear(), BY_ROLE, 3, "AccessDeniedException", "eks:DescribeCluster"),
        (lambda it: it.aws.clusters.clear(), BY_ROLE, 3, "no EKS cluster 'train' in the region eu-west-1", "eks-region"),
        (
            lambda it: it.aws.clusters.update(train=AwsCluster("", "", "CREATING")),
            BY_ROLE,
            2,
            "the EKS cluster 'train' cannot be used: it is CREATING",
            "wait",
        ),
        (lambda _: None, EKS, 2, "there are no credentials for AWS", "give 'aws-role'"),
        (lambda _: None, {"eks_cluster": "train", "aws_role": ROLE}, 2, "AWS needs a region", "give 'eks-region'"),
        (lambda _: None, {**BY_ROLE, "eks_region": "eu-west-2"}, 3, "SignatureDoesNotMatch", ""),
        (lambda _: None, {**BY_ROLE, "aws_role": "ci"}, 2, "must be the ARN of a role", "aws-role"),
        (lambda it: it.cluster.access.authenticators.clear(), BY_ROLE, 3, "(401)", "create-access-entry"),
    ],
)  # fmt: skip
def test_a_refusal_of_aws_is_put_into_words(
    job: Job, platform: IdentityPlatform, change: object, inputs: dict[str, str], code: int, cause: str, remedy: str
) -> None:
    assert callable(change)
    change(platform)
    assert run(job, **inputs) == code, job.log
    assert cause in job.error
    assert remedy in job.error


def test_a_job_without_the_permission_is_told_which(job: Job, platform: IdentityPlatform) -> None:
    del job.environ["ACTIONS_ID_TOKEN_REQUEST_URL"], job.environ["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]
    for inputs in (BY_ROLE, AKS, {"oidc_audience": AUDIENCE, "kubeconfig": platform.kubeconfig(None)}):
        assert run(job, **inputs) == 2, job.log
        assert "this job may not ask GitHub for an identity token" in job.error
        assert "id-token: write" in job.error


def test_a_profile_that_runs_a_program_is_refused(
    job: Job, platform: IdentityPlatform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tmp_path / "ran"
    config = tmp_path / "aws-config"
    config.write_text(
        f"[profile ci]\nsource_profile = base\nrole_arn = {ROLE}\n[profile base]\ncredential_process = touch {ran}\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    for inputs in ({"kubeconfig": platform.kubeconfig(aws_cli("--profile", "ci"))}, EKS):
        monkeypatch.setenv("AWS_PROFILE", "ci")
        assert run(job, **inputs) == 2, job.log
        assert "'base' would have a program run (credential_process)" in job.error
    assert not ran.exists()


# AKS


def test_an_application_signs_in_by_the_job_s_identity_token(job: Job, platform: IdentityPlatform) -> None:
    succeeds(job, **AKS)
    assert len(platform.azure.tokens) == 2  # for the Resource Manager, and for the cluster
    for token in (*platform.azure.tokens, *platform.issuer.tokens):
        assert f"::add-mask::{token}" in job.log


def test_the_variables_of_azure_name_the_application(job: Job, platform: IdentityPlatform) -> None:
    job.environ |= {
        "AZURE_CLIENT_ID": APPLICATION,
        "AZURE_TENANT_ID": TENANT,
        "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION,
    }
    succeeds(job, aks_cluster="train", aks_resource_group="ml")
    for mode in ("workloadidentity", "devicecode", "azurecli"):
        succeeds(job, kubeconfig=platform.kubeconfig(kubelogin(mode)))
    # They may be there for another step.
    succeeds(job, kubeconfig=platform.kubeconfig(None), oidc_audience=AUDIENCE)


def test_a_client_secret_in_a_kubeconfig_signs_in_and_is_masked(job: Job, platform: IdentityPlatform) -> None:
    secret = secrets.token_urlsafe(24)
    platform.azure.applications[APPLICATION] = FederatedCredential(SUBJECT, secret=secret)
    given = kubelogin("spn", "--client-id", APPLICATION, "--client-secret", secret)
    succeeds(job, kubeconfig=platform.kubeconfig(given))
    assert platform.issuer.tokens == []
    assert f"::add-mask::{secret}" in job.log
    wrong = kubelogin("spn", "--client-id", APPLICATION, "--client-secret", "another")
    assert run(job, kubeconfig=platform.kubeconfig(wrong)) == 3, job.log
    assert "AADSTS7000215" in job.error


def test_the_managed_identity_of_a_machine_signs_in(
    job: Job, platform: IdentityPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library finds the service of the machine by its own variables, which an App Service sets."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{platform.hosts['azure'].url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", platform.azure.machine_secret)
    given = platform.kubeconfig(kubelogin("msi", "--client-id", APPLICATION))
    assert run(job, kubeconfig=given) == 2, job.log  # the machine has no such identity
    assert "No User Assigned or Delegated Managed Identity found" in job.error
    assert "assign the managed identity to this machine" in job.error
    platform.azure.identities.add(APPLICATION)
    succeeds(job, kubeconfig=given)
    [token] = platform.azure.tokens
    assert f"::add-mask::{token}" in job.log
    assert platform.issuer.tokens == []


def test_the_token_of_a_pod_s_file_signs_in(job: Job, platform: IdentityPlatform, tmp_path: Path) -> None:
    file = tmp_path / "azure-token"
    file.write_text(platform.issuer.issue("api://AzureADTokenExchange"))
    job.environ["AZURE_FEDERATED_TOKEN_FILE"] = str(file)
    given = kubelogin("workloadidentity", "--client-id", APPLICATION)
    succeeds(job, kubeconfig=platform.kubeconfig(given))
    assert platform.issuer.tokens == []
    secret = tmp_path / "secret"
    secret.write_text("another-file")
    given = kubelogin("workloadidentity", "--client-id", APPLICATION, "--federated-token-file", str(secret))
    assert run(job, kubeconfig=platform.kubeconfig(given)) == 2
    assert "a kubeconfig may not choose a file to send away" in job.error


@pytest.mark.parametrize(
    ("change", "inputs", "code", "cause", "remedy"),
    [
        (lambda it: it.azure.applications.clear(), {}, 3, "AADSTS700016", "check 'azure-client-id'"),
        (lambda _: None, {"azure_tenant_id": "other"}, 3, "AADSTS90002", "check 'azure-tenant-id'"),
        (
            lambda it: it.azure.applications.update({APPLICATION: FederatedCredential("repo:other/one:ref:x")}),
            {},
            3,
            "AADSTS700213",
            "add a federated credential",
        ),
        (lambda it: setattr(it.issuer, "lifetime", -1), {}, 3, "AADSTS700024", "run the job again"),
        (
            lambda it: it.azure.applications.update({APPLICATION: FederatedCredential(SUBJECT, may_list=False)}),
            {},
            3,
            "AuthorizationFailed",
            "Azure Kubernetes Service Cluster User Role",
        ),
        (lambda _: None, {"aks_cluster": "other"}, 3, "Azure knows no AKS cluster 'other'", "check 'aks-cluster'"),
        (lambda _: None, {"aks_resource_group": ""}, 2, "needs 'aks-resource-group'", "give 'aks-resource-group'"),
        (lambda _: None, {"azure_client_id": ""}, 2, "sign-in to Azure needs 'azure-client-id'", "give 'azure-client-id'"),
        (lambda it: it.cluster.access.authenticators.clear(), {}, 3, "(401)", "a RoleBinding in the namespace"),
    ],
)  # fmt: skip
def test_a_refusal_of_azure_is_put_into_words(
    job: Job, platform: IdentityPlatform, change: object, inputs: dict[str, str], code: int, cause: str, remedy: str
) -> None:
    assert callable(change)
    change(platform)
    assert run(job, **{**AKS, **inputs}) == code, job.log
    assert cause in job.error
    assert remedy in job.error


def test_a_kubeconfig_of_azure_s_that_names_a_file_is_not_used(job: Job, platform: IdentityPlatform) -> None:
    text = platform.kubeconfig({"tokenFile": "/etc/hostname"})
    platform.azure.add_cluster(SUBSCRIPTION, "ml", "train", text)
    assert run(job, **AKS) == 4
    assert "refers to files" in job.error


# GitHub's identity token


def test_the_job_s_identity_token_signs_in(job: Job, platform: IdentityPlatform) -> None:
    succeeds(job, kubeconfig=platform.kubeconfig(None), oidc_audience=AUDIENCE)
    [token] = platform.issuer.tokens
    assert f"::add-mask::{token}" in job.log
    assert run(job, kubeconfig=platform.kubeconfig(None), oidc_audience="another") == 3
    assert "does not accept the credentials (401)" in job.error


@pytest.mark.parametrize("inputs", [AKS, {"oidc_audience": AUDIENCE}], ids=["AKS", "audience"])
def test_a_token_that_ends_while_one_waits_is_replaced(job: Job, platform: IdentityPlatform, inputs: dict[str, str]) -> None:
    seen = let_tokens_end(platform, uses=2)
    given = {"kubeconfig": platform.kubeconfig(None), **inputs} if "oidc_audience" in inputs else inputs
    succeeds(job, **given)
    assert len(set(seen)) > 1


@pytest.mark.parametrize(
    "user",
    [{"token": "t0ken"}, {"username": "u", "password": "p"}, aws_cli(), kubelogin("msi")],
    ids=["token", "password", "aws", "azure"],
)  # fmt: skip
def test_an_audience_beside_another_login_is_refused(job: Job, platform: IdentityPlatform, user: dict[str, object]) -> None:
    assert run(job, kubeconfig=platform.kubeconfig(user), oidc_audience=AUDIENCE) == 2
    assert "has a login of its own" in job.error
    assert platform.issuer.tokens == []


def test_an_identity_token_is_not_sent_in_plain_text(job: Job, platform: IdentityPlatform) -> None:
    text = platform.kubeconfig(None).replace(platform.api.url, "http://cluster.test")
    assert run(job, kubeconfig=text, oidc_audience=AUDIENCE) == 2
    assert "would be sent in plain text" in job.error


FOREIGN: dict[str, tuple[dict[str, object] | None, dict[str, str]]] = {
    "audience": (None, {"oidc_audience": AUDIENCE}),
    "AWS": (aws_cli(), {"aws_role": ROLE}),
    "Azure": (kubelogin("azurecli"), {"azure_client_id": APPLICATION}),
    "file": ({"tokenFile": "token"}, {}),
}


@pytest.mark.parametrize("variable", [False, True])
def test_a_kubeconfig_of_the_commit_gets_no_token_of_the_job(job: Job, platform: IdentityPlatform, variable: bool) -> None:
    """A pull request can change the file, and with it the server, which would collect the token."""
    subprocess.run(["git", "init", "--quiet", str(job.workspace)], check=True)
    (job.workspace / "token").write_text(platform.cluster.submitter_token)  # what an earlier step left
    file = job.workspace / "kubeconfig"
    for user, inputs in FOREIGN.values():
        commit(job.workspace, {"kubeconfig": platform.kubeconfig(user)}, "collect a token")
        given = {} if variable else {"kubeconfig": str(file)}
        job.environ["KUBECONFIG"] = f"/nowhere/config:{file}" if variable else ""
        assert run(job, **inputs, **given) == 2, job.log
        assert "chooses the server that gets a token of this job" in job.error
        assert "git tracks it" in job.error
    assert platform.issuer.tokens == []
    assert platform.cluster.requests == []


@pytest.mark.parametrize("login", FOREIGN)
def test_a_kubeconfig_that_an_earlier_step_wrote_gets_the_token(job: Job, platform: IdentityPlatform, login: str) -> None:
    user, inputs = FOREIGN[login]
    subprocess.run(["git", "init", "--quiet", str(job.workspace)], check=True)
    (job.workspace / "token").write_text(platform.cluster.submitter_token)
    succeeds(job, kubeconfig=str(job.workspace / job.write("kubeconfig", platform.kubeconfig(user))), **inputs)


def test_a_kubeconfig_of_the_commit_with_a_token_of_its_own_is_used(job: Job, platform: IdentityPlatform) -> None:
    subprocess.run(["git", "init", "--quiet", str(job.workspace)], check=True)
    text = platform.kubeconfig({"token": platform.cluster.submitter_token})
    commit(job.workspace, {"kubeconfig": text}, "a kubeconfig")
    succeeds(job, kubeconfig=str(job.workspace / "kubeconfig"))


@pytest.mark.parametrize("variable", ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"])
def test_settings_of_aws_in_the_commit_are_not_read(
    job: Job, platform: IdentityPlatform, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """They could name another address as AWS, which would get the identity token."""
    subprocess.run(["git", "init", "--quiet", str(job.workspace)], check=True)
    commit(job.workspace, {"aws": f"[default]\nendpoint_url = {platform.hosts['aws'].url}\n"}, "collect a token")
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv(variable, str(job.workspace / "aws"))
    assert run(job, **BY_ROLE) == 2, job.log
    assert "AWS's settings are in the file" in job.error
    assert platform.issuer.tokens == []


# One way to connect


@pytest.mark.parametrize(
    ("inputs", "cause"),
    [
        ({**EKS, "kubeconfig": "k"}, "inputs 'eks-cluster' and 'kubeconfig' both name a cluster"),
        ({"eks_cluster": "a", "aks_cluster": "b"}, "inputs 'aks-cluster' and 'eks-cluster' both name a cluster"),
        (
            {"eks_cluster": "a", "aks_cluster": "b", "gke_cluster": "c"},
            "inputs 'aks-cluster' and 'eks-cluster' and 'gke-cluster' all name a cluster",
        ),
        ({"aks_cluster": "a", "argo_server": "https://a"}, "'argo-server' cannot be combined with 'aks-cluster'"),
        ({**EKS, "oidc_audience": "a"}, "input 'oidc-audience' has no meaning with 'eks-cluster'"),
        ({**AKS, "aws_role": ROLE}, "input 'aws-role' has no meaning with 'aks-cluster'"),
        ({**AKS, "kube_context": "c"}, "input 'kube-context' has no meaning with 'aks-cluster'"),
        ({**EKS, "gke_location": "l"}, "input 'gke-location' has no meaning with 'eks-cluster'"),
        ({"eks_region": REGION}, "input 'eks-region' has no meaning without 'eks-cluster'"),
        ({"aks_resource_group": "ml"}, "input 'aks-resource-group' has no meaning without 'aks-cluster'"),
        ({"kubeconfig": "k", "aks_subscription": "s"}, "input 'aks-subscription' has no meaning without 'aks-cluster'"),
        ({"argo_token": "t"}, "input 'argo-token' has no meaning without 'argo-server'"),
    ],
)
def test_one_way_to_connect_is_given(tmp_path: Path, inputs: dict[str, str], cause: str) -> None:
    job = Job(tmp_path)
    assert run(job, **inputs) == 2
    assert cause in job.error


# Acting as another user


def test_a_kubeconfig_acts_as_another_user(job: Job, platform: IdentityPlatform) -> None:
    access = platform.cluster.access
    access.group_rules["ml"] = SUBMITTER
    token = access.grant("robot", [rule("users groups", "impersonate")])
    user = {"token": token, "as": "somebody", "as-groups": ["night shift", "ml"]}
    succeeds(job, kubeconfig=platform.kubeconfig(user))
    assert run(job, kubeconfig=platform.kubeconfig({**user, "as-groups": ["ml, night"]})) == 3
    assert "the user 'somebody' may not create workflows" in job.error
    assert run(job, kubeconfig=platform.kubeconfig({**user, "as-uid": "7"})) == 3
    assert "the user 'robot' may not impersonate uids" in job.error
