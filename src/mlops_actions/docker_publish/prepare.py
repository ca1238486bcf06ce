"""What is to be published, from the inputs alone: name, commit, paths, tags. Nothing outside the workspace is touched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mlops_actions.core.context import Context
from mlops_actions.core.errors import BadInput
from mlops_actions.core.event import Event
from mlops_actions.docker_publish import legacy_tags, names, options, plan, tags, workspace
from mlops_actions.docker_publish.inputs import Inputs
from mlops_actions.docker_publish.names import ImageName, Resolved
from mlops_actions.docker_publish.plan import Sources
from mlops_actions.docker_publish.ports import Checkout, Ports, Registry
from mlops_actions.docker_publish.subject import subject_of
from mlops_actions.docker_publish.tags import Subject, Tags


@dataclass(frozen=True)
class Job:
    """What is to be done, as far as it is known before anything is asked of daemon and registry."""

    inputs: Inputs
    context: Context
    environ: Mapping[str, str]
    image: Resolved
    subject: Subject
    sources: Sources
    push: bool
    epoch: int | None
    elsewhere: tuple[ImageName, ...] = ()
    notes: list[str] = field(default_factory=list)

    @property
    def name(self) -> ImageName:
        """The image's name."""
        return self.image.name

    @property
    def is_protected(self) -> bool:
        """Whether the image is of the very ref that runs the workflow, and the repository's rules guard that."""
        of_this_run = (self.subject.ref, self.subject.sha) == (self.context.ref, self.context.sha)
        return of_this_run and not self.subject.is_pull_request and self.environ.get("GITHUB_REF_PROTECTED") == "true"


def prepare(inputs: Inputs, context: Context, event: Event | None, environ: Mapping[str, str], ports: Ports) -> Job:
    """Resolve name, commit and paths; raises BadInput before anything outside the workspace is touched."""
    image = _name(inputs, context)
    plan.build_arguments(inputs, environ)
    options.parse(inputs.build_options or "")
    for rule in inputs.tags:
        if rule not in tags.RULES:
            tags.literal(rule, [])
    checkout = ports.read_checkout(context.workspace)
    subject = subject_of(inputs, context, event, checkout, ports.clock.now())
    push = not subject.from_fork if inputs.push is None else inputs.push
    sources, epoch = _sources(inputs, context), _epoch(checkout, subject.sha)
    job = Job(inputs, context, environ, image, subject, sources, push, epoch, _elsewhere(inputs, image.name, context))
    job.notes.extend(image.notes)
    if not push and inputs.push is None:
        job.notes.append("not pushed: the pull request comes from a fork ('push: true' would push it)")
    return job


def _name(inputs: Inputs, context: Context) -> Resolved:
    registry = inputs.registry if inputs.was_given("registry") else None
    if inputs.is_package:
        return names.resolve_package(inputs.image, registry, context.repository)
    if inputs.is_generic:
        return names.resolve_legacy_name(inputs.image, registry)
    return names.resolve(inputs.image, registry, context.repository)


def _elsewhere(inputs: Inputs, own: ImageName, context: Context) -> tuple[ImageName, ...]:
    """Name the other repositories whose images may be taken; a blob can be shared within one registry only."""
    found = []
    for text in inputs.reuse_from or ():
        name = names.resolve(text, None if names.has_host(text) else own.registry, context.repository)
        if name.name.registry != own.registry:
            raise BadInput(
                f"input 'reuse-from' names {str(name.name)!r}, which is not in the registry {own.registry}",
                "name repositories of the registry that the image is pushed to",
            )
        found.append(name.name)
    return tuple(name for name in dict.fromkeys(found) if name != own)


def _sources(inputs: Inputs, context: Context) -> Sources:
    root = context.workspace
    base = workspace.folder(root, inputs.workdir, "workdir").relative_to(root.resolve()) if inputs.workdir else Path()
    folder = workspace.folder(root, str(base / inputs.context), "context")
    if inputs.file is not None:
        path = str(base / inputs.file)
    elif inputs.is_package:
        path = "Dockerfile"  # gpr-docker-publish looked at the repository's root, whatever the context was
    else:
        path = str(folder.relative_to(root.resolve()) / "Dockerfile")
    files = {key: workspace.file(root, value or "", "secret-files") for key, value in (inputs.secret_files or {}).items()}
    return Sources(folder, workspace.file(root, path, "file"), files)


def _epoch(checkout: Checkout | None, sha: str) -> int | None:
    return checkout.committed if checkout is not None and checkout.sha == sha else None


def tags_of(job: Job, registry: Registry) -> Tags:
    """Apply the rules that hold for the name; the registry is asked for its versions only where a release needs them."""
    inputs, subject = job.inputs, job.subject
    if inputs.is_package:
        made = legacy_tags.package_tags(subject, inputs.tag or "", inputs.branch_tag)
        if inputs.was_given("tags"):
            made = replace(
                made, names=tuple(dict.fromkeys((*made.names, *(tags.literal(t, job.notes) for t in inputs.tags))))
            )
        return made
    if inputs.is_generic:
        rules = legacy_tags.GenericRules(
            name_tag=job.image.tag,
            tags=",".join(inputs.tags) if inputs.was_given("tags") else "",
            tag_names=inputs.tag_names,
            tag_semver=inputs.tag_semver,
            snapshot=inputs.snapshot,
            default_branch=inputs.default_branch or "",
        )
        if job.push and legacy_tags.needs_versions(subject, rules):
            subject = replace(subject, versions=tuple(registry.tags(job.name.repository)))
        return legacy_tags.generic_tags(subject, rules)
    extra = {"branch": inputs.branch_tag, "tag": inputs.tag_names, "semver": inputs.tag_semver, "snapshot": inputs.snapshot}
    rules_in_order = (
        *inputs.tags,
        *(rule for rule, wanted in extra.items() if wanted),
        *([inputs.tag] if inputs.tag else []),
    )
    if job.push and tags.needs_versions(rules_in_order, subject):
        subject = replace(subject, versions=tuple(registry.tags(job.name.repository)))
    return tags.make(rules_in_order, subject)
