"""The resources that the stand-in serves, with the names and verbs that Kubernetes gives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

EVERY_VERB: Final = ("create", "delete", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True)
class Resource:
    """One kind of object: where it is served and what may be done with it."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    verbs: tuple[str, ...] = EVERY_VERB
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

    @property
    def base_path(self) -> str:
        """Address of the group and version: `/apis/argoproj.io/v1alpha1` or `/api/v1`."""
        return f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"


def _argo(plural: str, kind: str, *short_names: str, namespaced: bool = True) -> Resource:
    return Resource("argoproj.io", "v1alpha1", plural, kind, namespaced, short_names, requires_spec=True)


WORKFLOWS: Final = _argo("workflows", "Workflow", "wf")
WORKFLOW_TEMPLATES: Final = _argo("workflowtemplates", "WorkflowTemplate", "wftmpl")
CLUSTER_WORKFLOW_TEMPLATES: Final = _argo("clusterworkflowtemplates", "ClusterWorkflowTemplate", "cwft", namespaced=False)
CRON_WORKFLOWS: Final = _argo("cronworkflows", "CronWorkflow", "cwf")
PODS: Final = Resource(
    "",
    "v1",
    "pods",
    "Pod",
    short_names=("po",),
    verbs=("delete", "get", "list", "watch"),
    field_labels=("metadata.name", "metadata.namespace", "spec.nodeName", "status.phase"),
)
SECRETS: Final = Resource("", "v1", "secrets", "Secret")
CONFIG_MAPS: Final = Resource("", "v1", "configmaps", "ConfigMap", short_names=("cm",))
NAMESPACES: Final = Resource("", "v1", "namespaces", "Namespace", namespaced=False, short_names=("ns",))

ALL: Final = (
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
    return next((one for one in ALL if (one.group, one.version, one.plural) == (group, version, plural)), None)


def in_group(group: str) -> list[Resource]:
    """Return what discovery lists for a group (the empty string is the core group)."""
    return [one for one in ALL if one.group == group]
