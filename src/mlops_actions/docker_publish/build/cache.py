"""Choose where layers are cached, by what the builder and the runner can do. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mlops_actions.core.errors import BadInput
from mlops_actions.core.image_name import ImageName
from mlops_actions.docker_publish.build.locations import Location, Locations
from mlops_actions.docker_publish.reuse.trust_scopes import PROTECTED
from mlops_actions.docker_publish.tags.reserved import CACHE_TAG


@dataclass(frozen=True)
class LayerCache:
    """The chosen kind, the arguments it needs, and the reason in one line."""

    kind: str
    arguments: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class CacheScopes:
    """Whose layers a build may take: trust scopes of which it reads all caches, and writes that of the last one.

    `name` is the image; `inline` is the tag of an image of these scopes whose inline cache can be read, else empty.
    `platform`, such as `linux-arm64`, is that of one job of a matrix: another job's cache would replace this one's.
    """

    name: ImageName
    scopes: tuple[str, ...]
    inline: str = ""
    platform: str = ""

    @property
    def registry_references(self) -> list[str]:
        """The caches in the registry, the one to write last."""
        scopes = [() if scope == PROTECTED else (scope,) for scope in self.scopes]
        platform = (self.platform,) if self.platform else ()
        return [self.name.tagged("-".join((CACHE_TAG, *scope, *platform))) for scope in scopes]

    @property
    def gha_names(self) -> list[str]:
        """The caches in GitHub's service, the one to write last.

        The service divides caches by the ref of the run. That is the default branch's where a comment or a dispatch builds
        a pull request's commit, so the scopes must divide them too; and so must the images, of which one would replace
        another's.
        """
        platform = f"-{self.platform}" if self.platform else ""
        return [f"{self.name.repository}-{scope}{platform}" for scope in self.scopes]


def choose(kind: str, environ: Mapping[str, str], scopes: CacheScopes, *, exports: bool, pushes: bool) -> LayerCache:
    """Choose for the input `cache`; `exports` says whether the builder can write a cache apart from the image.

    Raises BadInput for a kind that is not available here.
    """
    has_gha = bool(
        environ.get("ACTIONS_RUNTIME_TOKEN") and (environ.get("ACTIONS_RESULTS_URL") or environ.get("ACTIONS_CACHE_URL"))
    )
    if kind == "none":
        return LayerCache("none", (), "as requested")
    if kind == "auto":
        if exports and has_gha:
            return _gha(environ, scopes, "the builder can export a cache and the runner offers one")
        if exports:
            return _registry(scopes, pushes, reason="the builder can export a cache, and the runner offers none")
        return _inline(scopes, pushes, reason="the runner's daemon keeps its cache only inside images")
    if kind == "inline":
        return _inline(scopes, pushes, reason="as requested")
    if not exports:
        raise BadInput(
            f"input 'cache' is '{kind}', but the runner's daemon cannot export a cache (classic image store)",
            "add a step with docker/setup-buildx-action and give its 'name' as 'builder', or use 'cache: inline'",
        )
    if kind == "gha":
        if not has_gha:
            raise BadInput(
                "input 'cache' is 'gha', but the runner offers no cache service (ACTIONS_RESULTS_URL is not set)",
                "use 'cache: registry' or 'inline'",
            )
        return _gha(environ, scopes, "as requested")
    return _registry(scopes, pushes, reason="as requested")


def with_own(
    chosen: LayerCache, locations: Locations, environ: Mapping[str, str], *, exports: bool, is_pull_request: bool
) -> LayerCache:
    """Add the caches that the user names; raises BadInput where the builder cannot write one."""
    writes = () if is_pull_request else locations.cache_to
    if any(location.kind != "inline" for location in writes) and not exports:
        raise BadInput(
            "input 'cache-to': the runner's daemon cannot export a cache (classic image store)",
            "add a step with docker/setup-buildx-action and give its 'name' as 'builder', or use 'type=inline'",
        )
    arguments = (
        *(f"--cache-from={_record(location, environ)}" for location in locations.cache_from),
        *(f"--cache-to={_record(location, environ)}" for location in writes),
    )
    kept_from = ", which a pull request does not write" if is_pull_request and locations.cache_to else ""
    kind = "own" if chosen.kind == "none" else f"{chosen.kind} and own"
    reason = f"{chosen.reason}; the inputs name others{kept_from}"
    return LayerCache(kind, (*chosen.arguments, *arguments), reason)


def _record(location: Location, environ: Mapping[str, str]) -> str:
    own = location.record()
    return _gha_service(environ) + own.removeprefix("type=gha") if location.kind == "gha" else own


def without_images(chosen: LayerCache) -> LayerCache:
    """Return the cache without what it would read from the image's own repository."""
    kept = tuple(argument for argument in chosen.arguments if not argument.startswith("--cache-from=type=registry,"))
    return replace(chosen, arguments=kept)


def _registry(scopes: CacheScopes, pushes: bool, reason: str) -> LayerCache:
    refs = scopes.registry_references
    reads = (f"--cache-from=type=registry,ref={ref}" for ref in refs)
    writes = (f"--cache-to=type=registry,ref={refs[-1]},mode=max,ignore-error=true",) if pushes else ()
    return LayerCache("registry", (*reads, *writes), reason)


def _gha(environ: Mapping[str, str], scopes: CacheScopes, reason: str) -> LayerCache:
    location, names = _gha_service(environ), scopes.gha_names
    reads = (f"--cache-from={location},scope={name}" for name in names)
    # The service throttles; a cache that cannot be written must not fail the build.
    return LayerCache("gha", (*reads, f"--cache-to={location},scope={names[-1]},mode=max,ignore-error=true"), reason)


def _gha_service(environ: Mapping[str, str]) -> str:
    # ACTIONS_CACHE_SERVICE_V2 does not reach container actions, so the option itself names the second version.
    location = "type=gha"
    if environ.get("ACTIONS_RESULTS_URL"):
        location += f",version=2,url_v2={environ['ACTIONS_RESULTS_URL']}"
        if not environ.get("ACTIONS_CACHE_URL"):
            # buildx before 0.21 silently leaves the whole cache out where the first version has no address.
            location += f",url={environ['ACTIONS_RESULTS_URL']}"
    return location


def _inline(scopes: CacheScopes, pushes: bool, reason: str) -> LayerCache:
    reads = (f"--cache-from=type=registry,ref={scopes.name.tagged(scopes.inline)}",) if scopes.inline else ()
    writes = ("--cache-to=type=inline",) if pushes else ()
    return LayerCache("inline", (*reads, *writes), reason)
