"""Render the files of the starter from templates and judged answers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import yaml

from mlops_actions.core import template
from mlops_actions.starter import answers as defaults
from mlops_actions.starter.answers import Answers, scalar

WORKFLOW = ".github/workflows/mlops.yml"
DOCTOR = ".github/workflows/mlops-doctor.yml"
DEPLOY = ".github/workflows/mlops-deploy.yml"
MANIFEST, RBAC, KUBECONFIG = defaults.MANIFEST, "mlops/rbac.yaml", "mlops/kubeconfig.sh"
_EXAMPLE = {
    "train.py": "train.py.template",
    "Dockerfile": "Dockerfile.template",
    "requirements.txt": "requirements.txt.template",
    ".dockerignore": "dockerignore.template",
}
_ACTIONS = ("chatops", "docker-publish", "argo-submit", "wandb-runs")
_ALL_WAIT = "The others wait in their order."
NEWEST_WAITS = "Of those that wait, this server keeps the newest only; chatops tells the others."
_GATES_HINT = (
    "# A gate that does not hold fails the job and the check run:",
    "#   gates: accuracy >= baseline.mean",
)
# How argo-submit finds the cluster without a key: its inputs, each with the variable of the repository that holds it.
CLOUD_VARIABLES: Mapping[str, Mapping[str, str]] = {
    "gke": {"gke-cluster": "GKE_CLUSTER", "gke-location": "GKE_LOCATION", "gke-project": "GKE_PROJECT"},
    "eks": {"eks-cluster": "EKS_CLUSTER", "eks-region": "AWS_REGION", "aws-role": "AWS_ROLE"},
    "aks": {
        "aks-cluster": "AKS_CLUSTER", "aks-resource-group": "AKS_RESOURCE_GROUP",
        "aks-subscription": "AZURE_SUBSCRIPTION_ID", "azure-client-id": "AZURE_CLIENT_ID",
        "azure-tenant-id": "AZURE_TENANT_ID",
    },
}  # fmt: skip
SIGN_IN_VARIABLES = {"gke": ("GOOGLE_WORKLOAD_IDENTITY_PROVIDER", "GOOGLE_SERVICE_ACCOUNT")}
_CLOUDS = {"gke": "Google", "eks": "AWS", "aks": "Entra"}


def files(answers: Answers) -> dict[str, str]:
    """Render every file of the starter: its path in the repository, and its text."""
    workflow = _fill("mlops.yml.template", _values(answers), _blocks(answers))
    deploy = _deploy(answers) if answers.deploy else ""
    rendered = {
        WORKFLOW: workflow,
        DOCTOR: _doctor(workflow, answers),
        **({DEPLOY: deploy} if deploy else {}),
        **({MANIFEST: _manifest(answers)} if answers.writes_manifest else {}),
        RBAC: _rbac(answers),
        **({KUBECONFIG: _fill("kubeconfig.sh.template", _values(answers), {})} if answers.cluster == "kubeconfig" else {}),
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


def _values(answers: Answers) -> dict[str, str]:
    pending, success, failure = answers.labels
    server, of_workflow = answers.is_enterprise_server, "steps.workflow.outputs.workflow-url"
    continues = answers.controls_named("retry")
    return {
        **{name: answers.pin.uses(name) for name in _ACTIONS},
        "command": " ".join(["/train", *(f"{name}=…" for name in answers.parameters)][:3]),
        "generate-name": scalar(f"{answers.name}-"),
        "namespace": scalar(answers.namespace),
        "service-account": scalar(answers.service_account),
        "entity": scalar(answers.entity),
        "project-name": scalar(answers.project_name),
        "image": scalar(answers.image),
        "project": scalar(answers.project),
        "manifest": scalar(answers.manifest),
        "curve": scalar(answers.metrics[0].partition(":")[0]),
        "pending-label": scalar(pending),
        "success-label": scalar(success),
        "failure-label": scalar(failure),
        "wandb-secret": answers.wandb_secret,
        "waiting": NEWEST_WAITS if server else _ALL_WAIT,
        "concluded-by": "the job finish does" if answers.has_controls else "the last step of the job train does",
        "checks-of-train": 'the check run "metrics"' + ("" if answers.has_controls else ', and the end of "training"'),
        "workflow-url": f"{of_workflow} || steps.continued.outputs.workflow-url" if continues else of_workflow,
    }


def _blocks(answers: Answers) -> dict[str, Sequence[str]]:
    continues, stops = answers.controls_named("retry"), answers.controls_named("stop")
    shared = _shared_blocks(answers)
    parameters = [f"  {scalar(name)}: {declaration}" for name, declaration in answers.parameters.items()]
    keys = ", ".join(list(answers.parameters)[:6])
    explained = ["#   control  stops a workflow where the comment /stop asks for it"] if stops else []
    explained += ["#   finish   concludes what listen began, however train ended"] if answers.has_controls else []
    return {
        **shared,
        "jobs-explained": explained,
        "actions": ["actions: write # find the runs of commands, and cancel them"] if answers.has_controls else [],
        "control-outputs": [
            f"{name}: ${{{{ steps.chatops.outputs.{name} }}}}"
            for name in ("control", "control-runs", "workflow-name", "workflow-namespace")
            if answers.has_controls
        ],
        "params": ["params:", *parameters] if parameters else [],
        "controls": [f"controls: {answers.controls}"] if answers.has_controls else [],
        "packages": ["packages: write # push to ghcr.io"] if answers.on_github else [],
        "registry": _registry(answers),
        "dockerfile": _optional("file", "" if answers.dockerfile == "Dockerfile" else answers.dockerfile),
        "queue": [] if answers.is_enterprise_server else ["queue: max"],
        "argo-url": _optional("argo-url", answers.argo_url),
        "pods-account": _optional("service-account", answers.service_account if answers.sets_service_account else ""),
        "config-keys": [f"config-keys: {keys}"] if keys else [],
        "unless-continued": ["if: needs.listen.outputs.control != 'retry-failed'"] if continues else [],
        "continue-step": _part("step-continue", answers) if continues else [],
        "finish-step": [] if answers.has_controls else _part("step-finish", answers),
        "control-job": _part("job-control", answers) if stops else [],
        "finish-job": _part("job-finish", answers) if answers.has_controls else [],
    }


def _shared_blocks(answers: Answers) -> dict[str, Sequence[str]]:
    """Return the blocks that several files, or parts of one, have."""
    cloud = _CLOUDS.get(answers.cluster)
    where = dict(_cluster(answers))
    return {
        "identity": [f"id-token: write # identify this job to {cloud}"] if cloud else [],
        "sign-in": _read("step-sign-in.yml.template").splitlines() if answers.cluster in SIGN_IN_VARIABLES else [],
        "cluster": [f"{name}: ${{{{ {value} }}}}" for name, value in where.items()],
        "cluster-without-server": [
            f"{name}: ${{{{ !vars.ARGO_SERVER && {value} || '' }}}}" for name, value in where.items()
        ],
        "metrics": answers.metrics,
        "gates": ["gates: |", *(f"  {gate}" for gate in answers.gates)] if answers.gates else _GATES_HINT,
        "wandb-base-url": _optional("base-url", answers.wandb_base_url),
    }


def _cluster(answers: Answers) -> Iterator[tuple[str, str]]:
    """Yield the inputs by which argo-submit finds the cluster, each with what its expression names."""
    if answers.cluster == "kubeconfig":
        yield "kubeconfig", f"secrets.{answers.kubeconfig_secret}"
    for name, variable in CLOUD_VARIABLES.get(answers.cluster, {}).items():
        yield name, f"vars.{variable}"


def _part(name: str, answers: Answers) -> list[str]:
    return _fill(f"{name}.yml.template", _values(answers), _shared_blocks(answers)).splitlines()


def _manifest(answers: Answers) -> str:
    base_url = f"- {{name: WANDB_BASE_URL, value: {scalar(answers.wandb_base_url)}}}"
    blocks = {"wandb-base-url": [base_url] if answers.wandb_base_url else []}
    return _fill("workflow.yaml.template", _values(answers), blocks)


def _rbac(answers: Answers) -> str:
    values, own = _values(answers), answers.cluster == "kubeconfig"
    accounts = (
        "Two accounts in one namespace: jobs on GitHub submit with the first, and the workflow's pods run as the second."
        if own
        else "What jobs on GitHub may do (a role binding gives it to the cloud's account), and the account of the pods."
    )
    blocks = {
        "rules": _read("submitter.rules").splitlines(),
        "submitter": _fill("submitter-account.yaml.template", values, {}).splitlines() if own else [],
        "binding": _fill("submitter-binding.yaml.template", values, {}).splitlines() if own else [],
    }
    return _fill("rbac.yaml.template", {**values, "accounts": accounts}, blocks)


def _deploy(answers: Answers) -> str:
    server = answers.is_enterprise_server
    blocks = {
        **_shared_blocks(answers),
        "deployment": [] if server else ["deployment: false"],
        "own-record": ["# This server does not know `deployment: false`, which leaves that record out."] if server else [],
        "queue": [] if server else ["queue: max"],
    }
    return _fill("mlops-deploy.yml.template", _values(answers), blocks)


def _doctor(workflow: str, answers: Answers) -> str:
    """Render the workflow that runs doctor: with the permissions of all jobs in `workflow`, and with its secrets."""
    jobs_by_permission: dict[str, list[str]] = {}
    for name, job in yaml.safe_load(workflow)["jobs"].items():
        for permission, level in job["permissions"].items():
            jobs_by_permission.setdefault(f"{permission}: {level}", []).append(name)
    secrets = dict.fromkeys(re.findall(r"\bsecrets\.(\w+)", workflow))
    blocks = {
        "permissions": [f"{permission} # {', '.join(jobs)}" for permission, jobs in jobs_by_permission.items()],
        "secrets": [f"{name}: ${{{{ secrets.{name} }}}}" for name in secrets],
        "sign-in": _shared_blocks(answers)["sign-in"],
    }
    return _fill("mlops-doctor.yml.template", {"uses": answers.pin.uses("doctor")}, blocks)


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
