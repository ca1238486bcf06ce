"""Decide what to publish, from inputs, event and checkout alone: name, commit, paths, tag scheme.

Nothing outside the workspace is touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mlops_actions.core.context import Context
from mlops_actions.core.errors import BadInput
from mlops_actions.core.event import Event
from mlops_actions.core.image_name import ImageName
from mlops_actions.core.ports import Workspace
from mlops_actions.core.web_address import is_address, shown
from mlops_actions.docker_publish import legacy, names, platforms
from mlops_actions.docker_publish.build import locations, options, plan, ssh
from mlops_actions.docker_publish.build.locations import Locations
from mlops_actions.docker_publish.build.plan import BuildSources
from mlops_actions.docker_publish.image_index import collect as image_index
from mlops_actions.docker_publish.inputs import Inputs
from mlops_actions.docker_publish.layers import base_branch
from mlops_actions.docker_publish.policy import PublishPolicy
from mlops_actions.docker_publish.ports import Ports
from mlops_actions.docker_publish.reuse import trust_scopes
from mlops_actions.docker_publish.revision import Revision, revision_of
from mlops_actions.docker_publish.tags.scheme import TagScheme


@dataclass(frozen=True, kw_only=True)
class BuildRequest:
    """What to publish: all facts that need neither the daemon nor the registry.

    `source_date_epoch` is the commit's time, where the commit is checked out. `reuse_from` are other repositories of the
    registry whose images may be reused. `merge` are digests of images to put into one index, instead of a build.
    registry whose images may be reused. `compared_tags` name the base branch's image, for a pull request.
    """

    inputs: Inputs
    policy: PublishPolicy
    context: Context
    environ: Mapping[str, str]
    name: ImageName
    tag_scheme: TagScheme
    revision: Revision
    sources: BuildSources
    push: bool
    source_date_epoch: int | None = None
    reuse_from: tuple[ImageName, ...] = ()
    merge: tuple[str, ...] = ()
    locations: Locations = field(default_factory=Locations)
    compared_tags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_protected(self) -> bool:
        """Whether the image is of the very ref that runs the workflow, and the repository's rules guard that ref."""
        is_of_this_run = (self.revision.ref, self.revision.sha) == (self.context.ref, self.context.sha)
        is_guarded = self.environ.get("GITHUB_REF_PROTECTED") == "true"
        return is_of_this_run and is_guarded and not self.revision.is_pull_request

    @property
    def trust_scopes(self) -> tuple[str, ...]:
        """The trust scopes whose images and layers may be reused; the last one is that of what is built now."""
        revision = self.revision
        return trust_scopes.scopes(
            revision.pull_request_number, is_pull_request=revision.is_pull_request, protected=self.is_protected
        )


def prepare(inputs: Inputs, context: Context, event: Event | None, environ: Mapping[str, str], ports: Ports) -> BuildRequest:
    """Resolve name, commit and paths; raises BadInput before anything outside the workspace is touched."""
    resolved = legacy.resolve(inputs, context.repository, context.server_url)
    inputs, image, policy = resolved.inputs, resolved.image, resolved.policy
    inputs = replace(inputs, platforms=inputs.platforms or platforms.default(environ))
    if (inputs.cache_from or inputs.cache_to) and not inputs.was_given("cache"):
        inputs = replace(inputs, cache="none")
    if inputs.ssh:
        inputs = replace(inputs, ssh=ssh.resolve(inputs.ssh, environ, ports.find_socket))
    plan.build_arguments(inputs, environ)
    plan.user_labels(inputs, environ)
    plan.secret_values(inputs, environ)
    options.parse(inputs.build_options or "")
    checkout = ports.read_checkout(context.workspace)
    revision = revision_of(
        inputs,
        context,
        event,
        checkout=checkout,
        now=ports.clock.now(),
        prefers_event_commit=policy.prefers_event_commit,
    )
    push = not revision.from_fork if inputs.push is None else inputs.push
    if inputs.merge and not push:
        raise BadInput(
            "input 'merge' pushes an image index, but this step does not push",
            "let the job run only where the jobs that build have pushed: their output 'ref' is then not empty",
        )
    is_held_back = not push and inputs.push is None
    held_back = "not pushed: the pull request comes from a fork ('push: true' would push it)"
    return BuildRequest(
        inputs=inputs,
        policy=policy,
        context=context,
        environ=environ,
        name=image.name,
        tag_scheme=resolved.tag_scheme,
        revision=revision,
        sources=_sources(inputs, policy, root=context.workspace.resolve(), workspace=ports.workspace),
        locations=locations.read(inputs, ports.workspace.path),
        merge=image_index.parse_digests(inputs.merge or (), image.name),
        push=push,
        source_date_epoch=checkout.committed if checkout is not None and checkout.sha == revision.sha else None,
        reuse_from=_reuse_from(inputs, image.name, context),
        compared_tags=base_branch.candidate_tags(resolved.tag_scheme, revision, event, environ),
        notes=(*image.notes, *([held_back] if is_held_back else [])),
    )


def _reuse_from(inputs: Inputs, own: ImageName, context: Context) -> tuple[ImageName, ...]:
    """Name the other repositories whose images may be reused; a blob can be shared within one registry only."""
    repositories = []
    for text in inputs.reuse_from or ():
        name = names.resolve(text, None if names.has_host(text) else own.registry, context.repository).name
        if name.registry != own.registry:
            raise BadInput(
                f"input 'reuse-from' names {str(name)!r}, which is not in the registry {own.registry}",
                "name repositories of the registry that the image is pushed to",
            )
        repositories.append(name)
    return tuple(name for name in dict.fromkeys(repositories) if name != own)


def _sources(inputs: Inputs, policy: PublishPolicy, root: Path, workspace: Workspace) -> BuildSources:
    if inputs.merge:  # reads no file of the workspace, which may be empty
        return BuildSources(context=root, dockerfile=root / "Dockerfile", shown_path="")
    for name, text in (("workdir", inputs.workdir), ("context", inputs.context), ("file", inputs.file)):
        if text and is_address(text):  # before it is joined as a path, which would change it
            raise BadInput(
                f"input '{name}' is an address: {shown(text)}",
                f"check the repository out in an earlier step, and give its path in '{name}'",
            )
    workdir = workspace.folder(inputs.workdir, "workdir").relative_to(root) if inputs.workdir else Path()
    context = workspace.folder(str(workdir / inputs.context), "context")
    if inputs.file is not None:
        path = str(workdir / inputs.file)
    else:
        path = policy.default_dockerfile or str(context.relative_to(root) / "Dockerfile")
    dockerfile = workspace.file(path, "file")
    return BuildSources(
        context=context,
        dockerfile=dockerfile,
        shown_path=str(dockerfile.relative_to(root)),
        secret_files={key: workspace.file(path or "", "secret-files") for key, path in (inputs.secret_files or {}).items()},
    )
