"""Render the files of the starter from templates and checked answers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import yaml

from mlops_actions.core import template
from mlops_actions.starter.answers import Answers, scalar
from mlops_actions.starter.pin import Pin

WORKFLOW = ".github/workflows/mlops.yml"
DOCTOR = ".github/workflows/mlops-doctor.yml"
MANIFEST, RBAC, KUBECONFIG = "mlops/workflow.yaml", "mlops/rbac.yaml", "mlops/kubeconfig.sh"
_EXAMPLE = {
    "train.py": "train.py.template",
    "Dockerfile": "Dockerfile.template",
    "requirements.txt": "requirements.txt.template",
    ".dockerignore": "dockerignore.template",
}
_ACTIONS = ("chatops", "docker-publish", "argo-submit", "wandb-runs")
_ALL_WAIT = "The others wait in their order."
_NEWEST_WAITS = "Of those that wait, this server keeps the newest only; chatops tells the others."
_GATES_HINT = (
    "# A gate that does not hold fails the job and the check run:",
    "#   gates: accuracy >= baseline.mean",
)


def files(answers: Answers) -> dict[str, str]:
    """Render every file of the starter: its path in the repository, and its text."""
    shared = {
        "generate-name": scalar(f"{answers.name}-"),
        "namespace": scalar(answers.namespace),
        "service-account": scalar(answers.service_account),
        "entity": scalar(answers.entity),
        "project-name": scalar(answers.project_name),
    }
    base_url = f"- {{name: WANDB_BASE_URL, value: {scalar(answers.wandb_base_url)}}}"
    workflow = _workflow(answers, shared)
    rendered = {
        WORKFLOW: workflow,
        DOCTOR: _doctor(workflow, answers.pin),
        MANIFEST: _fill("workflow.yaml.template", shared, {"wandb-base-url": [base_url] if answers.wandb_base_url else []}),
        RBAC: _fill("rbac.yaml.template", shared, {"rules": _read("submitter.rules").splitlines()}),
        KUBECONFIG: _fill("kubeconfig.sh.template", shared, {}),
    }
    if answers.example:
        rendered |= {path: _fill(name, {}, {}) for path, name in _EXAMPLE.items()}
    return rendered


def doctor_example() -> str:
    """Render the workflow that runs doctor as docs/doctor.md shows it: for the fewest flags."""
    return files(Answers(image="model", project="entity/project"))[DOCTOR].rstrip()


def submitter_role() -> str:
    """Render the Role that argo-submit's README asks for: the starter's rules, and those that the input `from` needs."""
    rules = [f"  {line}" for name in ("submitter.rules", "from.rules") for line in _read(name).splitlines()]
    head = ["apiVersion: rbac.authorization.k8s.io/v1", "kind: Role", "metadata:", "  name: mlops-actions", "rules:"]
    return "\n".join([*head, *rules])


def _workflow(answers: Answers, shared: Mapping[str, str]) -> str:
    values = {
        **shared,
        **{name: answers.pin.uses(name) for name in _ACTIONS},
        "image": scalar(answers.image),
        "project": scalar(answers.project),
        "curve": scalar(answers.metrics[0].partition(":")[0]),
        "waiting": _NEWEST_WAITS if answers.is_enterprise_server else _ALL_WAIT,
    }
    blocks = {
        "packages": ["packages: write # push to ghcr.io"] if answers.on_github else [],
        "registry": _registry(answers),
        "queue": [] if answers.is_enterprise_server else ["queue: max"],
        "argo-url": _optional("argo-url", answers.argo_url),
        "wandb-base-url": _optional("base-url", answers.wandb_base_url),
        "metrics": answers.metrics,
        "gates": ["gates: |", *(f"  {gate}" for gate in answers.gates)] if answers.gates else _GATES_HINT,
    }
    return _fill("mlops.yml.template", values, blocks)


def _doctor(workflow: str, pin: Pin) -> str:
    """Render the workflow that runs doctor: with the permissions of all jobs in `workflow`, and with its secrets."""
    jobs_by_permission: dict[str, list[str]] = {}
    for name, job in yaml.safe_load(workflow)["jobs"].items():
        for permission, level in job["permissions"].items():
            jobs_by_permission.setdefault(f"{permission}: {level}", []).append(name)
    secrets = dict.fromkeys(re.findall(r"\bsecrets\.(\w+)", workflow))
    blocks = {
        "permissions": [f"{permission} # {', '.join(jobs)}" for permission, jobs in jobs_by_permission.items()],
        "secrets": [f"{name}: ${{{{ secrets.{name} }}}}" for name in secrets],
    }
    return _fill("mlops-doctor.yml.template", {"uses": pin.uses("doctor")}, blocks)


def _registry(answers: Answers) -> list[str]:
    if answers.on_github:
        return []
    return [
        f"registry: {scalar(answers.registry)}",
        f"username: {scalar(answers.registry_username) if answers.registry_username else '${{ vars.REGISTRY_USERNAME }}'}",
        "password: ${{ secrets.REGISTRY_PASSWORD }}",
    ]


def _optional(name: str, value: str) -> list[str]:
    return [f"{name}: {scalar(value)}"] if value else []


def _fill(name: str, values: Mapping[str, str], blocks: Mapping[str, Sequence[str]]) -> str:
    return template.fill(_read(name), values, blocks)


def _read(name: str) -> str:
    return template.read(__package__, name)
