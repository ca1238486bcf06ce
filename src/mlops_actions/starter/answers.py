"""What a starter is written from: a few answers, held to what the actions themselves accept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from mlops_actions.core.errors import BadInput, BadInputs
from mlops_actions.pipeline import parts

GITHUB_REGISTRY = "ghcr.io"
NAMESPACE, SERVICE_ACCOUNT, METRICS = "default", "mlops-workflow", ("accuracy:max", "loss:min")
SUBMITTER = "mlops-submitter"  # as the templates have it
_REF = re.compile(r"v[0-9]+(\.[0-9]+\.[0-9]+)?|[0-9a-f]{40}")
_UNFIT = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Answers:
    """All that was asked; every text has been checked. `project` is `entity/project`."""

    image: str
    project: str
    registry: str = GITHUB_REGISTRY
    registry_username: str = ""
    namespace: str = NAMESPACE
    service_account: str = SERVICE_ACCOUNT
    metrics: tuple[str, ...] = METRICS
    gates: tuple[str, ...] = ()
    argo_url: str = ""
    wandb_base_url: str = ""
    ref: str = parts.REF
    example: bool = False

    def __post_init__(self) -> None:
        problems = [
            *_problems_of_inputs(
                {
                    "image": (self.image, "--image"),
                    "registry": (self.registry, "--registry"),
                    "username": (self.registry_username, "--registry-username"),
                    "project": (self.project, "--project"),
                    "namespace": (self.namespace, "--namespace"),
                    "service-account": (self.service_account, "--service-account"),
                    "metrics": ("\n".join(self.metrics), "--metric"),
                    "gates": ("\n".join(self.gates), "--gate"),
                    "argo-url": (self.argo_url, "--argo-url"),
                    "wandb-base-url": (self.wandb_base_url, "--wandb-base-url"),
                }
            ),
        ]
        if not _REF.fullmatch(self.ref):
            remedy = "give a tag as v1 or v1.2.3, or a commit's 40 digits"
            problems.append(BadInput(f"--ref {self.ref!r} is no release", remedy))
        if self.service_account == SUBMITTER:
            cause = f"--service-account {SUBMITTER} is the account that jobs on GitHub submit with"
            problems.append(BadInput(cause, "give the pods an account of their own"))
        if problems:
            raise problems[0] if len(problems) == 1 else BadInputs(problems)

    @property
    def entity(self) -> str:
        """Whose project it is."""
        return self.project.partition("/")[0]

    @property
    def project_name(self) -> str:
        """The project without its entity."""
        return self.project.partition("/")[2]

    @property
    def name(self) -> str:
        """What workflows are called: the image's last part, as Kubernetes takes it."""
        return plain_name(self.image.rpartition("/")[2].partition(":")[0])[:40].strip("-")

    @property
    def on_github(self) -> bool:
        """Whether the job's own token is the registry's password."""
        return self.registry == GITHUB_REGISTRY


def plain_name(text: str) -> str:
    """Make a name of small letters, digits and hyphens of any text; `model` where nothing is left."""
    return _UNFIT.sub("-", text.lower()).strip("-") or "model"


def scalar(text: str) -> str:
    """Write text as a YAML scalar: as it is where that reads back as the same text, else quoted."""
    plain = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/:@-]*", text) and not text.endswith(":")
    if plain and yaml.safe_load(text) == text:
        return text
    return "'" + text.replace("'", "''") + "'"


def _problems_of_inputs(given: Mapping[str, tuple[str, str]]) -> list[BadInput]:
    """What the actions would refuse, and what would be more than a value in a workflow file."""
    known = {entry.name: entry for entry in parts.inputs()}
    problems = []
    for name, (text, flag) in given.items():
        entry = known[name]
        if not text:
            continue
        try:
            entry.parse(text)
        except ValueError as error:
            problems.append(BadInput(f"{flag} {error}", f"correct {flag}; it means: {entry.help}"))
            continue
        lines = text.split("\n") if name in ("metrics", "gates") else [text]
        if any("${{" in line or not line.isprintable() or line != line.strip() for line in lines):
            problems.append(
                BadInput(
                    f"{flag} holds an expression, a blank at an end, or what cannot be printed",
                    f"write {flag} as plain text",
                )
            )
    return problems
