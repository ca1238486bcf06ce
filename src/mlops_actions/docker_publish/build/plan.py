"""Write the command line of one build, from inputs and revision. Pure: nothing is run here."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from mlops_actions.core.context import Context
from mlops_actions.core.errors import BadInput
from mlops_actions.docker_publish import key_values
from mlops_actions.docker_publish.build import options
from mlops_actions.docker_publish.inputs import Inputs
from mlops_actions.docker_publish.revision import Revision

_SECRET_VARIABLE = "MLOPS_ACTIONS_BUILD_SECRET_"  # noqa: S105 - the name of a variable, not a secret
# `--push` in full. Docker's own media types have none for zstd. Layers that are compressed already (the base image's) stay
# as they are: without `force-compression` the registry shares them with the base image.
_COMPRESSED = {"zstd": ("compression=zstd", "oci-mediatypes=true")}
# BuildKit asks a registry in plain HTTP where its configuration says so, or this field of the output or cache.
_PLAIN_HTTP = "registry.insecure=true"
_REBUILDING_OPTIONS = ("--no-cache", "--pull")
# Labels that say of which commit an image is: they differ at each commit, and change nothing that runs.
LABELS_OF_A_COMMIT = frozenset(f"org.opencontainers.image.{name}" for name in ("created", "revision", "version"))
# Variables that the docker command line itself reads: as build arguments they would redirect it.
_DOCKER_VARIABLES = frozenset({
    "PATH", "HOME", "TMPDIR", "LD_PRELOAD", "LD_LIBRARY_PATH", "SSH_AUTH_SOCK", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH",
    "DOCKER_API_VERSION", "DOCKER_DEFAULT_PLATFORM", "DOCKER_CONTENT_TRUST", "DOCKER_CONTENT_TRUST_SERVER",
    "DOCKER_CLI_PLUGIN_EXTRA_DIRS", "BUILDX_CONFIG", "BUILDX_BUILDER", "BUILDX_EXPERIMENTAL", "BUILDKIT_HOST",
    "BUILDKIT_PROGRESS", "GODEBUG", "OTEL_EXPORTER_OTLP_ENDPOINT",
})  # fmt: skip
_DOCKER_PREFIXES = ("BUILDX_", "EXPERIMENTAL_BUILDKIT_")


@dataclass(frozen=True)
class BuildSources:
    """Absolute paths of the build's files, checked to be in the workspace; `shown_path` names the Dockerfile to users."""

    context: Path
    dockerfile: Path
    shown_path: str
    secret_files: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class BuildPlan:
    """Arguments of `docker buildx build` (without tags) and the variables that hold its values.

    No value of a build argument or secret is among the arguments: `/proc` shows them to every user of the machine.
    """

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    context: Path
    notes: tuple[str, ...] = ()
    compression: str = "gzip"
    pushes_in_http: bool = False

    def command(self, references: Sequence[str], *, push: bool, metadata: Path, retry: bool = False) -> tuple[str, ...]:
        """Complete the arguments for one run that names the image by these references.

        `retry`: the build succeeded and its push failed, so nothing must be built anew.
        """
        arguments = (self.without_rebuilding() if retry else self).arguments
        names = tuple(f"--tag={reference}" for reference in references)
        fields = (*_COMPRESSED.get(self.compression, ()), *([_PLAIN_HTTP] if self.pushes_in_http else []))
        output = ",".join(("--output=type=image", "push=true", *fields)) if fields else "--push"
        pushing = (output,) if push else ()
        return (*arguments, *names, *pushing, f"--metadata-file={metadata}", "--", str(self.context))

    def in_plain_http(self, host: str) -> BuildPlan:
        """Return the plan that tells the builder to ask the registry `host`, which the image is pushed to, in plain HTTP."""
        caches = tuple(f"--cache-{way}=type=registry,ref={host}/" for way in ("from", "to"))
        arguments = (f"{text},{_PLAIN_HTTP}" if text.startswith(caches) else text for text in self.arguments)
        return replace(self, arguments=tuple(arguments), pushes_in_http=True)

    def without_rebuilding(self) -> BuildPlan:
        """Return the plan for a run that must find in BuildKit's cache what was built just now."""
        return replace(self, arguments=tuple(text for text in self.arguments if not text.startswith(_REBUILDING_OPTIONS)))


