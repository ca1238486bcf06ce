"""Where argo-submit differs from `argo submit --dry-run` over Argo's examples, and why. There is no other difference."""

from __future__ import annotations

# Kinds that neither the command line nor the action submits: they are objects for workflows to use.
NOT_SUBMITTED = ("ConfigMap", "PersistentVolumeClaim", "ResourceQuota", "WorkflowEventBinding")

_NO_ENTRYPOINT = "names no entrypoint"
# Examples that argo-submit refuses, and a part of what it says. `argo submit` refuses them too, save the first, which only
# the API server refuses: `argo submit --dry-run` does not ask it.
REFUSED = {
    "fun-with-gifs.yaml": "is no label value",
    "k8s-patch-json-workflow.yaml": "the key 'annotations' is given twice",
    "cluster-workflow-template/clustertemplates.yaml#1": _NO_ENTRYPOINT,
    "cluster-workflow-template/clustertemplates.yaml#2": _NO_ENTRYPOINT,
    "cluster-workflow-template/clustertemplates.yaml#3": _NO_ENTRYPOINT,
    "cluster-workflow-template/clustertemplates.yaml#4": _NO_ENTRYPOINT,
    "workflow-template/templates.yaml#1": "gives no value for the input 'message'",
    "workflow-template/templates.yaml#2": _NO_ENTRYPOINT,
    "workflow-template/templates.yaml#3": _NO_ENTRYPOINT,
    "workflow-template/templates.yaml#4": _NO_ENTRYPOINT,
    "workflow-event-binding/event-consumer-workflowtemplate.yaml": "nothing defines: '{{workflow.parameters.appellation}}'",
}

_TYPE = {
    ".apiVersion": "argo's client sends by the address what it leaves out of the object",
    ".metadata.namespace": "argo's client sends by the address what it leaves out of the object",
}
# Of what `--from` makes of a template.
FROM = {
    **_TYPE,
    ".kind": "argo's client sends by the address what it leaves out of the object",
    ".spec.arguments": "argo-submit writes the template's arguments out, so that the workflow shows what it was run with",
}
# Of what `--from` makes of a schedule.
CRON = {
    **_TYPE,
    ".metadata.annotations.workflows.argoproj.io/scheduled-time": "the moment of the request",
    ".metadata.ownerReferences[0].blockOwnerDeletion": "it can need the right to change the schedule's finalizers",
}
# Of one example.
SENT = {
    "influxdb-ci.yaml": {
        ".spec.templates[2].container.resources.requests.memory": "argo writes 1024Mi as 1Gi",
        ".spec.templates[5].container.resources.requests.memory": "argo writes 4096Mi as 4Gi",
    },
    "k8s-jobs.yaml": {".metadata.generateName": "it has no name: argo-submit gives one, and the API server refuses argo's"},
}

# Of what is refused of the newest version, the examples that are correct in older ones.
ONCE_CORRECT = ("fun-with-gifs.yaml", "k8s-patch-json-workflow.yaml")
# What argo-submit refuses of an older version alone, as that version's `argo lint` does.
REFUSED_OF_OLDER = {"v3.6.10": {"webhdfs-input-output-artifacts.yaml": "has no field 'overwrite'"}}
# Definitions that the API server itself refuses, and parts of what it says. Argo 3.6 advises against its full set.
INVALID_DEFINITIONS = {
    ("v3.6.10", "full"): (
        "properties[tasks].items.properties[inline].type: Required value",
        "properties[steps].items.items: Required value",
    )
}
# What argo-submit takes, and the API server refuses because of a version's definitions, though Argo's schema takes it.
REFUSED_BY_DEFINITIONS = {
    ("v3.7.6", "full"): {"memoize-simple.yaml": "spec.templates[0].memoize.cache.configMap.key: Required value"}
}
# Examples that never end, and why.
NOT_RUN = {
    "fibonacci-seq-conditional-param.yaml": "Argo caches steps without their outputs: argoproj/argo-workflows#16094",
}
