"""What is input of a build and what is not: a step, a change, and whether the next step builds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from mlops_actions.core.checkout import Checkout
from mlops_actions.core.errors import BadInput
from tests.actions.docker_publish.publisher import Publisher
from tests.support.docker_publish import COMMITTED, SHA
from tests.support.local_docker import LocalBuilder, LocalDaemon

Change = Callable[[Publisher], Mapping[str, Any] | None]
IMAGES = {"docker/dockerfile:1": "sha256:" + "1" * 64, "docker/dockerfile:2": "sha256:" + "2" * 64}
CREATED, REVISION, VERSION = (f"org.opencontainers.image.{name}" for name in ("created", "revision", "version"))


def dockerfile(content: str | bytes) -> Change:
    def write(publisher: Publisher) -> None:
        data = content.encode() if isinstance(content, str) else content
        (publisher.workspace / "Dockerfile").write_bytes(data)

    return write


def given(environ: Mapping[str, str] | None = None, /, **inputs: str) -> Change:
    named = {name.replace("_", "-"): value for name, value in inputs.items()}
    return lambda _: {"given": named, "environ": environ or {}}


def nothing(_: Publisher) -> None:
    pass


def next_commit(publisher: Publisher) -> None:
    publisher.checkout = Checkout("f" * 40, "main", committed=COMMITTED + 60)


def next_commit_with(**inputs: str) -> Change:
    def change(publisher: Publisher) -> Mapping[str, Any] | None:
        next_commit(publisher)
        return given(**inputs)(publisher)

    return change


def another_builder(publisher: Publisher) -> None:
    publisher.docker.facts = LocalDaemon(platform="linux/arm64")


def excluded_folder(mode: int) -> Change:
    def change(publisher: Publisher) -> None:
        (publisher.workspace / ".dockerignore").write_text("data\n!data/keep\n")
        folder = publisher.workspace / "data"
        folder.mkdir(exist_ok=True)
        (folder / "keep").write_text("kept")
        folder.chmod(mode)

    return change


def base(digest: str) -> Change:
    def change(publisher: Publisher) -> None:
        publisher.docker.images["docker/dockerfile:1"] = digest

    return change


EPOCH = "FROM scratch\nARG SOURCE_DATE_EPOCH\nCOPY train.py /\n"
BUILDER = "FROM scratch\nARG BUILDPLATFORM\nCOPY train.py /\n"
SYNTAX = "# syntax=docker/dockerfile:1\nFROM scratch\nCOPY train.py /\n"
LABELS = f"{CREATED}=2026-01-0%s\n{REVISION}=%s\n{VERSION}=pr-%s\nteam=vision"


@pytest.mark.parametrize(
    ("first", "second", "built"),
    [
        pytest.param(nothing, next_commit, False, id="another commit with the same files"),
        # The Dockerfile, byte for byte
        pytest.param(dockerfile("FROM scratch\nCOPY a b\n"), dockerfile("FROM scratch\r\nCOPY a b\r\n"), True, id="CRLF"),
        pytest.param(dockerfile("FROM scratch\n"), dockerfile("FROM scratch\r"), True, id="a carriage return alone"),
        pytest.param(dockerfile(b"FROM scratch\n#\xff\n"), dockerfile(b"FROM scratch\n#\xfe\n"), True, id="no UTF-8"),
        pytest.param(dockerfile("FROM scratch\n#a\n"), dockerfile("FROM scratch\n#b\n"), True, id="a comment"),
        pytest.param(dockerfile("FROM scratch\n"), dockerfile("\ufeffFROM scratch\n"), True, id="a byte order mark"),
        # Folders
        pytest.param(excluded_folder(0o755), excluded_folder(0o755), False, id="a folder of a file that is included again"),
        pytest.param(excluded_folder(0o755), excluded_folder(0o700), True, id="the mode of such a folder"),
        # Platforms
        pytest.param(nothing, given({"DOCKER_DEFAULT_PLATFORM": "linux/arm64"}), True, id="DOCKER_DEFAULT_PLATFORM"),
        pytest.param(
            nothing,
            given({"DOCKER_DEFAULT_PLATFORM": "linux/amd64"}),
            False,
            id="the builder's own one",
        ),
        pytest.param(
            given(platforms="linux/arm64"),
            given({"DOCKER_DEFAULT_PLATFORM": "linux/amd64"}, platforms="linux/arm64"),
            False,
            id="'platforms' before DOCKER_DEFAULT_PLATFORM",
        ),
        pytest.param(given(platforms="linux/amd64"), another_builder, True, id="the builder's platform is the default"),
        # Epochs
        pytest.param(nothing, given({"SOURCE_DATE_EPOCH": "1"}), True, id="SOURCE_DATE_EPOCH"),
        pytest.param(
            given({"SOURCE_DATE_EPOCH": "1"}),
            given({"SOURCE_DATE_EPOCH": "1"}),
            False,
            id="the same SOURCE_DATE_EPOCH",
        ),
        pytest.param(
            given({"SOURCE_DATE_EPOCH": "1"}),
            given({"SOURCE_DATE_EPOCH": "2"}),
            True,
            id="another SOURCE_DATE_EPOCH",
        ),
        pytest.param(
            given({"SOURCE_DATE_EPOCH": "2"}, build_args="SOURCE_DATE_EPOCH=1"),
            given({"SOURCE_DATE_EPOCH": "3"}, build_args="SOURCE_DATE_EPOCH=1"),
            False,
            id="a build argument before the variable",
        ),
        pytest.param(dockerfile(EPOCH), nothing, False, id="a Dockerfile that reads the commit's time"),
        pytest.param(dockerfile(EPOCH), next_commit, True, id="another commit's time"),
        pytest.param(dockerfile(EPOCH.replace("_E", "\\\n_E")), next_commit, True, id="a time that two lines name"),
        pytest.param(dockerfile("# escape=`\n" + EPOCH.replace("_E", "`\n#\n_E")), next_commit, True, id="another escape"),
        pytest.param(dockerfile(EPOCH.replace("DATE", '"DATE"')), nothing, True, id="an argument's name in quotes"),
        pytest.param(dockerfile(BUILDER.replace("PLAT", "\\\nPLAT")), another_builder, True, id="a builder on two lines"),
        # Frontends
        pytest.param(dockerfile(SYNTAX), nothing, False, id="a frontend"),
        pytest.param(dockerfile(SYNTAX), base("sha256:" + "3" * 64), True, id="another digest of a frontend"),
        pytest.param(nothing, given(build_args="BUILDKIT_SYNTAX=docker/dockerfile:1"), True, id="BUILDKIT_SYNTAX"),
        pytest.param(
            given({"BUILDKIT_SYNTAX": "docker/dockerfile:1"}, build_args="BUILDKIT_SYNTAX"),
            given({"BUILDKIT_SYNTAX": "docker/dockerfile:2"}, build_args="BUILDKIT_SYNTAX"),
            True,
            id="BUILDKIT_SYNTAX of the environment",
        ),
        # Variables of the builder
        pytest.param(nothing, given({"BUILDX_BUILDER": "b-1", "BUILDX_GIT_LABELS": "full"}), False, id="BUILDX_…"),
        pytest.param(nothing, given({"DOCKER_BUILDKIT": "0", "BUILDKIT_PROGRESS": "tty"}), False, id="progress"),
        pytest.param(nothing, given(build_args="HTTP_PROXY=http://proxy.example:1"), False, id="a proxy"),
        pytest.param(nothing, given(build_args="BUILDKIT_CONTEXT_KEEP_GIT_DIR=1"), True, id="BUILDKIT_CONTEXT_KEEP_GIT_DIR"),
        # Labels
        pytest.param(
            given(labels=LABELS % (1, 1, 1)), next_commit_with(labels=LABELS % (2, 2, 2)), False, id="labels of a commit"
        ),
        pytest.param(given(labels="team=a"), given(labels="team=b"), True, id="another label"),
        # Options
        pytest.param(given(build_options="--network none"), given(build_options="--network=none"), False, id="spelling"),
        pytest.param(given(build_options="--network=none"), given(build_options="--network=host"), True, id="an option"),
        pytest.param(given(build_options="--no-cache"), nothing, False, id="an image that was built without a cache"),
        pytest.param(nothing, given(build_options="--no-cache"), True, id="--no-cache"),
        pytest.param(nothing, given(build_options="--no-cache=true"), True, id="--no-cache=true"),
        pytest.param(nothing, given(build_options="--no-cache=false"), False, id="--no-cache=false"),
        pytest.param(nothing, given(build_options="--no-cache-filter=train"), True, id="--no-cache-filter"),
        pytest.param(nothing, given(force="true"), True, id="force"),
        pytest.param(nothing, given(max_age="0"), True, id="a max-age of nothing"),
    ],
)
def test_a_change_of_the_input_and_no_other_is_built(
    publisher: Publisher, first: Change, second: Change, built: bool
) -> None:
    publisher.docker.images |= IMAGES
    publisher.publish(**(first(publisher) or {}))
    outputs = publisher.publish(**(second(publisher) or {})).outputs
    assert outputs["built"] == str(built).lower(), publisher.log.getvalue()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (given(build_args="BUILDKIT_SYNTAX=someone/frontend:1"), "reads the Dockerfile in its own way"),
        (given({"EXPERIMENTAL_BUILDKIT_SOURCE_POLICY": "policy.json"}), "replaces sources of the build"),
        (given(build_args="SOURCE_DATE_EPOCH=context"), "whose time is not known"),
        (given({"SOURCE_DATE_EPOCH": "context"}), "whose time is not known"),
    ],
)
def test_an_input_that_is_not_known_is_built_each_time(publisher: Publisher, change: Change, reason: str) -> None:
    publisher.docker.images |= IMAGES | {"someone/frontend:1": "sha256:" + "4" * 64}
    for _ in range(2):
        outputs = publisher.publish(**(change(publisher) or {})).outputs
        assert (outputs["built"], outputs["context-hash"]) == ("true", "")
    assert reason in publisher.log.getvalue()


def test_the_builder_s_platform_is_input_where_the_dockerfile_names_it(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    (publisher.workspace / "Dockerfile").write_text(BUILDER)
    inputs = {"builder": "started", "platforms": "linux/amd64"}
    assert publisher.publish(inputs).outputs["built"] == "true"
    assert publisher.publish(inputs).outputs["built"] == "false"
    monkeypatch.setattr(publisher.docker, "use_builder", lambda _: LocalBuilder("mlops-actions", "linux/arm64"))
    assert publisher.publish(inputs).outputs["built"] == "true"


def test_a_default_platform_that_is_none_is_bad_input(publisher: Publisher) -> None:
    with pytest.raises(BadInput, match="DOCKER_DEFAULT_PLATFORM has 'Linux'"):
        publisher.publish(environ={"DOCKER_DEFAULT_PLATFORM": "Linux"})


@pytest.mark.parametrize(
    ("inputs", "without_cache"),
    [
        ({"force": "true"}, True),
        ({"force": "true", "build-options": "--no-cache"}, True),
        ({"max-age": "0"}, True),
        ({"build-options": "--no-cache"}, True),
        ({"max-age": "1h"}, False),
        ({}, False),
    ],
    ids=str,
)
def test_what_must_run_runs_without_a_cache(publisher: Publisher, inputs: Mapping[str, str], without_cache: bool) -> None:
    publisher.publish(inputs)
    arguments = publisher.docker.builds[0][0]
    assert arguments.count("--no-cache") == without_cache
    assert any(argument.startswith("--add-host=generation-") for argument in arguments) == (inputs == {"max-age": "1h"})


def test_a_user_s_epoch_is_the_build_s(publisher: Publisher) -> None:
    publisher.publish(environ={"SOURCE_DATE_EPOCH": "7"})
    arguments, environment = publisher.docker.builds[0]
    assert environment["SOURCE_DATE_EPOCH"] == "7"
    assert "--build-arg=SOURCE_DATE_EPOCH" in arguments


def test_a_reused_image_names_the_commit_that_built_it(publisher: Publisher) -> None:
    """Its labels cannot: a new configuration would be another image than the one that was tested, signed or attested."""
    first = publisher.publish().outputs
    next_commit(publisher)
    outcome = publisher.publish()
    assert (outcome.outputs["built-sha"], outcome.result["built-sha"], outcome.result["sha"]) == (SHA, SHA, "f" * 40)
    assert outcome.outputs["digest"] == first["digest"]
    assert f"since this image was built for commit {SHA[:12]}" in publisher.log.getvalue()
    assert "docker pull" in publisher.summary


def test_the_commit_of_an_image_of_another_repository_is_no_link(publisher: Publisher) -> None:
    publisher.publish({"image": f"{publisher.host}/octo/other"}, GITHUB_REPOSITORY="Octo/Other")
    publisher.publish({"reuse-from": "octo/other"})
    assert f"| Built for | `{SHA[:12]}` of `Octo/Other` |" in publisher.summary
