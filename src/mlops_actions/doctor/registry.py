"""The checks of registries: reachable, login, pull, push, and what a cluster without a secret may pull."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from mlops_actions.core import shell
from mlops_actions.core.errors import ActionError, Refused, Unavailable
from mlops_actions.core.image_name import split_host, split_tag
from mlops_actions.core.registries import GITHUB, BareName, canonical, known
from mlops_actions.doctor import cloud_registries, other_registries
from mlops_actions.doctor.checks import Checker, HealthCheck
from mlops_actions.doctor.ports import GitHubApi, RegistryApi
from mlops_actions.doctor.scope import Scope
from mlops_actions.doctor.workflow import ActionStep

_CHECK = Checker("registry")


@dataclass(frozen=True)
class TargetImage:
    """An image that the workflow file publishes."""

    host: str
    repository: str


@dataclass(frozen=True)
class _Package:
    """What GitHub tells of a package: the path asked, its visibility, the page of its settings; all empty: nothing.

    `note` says why it tells nothing, and `remedy` how it would.
    """

    path: str = ""
    visibility: str = ""
    settings: str = ""
    note: str = ""
    remedy: str = ""


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


def check(
    scope: Scope,
    connect: Callable[[str, bool], RegistryApi],
    github: Callable[[], GitHubApi],
    *,
    pulls_with_secret: bool,
    cloud_token: Callable[[str], str],
) -> Iterator[HealthCheck]:
    """Ask about every image; `pulls_with_secret` says whether the manifests name image pull secrets.

    `cloud_token` returns the password of a cloud's registry from the job's credentials; raises ActionError.
    """
    steps = scope.workflow.steps("docker-publish")
    if not steps:
        yield _CHECK.skipped("images", "the workflow file publishes no image")
        return
    own = [image_of(step, scope) for step in steps]
    names = cloud_registries.hosts(scope, lambda number: image.host if (image := own[number]) else "")
    yield from cloud_registries.check(names, scope, cloud_token)
    images = {image_of(step, scope): step for step in reversed(steps)}
    for image, step in reversed(images.items()):
        if image is None:
            yield _CHECK.unknown(
                "images",
                "the inputs 'image' and 'registry'",
                "only a job can evaluate them",
                remedy=scope.gh("variable list"),
            )
        else:
            yield from _image(scope, step, image, connect)
            for other in other_registries.of(step, scope) or ():
                if other.push:
                    yield from _image(scope, step, TargetImage(other.host, other.path(image.repository)), connect)
            if scope.workflow.steps("argo-submit"):
                yield pull_by_the_cluster(image, connect, github, pulls_with_secret=pulls_with_secret)
    yield from _logins(scope, steps, connect)


def _logins(scope: Scope, steps: Iterable[ActionStep], connect: Callable[[str, bool], RegistryApi]) -> Iterator[HealthCheck]:
    """Ask, once each, the registries in `registries` that no image is asked about."""
    images = [(step, image_of(step, scope)) for step in steps]
    asked = {image.host for _, image in images if image}
    for step, image in images:
        others = other_registries.of(step, scope)
        if others is None:
            yield other_registries.unread(scope)
            continue
        asked |= {other.host for other in others if image and other.push}
        for other in others:
            if other.host not in asked:
                asked.add(other.host)
                yield from other_registries.login(other, step, scope, connect)


def _image(
    scope: Scope, step: ActionStep, image: TargetImage, connect: Callable[[str, bool], RegistryApi]
) -> Iterator[HealthCheck]:
    asked = f"GET https://{image.host}/v2/{image.repository}/tags/list"
    login = scope.renewal(step, "password", f"docker login {shell.operand(image.host)}")
    api = connect(image.host, False)
    try:
        tags = api.tags(image.repository)
    except Unavailable as error:
        yield _CHECK.fails("reachable", asked, error.cause, remedy=f"curl -sSI {shell.word(f'https://{image.host}/v2/')}")
        return
    except Refused as error:
        yield _CHECK.ok("reachable", asked, f"{image.host} answers")
        yield _CHECK.fails("login", asked, error.cause, remedy=login)
        return
    yield _CHECK.ok("reachable", asked, f"{image.host} answers")
    yield _CHECK.ok(
        "login", asked, f"{image.repository} has {len(tags)} tags" if tags else f"{image.repository} has no tag yet"
    )
    yield _own_pull(image, api, tags, login)
    yield _push(scope, image, api, login)


def _own_pull(image: TargetImage, api: RegistryApi, tags: list[str], login: str) -> HealthCheck:
    """Pull the manifest and the configuration of an image: some registries let a login list tags, and not pull."""
    if not tags:
        return _CHECK.skipped("pull", f"{image.repository} has no tag yet")
    asked = f"GET https://{image.host}/v2/{image.repository}/manifests/{tags[-1]}"
    try:
        _pull(image, api, tags[-1])
    except ActionError as error:
        name = f"{image.host}/{image.repository}:{tags[-1]}"
        return _CHECK.fails("pull", asked, error.cause, remedy=(login, f"docker pull {shell.operand(name)}"))
    return _CHECK.ok("pull", asked, f"{tags[-1]} can be pulled")


def _pull(image: TargetImage, api: RegistryApi, tag: str) -> None:
    """Read the manifest behind a tag, of an index the first one, and the configuration that it names."""
    manifest = api.manifest(image.repository, tag)
    children = manifest.document.get("manifests") if manifest else None
    if isinstance(children, list) and children and isinstance(children[0], Mapping):
        manifest = api.manifest(image.repository, str(children[0].get("digest")))
    config = manifest.document.get("config") if manifest else None
    if isinstance(config, Mapping):
        api.blob(image.repository, str(config.get("digest")))


def _push(scope: Scope, image: TargetImage, api: RegistryApi, login: str) -> HealthCheck:
    """Begin an upload only: a tag that was pushed could not be deleted in every registry."""
    if not scope.try_writes:
        return _CHECK.skipped("push", "an upload is begun, and cancelled, only with --try-writes")
    asked = f"POST https://{image.host}/v2/{image.repository}/blobs/uploads/"
    try:
        api.require_push(image.repository)
    except ActionError as error:
        return _CHECK.fails("push", asked, error.cause, remedy=(login, error.remedy))
    return _CHECK.ok("push", asked, "an upload was begun and cancelled")


def pull_by_the_cluster(
    image: TargetImage,
    connect: Callable[[str, bool], RegistryApi],
    github: Callable[[], GitHubApi],
    *,
    pulls_with_secret: bool,
) -> HealthCheck:
    """Tell whether a cluster without a login may pull: by the package's visibility on GitHub, else by pulling a tag."""
    name = "pull by the cluster"
    if pulls_with_secret:
        return _CHECK.skipped(name, "the manifest names image pull secrets; see the group Cluster")
    package = _package(image, github)
    if package.visibility not in ("", "public"):
        return _private(image, f"GET {package.path}", f"the package's visibility is {package.visibility!r}", package)
    asked = f"pull from https://{image.host}/v2/{image.repository}/ without a login"
    try:
        api = connect(image.host, True)
        tags = api.tags(image.repository)
        if not tags:
            reason = "the image does not exist yet, or only a login sees it"
            return _CHECK.unknown(name, asked, f"{reason}{package.note}", remedy=package.remedy)
        _pull(image, api, tags[-1])
    except Unavailable as error:
        return _CHECK.unknown(name, asked, error.cause)
    except Refused as error:
        return _denied(image, connect, asked, error, package)
    return _CHECK.ok(name, asked, f"{tags[-1]} can be pulled without a login")


