"""Turn the parsed inputs into today's inputs, a name, a tag scheme and a policy. Pure.

The only module that knows which names the user gave: `image`, `image_name` (gpr-docker-publish) or `name`
(Publish-Docker-Github-Action). Each older name brings the behaviour of its action.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from mlops_actions.core import registries
from mlops_actions.core.image_name import ImageName
from mlops_actions.docker_publish import names
from mlops_actions.docker_publish.inputs import Inputs
from mlops_actions.docker_publish.names import ResolvedName
from mlops_actions.docker_publish.policy import PublishPolicy
from mlops_actions.docker_publish.tags import entries
from mlops_actions.docker_publish.tags.legacy_tags import GprTags, PublishDockerTags
from mlops_actions.docker_publish.tags.rules import RuleTags
from mlops_actions.docker_publish.tags.scheme import TagScheme


@dataclass(frozen=True)
class ResolvedInputs:
    """What the user asked for, whichever names they used."""

    inputs: Inputs
    image: ResolvedName
    tag_scheme: TagScheme
    policy: PublishPolicy


def resolve(inputs: Inputs, repository: str, server_url: str = "") -> ResolvedInputs:
    """Resolve the inputs; `repository` is the GitHub repository, `owner/name`, at `server_url` (empty: github.com).

    Raises BadInput for an unusable name.
    """
    github = registries.registry_of_github(server_url)
    registry = inputs.registry if inputs.was_given("registry") else None
    if inputs.was_given("image_name"):
        return _gpr_docker_publish(inputs, registry, repository, github)
    if inputs.was_given("name"):
        return _publish_docker(inputs, registry)
    image = names.resolve(inputs.image, registry, repository, github)
    return ResolvedInputs(inputs=inputs, image=image, tag_scheme=_rules(inputs, image.name), policy=PublishPolicy())


def _rules(inputs: Inputs, image: ImageName) -> RuleTags:
    given = (*inputs.tags, *([inputs.tag] if inputs.tag else []))
    entries.check(given)
    switches = {
        "branch": inputs.branch_tag,
        "tag": inputs.tag_names,
        "semver": inputs.tag_semver,
        "snapshot": inputs.snapshot,
    }
    switched_on = (rule for rule, is_on in switches.items() if is_on)
    pushing = (entry for entry in inputs.registries or () if entry.pushes)
    images = (image, *(ImageName(entry.host, entry.repository or image.repository) for entry in pushing))
    named = {entry: entries.tag_of(entry, images) for entry in given if entries.is_reference(entry)}
    return RuleTags(
        rules=tuple(entry for entry in (*inputs.tags, *switched_on, *given[len(inputs.tags) :]) if entry not in named),
        references=tuple(dict.fromkeys(named.values())),
        prefix=inputs.prefix or "",
        suffix=inputs.suffix or "",
    )


def _gpr_docker_publish(inputs: Inputs, registry: str | None, repository: str, github: str) -> ResolvedInputs:
    return ResolvedInputs(
        inputs=_cached_on_request(inputs),
        image=names.resolve_below_repository(inputs.image, registry, repository, github),
        tag_scheme=GprTags(
            tag=inputs.tag or "",
            branch_tag=inputs.branch_tag,
            literals=inputs.tags if inputs.was_given("tags") else (),
        ),
        # It looked for the Dockerfile at the repository's root, whatever the context was.
        policy=PublishPolicy(default_dockerfile="Dockerfile", prefers_event_commit=True, loads_reused_image=True),
    )


def _publish_docker(inputs: Inputs, registry: str | None) -> ResolvedInputs:
    image = names.resolve_with_tag(inputs.image, registry)
    return ResolvedInputs(
        inputs=_cached_on_request(inputs),
        image=image,
        tag_scheme=PublishDockerTags(
            name_tag=image.tag,
            tags_input=",".join(inputs.tags) if inputs.was_given("tags") else "",
            tag_names=inputs.tag_names,
            tag_semver=inputs.tag_semver,
            snapshot=inputs.snapshot,
            default_branch=inputs.default_branch or "",
        ),
        policy=PublishPolicy(
            prefers_event_commit=True,
            # It ran on the runner itself, where docker/setup-buildx-action makes its builder the current one.
            uses_started_builder=True,
            loads_reused_image=True,
            digest_includes_name=True,
        ),
    )


def _cached_on_request(inputs: Inputs) -> Inputs:
    """Reuse layers and images only where `cache` or `skip-unchanged` requests it, as the replaced actions did."""
    cache = inputs.cache if inputs.was_given("cache") else "none"
    skip_unchanged = inputs.skip_unchanged if inputs.was_given("skip-unchanged") else cache != "none"
    return replace(inputs, cache=cache, skip_unchanged=skip_unchanged)