def plan(
    inputs: Inputs, sources: BuildSources, labels: Mapping[str, str], environ: Mapping[str, str], epoch: int | None
) -> BuildPlan:
    """Write the command line; `epoch` is the commit's time, which makes builds of one commit equal. Raises BadInput."""
    arguments = ["--progress=plain", f"--file={sources.dockerfile}", f"--provenance={inputs.provenance}"]
    environment: dict[str, str] = {}
    notes: list[str] = []
    if inputs.sbom != "false":
        arguments.append(f"--sbom={inputs.sbom}")
    if inputs.target:
        arguments.append(f"--target={inputs.target}")
    if inputs.platforms:
        arguments.append("--platform=" + ",".join(inputs.platforms))
    for key, value in build_arguments(inputs, environ).items():
        arguments.append(f"--build-arg={key}")
        environment[key] = value
    for number, (key, value) in enumerate(secret_values(inputs, environ).items()):
        variable = f"{_SECRET_VARIABLE}{number}"
        arguments.append("--secret=" + _csv("type=env", f"id={key}", f"env={variable}"))
        environment[variable] = value
    for key, path in sources.secret_files.items():
        arguments.append("--secret=" + _csv("type=file", f"id={key}", f"src={path}"))
    arguments += [f"--ssh={entry}" for entry in inputs.ssh or ()]
    arguments += [f"--label={key}={value}" for key, value in labels.items()]
    if inputs.build_options:
        more, option_notes = options.parse(inputs.build_options)
        arguments += more
        notes += option_notes
    if why_without_cache(inputs) and not options.skips_cache(inputs.build_options or ""):
        arguments.append("--no-cache")
    if epoch is not None:
        environment.setdefault("SOURCE_DATE_EPOCH", str(epoch))
    return BuildPlan(
        arguments=tuple(arguments),
        environment=environment,
        context=sources.context,
        notes=tuple(notes),
        compression=inputs.compression,
    )


def why_without_cache(inputs: Inputs) -> str:
    """Say why every instruction must run, whatever a cache has; empty: it need not."""
    if inputs.force:
        return "'force' is set"
    if inputs.max_age is not None and inputs.max_age <= 0:
        return "'max-age' is 0"
    return "'build-options' has --no-cache" if options.skips_cache(inputs.build_options or "") else ""


def build_arguments(inputs: Inputs, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the build arguments with their values; a bare name without a variable is left to the Dockerfile's default."""
    values: dict[str, str] = {}
    given = key_values.resolve("build-args", inputs.build_args or {}, environ)
    texts = {**options.build_arguments(inputs.build_options or ""), **given}
    for key, text in texts.items():
        if key in _DOCKER_VARIABLES or key.startswith(_DOCKER_PREFIXES):
            raise BadInput(
                f"input 'build-args' sets {key}, which the docker command line itself reads",
                f"give the Dockerfile's ARG another name than {key}",
            )
        value = environ.get(key) if text is None else text
        if value is not None:
            values[key] = value
    # The docker command line makes this variable a build argument, where none of that name is given.
    if epoch := environ.get("SOURCE_DATE_EPOCH"):
        values.setdefault("SOURCE_DATE_EPOCH", epoch)
    return values


def secret_values(inputs: Inputs, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the secrets with their values; raises BadInput for a bare name that the environment does not have."""
    values: dict[str, str] = {}
    for position, (key, value) in enumerate(key_values.resolve("secrets", inputs.secrets or {}, environ).items(), 1):
        if value is None:  # the entry may be a secret's value itself, so it is not shown
            raise BadInput(
                f"entry {position} of input 'secrets' has no '=', and the environment has no variable of its name",
                "write 'KEY=${{ secrets.KEY }}', or add the variable to the step's 'env:'",
            )
        values[key] = value
    return values


def labels(
    inputs: Inputs, revision: Revision, context: Context, environ: Mapping[str, str], epoch: int | None
) -> dict[str, str]:
    """Return the labels of the OCI image specification (annotations.md), and the user's own, which win."""
    url = f"{context.server_url}/{context.repository}"
    moment = datetime.fromtimestamp(epoch, UTC) if epoch is not None else revision.now
    texts = {
        "org.opencontainers.image.source": url,
        "org.opencontainers.image.url": url,
        "org.opencontainers.image.title": context.repository_name,
        "org.opencontainers.image.revision": revision.sha,
        "org.opencontainers.image.created": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
    }
    if revision.git_tag or revision.branch:
        texts["org.opencontainers.image.version"] = revision.git_tag or revision.branch
    return texts | user_labels(inputs, environ)


def user_labels(inputs: Inputs, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the user's own labels; a bare name takes its value from the environment."""
    return {key: value or "" for key, value in key_values.resolve("labels", inputs.labels or {}, environ).items()}


def _csv(*fields: str) -> str:
    """Write one CSV record: buildx reads these options with a CSV reader, so a comma in a path must be quoted."""
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(fields)
    return out.getvalue()
