"""The inputs and outputs of docker-publish, declared once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from mlops_actions.core.declare import Action, DeclaredInputs, Legacy, Output, input_field, inputs
from mlops_actions.core.errors import BadInput
from mlops_actions.core.parsers import boolean, choice, commit, duration, integer, items, lines, matching, text
from mlops_actions.core.types import Json
from mlops_actions.docker_publish import input_values
from mlops_actions.docker_publish.key_values import key_values
from mlops_actions.docker_publish.layers.schema import LAYER_REPORT
from mlops_actions.docker_publish.platforms import is_platform
from mlops_actions.docker_publish.registries import table
from mlops_actions.docker_publish.registries.table import RegistryEntry, registry_hosts

# Inputs about a build, which a step that merges does not do.
_NOT_WITH_MERGE = (
    "context", "file", "target", "build-args", "secrets", "secret-files", "ssh", "push-by-digest", "reuse-from", "force",
    "max-age", "cache-salt", "cache-from", "cache-to", "outputs", "provenance", "sbom", "builder", "build-options",
    "compression", "load",
)  # fmt: skip
_PAIRS_REMEDY = "write one 'KEY=VALUE' or 'KEY' a line"


@inputs
class Inputs(DeclaredInputs):
    """The inputs of docker-publish."""

    image: str = input_field(
        text,
        "Name of the image: `name`, `owner/name` or `registry/owner/name`, in lower case. On `ghcr.io` a bare name becomes "
        "`owner/repo/name`.",
        required=True,
        legacy=(
            Legacy("image_name", note="It named a package of GitHub Packages, which is now `ghcr.io/owner/repo/NAME`."),
            Legacy("name", note="It may include a tag, and means Docker Hub where no registry is given."),
        ),
    )
    registry: str = input_field(
        text,
        "Host of the registry. Default on GitHub Enterprise Server: `containers.HOST`; with the older `name`: Docker Hub.",
        default="ghcr.io",
    )
    username: str | None = input_field(
        text, "User name for the registry.", runner_default="${{ github.actor }}", env=("GITHUB_ACTOR",)
    )
    password: str | None = input_field(
        text,
        "Password or token for the registry. The job's own token is sent to GitHub's registry only.",
        runner_default="${{ github.token }}",
        secret=True,
        env=("GITHUB_TOKEN",),
    )
    registries: tuple[RegistryEntry, ...] | None = input_field(
        table.parse,
        "Further registries, as a YAML mapping from each host to `{username, password, push}`: logins for private base "
        "images. With `push: true`, or `push: owner/name` for another path, the image is pushed there too. Without a login, "
        "Amazon's, Azure's and Google's get a token of the job's cloud credentials.",
        secret=True,
        secrets_in=table.secrets_in,
    )
    insecure_registries: tuple[str, ...] | None = input_field(
        registry_hosts,
        "Hosts of registries, as in `registry.internal:5000`, that are asked in plain HTTP where they speak it, passwords "
        "included. The runner's daemon needs the same setting.",
    )
    github_token: str | None = input_field(
        text,
        "The job's own token. A `password` that equals it is never sent to a registry that is not GitHub's.",
        runner_default="${{ github.token }}",
        secret=True,
        env=("GITHUB_TOKEN",),
    )
    sha: str | None = input_field(
        commit,
        "Commit of the image. Default: the commit checked out in the workspace, else the event's commit.",
    )
    ref: str | None = input_field(
        input_values.ref,
        "Branch or full ref of the image. Default: the branch checked out in the workspace, else the event's ref.",
    )
    context: str = input_field(
        text, "Folder with the files of the build (the build context).", default=".", legacy=("build_context",)
    )
    file: str | None = input_field(
        text,
        "The Dockerfile, relative to the workspace. Default: `Dockerfile` in the context.",
        legacy=("dockerfile_path", "dockerfile"),
    )
    workdir: str | None = input_field(text, "Folder that `context` and `file` are relative to. Default: the workspace.")
    target: str | None = input_field(text, "Stage of the Dockerfile to build.")
    build_args: Mapping[str, str | None] | None = input_field(
        key_values,
        "`KEY=VALUE` lines; a bare `KEY` takes its value from the environment. A value of several lines: in double quotes "
        "around the whole entry, or all of it as a YAML mapping.",
        legacy=(Legacy("buildargs", input_values.pair_items, "A list of names or pairs, separated by commas."),),
    )
    secrets: Mapping[str, str | None] | None = input_field(
        key_values,
        "For `RUN --mount=type=secret,id=KEY`: `KEY=VALUE` lines, or as in `build-args`; a bare `KEY` takes its value from "
        "the environment.",
        secret=True,
    )
    secret_files: Mapping[str, str | None] | None = input_field(
        key_values, "`ID=PATH` lines; each path must be in the workspace."
    )
    ssh: tuple[str, ...] | None = input_field(lines, "`default` or `ID=SOCKET` lines for `RUN --mount=type=ssh`.")
    labels: Mapping[str, str | None] | None = input_field(
        key_values,
        "`KEY=VALUE` lines, or as in `build-args`, added to the OCI labels; a bare `KEY` takes its value from the "
        "environment.",
    )
    platforms: tuple[str, ...] | None = input_field(items, "Platforms to build for, such as `linux/amd64, linux/arm64`.")
    push_by_digest: bool = input_field(
        boolean,
        "Push without the tags, for a later step with `merge`: each job of a matrix builds for one platform. Only the tag "
        "of the fingerprint is set, which keeps the registry from deleting the image.",
        default="false",
    )
    merge: tuple[str, ...] | None = input_field(
        items,
        "Digests (or `registry/name@sha256:…`) of images of this name, one a line: make one image for several platforms of "
        "them. Nothing is built. `platforms`, where given, must be those of the images.",
    )
    tags: tuple[str, ...] = input_field(
        items,
        "Rules and literal tags: `sha` (12 digits), `sha-long`, `branch`, `pr`, `tag`, `semver` (`1.2.3`, `1.2`, `1`), "
        "`latest` (the default branch, or the newest release), `snapshot`, `date`; a pattern of git tags with `*` for the "
        "version (`trainer-v*`); a template (`{{branch}}-{{sha}}`); a full reference to this image; or a literal tag. With "
        "an older name of `image`, each entry is a literal tag.",
        default="sha, branch, semver, latest",
    )
    prefix: str | None = input_field(
        matching(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}", "the beginning of a tag, such as 'gpu-'"),
        "Text before each tag, also before `latest`; not before that of a full reference.",
    )
    suffix: str | None = input_field(
        matching(r"[A-Za-z0-9_.-]{1,63}", "the end of a tag, such as '-cuda'"),
        "Text after each tag, also after `latest`; not after that of a full reference. Give each entry of a matrix its own.",
    )
    tag: str | None = input_field(text, "One more literal tag.")
    branch_tag: bool = input_field(boolean, "Add a tag with the branch's name.", default="false", legacy=("branch_tag",))
    tag_names: bool = input_field(boolean, "Add a tag with the git tag's name.", default="false", legacy=("tag_names",))
    tag_semver: bool = input_field(boolean, "Add tags with the git tag's versions.", default="false", legacy=("tag_semver",))
    snapshot: bool = input_field(boolean, "Add a tag with the time and the commit.", default="false")
    default_branch: str | None = input_field(
        text, "Branch that `latest` follows. Default: the repository's.", legacy=("default_branch",)
    )
    push: bool | None = input_field(
        boolean,
        "Whether to push. Default: `true`, but `false` for a pull request from a fork, and where the job's own token may "
        "only read packages. With `true` the step fails where it cannot push.",
        legacy=(Legacy("no_push", input_values.negated, "It means the opposite."),),
    )
    skip_unchanged: bool = input_field(
        boolean,
        "Do not build where this very input was built and pushed before, but tag that image again. With an older name of "
        "`image`, the default is `true` only where `cache` asks for a cache.",
        default="true",
    )
    max_age: float | None = input_field(
        duration,
        "Oldest image that `skip-unchanged` may reuse, such as `12h`. No layer that a `RUN` made is older either, whatever "
        "cache it comes from. Default: any.",
    )
    reuse_from: tuple[str, ...] | None = input_field(
        items,
        "Other repositories of the same registry whose images `skip-unchanged` may reuse, as in `owner/name`; their layers "
        "are shared, not copied. Name only repositories that you trust as much as this one.",
    )
    force: bool = input_field(boolean, "Build even where nothing changed, and run every instruction again.", default="false")
    cache_salt: str | None = input_field(
        text,
        "Any text. Images built with another text are not reused: change it when the value of a secret changes, which "
        "`skip-unchanged` does not compare.",
    )
    cache: str = input_field(
        input_values.cache, "Where layers are cached: `auto`, `gha`, `registry`, `inline` or `none`.", default="auto"
    )
    cache_from: tuple[str, ...] | None = input_field(
        lines,
        "Layer caches of your own to read, one a line, as `docker buildx build --cache-from` takes them: `registry`, `gha`, "
        "`local` in the workspace, `s3`, `azblob`. With it or `cache-to`, the default of `cache` is `none`.",
    )
    cache_to: tuple[str, ...] | None = input_field(
        lines,
        "Layer caches of your own to write, one a line, as `docker buildx build --cache-to` takes them. The build of a pull "
        "request does not write them, since other refs read them.",
    )
    outputs: tuple[str, ...] | None = input_field(
        lines,
        "Files to export besides the image, one a line: `type=local,dest=FOLDER`, or `tar`, `oci` or `docker` with a file "
        "as `dest`, all in the workspace.",
    )
    compression: str = input_field(
        choice(*input_values.COMPRESSIONS),
        "Compression of the layers that the build makes: `gzip`, or `zstd`, which unpacks faster. A daemon with the "
        "classic image store has only `gzip`.",
        default="gzip",
    )
    provenance: str = input_field(
        input_values.provenance,
        "Provenance attestation by BuildKit: `true`, `false`, `mode=min` or `mode=max`.",
        default="false",
    )
    sbom: str = input_field(
        input_values.sbom, "Software bill of materials by BuildKit: `true`, `false` or `generator=IMAGE`.", default="false"
    )
    builder: str | None = input_field(
        text,
        "Name of a buildx builder, or address of a BuildKit (`tcp://…`, `docker-container://…`, `unix://…`), to use instead "
        "of the runner's daemon.",
    )
    builder_timeout: float = input_field(
        duration,
        "How long `builder` may take to listen, such as `2m` for a pod that starts. A wait is said in the log.",
        default="5s",
    )
    build_options: str | None = input_field(
        text, "Further options of `docker buildx build`, from a list of harmless ones.", legacy=("buildoptions",)
    )
    load: str = input_field(
        choice("auto", "true", "false"),
        "Whether the runner's daemon has the image under its tags afterwards. `auto`: where it built it, or has it already; "
        "nothing is pulled. `true`: it pulls the image where it must. `false`: an image that it built is removed.",
        default="auto",
    )
    retries: int = input_field(
        integer(minimum=0, maximum=10),
        "How often a failed push is tried again. A failed build is not tried again.",
        default="3",
    )

    def problems(self) -> Iterable[BadInput]:
        """Check the inputs that a parser cannot check alone."""
        for key in self.build_args or {}:
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key):
                yield BadInput(f"input 'build-args' has {key!r}, which is not a valid name", _PAIRS_REMEDY)
        for key in self.secrets or {}:
            if not re.fullmatch(r"[A-Za-z0-9_.-]+", key):  # the line may be a secret's value, so it is not shown
                yield BadInput("input 'secrets' has a line without a valid name", _PAIRS_REMEDY)
        for key, path in (self.secret_files or {}).items():
            if not path or not re.fullmatch(r"[A-Za-z0-9_.-]+", key):
                yield BadInput(f"input 'secret-files' has {key!r} without a path or a valid id", "write 'ID=PATH' lines")
        for entry in self.ssh or ():
            if not re.fullmatch(r"[A-Za-z0-9_.-]+(=[^,\"\n]+)?", entry):
                yield BadInput(f"input 'ssh' has {entry!r}", "write 'default' or 'ID=SOCKET' lines")
        for platform in self.platforms or ():
            if not is_platform(platform):
                yield BadInput(f"input 'platforms' has {platform!r}", "write platforms as in 'linux/amd64, linux/arm64'")
        yield from self._problems_of_load()
        yield from self._problems_of_merge()
        if self.target is not None and not re.fullmatch(r"[A-Za-z0-9_.-]+", self.target):
            yield BadInput(f"input 'target' is {self.target!r}", "give the name of a stage of the Dockerfile")

    def _problems_of_load(self) -> Iterable[BadInput]:
        if self.load == "true" and self.builder and self.push is False and len(self.platforms or ()) > 1:
            yield BadInput(
                "input 'load' is true, but a daemon takes an image of several platforms from a registry only",
                "push the image too, or give one platform in 'platforms'",
            )

    def _problems_of_merge(self) -> Iterable[BadInput]:
        for name in _NOT_WITH_MERGE if self.merge is not None else ():
            if self.was_given(name):
                yield BadInput(f"inputs 'merge' and '{name}' exclude each other", f"leave '{name}' to the jobs that build")


OUTPUTS = (
    Output("image", "`registry/name`."),
    Output("tags", "The tags, one a line; empty with `push-by-digest`."),
    Output("tag", "The first of the tags."),
    Output("digest", "`sha256:…` of the image, confirmed by the registry; empty where nothing was pushed."),
    Output("pushed", "`true` where the image is in the registry; `false` where it was only built."),
    Output("ref", "`registry/name@sha256:…`, to be passed to a workflow; empty where nothing was pushed."),
    Output("image-id", "`sha256:…` of the image's configuration (one platform), as `docker images` shows it."),
    Output("built", "`false` where an existing image was tagged again instead."),
    Output("built-sha", "Commit whose build made the image, as its labels say: an earlier one for a reused image."),
    Output("loaded", "`true` where the runner's daemon has the image under its tags."),
    Output("context-hash", "Fingerprint of all that enters the build; empty where it cannot be computed."),
    Output("size", "Bytes of the image in the registry, all platforms together."),
    Output("duration", "Duration of this step in seconds."),
    Output("markdown", "What the job's summary shows: the image, its layers and hints, as Markdown for a comment."),
    Output("labels", "The image's labels, one `KEY=VALUE` a line, as the input takes them."),
    Output("annotations", "The annotations of the image's manifest or index, one `KEY=VALUE` a line."),
    Output("metadata", "BuildKit's metadata as JSON; of an image that was not built now, its digest and descriptor."),
    Output("url", "Web page of the image."),
    Output("result", "All outputs and more, as one JSON document."),
    Output("IMAGE_SHA_NAME", "`registry/name:TAG` with the commit's tag.", legacy=True),
    Output("IMAGE_URL", "Web page of the repository's packages.", legacy=True),
    Output("snapshot-tag", "The tag of `snapshot`.", legacy=True),
)

_COUNT: Json = {"type": "integer", "minimum": 0}
_OPTIONAL_TEXT: Json = {"type": ["string", "null"]}


RESULT: Mapping[str, Json] = {
    "image": {"type": "string"},
    "tags": {
        "type": "array",
        "items": {"type": "string"},
        "description": "The tags, in order; none with `push-by-digest`.",
    },
    "tag": {"type": "string", "description": "The first of the tags; empty where there is none."},
    "digest": {**_OPTIONAL_TEXT, "description": "`sha256:…` of the image; null where nothing was pushed."},
    "ref": {**_OPTIONAL_TEXT, "description": "`registry/name@sha256:…`; null where nothing was pushed."},
    "image-id": _OPTIONAL_TEXT,
    "built": {"type": "boolean"},
    "loaded": {"type": "boolean"},
    "built-sha": {**_OPTIONAL_TEXT, "description": "The commit whose build made the image; null where it is not known."},
    "labels": {"type": "object", "additionalProperties": {"type": "string"}, "description": "The image's labels."},
    "annotations": {
        "type": "object",
        "additionalProperties": {"type": "string"},
        "description": "The annotations of the image's manifest or index.",
    },
    "pushed": {"type": "boolean", "description": "Whether the image is in the registry."},
    "context-hash": {
        **_OPTIONAL_TEXT,
        "description": "Fingerprint of all that enters the build; null where it cannot be computed.",
    },
    "size": {"type": ["integer", "null"], "minimum": 0},
    "layers": {
        "description": "Layers of the image; `new` ones are not in the image that the tags stood for before.",
        "type": ["object", "null"],
        "properties": {"count": _COUNT, "new": _COUNT, "new-size": {**_COUNT, "description": "Bytes of the new layers."}},
        "required": ["count", "new", "new-size"],
        "additionalProperties": False,
    },
    "layer-report": LAYER_REPORT,
    "duration": {"type": "number", "minimum": 0},
    "url": {"type": "string"},
    "sha": {"type": "string", "description": "The commit of the image."},
    "git-ref": {**_OPTIONAL_TEXT, "description": "The full git ref of the image; null where unknown."},
    "pr-number": {
        "type": ["integer", "null"],
        "description": "The number of the pull request that the event belongs to.",
    },
    "cache": {**_OPTIONAL_TEXT, "description": "The kind of layer cache; null where nothing was built."},
    "cached-steps": {
        "description": "Steps of the Dockerfile by stage: how many came from the cache, and how many there are.",
        "type": "object",
        "additionalProperties": {
            "type": "object",
            "properties": {"cached": _COUNT, "total": _COUNT},
            "required": ["cached", "total"],
            "additionalProperties": False,
        },
    },
    "notes": {"type": "array", "items": {"type": "string"}, "description": "Decisions of this step, one sentence each."},
    "warnings": {
        "type": "array",
        "items": {"type": "string"},
        "description": "What the files of the build context show, such as credentials that reach the image.",
    },
}

ACTION = Action(
    name="docker-publish",
    title="MLOps Docker Publish",
    description="Build an image, push it and return its digest; reuse the earlier image if nothing changed",
    icon="package",
    color="blue",
    inputs=Inputs,
    outputs=OUTPUTS,
    result=RESULT,
)
