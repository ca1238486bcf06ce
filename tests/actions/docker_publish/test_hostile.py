"""Attacks by a pull request, a branch's name or a file: each is carried out, and its effect is checked."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.boundary.docker import DockerCommand
from mlops_actions.core.checkout import Checkout
from mlops_actions.core.errors import BadInput, WorkFailed
from mlops_actions.core.provenance import SHA as SHA_LABEL
from mlops_actions.docker_publish.reuse import dockerignore, origin
from mlops_actions.docker_publish.tags.reserved import is_reserved
from tests.actions.docker_publish.publisher import Publisher
from tests.support.docker_publish import SHA
from tests.support.local_docker import LocalDaemon

OTHER = "f" * 40
PERSON = {"login": "mona", "type": "User"}
PROTECTED = {"GITHUB_REF_PROTECTED": "true"}


def pull_request(number: int) -> dict[str, Any]:
    """A pull request from a branch of this very repository: its token may push."""
    own = {"full_name": "Octo/Digits", "id": 1}
    sides = {
        "head": {"ref": "feature", "sha": SHA, "repo": own},
        "base": {"ref": "main", "sha": SHA, "repo": own},
    }
    return {
        "action": "opened",
        "sender": PERSON,
        "pull_request": {"number": number, "state": "open", "user": PERSON, **sides},
    }


def built_by_main(publisher: Publisher) -> str:
    return publisher.publish(environ=PROTECTED).outputs["built"]


def built_by_branch(publisher: Publisher) -> str:
    publisher.checkout = Checkout(SHA, "feature")
    outcome = publisher.publish(GITHUB_REF="refs/heads/feature", environ={"GITHUB_REF_PROTECTED": "false"})
    publisher.checkout = Checkout(SHA, "main")
    return outcome.outputs["built"]


def built_by_pull_request(publisher: Publisher, number: int = 7) -> str:
    return publisher.publish(
        event="pull_request", payload=pull_request(number), GITHUB_REF=f"refs/pull/{number}/merge", environ=PROTECTED
    ).outputs["built"]


def test_no_other_ref_reuses_an_image_of_a_pull_request(publisher: Publisher) -> None:
    """Not even a branch of this repository, whose token may push, nor another pull request."""
    assert built_by_pull_request(publisher) == "true"
    assert built_by_pull_request(publisher) == "false"
    assert built_by_pull_request(publisher, 8) == "true"
    assert built_by_branch(publisher) == "true"
    assert built_by_main(publisher) == "true"


def test_a_protected_ref_reuses_images_of_protected_refs_only(publisher: Publisher) -> None:
    """Whoever pushes to a branch decides what its builds fetch, and may not be allowed to merge."""
    assert built_by_branch(publisher) == "true"
    assert built_by_main(publisher) == "true"
    assert built_by_main(publisher) == "false"


def test_every_ref_reuses_an_image_of_a_protected_ref(publisher: Publisher) -> None:
    assert built_by_main(publisher) == "true"
    assert built_by_branch(publisher) == "false"
    assert built_by_pull_request(publisher) == "false"


@pytest.mark.parametrize(
    ("checkout", "given"),
    [
        (Checkout(OTHER, "feature"), {}),
        (Checkout(SHA, "feature"), {}),
        (Checkout(OTHER, "main"), {}),
        (Checkout(SHA, "main"), {"ref": "feature"}),
        (Checkout(SHA, "main"), {"sha": OTHER}),
    ],
)
def test_a_run_on_a_protected_ref_gives_no_trust_to_another_commit(
    publisher: Publisher, checkout: Checkout, given: Mapping[str, str]
) -> None:
    """A dispatched workflow runs on the default branch, and may check out any commit."""
    publisher.checkout = checkout
    assert publisher.publish(given, environ=PROTECTED).outputs["built"] == "true"
    publisher.checkout = Checkout(SHA, "main")
    assert built_by_main(publisher) == "true"


def test_a_pull_request_writes_its_layers_to_a_cache_of_its_own(publisher: Publisher) -> None:
    publisher.docker.facts = LocalDaemon(containerd_store=True)
    given = {"cache": "registry", "skip-unchanged": "false"}
    publisher.publish(given, event="pull_request", payload=pull_request(7), GITHUB_REF="refs/pull/7/merge")
    publisher.publish(given)
    publisher.publish(given, environ=PROTECTED)
    name = f"{publisher.host}/octo/digits"

    def tags(option: str) -> list[list[str]]:
        prefix = f"{option}=type=registry,ref={name}:"
        return [
            [word.removeprefix(prefix).partition(",")[0] for word in arguments if word.startswith(prefix)]
            for arguments, _ in publisher.docker.builds
        ]

    own, branches, protected = "buildcache-pr-7", "buildcache-open", "buildcache"
    assert tags("--cache-from") == [[protected, branches, own], [protected, branches], [protected]]
    assert tags("--cache-to") == [[own], [branches], [protected]]


@pytest.mark.parametrize(
    ("first", "second", "reads"),
    [
        (PROTECTED, PROTECTED, True),
        (PROTECTED, {}, True),
        ({}, {}, True),
        ({}, PROTECTED, False),
    ],
    ids=["protected for protected", "protected for open", "open for open", "open for protected"],
)
def test_a_protected_ref_takes_no_layers_of_an_open_one(
    publisher: Publisher, first: dict[str, str], second: dict[str, str], reads: bool
) -> None:
    """The layers in `latest` are those of whoever moved it, who need not be allowed to merge."""
    publisher.publish(environ=first)
    publisher.publish({"skip-unchanged": "false"}, environ=second)
    read = [word for word in publisher.docker.builds[1][0] if word.startswith("--cache-from")]
    assert read == ([f"--cache-from=type=registry,ref={publisher.host}/octo/digits:latest"] if reads else [])


def test_the_labels_of_an_image_s_origin_are_no_input(publisher: Publisher) -> None:
    """A label that says `protected` would hand the layers of a branch to a release."""
    publisher.publish({"labels": f"{origin.TRUST}=protected\n{SHA_LABEL}={OTHER}"})
    labels = publisher.labels("latest")
    assert (labels[origin.TRUST], labels[SHA_LABEL]) == ("open", SHA)


NAMES = ["x\n::error::from the branch", "x\r\nlast", "-x\n--push", "\x1b[2K\u2028x", "x" * 3000, "a/../b", "x;id", "$(id)"]


FINGERPRINT = f"ctx-{'0a' * 32}"


@pytest.mark.parametrize("name", [FINGERPRINT, "buildcache", "buildcache-pr-7", "buildcache/open"])
@pytest.mark.parametrize(
    ("given", "ref"),
    [
        ({}, "refs/heads/{name}"),
        ({"tags": "sha, tag"}, "refs/tags/{name}"),
        ({"branch-tag": "true"}, "refs/heads/{name}"),
        ({"image_name": "{host}/digits", "branch_tag": "true"}, "refs/heads/x/{name}"),
        ({"name": "{host}/octo/digits"}, "refs/heads/{name}"),
        ({"name": "{host}/octo/digits", "tag_names": "true"}, "refs/tags/{name}"),
    ],
    ids=["branch", "git tag", "branch-tag", "older branch_tag", "older name", "older tag_names"],
)
def test_no_ref_becomes_a_tag_that_steers_reuse(publisher: Publisher, given: Mapping[str, str], ref: str, name: str) -> None:
    """Somebody who may push a branch of that name would choose what a protected branch reuses."""
    given = {key: value.format(host=publisher.host) for key, value in given.items()} | {"push": "false"}
    publisher.checkout = Checkout(SHA, "")
    tags, refusal = _tags(publisher, given, ref.format(name=name))
    assert tags or "which this action keeps" in refusal
    assert not [tag for tag in tags if is_reserved(tag)]


def _tags(publisher: Publisher, given: Mapping[str, str], ref: str) -> tuple[list[str], str]:
    """Return the tags of an image of this ref, or the cause why there is none."""
    try:
        return publisher.publish(given, GITHUB_REF=ref).outputs["tags"].splitlines(), ""
    except BadInput as error:
        return [], error.cause


@pytest.mark.parametrize("name", [FINGERPRINT, "buildcache", "buildcache-pr-7"])
@pytest.mark.parametrize(
    "given",
    [
        {"tags": "sha, {name}"},
        {"tag": "{name}"},
        {"image_name": "digits", "tag": "{name}"},
        {"name": "{host}/octo/digits", "tags": "a,{name}"},
        {"name": "{host}/octo/digits:{name}"},
    ],
    ids=["tags", "tag", "older tag", "older tags", "older name with a tag"],
)
def test_no_literal_is_a_tag_that_steers_reuse(publisher: Publisher, given: Mapping[str, str], name: str) -> None:
    given = {key: value.format(host=publisher.host, name=name) for key, value in given.items()}
    with pytest.raises(BadInput, match="which this action keeps"):
        publisher.publish(given)
    assert publisher.docker.builds == []
    assert publisher.tags == {}


@pytest.mark.parametrize("name", NAMES)
def test_a_branch_s_name_is_one_tag_and_one_label(publisher: Publisher, name: str) -> None:
    publisher.checkout = Checkout(SHA, name)
    outputs = publisher.publish(GITHUB_REF=f"refs/heads/{name}").outputs
    tags = outputs["tags"].split("\n")
    assert tags[0] == SHA[:12]
    assert len(tags) == 2
    assert all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", tag) for tag in tags)
    assert set(publisher.tags) == {*tags, f"ctx-{outputs['context-hash']}"}
    assert publisher.labels(SHA[:12])["org.opencontainers.image.version"] == name
    arguments, _ = publisher.docker.builds[0]
    assert [word for word in arguments if name in word] == [f"--label=org.opencontainers.image.version={name}"]
    assert {word for word in arguments if not word.startswith("--")} == {str(publisher.workspace)}
    log = publisher.log.getvalue()
    assert not re.search(r"^\s*::(?!add-mask::|group::|endgroup::|notice::branch )", log, re.MULTILINE)
    # The one notice shows both names, in one line.
    assert re.findall(r"^::notice::branch .* has the tag '(.*)': .*$", log, re.MULTILINE) == tags[1:]


@pytest.mark.parametrize("name", NAMES[:4])
def test_a_ref_of_several_lines_is_refused(publisher: Publisher, name: str) -> None:
    with pytest.raises(BadInput, match="branch or a full ref"):
        publisher.publish({"ref": f"refs/heads/{name}"})


def test_labels_of_several_lines_are_several_labels(publisher: Publisher) -> None:
    given = {"labels": "team=a%0Ab\nother=::error::x\nfrom"}
    publisher.publish(given, environ={"from": "one\ntwo --push"})
    labels = publisher.labels(SHA[:12])
    assert (labels["team"], labels["other"], labels["from"]) == ("a%0Ab", "::error::x", "one\ntwo --push")
    assert publisher.docker.builds[0][0].count("--push") == 1


@pytest.mark.parametrize("name", [".dockerignore", "Dockerfile.dockerignore"])
def test_an_ignore_file_that_links_out_of_its_folder_is_not_read(publisher: Publisher, tmp_path: Path, name: str) -> None:
    """An error would quote lines of another file of this machine, such as this process's environment."""
    (tmp_path / "secret").write_text("[p4ssw0rd\n")
    (publisher.workspace / name).symlink_to(tmp_path / "secret")
    outputs = publisher.publish().outputs
    assert (outputs["built"], outputs["context-hash"]) == ("true", "")
    assert "a link that leads out" in publisher.log.getvalue()
    assert "p4ssw0rd" not in publisher.log.getvalue()


