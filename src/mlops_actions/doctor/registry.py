"""The checks of registries: reachable, login, push, and what a cluster without a secret may pull."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mlops_actions.core.errors import ActionError, Refused, Unavailable
from mlops_actions.core.image_name import split_host, split_tag
from mlops_actions.core.registries import BareName, canonical, known
from mlops_actions.doctor.checks import Checker, HealthCheck
from mlops_actions.doctor.ports import RegistryApi
from mlops_actions.doctor.scope import Scope
from mlops_actions.doctor.workflow import ActionStep

_CHECK = Checker("registry")


@dataclass(frozen=True)
class TargetImage:
    """An image that the workflow file publishes."""

    host: str
    repository: str


def image_of(step: ActionStep, scope: Scope) -> TargetImage | None:
    """Return the image of a step; None where only the runner can tell its name."""
    name, registry = scope.value(step, "image"), scope.value(step, "registry", "ghcr.io")
    if not name or not registry:
        return None
    host, path = split_host(split_tag(name)[0])
    host = canonical(host or registry)
    rule = known(host).bare_name
    if "/" not in path and rule is BareName.BELOW_THE_REPOSITORY:
        path = f"{scope.repository}/{path}"
    elif "/" not in path and rule is BareName.NEEDS_AN_ACCOUNT:
        path = f"{scope.value(step, 'username', scope.context.get('github.actor', ''))}/{path}"
    return TargetImage(host, path.lower())


def check(scope: Scope, connect: Callable[[str, bool], RegistryApi], *, pulls_with_secret: bool) -> Iterator[HealthCheck]:
    """Ask about every image; `pulls_with_secret` says whether the manifests name image pull secrets."""
    steps = scope.workflow.steps("docker-publish")
    if not steps:
        yield _CHECK.skipped("images", "the workflow file publishes no image")
        return
    images = dict.fromkeys(image_of(step, scope) for step in steps)
    for image in images:
        if image is None:
            yield _CHECK.unknown(
                "images",
                "the inputs 'image' and 'registry'",
                "only a job can evaluate them",
                remedy=f"gh variable list -R {scope.repository}",
            )
        else:
            yield from _image(scope, image, connect, pulls_with_secret=pulls_with_secret)


def _image(
    scope: Scope, image: TargetImage, connect: Callable[[str, bool], RegistryApi], *, pulls_with_secret: bool
) -> Iterator[HealthCheck]:
    asked = f"GET https://{image.host}/v2/{image.repository}/tags/list"
    login = f"docker login {image.host}"
    api = connect(image.host, False)
    try:
        count = len(api.tags(image.repository))
    except Unavailable as error:
        yield _CHECK.fails("reachable", asked, error.cause, remedy=f"curl -sSI https://{image.host}/v2/")
        return
    except Refused as error:
        yield _CHECK.ok("reachable", asked, f"{image.host} answers")
        yield _CHECK.fails("login", asked, error.cause, remedy=login)
        return
    yield _CHECK.ok("reachable", asked, f"{image.host} answers")
    yield _CHECK.ok(
        "login", asked, f"{image.repository} has {count} tags" if count else f"{image.repository} has no tag yet"
    )
    yield _push(scope, image, api, login)
    if scope.workflow.steps("argo-submit"):
        yield _anonymous_pull(image, connect, asked, is_new=not count, pulls_with_secret=pulls_with_secret)


def _push(scope: Scope, image: TargetImage, api: RegistryApi, login: str) -> HealthCheck:
    if not scope.try_writes:
        return _CHECK.skipped("push", "an upload is begun, and cancelled, only with --try-writes")
    asked = f"POST https://{image.host}/v2/{image.repository}/blobs/uploads/"
    try:
        api.require_push(image.repository)
    except ActionError as error:
        return _CHECK.fails("push", asked, error.cause, remedy=f"{login}\n{error.remedy}")
    return _CHECK.ok("push", asked, "an upload was begun and cancelled")


def _anonymous_pull(
    image: TargetImage, connect: Callable[[str, bool], RegistryApi], asked: str, *, is_new: bool, pulls_with_secret: bool
) -> HealthCheck:
    if pulls_with_secret:
        return _CHECK.skipped("pull by the cluster", "the manifest names image pull secrets; see the group Cluster")
    try:
        connect(image.host, True).tags(image.repository)
    except Unavailable as error:
        return _CHECK.unknown("pull by the cluster", f"{asked} without a login", error.cause)
    except Refused as error:
        if is_new:
            return _CHECK.unknown("pull by the cluster", f"{asked} without a login", "the image does not exist yet")
        return _CHECK.fails(
            "pull by the cluster",
            f"{asked} without a login",
            f"the image is private, and the manifest names no 'imagePullSecrets' ({error.cause})",
            remedy=f"kubectl create secret docker-registry registry --docker-server={image.host} "
            "--docker-username=USER --docker-password=TOKEN\n"
            "add to the manifest's spec: imagePullSecrets: [{name: registry}]",
        )
    return _CHECK.ok("pull by the cluster", f"{asked} without a login", "the image can be pulled without a login")
