"""The answers of an earlier run, read from the workflow file that it wrote. Pure; people have edited that file since."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from mlops_actions.core.parsers import yaml_value
from mlops_actions.starter.pin import Pin
from mlops_actions.starter.render import NEWEST_WAITS

_USES = re.compile(r"([\w.-]+/[\w.-]+)/actions/([a-z-]+)@(\S+)")
# The answer, the action that got it, and the name of its input there.
_INPUTS = (
    ("image", "docker-publish", "image"),
    ("registry", "docker-publish", "registry"),
    ("registry-username", "docker-publish", "username"),
    ("dockerfile", "docker-publish", "file"),
    ("namespace", "argo-submit", "namespace"),
    ("manifest", "argo-submit", "workflow"),
    ("service-account", "argo-submit", "service-account"),
    ("argo-url", "argo-submit", "argo-url"),
    ("project", "wandb-runs", "project"),
    ("wandb-base-url", "wandb-runs", "base-url"),
    ("controls", "chatops", "controls"),
)
_LABELS = ("pending-label", "success-label", "failure-label")
_CLUSTERS = {"gke-cluster": "gke", "eks-cluster": "eks", "aks-cluster": "aks", "kubeconfig": "kubeconfig"}
_ACTIONS = frozenset(action for _, action, _ in _INPUTS)
GITHUB, SERVER = "github.com", "a GitHub Enterprise Server"
_SECRET = re.compile(r"\$\{\{\s*secrets\.(\w+)\s*\}\}")


def answers_of(workflow: str) -> dict[str, str]:
    """Return the answers that a workflow file of `init` holds; metrics, gates and labels one a line.

    `server` tells for which kind of server the file was written: GITHUB or SERVER.
    """
    try:
        document = yaml_value(workflow, scalars_as_text=True)
    except ValueError:
        return {}
    steps = _steps(document)
    found = {answer: steps.get(action, {}).get(name, "") for answer, action, name in _INPUTS}
    if chatops := steps.get("chatops"):
        found.setdefault("controls", "none")
        found["controls"] = found["controls"] or "none"
        found["labels"] = "\n".join(label for name in _LABELS if (label := chatops.get(name)))
    if publish := steps.get("docker-publish"):
        found["dockerfile"] = publish.get("file", "Dockerfile")
    if _is_queue(document):
        found["server"] = GITHUB
    elif NEWEST_WAITS in workflow:
        found["server"] = SERVER
    report, submit = steps.get("wandb-runs", {}), steps.get("argo-submit", {})
    for name in ("metrics", "gates"):
        found[name] = report.get(name, "").strip()
    found["cluster"] = next((kind for name, kind in _CLUSTERS.items() if name in submit), "")
    for answer, text in (("kubeconfig-secret", submit.get("kubeconfig", "")), ("wandb-secret", report.get("api-key", ""))):
        if match := _SECRET.fullmatch(text):
            found[answer] = match[1]
    return {name: text for name, text in found.items() if text and "${{" not in text}


def is_whole(workflow: str) -> bool:
    """Return whether a workflow file has steps of all four actions, so that it holds every answer."""
    try:
        return _steps(yaml_value(workflow, scalars_as_text=True)).keys() >= _ACTIONS
    except ValueError:
        return False


def on_this_machine(address: str) -> bool:
    """Return whether a URL or a host names the machine itself, as the sandbox's addresses do."""
    host = urlsplit(address if "://" in address else f"//{address}").hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def of_another_machine(answers: Mapping[str, str]) -> dict[str, str]:
    """Leave out the addresses that name the machine itself, and the user of such a registry."""
    left_out = {name for name in ("wandb-base-url", "argo-url", "registry") if on_this_machine(answers.get(name, ""))}
    if "registry" in left_out:
        left_out.add("registry-username")
    return {name: text for name, text in answers.items() if name not in left_out}


def pin_of(workflow: str) -> Pin | None:
    """Return the release of the suite that a workflow file names; None where it names none."""
    for match in re.finditer(rf"uses:\s*{_USES.pattern}(?:[ \t]+#[ \t]*(v[^\s]+))?", workflow):
        if match[2] == "chatops":
            return Pin(match[3], match[4] or "", match[1])
    return None


def _is_queue(document: Any) -> bool:
    """Return whether a job waits in a queue, which github.com alone has."""
    jobs = document.get("jobs") if isinstance(document, dict) else None
    groups = [job.get("concurrency") for job in jobs.values() if isinstance(job, dict)] if isinstance(jobs, dict) else []
    return any(isinstance(group, dict) and "queue" in group for group in groups)


def _steps(document: Any) -> dict[str, dict[str, str]]:
    """Return the inputs of the first step of each action of the suite."""
    found: dict[str, dict[str, str]] = {}
    jobs = document.get("jobs") if isinstance(document, dict) else None
    for job in jobs.values() if isinstance(jobs, dict) else []:
        steps = job.get("steps") if isinstance(job, dict) else None
        for step in steps if isinstance(steps, list) else []:
            match = _USES.fullmatch(str(step.get("uses", ""))) if isinstance(step, dict) else None
            inputs = step.get("with") if match else None
            if match and isinstance(inputs, dict):
                found.setdefault(match[2], {str(name): str(value) for name, value in inputs.items()})
    return found