@pytest.mark.parametrize("given", ["context", "file", "workdir"])
def test_a_link_out_of_the_workspace_is_not_followed(publisher: Publisher, tmp_path: Path, given: str) -> None:
    (outside := tmp_path / "outside").mkdir()
    (outside / "Dockerfile").write_text("FROM scratch\n")
    (publisher.workspace / "link").symlink_to(outside)
    with pytest.raises(BadInput, match="leads out of the workspace"):
        publisher.publish({given: "link/Dockerfile" if given == "file" else "link"})
    assert publisher.docker.builds == []


def test_a_secret_file_behind_a_link_is_not_read(publisher: Publisher) -> None:
    (publisher.workspace / "link").symlink_to("/etc/passwd")
    with pytest.raises(BadInput, match="leads out of the workspace"):
        publisher.publish({"secret-files": "ID=link"})


def test_a_link_in_the_context_is_hashed_as_a_link(publisher: Publisher, tmp_path: Path) -> None:
    """The link's target does not reach the build, so it is not read."""
    (outside := tmp_path / "outside").mkdir()
    (publisher.workspace / "link").symlink_to(outside)
    (publisher.workspace / "loop").symlink_to("loop")
    assert publisher.publish().outputs["built"] == "true"
    (outside / "more").write_text("x")
    assert publisher.publish().outputs["built"] == "false"


