"""Faults of templates, of clusters on GKE, and of clusters behind an Argo Server."""

from __future__ import annotations

from typing import Any

from mlops_sandbox.cluster import SUBMITTER, Rule
from mlops_sandbox.cluster.resources import WORKFLOW_TEMPLATES
from tests.actions.doctor.faults.breakage import NOWHERE, Breakage, both, denied_by_webhook, environment, replaced
from tests.actions.doctor.world import World
from tests.support.gke_platform import Platform, account_key

KUBECONFIG = "          kubeconfig: ${{ secrets.KUBECONFIG }}\n"
# The connection of the step that serves `/retry failed`.
_ARGO_SERVER_OR_KUBECONFIG = """\
          argo-server: ${{ vars.ARGO_SERVER }} # only the Argo Server can do this
          argo-token: ${{ vars.ARGO_SERVER && secrets.ARGO_TOKEN || '' }}
          kubeconfig: ${{ !vars.ARGO_SERVER && secrets.KUBECONFIG || '' }}
"""
FROM = "          from: workflowtemplate/digits\n"
MANIFEST = "          workflow: workflow.yaml\n"


def without(verb: str, resource: str) -> tuple[Rule, ...]:
    """Return the submitter's rules without one verb on one resource."""
    return tuple(
        Rule(frozenset({plural}), granted.verbs - ({verb} if plural == resource else set()))
        for granted in SUBMITTER
        for plural in granted.resources
    )


def template(world: World) -> None:
    spec = {"entrypoint": "main", "templates": [{"name": "main", "container": {"image": "digits"}}]}
    world.cluster.store.create(WORKFLOW_TEMPLATES, "default", {"metadata": {"name": "digits"}, "spec": spec})


def argo_token(*rules: Rule) -> Any:
    return lambda world: environment("ARGO_TOKEN", world.cluster.add_user("person", rules or SUBMITTER))(world)


def trusted(world: World) -> None:
    world.environ["ARGO_SERVER"] = world.hosts["argo"].url.partition("//")[2]


def connect_by(world: World, inputs: str) -> None:
    """Let every step of the workflow file that talks to the cluster do so by these inputs."""
    world.replace(KUBECONFIG, inputs)
    world.replace(_ARGO_SERVER_OR_KUBECONFIG, inputs)


def through_argo_server(world: World) -> None:
    """Let the workflow file name the Argo Server instead of a kubeconfig."""
    world.settings.secrets.add("ARGO_TOKEN")
    connection = f"          argo-server: {world.hosts['argo'].url}\n          argo-token: ${{{{ secrets.ARGO_TOKEN }}}}\n"
    connect_by(world, connection)
    world.environ.pop("KUBECONFIG")
    argo_token()(world)
    trusted(world)


def elsewhere(world: World) -> None:
    world.replace(world.hosts["argo"].url, f"http://{NOWHERE}")
    world.environ["ARGO_SERVER"] = NOWHERE


TEMPLATES = (
    Breakage(
        "no such template", replaced(MANIFEST, FROM), ("cluster", "template digits"),
        "kubectl -n default get workflowtemplates.argoproj.io", template,
    ),
    Breakage(
        "may not read templates",
        both(template, replaced(MANIFEST, FROM), lambda world: world.without_right("get", "workflowtemplates")),
        ("cluster", "may get workflowtemplates"), "--resource=workflowtemplates.argoproj.io",
        lambda world: world.act_as(SUBMITTER),
    ),
)  # fmt: skip
ARGO_SERVER = (
    Breakage("no Argo Server", elsewhere, ("runner", "network to cluster"), "curl -v http://127.0.0.1:1"),
    Breakage(
        "another server", lambda world: (
            world.replace(world.hosts["argo"].url, world.hosts["wandb"].url),
            environment("ARGO_SERVER", world.hosts["wandb"].url)(world),
        ), ("cluster", "reachable"), "argo-server",
    ),
    Breakage(
        "a server that the file names alone", lambda world: world.environ.pop("ARGO_SERVER"), ("cluster", "connection"),
        "export ARGO_SERVER=", trusted,
    ),
    Breakage(
        "an unknown token", environment("ARGO_TOKEN", "unknown"), ("cluster", "credentials"), "ARGO_TOKEN", argo_token()
    ),
    *(
        Breakage(
            f"may not {verb} workflows", argo_token(*without(verb, "workflows")), ("cluster", f"may {verb} workflows"),
            f"--verb={verb}", argo_token(),
        )
        for verb in ("create", "get")
    ),
    Breakage(
        "may not read templates", both(template, replaced(MANIFEST, FROM), argo_token(*without("get", "workflowtemplates"))),
        ("cluster", "may get workflowtemplates"), "--resource=workflowtemplates.argoproj.io", argo_token(),
    ),
    Breakage(
        "no such template", replaced(MANIFEST, FROM), ("cluster", "template digits"),
        "kubectl -n default get workflowtemplates.argoproj.io", template,
    ),
    Breakage(
        "a manifest that the cluster refuses", denied_by_webhook("images must come from registry.example"),
        ("cluster", "dry run"), "kubectl create --dry-run=server", denied_by_webhook(""),
    ),
    Breakage(
        "an authority that is none", replaced("          argo-server:", "          argo-ca: '?'\n          argo-server:"),
        ("cluster", "connection"), "PEM", replaced("          argo-ca: '?'\n", ""),
    ),
)  # fmt: skip


def google(platform: Platform, attribute: str, value: Any) -> Any:
    return lambda _world: setattr(platform.google, attribute, value)


def breakages_on_gke(platform: Platform) -> tuple[Breakage, ...]:
    """Return the faults of a cluster on GKE; the platform is the test's own."""
    return (
        Breakage(
            "no such cluster", replaced("gke-cluster: train", "gke-cluster: tain"), ("cluster", "connection"),
            "check 'gke-cluster'", replaced("gke-cluster: tain", "gke-cluster: train"),
        ),
        Breakage(
            "no location", replaced("          gke-location: europe-west1\n", ""), ("cluster", "connection"),
            "give 'gke-location'",
            replaced("gke-cluster: train\n", "gke-cluster: train\n          gke-location: europe-west1\n"),
        ),
        Breakage(
            "a project of somebody else",
            replaced("gke-cluster: train\n", "gke-cluster: train\n          gke-project: forbidden\n"),
            ("cluster", "connection"), "roles/container.clusterViewer", replaced("          gke-project: forbidden\n", ""),
        ),
        Breakage(
            "an endpoint that the cluster has not",
            replaced("gke-cluster: train\n", "gke-cluster: train\n          gke-endpoint: dns\n"),
            ("cluster", "connection"), "give 'gke-endpoint'", replaced("          gke-endpoint: dns\n", ""),
        ),
        Breakage(
            "credentials that Google refuses", google(platform, "refuses", True), ("cluster", "connection"),
            "gcloud auth application-default login", google(platform, "refuses", False),
        ),
        Breakage(
            "no credentials", lambda world: world.environ.pop("GOOGLE_CREDENTIALS"), ("cluster", "connection"),
            "gcloud auth application-default login", environment("GOOGLE_CREDENTIALS", account_key(platform)),
        ),
        Breakage(
            "may not create workflows", lambda _: setattr(platform, "rules", without("create", "workflows")),
            ("cluster", "may create workflows"), "--verb=create", lambda _: setattr(platform, "rules", SUBMITTER),
        ),
    )  # fmt: skip
