"""Inputs and what is known of commit, name and daemon → the command line of one build. Pure: nothing is run here."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from mlops_actions.core.context import Context
from mlops_actions.core.errors import BadInput
from mlops_actions.docker_publish import options
from mlops_actions.docker_publish.inputs import Inputs
from mlops_actions.docker_publish.tags import Subject

_SECRET_VARIABLE = "MLOPS_ACTIONS_BUILD_SECRET_"  # noqa: S105 - the name of a variable, not a secret
_ANEW = ("--no-cache", "--pull")
# Variables that the docker command line itself obeys: as build arguments they would redirect it.
_OBEYED = frozenset({
    "PATH", "HOME", "TMPDIR", "LD_PRELOAD", "LD_LIBRARY_PATH", "SSH_AUTH_SOCK", "SSL_CERT_FILE", "SSL_CERT_DIR",
    "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH",
    "DOCKER_API_VERSION", "DOCKER_DEFAULT_PLATFORM", "DOCKER_CONTENT_TRUST", "DOCKER_CONTENT_TRUST_SERVER",
    "DOCKER_CLI_PLUGIN_EXTRA_DIRS", "BUILDX_CONFIG", "BUILDX_BUILDER", "BUILDX_EXPERIMENTAL", "BUILDKIT_HOST",
    "BUILDKIT_PROGRESS", "GODEBUG", "OTEL_EXPORTER_OTLP_ENDPOINT",
})  # fmt: skip


@dataclass(frozen=True)
class Sources:
    """What is built: absolute paths that were checked to be within the workspace."""

    context: Path
    dockerfile: Path
    secret_files: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class BuildPlan:
    """Arguments of `docker buildx build` (without the tags it is given) and the variables that hold its values.

    No value of a build argument or secret is among the arguments: `/proc` shows those to everybody on the machine.
    """

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    context: Path
    notes: tuple[str, ...] = ()

    def command(self, references: Sequence[str], *, push: bool, metadata: Path, again: bool = False) -> tuple[str, ...]:
        """Complete the arguments for one run that names the image by these references.

        `again`: the build was done and its push failed, so that nothing is to be built anew.
        """
        arguments = tuple(argument for argument in self.arguments if not (again and argument.startswith(_ANEW)))
        named = tuple(f"--tag={reference}" for reference in references)
        target = ("--push",) if push else ()
        return (*arguments, *named, *target, f"--metadata-file={metadata}", "--", str(self.context))


def plan(
    inputs: Inputs, sources: Sources, labels: Mapping[str, str], environ: Mapping[str, str], epoch: int | None
) -> BuildPlan:
    """Write the command line; `epoch` is the commit's time, which makes builds of one commit alike. Raises BadInput."""
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
        more, said = options.parse(inputs.build_options)
        arguments += more
        notes += said
    if epoch is not None:
        environment.setdefault("SOURCE_DATE_EPOCH", str(epoch))
    return BuildPlan(tuple(arguments), environment, sources.context, tuple(notes))


def build_arguments(inputs: Inputs, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the build arguments with their values; a bare name without a variable is left to the Dockerfile's default."""
    found: dict[str, str] = {}
    wanted = {**options.build_arguments(inputs.build_options or ""), **(inputs.build_args or {})}
    for key, value in wanted.items():
        if key in _OBEYED:
            raise BadInput(
                f"input 'build-args' sets {key}, which the docker command line itself obeys",
                f"give the Dockerfile's ARG another name than {key}",
            )
        actual = environ.get(key) if value is None else value
        if actual is not None:
            found[key] = actual
    return found


def secret_values(inputs: Inputs, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the secrets with their values; raises BadInput for a bare name that the environment does not have."""
    found: dict[str, str] = {}
    for key, value in (inputs.secrets or {}).items():
        actual = environ.get(key) if value is None else value
        if actual is None:
            raise BadInput(
                f"input 'secrets' names {key}, but the environment has no such variable",
                f"write '{key}=${{{{ secrets.{key} }}}}', or add {key} to the step's 'env:'",
            )
        found[key] = actual
    return found


def labels(
    inputs: Inputs, subject: Subject, context: Context, environ: Mapping[str, str], epoch: int | None
) -> dict[str, str]:
    """Return the labels of the OCI image specification (annotations.md), with the user's own on top."""
    url = f"{context.server_url}/{context.repository}"
    moment = datetime.fromtimestamp(epoch, UTC) if epoch is not None else subject.now
    made = {
        "org.opencontainers.image.source": url,
        "org.opencontainers.image.url": url,
        "org.opencontainers.image.title": context.repository_name,
        "org.opencontainers.image.revision": subject.sha,
        "org.opencontainers.image.created": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
    }
    if subject.git_tag or subject.branch:
        made["org.opencontainers.image.version"] = subject.git_tag or subject.branch
    for key, value in (inputs.labels or {}).items():
        made[key] = environ.get(key, "") if value is None else value
    return made


def _csv(*fields: str) -> str:
    """Write one CSV record: buildx reads these options with a CSV reader, so a comma in a path must be quoted."""
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(fields)
    return out.getvalue()
