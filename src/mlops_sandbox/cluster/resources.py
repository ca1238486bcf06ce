"""The resources that the stand-in serves, with Kubernetes' names and verbs for them."""

from __future__ import annotations

from dataclasses import dataclass

ALL_VERBS = ("create", "delete", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True)
class Resource:
    """One kind of object: its API group, version and names, and the verbs that clients may use."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    field_labels: tuple[str, ...] = ("metadata.name", "metadata.namespace")
    requires_spec: bool = False

    @property
    def qualified(self) -> str:
        """Plural name with its group, as in error messages: `workflows.argoproj.io`, `pods`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def api_version(self) -> str:
        """`argoproj.io/v1alpha1`, or `v1` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version


def _argo(plural: str, kind: str, *short_names: str, namespaced: bool = True) -> Resource:
    return Resource(
        group="argoproj.io",
        version="v1alpha1",
        plural=plural,
        kind=kind,
        namespaced=namespaced,
        short_names=short_names,
        requires_spec=True,
    )


WORKFLOWS = _argo("workflows", "Workflow", "wf")
WORKFLOW_TEMPLATES = _argo("workflowtemplates", "WorkflowTemplate", "wftmpl")
CLUSTER_WORKFLOW_TEMPLATES = _argo("clusterworkflowtemplates", "ClusterWorkflowTemplate", "cwft", namespaced=False)
CRON_WORKFLOWS = _argo("cronworkflows", "CronWorkflow", "cwf")
PODS = Resource(
    group="",
    version="v1",
    plural="pods",
    kind="Pod",
    short_names=("po",),
    verbs=("delete", "get", "list", "watch"),
    field_labels=("metadata.name", "metadata.namespace", "spec.nodeName", "status.phase"),
)
SECRETS = Resource(group="", version="v1", plural="secrets", kind="Secret")
CONFIG_MAPS = Resource(group="", version="v1", plural="configmaps", kind="ConfigMap", short_names=("cm",))
NAMESPACES = Resource(group="", version="v1", plural="namespaces", kind="Namespace", namespaced=False, short_names=("ns",))

ALL = (
    WORKFLOWS,
    WORKFLOW_TEMPLATES,
    CLUSTER_WORKFLOW_TEMPLATES,
    CRON_WORKFLOWS,
    PODS,
    SECRETS,
    CONFIG_MAPS,
    NAMESPACES,
)


def find(group: str, version: str, plural: str) -> Resource | None:
    """Return the resource served under these names."""
    return next(
        (resource for resource in ALL if (resource.group, resource.version, resource.plural) == (group, version, plural)),
        None,
    )


def in_group(group: str) -> list[Resource]:
    """Return the resources of a group (the empty string is the core group)."""
    return [resource for resource in ALL if resource.group == group]
