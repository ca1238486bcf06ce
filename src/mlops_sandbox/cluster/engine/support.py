"""The fields of a workflow that the engine supports. It refuses all others by name, so that it ignores none silently.

A field that only tunes a real cluster (resources, tolerations, pull policy, …) is accepted and has no effect. Together the
three lists hold every field of the Argo version that the tests run (a test compares them with its schema); a field that a
later Argo adds is in none of them, and is refused too.
"""

from __future__ import annotations

from collections.abc import Iterator

from mlops_actions.core.types import Json

IGNORED = (
    "affinity annotations archiveLocation archiveLogs artifactGC artifactRepositoryRef automountServiceAccountToken "
    "deleteDelayDuration dnsConfig dnsPolicy executor hostAliases hostNetwork imagePullPolicy imagePullSecrets metadata "
    "metrics nodeSelector podDisruptionBudget podMetadata podPriorityClassName priority priorityClassName readinessProbe "
    "resources schedulerName securityContext serviceAccountName terminationMessagePath terminationMessagePolicy tolerations "
    "ttlStrategy workflowMetadata"
)
SUPPORTED = {
    "spec": "activeDeadlineSeconds arguments entrypoint onExit parallelism podGC shutdown suspend templates "
    "workflowTemplateRef",
    "template": "activeDeadlineSeconds container dag inputs name outputs retryStrategy script steps suspend",
    "container": "args command env envFrom image name workingDir",
    "script": "args command env envFrom image name source workingDir",
    "dag": "failFast target tasks",
    "task": "arguments continueOn dependencies depends inline name template templateRef when withItems withParam "
    "withSequence",
    "step": "arguments continueOn inline name template templateRef when withItems withParam withSequence",
    "suspend": "duration",
    "retryStrategy": "backoff limit retryPolicy",
    "backoff": "duration factor",
    "podGC": "strategy",
    "env": "name value valueFrom",
    "valueFrom of env": "configMapKeyRef secretKeyRef",
    "envFrom": "configMapRef prefix secretRef",
    "parameter": "default description enum globalName name value valueFrom",
    "valueFrom": "default parameter path supplied",
    "artifact": "archive deleted from name optional path raw",
}
UNSUPPORTED = {
    "spec": "hooks podSpecPatch retryStrategy synchronization templateDefaults volumeClaimGC volumeClaimTemplates volumes",
    "template": "containerSet daemon data failFast http initContainers memoize parallelism plugin podSpecPatch resource "
    "sidecars synchronization timeout volumes",
    "container": "lifecycle livenessProbe ports resizePolicy restartPolicy startupProbe stdin stdinOnce tty volumeDevices "
    "volumeMounts",
    "script": "lifecycle livenessProbe ports resizePolicy restartPolicy startupProbe stdin stdinOnce tty volumeDevices "
    "volumeMounts",
    "task": "hooks onExit",
    "step": "hooks onExit",
    "retryStrategy": "expression",
    "backoff": "cap maxDuration",
    "podGC": "labelSelector",
    "valueFrom of env": "fieldRef resourceFieldRef",
    "valueFrom": "configMapKeyRef event expression jqFilter jsonPath",
    "artifact": "artifactory azure fromExpression gcs git globalName hdfs http mode oss plugin recurseMode s3 subPath",
}
_ALLOWED = {kind: frozenset(f"{names} {IGNORED}".split()) for kind, names in SUPPORTED.items()}


def unsupported_fields(spec: Json) -> list[str]:
    """Return the paths of the fields that the engine does not support."""
    paths = list(_unknown("spec", "spec", spec))
    paths += _unknown("podGC", "spec.podGC", spec.get("podGC"))
    paths += _arguments("spec.arguments", spec.get("arguments"))
    for number, template in enumerate(spec.get("templates") or []):
        paths += _template(f"spec.templates[{number}]", template)
    return paths


def _unknown(kind: str, path: str, value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (f"{path}.{key}" for key, item in value.items() if key not in _ALLOWED[kind] and item is not None)


def _each(kind: str, path: str, values: object) -> Iterator[str]:
    for number, value in enumerate(values if isinstance(values, list) else []):
        yield from _unknown(kind, f"{path}[{number}]", value)


def _template(path: str, template: Json) -> Iterator[str]:
    yield from _unknown("template", path, template)
    for part in ("suspend", "retryStrategy", "dag"):
        yield from _unknown(part, f"{path}.{part}", template.get(part))
    backoff = (template.get("retryStrategy") or {}).get("backoff")
    yield from _unknown("backoff", f"{path}.retryStrategy.backoff", backoff)
    for part in ("inputs", "outputs"):
        yield from _arguments(f"{path}.{part}", template.get(part))
    for part in ("container", "script"):
        yield from _container(part, f"{path}.{part}", template.get(part) or {})
    for number, task in enumerate((template.get("dag") or {}).get("tasks") or []):
        yield from _task("task", f"{path}.dag.tasks[{number}]", task)
    for group, steps in enumerate(template.get("steps") or []):
        for number, step in enumerate(steps if isinstance(steps, list) else [steps]):
            yield from _task("step", f"{path}.steps[{group}][{number}]", step)


def _task(kind: str, path: str, task: Json) -> Iterator[str]:
    yield from _unknown(kind, path, task)
    yield from _arguments(f"{path}.arguments", task.get("arguments"))
    if "inline" in task:
        yield from _template(f"{path}.inline", task["inline"])


def _container(kind: str, path: str, container: Json) -> Iterator[str]:
    yield from _unknown(kind, path, container)
    yield from _each("env", f"{path}.env", container.get("env"))
    yield from _each("envFrom", f"{path}.envFrom", container.get("envFrom"))
    for number, variable in enumerate(container.get("env") or []):
        yield from _unknown("valueFrom of env", f"{path}.env[{number}].valueFrom", variable.get("valueFrom"))


def _arguments(path: str, arguments: object) -> Iterator[str]:
    if isinstance(arguments, dict):
        yield from _each("parameter", f"{path}.parameters", arguments.get("parameters"))
        yield from _each("artifact", f"{path}.artifacts", arguments.get("artifacts"))
        for number, parameter in enumerate(arguments.get("parameters") or []):
            yield from _unknown("valueFrom", f"{path}.parameters[{number}].valueFrom", parameter.get("valueFrom"))