def _denied(
    image: TargetImage, connect: Callable[[str, bool], RegistryApi], asked: str, denial: Refused, package: _Package
) -> HealthCheck:
    """Tell a private image from one that does not exist yet: only the login knows."""
    try:
        exists = bool(connect(image.host, False).tags(image.repository))
    except ActionError as error:
        return _CHECK.unknown("pull by the cluster", asked, error.cause)
    if not exists:
        return _CHECK.unknown("pull by the cluster", asked, "the image does not exist yet")
    return _private(image, asked, f"{denial.cause}{package.note}", package)


def _private(image: TargetImage, asked: str, cause: str, package: _Package) -> HealthCheck:
    remedy = [
        f"kubectl create secret docker-registry registry --docker-server={shell.word(image.host)} "
        "--docker-username=USER --docker-password=TOKEN",
        "add to the manifest's spec: imagePullSecrets: [{name: registry}]",
    ]
    if image.host == GITHUB:
        page = package.settings or f"https://{image.host}/{image.repository}"
        remedy.append(f"or make the package public, in its settings: {page}")
    answer = f"the image is private, and the manifest names no 'imagePullSecrets' ({cause})"
    return _CHECK.fails("pull by the cluster", asked, answer, remedy=remedy)


def _package(image: TargetImage, github: Callable[[], GitHubApi]) -> _Package:
    """Ask GitHub for a package on ghcr.io. A classic token needs the scope `read:packages`; other tokens may not ask.

    Source: https://docs.github.com/rest/packages/packages (an organisation's package, else a user's).
    """
    owner, slash, name = image.repository.partition("/")
    if image.host != GITHUB or not slash:
        return _Package()
    try:
        api = github()
        answers = {}
        for kind in ("orgs", "users"):
            path = f"/{kind}/{quote(owner)}/packages/container/{quote(name, safe='')}"
            answers[kind] = answer = api.get(path)
            if answer.status == 200 and isinstance(answer.body, Mapping):
                page = str(answer.body.get("html_url") or "").replace("/container/package/", "/container/")
                return _Package(path, str(answer.body.get("visibility") or ""), f"{page}/settings" if page else "")
    except ActionError:
        return _Package()  # the group GitHub says why
    if any(answer.status == 403 for answer in answers.values()):
        note = f"; GitHub does not tell this token the package's visibility ({answers['users'].message})"
        return _Package(note=note, remedy="gh auth refresh --scopes read:packages")
    return _Package()
