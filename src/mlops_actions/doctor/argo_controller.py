"""Argo's controller: its version, whether it runs, and workflows that no controller has taken up."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from mlops_actions.core import shell
from mlops_actions.doctor.checks import Checker, HealthCheck
from mlops_actions.doctor.cluster_rights import ARGO_GROUP, may
from mlops_actions.doctor.ports import ClusterApi

# The versions that argo-submit is tested with, or whose API it knows; see actions/argo-submit/README.md.
MAJORS = (3, 4)
SUPPORTED = " and ".join(f"{major}.x" for major in MAJORS)
UPGRADE = "upgrade Argo Workflows to 3.6 or newer"
_CHECK = Checker("cluster")
_NAME = "Argo controller"
_DEPLOYMENTS = "/apis/apps/v1/deployments"
_START_SECONDS = 60  # a running controller gives a new workflow its first phase within seconds


def check(api: ClusterApi, namespace: str) -> Iterator[HealthCheck]:
    """Ask for the controller's deployment, and for workflows that wait for a controller, as far as these rights reach."""
    yield _deployment(api)
    if may(api, "list", ARGO_GROUP, "workflows", namespace):
        yield _untouched(api, namespace)


def version_of(text: str) -> tuple[int, int] | None:
    """Read `v3.7.1` or an image's tag; None where it holds no version."""
    found = re.search(r"(?:^|[:v])v?([0-9]+)\.([0-9]+)", text)
    return (int(found[1]), int(found[2])) if found else None


def _deployment(api: ClusterApi) -> HealthCheck:
    if not may(api, "list", "apps", "deployments"):
        return _CHECK.unknown(
            _NAME,
            "may I list deployments.apps?",
            "these credentials may not list deployments, and should not need to",
            remedy="kubectl -n argo get deployment workflow-controller -o wide",
        )
    answer = api.get(f"{_DEPLOYMENTS}?labelSelector={quote('app=workflow-controller')}")
    asked = f"GET {_DEPLOYMENTS}"
    items = answer.body.get("items") or [] if answer.status == 200 else []
    if not items:
        return _CHECK.unknown(_NAME, asked, "no deployment has the label app=workflow-controller")
    running = [item for item in items if int((item.get("status") or {}).get("availableReplicas") or 0)]
    if not running:
        name, where = items[0]["metadata"]["name"], items[0]["metadata"]["namespace"]
        return _CHECK.fails(
            _NAME,
            asked,
            f"no replica of {where}/{name} is available, so no workflow starts",
            remedy=(
                f"kubectl -n {shell.word(where)} scale deployment --replicas=1 {shell.operand(name)}",
                f"kubectl -n {shell.word(where)} describe deployment {shell.operand(name)}",
            ),
        )
    image = _image(running[0])
    version = version_of(image)
    if version is None:
        return _CHECK.unknown(_NAME, asked, f"its image names no version: {image}")
    if version[0] not in MAJORS:
        return _CHECK.fails(_NAME, asked, f"{image} is not supported: {SUPPORTED} are", remedy=UPGRADE)
    return _CHECK.ok(_NAME, asked, image)


def _image(deployment: Mapping[str, Any]) -> str:
    images = [str(container.get("image")) for container in deployment["spec"]["template"]["spec"]["containers"]]
    return next((image for image in images if "workflow-controller" in image), images[0] if images else "")


def _untouched(api: ClusterApi, namespace: str) -> HealthCheck:
    """Look for workflows without a phase: the controller gives one to every workflow that it has seen."""
    path = f"/apis/{ARGO_GROUP}/v1alpha1/namespaces/{quote(namespace)}/workflows?limit=100"
    answer = api.get(path)
    if answer.status != 200:
        return _CHECK.unknown("workflows that wait", f"GET {path}", answer.message)
    now = datetime.now(UTC)
    waiting = [
        item["metadata"]["name"]
        for item in answer.body.get("items") or ()
        if not (item.get("status") or {}).get("phase") and _age(item, now) > _START_SECONDS
    ]
    if not waiting:
        return _CHECK.ok("workflows that wait", f"GET {path}", "none")
    return _CHECK.fails(
        "workflows that wait",
        f"GET {path}",
        f"no controller has taken up {', '.join(waiting[:5])}",
        remedy="kubectl get pods --all-namespaces --selector app=workflow-controller",
    )


def _age(workflow: Mapping[str, Any], now: datetime) -> float:
    return (now - datetime.fromisoformat(workflow["metadata"]["creationTimestamp"])).total_seconds()
