"""The answers that a starter is rendered from. Each is judged by its question."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import yaml

from mlops_actions.core import registries
from mlops_actions.core.errors import BadInput, BadInputs
from mlops_actions.core.package import REF
from mlops_actions.starter.pin import Pin
from mlops_actions.starter.questions import CONTROLS, NO_CONTROLS, OPTIONAL, QUESTIONS

NAMESPACE, SERVICE_ACCOUNT, METRICS = "default", "mlops-workflow", ("accuracy:max", "loss:min")
LABELS = ("training", "trained", "training-failed")
MANIFEST = "mlops/workflow.yaml"
# The parameters of the workflow that init writes, as chatops declares them.
PARAMETERS: Mapping[str, str] = {
    "lr": "{type: float, default: 0.5, min: 0.000001, max: 10}",
    "epochs": "{type: int, default: 20, min: 1, max: 1000}",
}
# argo-submit itself sets these.
FILLED_IN = frozenset(["image", "sha", "github_sha", "GITHUB-SHA", "pr", "pr_number", "PR-NUMBER", "repo", "REPO"])
_MAX_PARAMETERS = 30
_REQUIRED = "{type: str, required: true}"
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Answers:
    """The answers; every text has been judged. `project` is `entity/project`.

    `manifest` is MANIFEST where init writes it, else a file of the repository; where that file names another service
    account or none, `sets_service_account`. `is_enterprise_server` leaves out what only github.com knows.
    """

    image: str
    project: str
    registry: str = registries.GITHUB
    registry_username: str = ""
    cluster: str = "kubeconfig"
    namespace: str = NAMESPACE
    service_account: str = SERVICE_ACCOUNT
    sets_service_account: bool = False
    dockerfile: str = "Dockerfile"
    manifest: str = MANIFEST
    parameters: Mapping[str, str] = field(default_factory=lambda: PARAMETERS)
    metrics: tuple[str, ...] = METRICS
    gates: tuple[str, ...] = ()
    argo_url: str = ""
    wandb_base_url: str = ""
    controls: str = ", ".join(CONTROLS)
    labels: tuple[str, ...] = LABELS
    kubeconfig_secret: str = "KUBECONFIG"  # noqa: S105 - the name of a secret
    wandb_secret: str = "WANDB_API_KEY"  # noqa: S105 - the name of a secret
    pin: Pin = field(default_factory=lambda: Pin(REF))
    example: bool = False
    deploy: bool = True
    is_enterprise_server: bool = False

    def __post_init__(self) -> None:
        given = [
            ("image", self.image), ("project", self.project), ("registry", self.registry),
            ("registry-username", self.registry_username), ("cluster", self.cluster), ("namespace", self.namespace),
            ("service-account", self.service_account), ("dockerfile", self.dockerfile), ("manifest", self.manifest),
            *(("metric", metric) for metric in self.metrics), *(("gate", gate) for gate in self.gates),
            ("argo-url", self.argo_url), ("wandb-base-url", self.wandb_base_url), ("controls", self.controls),
            *(("label", label) for label in self.labels), ("kubeconfig-secret", self.kubeconfig_secret),
            ("wandb-secret", self.wandb_secret), ("ref", self.pin.ref),
        ]  # fmt: skip
        problems = []
        for name, text in given:
            try:
                if text or name not in OPTIONAL:
                    QUESTIONS[name].judged(text)
            except BadInput as problem:
                problems.append(problem)
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

    @property
    def has_controls(self) -> bool:
        """Whether the file answers the built-in commands, which act on what runs."""
        return self.controls != NO_CONTROLS

    def controls_named(self, name: str) -> bool:
        """Return whether the file answers this built-in command."""
        return name in self.controls.split(", ")

    @property
    def writes_manifest(self) -> bool:
        """Whether init writes the Argo workflow; else the repository has one."""
        return self.manifest == MANIFEST


def plain_name(text: str) -> str:
    """Turn any text into a name of small letters, digits and hyphens; `model` if nothing is left."""
    return _NOT_IN_A_NAME.sub("-", text.lower()).strip("-") or "model"


def scalar(text: str) -> str:
    """Write text as a YAML scalar: plain if that reads back as the same text, else quoted."""
    plain = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/:@-]*", text) and not text.endswith(":")
    if plain and yaml.safe_load(text) == text:
        return text
    return "'" + text.replace("'", "''") + "'"


def _number(text: str) -> str:
    """Write a number as YAML reads it: with a point before an exponent, and a sign in that."""
    digits, mark, exponent = repr(float(text)).partition("e")
    return f"{digits}{'' if '.' in digits else '.0'}e{exponent}" if mark else digits


def required_of(parameters: Mapping[str, str]) -> list[str]:
    """Return the parameters that a comment must give."""
    return [name for name, declaration in parameters.items() if declaration == _REQUIRED]


def command_parameters(declared: Mapping[str, str | None], computed: Collection[str] = ()) -> dict[str, str]:
    """Declare for chatops the parameters of an Argo workflow that a comment may set, each with the type of its default.

    `computed` names those whose value the cluster finds out (`valueFrom`): a comment cannot set them.
    """
    found: dict[str, str] = {}
    for name, default in declared.items():
        is_settable = name not in FILLED_IN and name not in computed and re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,63}", name)
        if not is_settable or len(found) == _MAX_PARAMETERS:
            continue
        if default is None:
            found[name] = _REQUIRED
        elif re.fullmatch(r"0|-?[1-9][0-9]{0,14}", default):
            found[name] = f"{{type: int, default: {default}}}"
        elif re.fullmatch(
            r"-?(?:[0-9]{1,15}\.[0-9]{0,15}|\.[0-9]{1,15}|[0-9]{1,15}(?:\.[0-9]{1,15})?[eE][-+]?[0-9]{1,2})", default
        ):
            found[name] = f"{{type: float, default: {_number(default)}}}"
        elif default in ("true", "false"):
            found[name] = f"{{type: bool, default: {default}}}"
        elif default.isprintable() and "${{" not in default and len(default) <= 200:
            found[name] = f"{{type: str, default: {scalar(default)}}}"
    return found