def test_endlessly_nested_folders_are_built_and_not_reused(publisher: Publisher) -> None:
    """Deeper than Python's stack, and with a path longer than any system call accepts."""
    folder = os.open(publisher.workspace, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=folder)
        inner = os.open("d", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(folder)
    try:
        publisher.docker.failures.append(["ERROR: the context is too deep"])
        with pytest.raises(WorkFailed, match="too deep"):
            publisher.publish()
        assert "the context cannot be read" in publisher.log.getvalue()
    finally:
        subprocess.run(["rm", "-rf", publisher.workspace / "d"], check=True)  # shutil's recurses


def test_a_pattern_of_a_hundred_wildcards_is_matched_quickly() -> None:
    ignore = dockerignore.parse("**/" * 100 + "x")
    assert not ignore.excludes("a/" * 60 + "y")
    assert ignore.excludes("a/" * 60 + "x")


@pytest.mark.parametrize("base", ["x/../../containers", "../info", "x%2f..%2finfo", "a?all=1", "a#b", "x:y/z"])
def test_a_base_image_s_name_cannot_reach_other_paths_of_the_daemon_s_api(
    daemon_paths: Callable[[str], list[str]], base: str
) -> None:
    assert daemon_paths(base) == []
    assert daemon_paths("localhost:5000/a/b_c") == ["/v1.41/images/localhost:5000/a/b_c:latest/json"]


@pytest.fixture
def daemon_paths(tmp_path: Path) -> Callable[[str], list[str]]:
    """Ask a daemon without images for one; return the requested paths."""
    import socketserver
    import threading
    from http.server import BaseHTTPRequestHandler

    requested: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def address_string(self) -> str:
            return "socket"

        def do_GET(self) -> None:
            if self.path == "/version":
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b'{"ApiVersion": "1.41"}')
            else:
                requested.append(self.path)
                self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    path = tmp_path / "docker.sock"

    def ask(name: str) -> list[str]:
        path.unlink(missing_ok=True)
        with socketserver.UnixStreamServer(str(path), Handler) as server:
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            docker = DockerCommand(lambda: tmp_path, {"DOCKER_HOST": f"unix://{path}"})
            assert docker.local_digest(name, "latest") is None
            server.shutdown()
        return requested

    return ask


