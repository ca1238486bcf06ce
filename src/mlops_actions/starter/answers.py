"""The answers a starter is rendered from, checked with the parsers of the actions' own inputs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

from mlops_actions.core import registries
from mlops_actions.core.errors import BadInput, BadInputs
from mlops_actions.core.package import REF
from mlops_actions.pipeline import steps
from mlops_actions.starter.pin import Pin, is_reference

NAMESPACE, SERVICE_ACCOUNT, METRICS = "default", "mlops-workflow", ("accuracy:max", "loss:min")
SUBMITTER = "mlops-submitter"  # the name in the templates
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Answers:
    """The answers; every text has been checked. `project` is `entity/project`.

    `is_enterprise_server` leaves out what only github.com knows.
    """

    image: str
    project: str
    registry: str = registries.GITHUB
    registry_username: str = ""
    namespace: str = NAMESPACE
    service_account: str = SERVICE_ACCOUNT
    metrics: tuple[str, ...] = METRICS
    gates: tuple[str, ...] = ()
    argo_url: str = ""
    wandb_base_url: str = ""
    pin: Pin = field(default_factory=lambda: Pin(REF))
    example: bool = False
    is_enterprise_server: bool = False

    def __post_init__(self) -> None:
        problems = _problems(
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
        )
        if not is_reference(self.pin.ref):
            remedy = "give a tag such as v1 or v1.2.3, or the 40 digits of a commit"
            problems.append(BadInput(f"--ref {self.pin.ref!r} is not a release", remedy))
        if self.service_account == SUBMITTER:
            cause = f"--service-account {SUBMITTER} is the account with which jobs on GitHub submit workflows"
            problems.append(BadInput(cause, "choose another account for the pods"))
        if problems:
            raise problems[0] if len(problems) == 1 else BadInputs(problems)

    @property
    def entity(self) -> str:
        """The user or team that owns the project."""
        return self.project.partition("/")[0]

    @property
    def project_name(self) -> str:
        """The project without its entity."""
        return self.project.partition("/")[2]

    @property
    def name(self) -> str:
        """The name of the workflows: the last part of the image's name, as Kubernetes accepts it."""
        return plain_name(self.image.rpartition("/")[2].partition(":")[0])[:40].strip("-")

    @property
    def on_github(self) -> bool:
        """Whether the images go to GitHub's registry, whose password is the job's own token."""
        return self.registry == registries.GITHUB


def plain_name(text: str) -> str:
    """Turn any text into a name of small letters, digits and hyphens; `model` if nothing is left."""
    return _NOT_IN_A_NAME.sub("-", text.lower()).strip("-") or "model"


def scalar(text: str) -> str:
    """Write text as a YAML scalar: plain if that reads back as the same text, else quoted."""
    plain = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/:@-]*", text) and not text.endswith(":")
    if plain and yaml.safe_load(text) == text:
        return text
    return "'" + text.replace("'", "''") + "'"


def _problems(answers: Mapping[str, tuple[str, str]]) -> list[BadInput]:
    """List answers that the actions refuse, or that are more than a value in a workflow file.

    `answers` maps the name of an input to the text and the flag that gave it.
    """
    declarations = {entry.name: entry for entry in steps.inputs()}
    problems = []
    for name, (text, flag) in answers.items():
        entry = declarations[name]
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
                    f"{flag} holds an expression, a blank at an end, or a character that cannot be printed",
                    f"write {flag} as plain text",
                )
            )
    return problems
