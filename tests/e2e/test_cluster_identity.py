"""The job's own identity token, and acting as another user, on the real API server."""

from __future__ import annotations

from collections.abc import Callable

import yaml

from mlops_sandbox.identity.github import SUBJECT
from tests.actions.argo_submit.job import Job
from tests.e2e.cluster import access
from tests.e2e.cluster.identity import AUDIENCE, PREFIX
from tests.e2e.cluster.real import NAMESPACE, RealCluster
from tests.e2e.cluster.workflows import manifest

DRY = {"workflow": manifest("entrypoint: sleep"), "dry_run": "true"}


def without_user(cluster: RealCluster) -> str:
    """A kubeconfig that holds no secret: the cluster's address and its certificate authority."""
    config = yaml.safe_load(cluster.kubeconfig().read_text())
    config["users"] = []
    del config["contexts"][0]["context"]["user"]
    path = cluster.kubeconfig()
    path.write_text(yaml.safe_dump(config))
    return str(path)


def test_a_cluster_that_trusts_the_issuer_takes_the_job_s_identity_token(
    cluster: RealCluster, another_job: Callable[[], Job]
) -> None:
    for role in access.documented():
        access.grant(cluster.connection, NAMESPACE, f"{PREFIX}{SUBJECT}", role)
    trusted = cluster.trusted
    trusted.issuer.lifetime = 8  # a token is renewed after half of it, while the job waits
    job = another_job()
    del job.environ["KUBECONFIG"]
    job.environ |= {**trusted.issuer.variables(trusted.host.url), "REQUESTS_CA_BUNDLE": str(cluster.certificate.certificate)}
    given = {"kubeconfig": without_user(cluster), "oidc_audience": AUDIENCE}
    spec = (
        'entrypoint: main\ntemplates:\n- {name: main, container: {image: IMAGE, command: [sh, -c, "sleep 5; echo there"]}}'
    )
    assert job.run(workflow=manifest(spec), **given) == 0, job.log
    assert "\nthere\n" in job.log
    assert len(trusted.issuer.tokens) > 1

    assert job.run(**DRY, **{**given, "oidc_audience": "another"}) == 3, job.log
    assert "does not accept the credentials (401)" in job.error
    trusted.issuer.subject = "repo:octo-org/digits:pull_request"
    assert job.run(**DRY, **given) == 3, job.log
    assert f"the user '{PREFIX}repo:octo-org/digits:pull_request' may not create workflows" in job.error


def test_a_kubeconfig_acts_as_another_user(cluster: RealCluster, another_job: Callable[[], Job]) -> None:
    def acting(**more: object) -> int:
        login = {"token": cluster.tokens[access.ADMIN], **more}
        path = cluster.kubeconfig()
        config = yaml.safe_load(path.read_text())
        config["users"][0]["user"] = login
        path.write_text(yaml.safe_dump(config))
        return job.run(**DRY, kubeconfig=str(path))

    job = another_job()
    job.environ.pop("KUBECONFIG")
    user = {"as": access.SUBMITTER, "as-uid": "7", "as-user-extra": {"example.test/Why": ["a", "b"]}}
    assert acting(**user, **{"as-groups": ["one, two", "system:authenticated"]}) == 0, job.log
    assert acting(**{"as": "nobody"}) == 3, job.log
    assert "the user 'nobody' may not create workflows" in job.error
    assert acting(**{"as": "nobody", "as-groups": ["two", "system:masters"]}) == 0, job.log