@pytest.mark.parametrize(
    "given",
    [
        {"sbom": "generator=x,destination=/"},
        {"sbom": "generator=--output=x"},
        {"sbom": "generator="},
        {"sbom": "generator=x\n--push"},
        {"provenance": "mode=max,builder-id=x"},
        {"platforms": "linux/amd64 --push"},
        {"target": "a --push"},
        {"ssh": "default,--push"},
        {"build-options": "--build-context=x=/etc"},
        {"build-options": "--add-host --output=/"},
        {"builder": "docker-container://x?a=b,c"},
    ],
)
def test_an_option_inside_a_value_is_refused(publisher: Publisher, given: Mapping[str, str]) -> None:
    publisher.docker.facts = LocalDaemon(containerd_store=True)
    if "builder" in given:
        docker = DockerCommand(lambda: publisher.runner.temp, {})
        with pytest.raises(BadInput):
            docker.use_builder(given["builder"])
        return
    with pytest.raises(BadInput):
        publisher.publish(given)
    assert publisher.docker.builds == []


def test_an_image_with_a_further_build_context_is_never_reused(publisher: Publisher) -> None:
    given = {"build-options": "--build-context=data=https://example.com/data.git"}
    for _ in range(2):
        assert publisher.publish(given).outputs["built"] == "true"
    assert "whose content is not known" in publisher.log.getvalue()


def test_another_sbom_generator_changes_the_fingerprint(publisher: Publisher) -> None:
    publisher.docker.facts = LocalDaemon(containerd_store=True)
    given = {"sbom": "generator=scanner:1"}
    publisher.docker.images["scanner:1"] = "sha256:" + "1" * 64
    assert [publisher.publish(given).outputs["built"] for _ in range(2)] == ["true", "false"]
    publisher.docker.images["scanner:1"] = "sha256:" + "2" * 64
    assert publisher.publish(given).outputs["built"] == "true"
