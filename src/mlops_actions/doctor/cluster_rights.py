"""The rights that argo-submit uses, asked one by one, and the commands that grant them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mlops_actions.core import shell
from mlops_actions.doctor.checks import Checker, HealthCheck
from mlops_actions.doctor.ports import ClusterApi

ARGO_GROUP = "argoproj.io"
TEMPLATES = {
    "workflowtemplate": "workflowtemplates",
    "clusterworkflowtemplate": "clusterworkflowtemplates",
    "cronworkflow": "cronworkflows",
}
# Verb, API group, resource: what argo-submit does with a workflow and its pods, by either API (only the Argo Server lists
# pods, with the caller's token). tests/actions/doctor/test_coverage.py compares this with the requests of argo-submit.
RIGHTS = (
    *((verb, ARGO_GROUP, "workflows") for verb in ("create", "get", "list", "watch", "patch")),
    *((verb, "", "pods") for verb in ("get", "list", "watch")),
    ("get", "", "pods/log"),
)
# By input: what the Argo Server does with the caller's token where a step continues a workflow through it.
RIGHTS_OF_INPUTS = {
    "resume": (("update", ARGO_GROUP, "workflows"),),
    "retry": (("update", ARGO_GROUP, "workflows"), ("delete", "", "pods")),
}
_CHECK = Checker("cluster")
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


@dataclass(frozen=True)
class Right:
    """A verb on a resource (`pods`, `pods/log`) in a namespace; the empty namespace is the whole cluster."""

    verb: str
    group: str
    resource: str
    namespace: str

    @property
    def name(self) -> str:
        """How a person says it: `get pods/log`."""
        return f"{self.verb} {self.resource}"

    @property
    def asked(self) -> str:
        """The question of the check."""
        return f"may I {self.name}{f' in {self.namespace}' if self.namespace else ''}? (SelfSubjectAccessReview)"

    @property
    def review(self) -> dict[str, object]:
        """The SelfSubjectAccessReview."""
        plural, _, subresource = self.resource.partition("/")
        attributes = {
            "verb": self.verb,
            "group": self.group,
            "resource": plural,
            "subresource": subresource,
            "namespace": self.namespace,
        }
        return {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {name: value for name, value in attributes.items() if value}},
        }

    @property
    def grant(self) -> tuple[str, str]:
        """The commands by which the cluster's administrator gives the right."""
        plural, slash, subresource = self.resource.partition("/")
        resource = f"{plural}.{self.group}" if self.group else plural
        name = f"mlops-{self.verb}-{plural}{'-' + subresource if slash else ''}"
        where, kind = (f" -n {shell.word(self.namespace)}", "role") if self.namespace else ("", "clusterrole")
        return (
            f"kubectl{where} create {kind} {name} --verb={self.verb} --resource={resource}{slash}{subresource}",
            f"kubectl{where} create {kind}binding {name} --{kind}={name} --user=USER"
            "  # the name that kubectl auth whoami prints",
        )


def needed(namespace: str, template_kind: str, by_argo_server: Iterable[str] = ()) -> list[Right]:
    """Return the rights for workflows in a namespace, and for reading a template of this kind (empty: none).

    `by_argo_server` are those of the inputs `resume` and `retry` that a step gives the Argo Server.
    """
    rights = [Right(verb, group, resource, namespace) for verb, group, resource in RIGHTS]
    more = [right for name in by_argo_server for right in RIGHTS_OF_INPUTS[name]]
    rights += [Right(verb, group, resource, namespace) for verb, group, resource in dict.fromkeys(more)]
    if template_kind in TEMPLATES:
        where = "" if template_kind == "clusterworkflowtemplate" else namespace
        rights.append(Right("get", ARGO_GROUP, TEMPLATES[template_kind], where))
    return rights


def is_allowed(api: ClusterApi, right: Right) -> bool:
    """Ask the API server; every authenticated user may ask about itself."""
    answer = api.create(_REVIEWS, right.review)
    return answer.status == 201 and bool((answer.body.get("status") or {}).get("allowed"))


def may(api: ClusterApi, verb: str, group: str, resource: str, namespace: str = "") -> bool:
    """Tell whether these credentials have a right."""
    return is_allowed(api, Right(verb, group, resource, namespace))


def check(api: ClusterApi, rights: list[Right]) -> Iterator[HealthCheck]:
    """Yield a check for each right."""
    for right in rights:
        name = f"may {right.name}"
        if is_allowed(api, right):
            yield _CHECK.ok(name, right.asked, "allowed")
        else:
            yield _CHECK.fails(name, right.asked, "not allowed", remedy=right.grant)
