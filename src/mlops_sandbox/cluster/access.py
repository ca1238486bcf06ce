"""Authentication by bearer tokens and authorization by rules like those of Kubernetes' RBAC."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from mlops_actions.core.types import Json
from mlops_sandbox.cluster import status
from mlops_sandbox.cluster.resources import Resource

ANY = "*"
REVIEWS_PATH = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
ANONYMOUS = "system:anonymous"


@dataclass(frozen=True)
class Rule:
    """Verbs allowed on resources (`workflows`, `pods/log`, …; `*` is all), in some namespaces or (None) everywhere."""

    resources: frozenset[str]
    verbs: frozenset[str]
    namespaces: frozenset[str] | None = None

    def allows(self, verb: str, resource: str, namespace: str) -> bool:
        """Return whether this rule alone permits the request."""
        return (
            bool({verb, ANY} & self.verbs)
            and bool({resource, ANY} & self.resources)
            and (self.namespaces is None or namespace in self.namespaces)
        )


def rule(resources: str, verbs: str, *namespaces: str) -> Rule:
    """Return a rule from short texts: `rule("workflows pods", "get list")`."""
    return Rule(frozenset(resources.split()), frozenset(verbs.split()), frozenset(namespaces) or None)


ADMINISTRATOR = (rule(ANY, ANY),)
# The minimum that argo-submit needs; its README prints the same rules.
SUBMITTER = (
    rule("workflows", "create get list watch patch"),
    rule("pods", "get list watch"),
    rule("pods/log", "get"),
    rule("workflowtemplates cronworkflows clusterworkflowtemplates", "get"),
)
# What the Argo Server does with the caller's token, besides, where a workflow is resumed or retried.
CONTINUER = (rule("workflows", "update"), rule("pods", "delete"))


@dataclass(frozen=True)
class Identity:
    """A user, the rules granted to it, and its groups.

    The verb `impersonate` on `users`, `groups`, `uids` or `userextras/KEY` lets it act as another one.
    """

    user: str
    rules: tuple[Rule, ...] = ()
    groups: tuple[str, ...] = ()


class Access:
    """The tokens that the server accepts: its own, and those that one of `authenticators` knows.

    `group_rules` are the rules granted to groups.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._identities: dict[str, Identity] = {}
        self.authenticators: list[Callable[[str], Identity | None]] = []
        self.group_rules: dict[str, tuple[Rule, ...]] = {}

    def grant(self, user: str, rules: Iterable[Rule]) -> str:
        """Add a user and return its fresh token."""
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._identities[token] = Identity(user, tuple(rules))
        return token

    def revoke(self, token: str) -> None:
        """Refuse a token from the next request on; an unknown token is no error."""
        with self._lock:
            self._identities.pop(token, None)

    def authenticate(self, authorization: str) -> Identity:
        """Return the identity that the header proves; raises ApiError 401 for an unknown token."""
        scheme, _, token = authorization.partition(" ")
        if not authorization:
            return Identity(ANONYMOUS)
        with self._lock:
            identity = self._identities.get(token.strip()) if scheme.lower() == "bearer" else None
        if scheme.lower() == "bearer":
            for authenticate in self.authenticators:
                identity = identity or authenticate(token.strip())
        if identity is None:
            raise status.unauthorized()
        return identity

    def impersonated(self, identity: Identity, headers: Sequence[tuple[str, str]]) -> Identity:
        """Return whom a request asks to act as, itself where it does not ask; raises ApiError 403.

        https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
        """
        asked = [(name.lower().removeprefix("impersonate-"), value) for name, value in headers if _is_impersonation(name)]
        if not asked:
            return identity
        user = next((value for name, value in asked if name == "user"), "")
        if not user:
            raise status.ApiError(500, "InternalError", "requested groups or extra without impersonating a user")
        groups = tuple(value for name, value in asked if name == "group")
        for name, value in asked:
            key = name.removeprefix("extra-")
            plural = {"user": "users", "group": "groups", "uid": "uids"}.get(name, f"userextras/{key}")
            if not any(granted.allows("impersonate", plural, "") for granted in identity.rules):
                message = f'{plural} "{value}" is forbidden: User "{identity.user}" cannot impersonate resource "{plural}"'
                raise status.ApiError(403, "Forbidden", f'{message} in API group "" at the cluster scope')
        with self._lock:
            rules = [rule for known in self._identities.values() if known.user == user for rule in known.rules]
        rules += [rule for group in groups for rule in self.group_rules.get(group, ())]
        return Identity(user, tuple(rules), groups)


def _is_impersonation(name: str) -> bool:
    return name.lower().startswith("impersonate-")


def access_review(identity: Identity, review: object) -> Json:
    """Answer a SelfSubjectAccessReview: every authenticated user may ask (`system:basic-user`)."""
    if identity.user == ANONYMOUS:
        raise status.ApiError(
            403,
            "Forbidden",
            f'selfsubjectaccessreviews.authorization.k8s.io is forbidden: User "{ANONYMOUS}" cannot create resource '
            '"selfsubjectaccessreviews" in API group "authorization.k8s.io" at the cluster scope',
        )
    spec = review.get("spec") if isinstance(review, dict) else None
    attributes = spec.get("resourceAttributes") if isinstance(spec, dict) else None
    if not isinstance(review, dict) or not isinstance(attributes, dict):
        raise status.invalid(
            "SelfSubjectAccessReview",
            "authorization.k8s.io",
            "",
            "spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must "
            "be specified",
        )
    plural = "/".join(filter(None, (attributes.get("resource", ""), attributes.get("subresource", ""))))
    allowed = any(
        granted.allows(attributes.get("verb", ""), plural, attributes.get("namespace", "")) for granted in identity.rules
    )
    return {
        "kind": "SelfSubjectAccessReview",
        "apiVersion": "authorization.k8s.io/v1",
        "metadata": {},
        "spec": spec,
        "status": {"allowed": allowed, "reason": "a rule of the sandbox"} if allowed else {"allowed": False},
    }


def authorize(identity: Identity, verb: str, resource: Resource, subresource: str, namespace: str, name: str) -> None:
    """Raise ApiError 403, with Kubernetes' message, where no rule of the identity allows the request."""
    plural = f"{resource.plural}/{subresource}" if subresource else resource.plural
    if any(granted.allows(verb, plural, namespace) for granted in identity.rules):
        return
    subject = f'{resource.qualified} "{name}"' if name else resource.qualified
    scope = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    raise status.ApiError(
        403,
        "Forbidden",
        f'{subject} is forbidden: User "{identity.user}" cannot {verb} resource "{plural}" '
        f'in API group "{resource.group}" {scope}',
    )
