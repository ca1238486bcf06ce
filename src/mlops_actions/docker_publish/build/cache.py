"""Choose where layers are cached, by what the builder and the runner can do. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mlops_actions.core.errors import BadInput
from mlops_actions.core.image_name import ImageName
from mlops_actions.docker_publish.build.locations import Location, Locations
from mlops_actions.docker_publish.tags.reserved import CACHE_TAG


@dataclass(frozen=True)
class LayerCache:
    """The chosen kind, the arguments it needs, and the reason in one line."""

    kind: str
    arguments: tuple[str, ...]
    reason: str


def choose(
    kind: str,
    name: ImageName,
    environ: Mapping[str, str],
    *,
    exports: bool,
    pushes: bool,
    has_latest: bool,
    cache_scope: str = "",
) -> LayerCache:
    """Choose for the input `cache`; `exports` says whether the builder can write a cache apart from the image.

    `has_latest` says whether the registry has an image whose inline cache can be read. `cache_scope` names the cache that a
    pull request keeps for itself beside the common one: it must not put layers where other refs find them. Raises BadInput
    for a kind that is not available here.
    """
    has_gha = bool(
        environ.get("ACTIONS_RUNTIME_TOKEN") and (environ.get("ACTIONS_RESULTS_URL") or environ.get("ACTIONS_CACHE_URL"))
    )
    if kind == "none":
        return LayerCache("none", (), "as requested")
    if kind == "auto":
        if exports and has_gha:
            return _gha(environ, "the builder can export a cache and the runner offers one")
        if exports:
            return _registry(
                name, pushes, cache_scope=cache_scope, reason="the builder can export a cache, and the runner offers none"
            )
        return _inline(name, pushes, has_latest=has_latest, reason="the runner's daemon keeps its cache only inside images")
    if kind == "inline":
        return _inline(name, pushes, has_latest=has_latest, reason="as requested")
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
        return _gha(environ, "as requested")
    return _registry(name, pushes, cache_scope=cache_scope, reason="as requested")


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


def _registry(name: ImageName, pushes: bool, cache_scope: str, reason: str) -> LayerCache:
    refs = [name.tagged(CACHE_TAG), *([name.tagged(f"{CACHE_TAG}-{cache_scope}")] if cache_scope else [])]
    reads = (f"--cache-from=type=registry,ref={ref}" for ref in refs)
    writes = (f"--cache-to=type=registry,ref={refs[-1]},mode=max,ignore-error=true",) if pushes else ()
    return LayerCache("registry", (*reads, *writes), reason)


def _gha(environ: Mapping[str, str], reason: str) -> LayerCache:
    location = _gha_service(environ)
    # The service throttles; a cache that cannot be written must not fail the build.
    return LayerCache("gha", (f"--cache-from={location}", f"--cache-to={location},mode=max,ignore-error=true"), reason)


def _gha_service(environ: Mapping[str, str]) -> str:
    # ACTIONS_CACHE_SERVICE_V2 does not reach container actions, so the option itself names the second version.
    location = "type=gha"
    if environ.get("ACTIONS_RESULTS_URL"):
        location += f",version=2,url_v2={environ['ACTIONS_RESULTS_URL']}"
        if not environ.get("ACTIONS_CACHE_URL"):
            # buildx before 0.21 silently leaves the whole cache out where the first version has no address.
            location += f",url={environ['ACTIONS_RESULTS_URL']}"
    return location


def _inline(name: ImageName, pushes: bool, has_latest: bool, reason: str) -> LayerCache:
    reads = (f"--cache-from=type=registry,ref={name.tagged('latest')}",) if has_latest else ()
    writes = ("--cache-to=type=inline",) if pushes else ()
    return LayerCache("inline", (*reads, *writes), reason)
