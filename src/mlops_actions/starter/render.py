"""The starter's files as text: templates with marks of the form `@@name@@`, filled in with checked values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources

from mlops_actions.pipeline import parts
from mlops_actions.starter.answers import Answers, scalar

WORKFLOW = ".github/workflows/mlops.yml"
MANIFEST, RBAC, KUBECONFIG = "mlops/workflow.yaml", "mlops/rbac.yaml", "mlops/kubeconfig.sh"
_EXAMPLE = {
    "train.py": "train.py.template",
    "Dockerfile": "Dockerfile.template",
    "requirements.txt": "requirements.txt.template",
    ".dockerignore": "dockerignore.template",
}
_MARK = re.compile(r"@@([a-z-]+)@@")
_ALONE = re.compile(r"( *)@@([a-z-]+)@@")


def files(answers: Answers) -> dict[str, str]:
    """Every file of the starter: its path in the repository, and its text."""
    one = {
        "generate-name": scalar(f"{answers.name}-"),
        "namespace": scalar(answers.namespace),
        "service-account": scalar(answers.service_account),
        "entity": scalar(answers.entity),
        "project-name": scalar(answers.project_name),
    }
    of_workflow = {
        **one,
        "uses": f"{parts.REPOSITORY}@{_pinned(answers.ref)}",
        "image": scalar(answers.image),
        "project": scalar(answers.project),
        "curve": scalar(answers.metrics[0].partition(":")[0]),
    }
    more = {
        "packages": ["packages: write # push to ghcr.io"] if answers.on_github else [],
        "registry": _registry(answers),
        "argo-url": _line("argo-url", answers.argo_url),
        "wandb-base-url": _line("wandb-base-url", answers.wandb_base_url),
        "metrics": list(answers.metrics),
        "gates": ["gates: |", *(f"  {gate}" for gate in answers.gates)] if answers.gates else _NO_GATES,
    }
    base_url = f"- {{name: WANDB_BASE_URL, value: {scalar(answers.wandb_base_url)}}}"
    written = {
        WORKFLOW: _filled("mlops.yml.template", of_workflow, more),
        MANIFEST: _filled("workflow.yaml.template", one, {"wandb-base-url": [base_url] if answers.wandb_base_url else []}),
        RBAC: _filled("rbac.yaml.template", one, {"rules": _read("submitter.rules").splitlines()}),
        KUBECONFIG: _filled("kubeconfig.sh.template", one, {}),
    }
    if answers.example:
        written |= {path: _filled(template, {}, {}) for path, template in _EXAMPLE.items()}
    return written


def submitter_role() -> str:
    """The Role that argo-submit's README asks for: the starter's rules, and what its input `from` reads."""
    rules = [f"  {line}" for name in ("submitter.rules", "from.rules") for line in _read(name).splitlines()]
    head = ["apiVersion: rbac.authorization.k8s.io/v1", "kind: Role", "metadata:", "  name: mlops-actions", "rules:"]
    return "\n".join([*head, *rules])


_NO_GATES = [
    "# A gate that does not hold fails the job, and the check run:",
    "#   gates: accuracy >= baseline.mean",
]


def _pinned(ref: str) -> str:
    if len(ref) == 40:
        return ref
    return f"{ref} # zizmor: ignore[unpinned-uses] this suite's tag is meant"


def _registry(answers: Answers) -> list[str]:
    if answers.on_github:
        return []
    return [
        f"registry: {scalar(answers.registry)}",
        f"username: {scalar(answers.registry_username) if answers.registry_username else '${{ vars.REGISTRY_USERNAME }}'}",
        "password: ${{ secrets.REGISTRY_PASSWORD }}",
    ]


def _line(name: str, value: str) -> list[str]:
    return [f"{name}: {scalar(value)}"] if value else []


def _filled(template: str, one: Mapping[str, str], more: Mapping[str, list[str]]) -> str:
    """Fill a template in: a mark within a line from `one`; one that has its line for itself from `more`, by any number."""
    lines = []
    for line in _read(template).splitlines():
        alone = _ALONE.fullmatch(line)
        if alone and alone[2] in more:
            lines += [f"{alone[1]}{each}".rstrip() for each in more[alone[2]]]
        else:
            lines.append(_MARK.sub(lambda mark: one[mark[1]], line))
    return "\n".join(lines) + "\n"


def _read(name: str) -> str:
    return resources.files(__package__).joinpath("templates", name).read_text(encoding="utf-8")
