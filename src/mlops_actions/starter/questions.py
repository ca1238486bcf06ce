"""Every answer that a starter is rendered from: its flag, how it is asked for, how it is judged, and what is accepted."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from mlops_actions.core.errors import BadInput
from mlops_actions.core.image_name import COMPONENT, HOST
from mlops_actions.pipeline import steps
from mlops_actions.starter.pin import is_reference

SUBMITTER = "mlops-submitter"  # the name in the templates
CLUSTERS = ("kubeconfig", "gke", "eks", "aks")
CONTROLS = ("status", "stop", "retry")
NO_CONTROLS = "none"
OPTIONAL = frozenset(["registry-username", "argo-url", "wandb-base-url"])  # an empty text means none
_MAX_LENGTH = 300


@dataclass(frozen=True)
class StarterQuestion:
    """One answer. `judge` returns the text as it is used, or raises ValueError with a message that continues the flag."""

    flag: str
    prompt: str
    accepted: str
    judge: Callable[[str], str]

    def judged(self, text: str) -> str:
        """Return the answer as it is used; raises BadInput with what is accepted."""
        try:
            if not text:
                raise ValueError("is empty")
            return self.judge(_plain(text))
        except ValueError as error:
            raise BadInput(f"{self.flag} {error}", f"give {self.accepted}") from None


def _plain(text: str) -> str:
    """Refuse what is more than a value in a workflow file."""
    if "${{" in text or not text.isprintable() or text != text.strip() or len(text) > _MAX_LENGTH:
        raise ValueError(
            "holds an expression, a blank at an end, a character that cannot be printed, "
            f"or more than {_MAX_LENGTH} characters"
        )
    return text


def _by_input(name: str) -> Callable[[str], str]:
    """Judge by the parser of the action that gets the answer."""

    def judge(text: str) -> str:
        next(entry for entry in steps.inputs() if entry.name == name).parse(text)
        return text

    return judge


def _image(text: str) -> str:
    name = text.lower()
    first, slash, rest = name.partition("/")
    names_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    if names_host and not HOST.fullmatch(first):
        raise ValueError(f"names no host that can be one: {first!r}")
    if not all(COMPONENT.fullmatch(part) for part in (rest if names_host else name).split("/")):
        tag = " (the workflow file adds the tag)" if re.search(r"[:@]", rest if names_host else name) else ""
        raise ValueError(f"is no name of an image{tag}: {text!r}")
    return name


def _registry(text: str) -> str:
    host = text.lower().removeprefix("https://").rstrip("/")
    if not HOST.fullmatch(host):
        raise ValueError(f"is no host of a registry: {text!r}")
    return host


def _service_account(text: str) -> str:
    if text == SUBMITTER:
        raise ValueError(f"{SUBMITTER} is the account with which jobs on GitHub submit workflows")
    return _by_input("service-account")(text)


def _reference(text: str) -> str:
    if not is_reference(text):
        raise ValueError(f"{text!r} is not a release")
    return text


def _choice(*options: str) -> Callable[[str], str]:
    def judge(text: str) -> str:
        if text not in options:
            raise ValueError(f"must be one of {', '.join(options)}, not {text!r}")
        return text

    return judge


def _controls(text: str) -> str:
    names = [name for name in re.split(r"[,\s]+", text) if name]
    if names == [NO_CONTROLS]:
        return NO_CONTROLS
    if unknown := [name for name in names if name not in CONTROLS]:
        raise ValueError(f"has no {unknown[0]!r}")
    return ", ".join(name for name in CONTROLS if name in names) or NO_CONTROLS


def _secret(text: str) -> str:
    # https://docs.github.com/en/actions/reference/security/secrets#naming-your-secrets
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}", text) or text.upper().startswith("GITHUB_"):
        raise ValueError(f"is no name of a secret: {text!r}")
    return text.upper()


def _label(text: str) -> str:
    if len(text) > 50 or "," in text:
        raise ValueError(f"is no name of a label: {text!r}")
    return text


def _path(text: str) -> str:
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"is no path in the repository: {text!r}")
    return str(path)


def _entity(text: str) -> str:
    if "/" in text:
        raise ValueError(f"is no user or team: {text!r}")
    return text


_ADDRESS = "an address such as {}, without user, query or fragment"
QUESTIONS = {
    "project": StarterQuestion(
        "--project",
        "W&B project, as entity/project",
        "a W&B project with its user or team, such as octo/digits",
        _by_input("project"),
    ),
    "entity": StarterQuestion("--entity", "W&B user or team that owns it", "a user or team on W&B, such as octo", _entity),
    "image": StarterQuestion(
        "--image", "Name of the image", "a name without a tag, such as digits or octo-org/digits", _image
    ),
    "registry": StarterQuestion("--registry", "Registry", "a host such as ghcr.io or registry.example:5000", _registry),
    "registry-username": StarterQuestion("--registry-username", "User of the registry", "a user name such as robot", str),
    "cluster": StarterQuestion(
        "--cluster",
        "Kind of cluster: kubeconfig, gke, eks or aks",
        "kubeconfig (any cluster, with a token), or gke, eks or aks (without a key)",
        _choice(*CLUSTERS),
    ),
    "namespace": StarterQuestion(
        "--namespace",
        "Namespace of the workflows",
        "a namespace of the cluster, such as ml-training",
        _by_input("namespace"),
    ),
    "service-account": StarterQuestion(
        "--service-account",
        "Service account of the workflows' pods",
        "another account for the pods, such as mlops-workflow",
        _service_account,
    ),
    "dockerfile": StarterQuestion(
        "--dockerfile", "Dockerfile", "a path in the repository, such as docker/train.Dockerfile", _path
    ),
    "manifest": StarterQuestion(
        "--manifest",
        "Argo workflow; `new` for a new one",
        "the file of an Argo Workflow, WorkflowTemplate or CronWorkflow in the repository, such as argo/train.yaml, or new",
        _path,
    ),
    "metric": StarterQuestion(
        "--metric", "Metric", "a metric of the runs and its direction, such as accuracy:max", _by_input("metrics")
    ),
    "gate": StarterQuestion(
        "--gate", "Gate", "a condition such as 'accuracy >= 0.9' or 'accuracy >= baseline.mean'", _by_input("gates")
    ),
    "argo-url": StarterQuestion(
        "--argo-url", "Address of Argo's UI", _ADDRESS.format("https://argo.example"), _by_input("argo-url")
    ),
    "wandb-base-url": StarterQuestion(
        "--wandb-base-url", "Address of W&B", _ADDRESS.format("https://wandb.example"), _by_input("wandb-base-url")
    ),
    "controls": StarterQuestion("--controls", "Controls", f"a list of {', '.join(CONTROLS)}, or none", _controls),
    "label": StarterQuestion(
        "--labels", "Label", "three labels of at most 50 characters, such as training trained failed", _label
    ),
    "kubeconfig-secret": StarterQuestion(
        "--kubeconfig-secret", "Secret", "a name of letters, digits and _, such as KUBECONFIG", _secret
    ),
    "wandb-secret": StarterQuestion(
        "--wandb-secret", "Secret", "a name of letters, digits and _, such as WANDB_API_KEY", _secret
    ),
    "ref": StarterQuestion("--ref", "Release", "a tag such as v1 or v1.2.3, or the 40 digits of a commit", _reference),
}
