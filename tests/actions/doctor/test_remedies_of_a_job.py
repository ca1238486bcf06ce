"""In a job, a remedy is one that the repository's people can follow: they renew a secret, and log in nowhere."""

from __future__ import annotations

import json
import re

import pytest

from mlops_sandbox.cluster import SUBMITTER
from tests.actions.doctor import remedies
from tests.actions.doctor.faults.breakage import Change, account, environment
from tests.actions.doctor.faults.other_clusters import KUBECONFIG
from tests.actions.doctor.world import PASSWORD, World


def revoked(world: World) -> None:
    world.cluster.access.revoke(world.cluster.submitter_token)


def through_argo_server(world: World) -> None:
    world.replace(
        KUBECONFIG,
        f"          argo-server: {world.hosts['argo'].url}\n          argo-token: ${{{{ secrets.ARGO_TOKEN }}}}\n",
    )
    world.environ["ARGO_TOKEN"] = "unknown"


BASE64 = "base64 < FILE | tr -d '\\n'"
unusable = environment("KUBECONFIG", "apiVersion: v1\nclusters: []\n")


def unusable_under_another_name(world: World) -> None:
    world.replace("secrets.KUBECONFIG", "secrets.TEAM_CLUSTER")
    world.environ["TEAM_CLUSTER"] = "apiVersion: v1\nclusters: []\n"


def no_token(world: World) -> None:
    del world.environ["GH_TOKEN"]


@pytest.mark.parametrize(
    ("group", "break_it", "name", "remedy"),
    [
        (
            "registry",
            environment("REGISTRY_PASSWORD", "wrong"),
            "login",
            "gh secret set REGISTRY_PASSWORD -R octo-org/digits",
        ),
        ("registry", account(repositories=frozenset({"other"})), "login", "gh secret set REGISTRY_PASSWORD"),
        ("wandb", environment("WANDB_API_KEY", "wrong"), "key", "gh secret set WANDB_API_KEY -R octo-org/digits"),
        ("wandb", environment("WANDB_API_KEY", ""), "connection", "give 'api-key: ${{ secrets.WANDB_API_KEY }}'"),
        ("cluster", revoked, "credentials", f"{BASE64} | gh secret set KUBECONFIG -R octo-org/digits"),
        ("cluster", unusable, "connection", f"{BASE64} | gh secret set KUBECONFIG -R octo-org/digits"),
        ("cluster", unusable_under_another_name, "connection", f"{BASE64} | gh secret set TEAM_CLUSTER -R octo-org/digits"),
        ("cluster", through_argo_server, "credentials", "gh secret set ARGO_TOKEN -R octo-org/digits"),
        ("github", environment("GH_TOKEN", "ghs_unknown"), "repository", "'github-token' of actions/doctor"),
        ("github", no_token, "connection", "'github-token' of actions/doctor"),
    ],
)
def test_a_remedy_renews_the_secret(world: World, group: str, break_it: Change, name: str, remedy: str) -> None:
    world.environ |= {"GITHUB_ACTIONS": "true", "DOCTOR_VARS": json.dumps(world.settings.variables)}
    assert world.environ["REGISTRY_PASSWORD"] == PASSWORD
    break_it(world)
    diagnosed = world.ask("--only", group)
    assert diagnosed.named("fails") >= {(group, name)}, diagnosed.text
    given = diagnosed.check(group, name)["remedy"]
    assert remedy in given
    assert not re.search(remedies.TO_A_PERSON, given)


def test_a_right_that_lacks_is_granted_in_the_file(world: World) -> None:
    """The same command mends it for a job and for a person: an administrator of the cluster gives it."""
    world.environ["GITHUB_ACTIONS"] = "true"
    world.act_as(SUBMITTER[:1])
    checks = world.ask("--only", "cluster").checks
    assert all(
        not re.search(remedies.TO_A_PERSON, check["remedy"].replace("kubectl auth whoami prints", "")) for check in checks
    )
