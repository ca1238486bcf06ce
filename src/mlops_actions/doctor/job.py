"""Doctor as a job: the values that the workflow file names, and the credentials that its steps get.

A person's credentials go only to servers that the person named. In a job, the workflow file is the repository's own, and the
job passes on the secrets that the file's steps use: they go where the steps would send them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mlops_actions.core import registries
from mlops_actions.doctor.workflow import WorkflowFile

SECRETS = "secrets."  # the start of a secret's name in an expression
TOKEN = "github.token"  # noqa: S105 - the name of a value in an expression


def is_job(environ: Mapping[str, str]) -> bool:
    """Tell whether doctor runs as a step of a workflow."""
    return environ.get("GITHUB_ACTIONS") == "true"


def values(file: WorkflowFile, environ: Mapping[str, str]) -> dict[str, str]:
    """Return what the job knows of the values that expressions name: secrets under their own names, and the token.

    GitHub passes on a secret that does not exist as an empty text.
    """
    secrets = {f"{SECRETS}{name}": environ[name] for name in file.secrets if name in environ}
    token = environ.get("GH_TOKEN") or environ.get("GITHUB_TOKEN") or ""
    return secrets | ({TOKEN: token, f"{SECRETS}GITHUB_TOKEN": token} if token else {})


def credentials(file: WorkflowFile, context: Mapping[str, str], write_kubeconfig: Callable[[str], str]) -> dict[str, str]:
    """Return the variables that hold the credentials of the file's first step of each kind.

    `write_kubeconfig` returns the path of a kubeconfig that is given as path, YAML or base64.
    """
    found: dict[str, str] = {}
    for step in file.steps("wandb-runs")[:1]:
        found["WANDB_API_KEY"] = step.value("api-key", context)
        found["WANDB_BASE_URL"] = step.value("base-url", context)
    for step in file.steps("docker-publish")[:1]:
        host = step.value("registry", context) or registries.GITHUB
        own = host == registries.GITHUB
        found["REGISTRY"] = host
        found["REGISTRY_USERNAME"] = step.value("username", context) or (context.get("github.actor", "") if own else "")
        found["REGISTRY_PASSWORD"] = step.value("password", context) or (context.get(TOKEN, "") if own else "")
    for step in file.steps("argo-submit")[:1]:
        if kubeconfig := step.value("kubeconfig", context):
            found["KUBECONFIG"] = write_kubeconfig(kubeconfig)
        found["ARGO_SERVER"] = step.value("argo-server", context)
        found["ARGO_TOKEN"] = step.value("argo-token", context)
        found["GOOGLE_CREDENTIALS"] = step.value("google-credentials", context)
    return {name: value for name, value in found.items() if value}
