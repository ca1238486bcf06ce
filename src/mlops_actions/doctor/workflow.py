"""What a workflow file asks for: our actions with their inputs, permissions of jobs, `uses:`, secrets, variables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlops_actions.core.errors import BadInput
from mlops_actions.core.parsers import yaml_value
from mlops_actions.doctor.expressions import EXPRESSION, environment, evaluate, terms

ACTIONS = ("chatops", "docker-publish", "argo-submit", "wandb-runs")
_ACTION = re.compile(r"(?:[^@\s]*/)?actions/(chatops|docker-publish|argo-submit|wandb-runs)/?(?:@.*)?")
_PIPELINE = re.compile(r"[^/@\s]+/mlops-actions/\.github/workflows/pipeline(-keyless)?\.yml@.*")
_SUITE = re.compile(rf"[^/@\s]+/mlops-actions@.*|{_PIPELINE.pattern}")
# The input of the one step that stands for an action: without it, the one step leaves the action out.
_PIPELINE_INPUTS = {
    "chatops": ("commands",),
    "docker-publish": ("image",),
    "argo-submit": ("workflow", "from"),
    "wandb-runs": ("project",),
}
# What the one step calls an input of an action otherwise than the action itself.
_RENAMED = {
    "wandb-runs": {"wandb-api-key": "api-key", "wandb-base-url": "base-url", "report-check-name": "check-name"},
}
_NEEDED_INPUTS = ("commands", "image", "workflow", "project")
_SECRET = re.compile(r"\bsecrets\.([A-Za-z_][A-Za-z0-9_]*)")
_VARIABLE = re.compile(r"\bvars\.([A-Za-z_][A-Za-z0-9_]*)")
_COMMENTED = re.compile(
    r"^\s*(?:- )?uses:\s*['\"]?([^\s/@]+/[^\s/@]+)[^\s@]*@([0-9a-f]{40})['\"]?\s+#\s*(v?[0-9][\w.+-]*)", re.MULTILINE
)


@dataclass(frozen=True)
class ActionStep:
    """One use of one of the suite's actions. `inputs` and `env` are as the file has them, expressions included.

    `env` holds the variables of the step, of its job and of the file.
    """

    job: str
    action: str
    inputs: Mapping[str, str]
    env: Mapping[str, str] = field(default_factory=dict)

    def known(self, name: str, context: Mapping[str, str], default: str = "") -> str | None:
        """Return an input with its expressions evaluated, or the default; None where only the runner can evaluate them."""
        if name not in self.inputs:
            return default
        return evaluate(self.inputs[name], {**environment(self.env, context), **context})

    def value(self, name: str, context: Mapping[str, str], default: str = "") -> str:
        """Return an input with its expressions evaluated; empty where only the runner can evaluate them."""
        return self.known(name, context, default) or ""

    def is_known(self, name: str, context: Mapping[str, str]) -> bool:
        """Tell whether an input has a value that can be told here; one that is not given has its default."""
        return self.known(name, context) is not None

    def lines(self, name: str, context: Mapping[str, str]) -> list[str]:
        """Return the non-empty lines of an input, without comments."""
        lines = (line.strip() for line in self.value(name, context).splitlines())
        return [line for line in lines if line and not line.startswith("#")]

    def words(self, name: str, context: Mapping[str, str]) -> list[str]:
        """Return the words of an input that are separated by commas or lines."""
        return [word.strip() for word in re.split(r"[,\n]", self.value(name, context)) if word.strip()]


@dataclass(frozen=True)
class WorkflowJob:
    """A job: its `permissions:` (None: the file sets none for it), its environment, its steps of the suite.

    `calls_pipeline` tells whether it is the suite's reusable workflow, `is_keyless` whether the one whose jobs may ask for
    an identity token. The environment of such a job is the one that it hands on.
    """

    name: str
    permissions: Mapping[str, str] | str | None
    environment: str
    steps: tuple[ActionStep, ...]
    calls_pipeline: bool = False
    is_keyless: bool = False
    has_matrix: bool = False


@dataclass(frozen=True)
class WorkflowFile:
    """A workflow file. `versions` holds, by repository and commit, the version in the comment behind a `uses:`.

    `optional_secrets` are named only where something else stands in for them: `secrets.X || github.token`. `recent_keys` are
    paths of keys that not every server knows.
    """

    path: str
    events: tuple[str, ...]
    jobs: tuple[WorkflowJob, ...]
    uses: tuple[str, ...]
    versions: Mapping[tuple[str, str], str]
    secrets: tuple[str, ...]
    optional_secrets: frozenset[str]
    variables: tuple[str, ...]
    recent_keys: tuple[str, ...] = ()

    @property
    def required_variables(self) -> frozenset[str]:
        """The variables without which a step would miss an input that it needs."""
        texts = [step.inputs.get(name, "") for job in self.jobs for step in job.steps for name in _NEEDED_INPUTS]
        return frozenset(name for text in texts if "||" not in text for name in _VARIABLE.findall(text))

    def steps(self, action: str) -> list[ActionStep]:
        """Return the uses of one action."""
        return [step for job in self.jobs for step in job.steps if step.action == action]


def parse(text: str, path: str) -> WorkflowFile:
    """Read a workflow file; raises BadInput."""
    try:
        document = yaml_value(text)
    except ValueError as error:
        raise BadInput(f"{path} {error}", "correct the file, or name another by --workflow") from None
    if not isinstance(document, Mapping) or not isinstance(document.get("jobs"), Mapping):
        raise BadInput(f"{path} is not a workflow: it has no 'jobs'", "name a workflow file by --workflow")
    default = document.get("permissions")
    env = _texts(document.get("env"))
    named = ((" ".join(str(name).split()), job) for name, job in document["jobs"].items())
    jobs = tuple(_job(name, job, default, env) for name, job in named if isinstance(job, Mapping))
    expressions = _expressions(text)
    return WorkflowFile(
        path=path,
        events=_events(document.get("on", document.get(True))),  # YAML 1.1 reads the key `on` as true
        jobs=jobs,
        uses=tuple(dict.fromkeys(_uses(document["jobs"]))),
        versions=dict(_versions(text)),
        secrets=_names(_SECRET, expressions),
        optional_secrets=frozenset(_names(_SECRET, expressions)) - set(_names(_SECRET, _last_terms(expressions))),
        variables=_names(_VARIABLE, expressions),
        recent_keys=tuple(_recent_keys(document)),
    )


def secrets_in(text: str) -> tuple[str, ...]:
    """Return the names of the secrets in a text's expressions."""
    return _names(_SECRET, _expressions(text))


def _expressions(text: str) -> list[str]:
    return [" || ".join(terms(match[1])) for match in EXPRESSION.finditer(text)]


def _names(pattern: re.Pattern[str], texts: Any) -> tuple[str, ...]:
    names = dict.fromkeys(name for text in texts for name in pattern.findall(text))
    return tuple(name for name in names if name != "GITHUB_TOKEN")


def _last_terms(expressions: Iterable[str]) -> Iterator[str]:
    """Yield the terms that nothing stands in for: the last alternative of each expression."""
    yield from (terms(expression)[-1] for expression in expressions)


def _events(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(str(name) for name in value) if isinstance(value, list | Mapping) else ()


def _uses(jobs: Mapping[str, Any]) -> Iterator[str]:
    for job in jobs.values():
        for node in (job, *(job.get("steps") or ())) if isinstance(job, Mapping) else ():
            if isinstance(node, Mapping) and node.get("uses"):
                yield str(node["uses"])


def _versions(text: str) -> Iterator[tuple[tuple[str, str], str]]:
    """Find the comments behind pinned actions: `uses: owner/name@SHA # v1.2.3`."""
    for match in _COMMENTED.finditer(text):
        yield (match[1], match[2]), match[3]


def _recent_keys(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the paths of keys that no documentation of a GitHub Enterprise Server up to 3.16 has.

    https://docs.github.com/actions/how-tos/write-workflows/choose-what-workflows-do/deploy-to-environment (`deployment`)
    https://docs.github.com/actions/how-tos/write-workflows/choose-when-workflows-run/control-workflow-concurrency (`queue`)
    """
    jobs = {f"jobs.{name}.": job for name, job in document["jobs"].items()}
    for path, node in {"": document, **jobs}.items():
        for key, recent in (("concurrency", "queue"), ("environment", "deployment")):
            value = node.get(key) if isinstance(node, Mapping) else None
            if isinstance(value, Mapping) and recent in value:
                yield f"{path}{key}.{recent}"


def _job(name: str, job: Mapping[str, Any], default: Any, env: Mapping[str, str]) -> WorkflowJob:
    permissions = job.get("permissions", default)
    called = _PIPELINE.fullmatch(str(job.get("uses") or ""))
    environment = (_texts(job.get("with")) if called else job).get("environment") or ""
    env = {**env, **_texts(job.get("env"))}
    nodes = (job, *(job.get("steps") or ()))
    steps = [step for node in nodes if isinstance(node, Mapping) for step in _steps(name, node, env)]
    return WorkflowJob(
        name=name,
        permissions=permissions if permissions is None or isinstance(permissions, str) else dict(permissions),
        environment=str(environment.get("name", "") if isinstance(environment, Mapping) else environment),
        steps=tuple(steps),
        calls_pipeline=bool(called),
        is_keyless=bool(called and called[1]),
        has_matrix=isinstance(job.get("strategy"), Mapping) and "matrix" in job["strategy"],
    )


def _steps(job: str, node: Mapping[str, Any], env: Mapping[str, str]) -> Iterator[ActionStep]:
    uses = str(node.get("uses") or "")
    # A reusable workflow takes its secrets beside its inputs; `secrets: inherit` names none.
    inputs = {**_texts(node.get("secrets")), **_texts(node.get("with"))}
    env = {**env, **_texts(node.get("env"))}
    if match := _ACTION.fullmatch(uses):
        yield ActionStep(job, match[1], inputs, env)
    elif _SUITE.fullmatch(uses):
        if _PIPELINE.fullmatch(uses):
            inputs.pop("environment", None)  # of the job that trains, and not what chatops deploys
        for action, names in _PIPELINE_INPUTS.items():
            if any(inputs.get(name) for name in names):
                renamed = {name: inputs[public] for public, name in _RENAMED.get(action, {}).items() if public in inputs}
                hidden = set(_RENAMED.get(action, {}).values())
                own = {name: text for name, text in inputs.items() if name not in hidden}
                yield ActionStep(job, action, own | renamed, env)


def _texts(values: Any) -> dict[str, str]:
    return {str(key): _text(value) for key, value in values.items()} if isinstance(values, Mapping) else {}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
