"""docker-publish as users run it: in its own image, on a real daemon, against a real registry with a password."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.docker_publish.reuse import fingerprint
from mlops_sandbox.host import Host
from mlops_sandbox.registry import Account, Registry
from tests.e2e.container_step import ContainerRunner
from tests.e2e.debian_registry import DebianRegistry
from tests.e2e.docker_daemon import Docker
from tests.e2e.publishing import BASE, EVENT, git
from tests.e2e.publishing import Publisher as AnyPublisher
from tests.support.certificates import self_signed

Publisher = AnyPublisher[DebianRegistry]


@pytest.fixture
def publisher(runner: ContainerRunner, registry: DebianRegistry, request: pytest.FixtureRequest) -> Publisher:
    return Publisher(runner, registry, "octo-org/" + request.node.originalname.removeprefix("test_").replace("_", "-"))


def test_an_image_is_published_under_the_registry_s_digest(publisher: Publisher, docker: Docker) -> None:
    finished = publisher.publish({"build-args": "GREETING=good morning"})
    assert finished.exit_code == 0, finished.log
    outputs, registry = finished.outputs, publisher.registry
    short = publisher.sha[:12]
    assert outputs["tags"].splitlines() == [short, "main", "latest"]
    for tag in (short, "main", "latest", f"ctx-{outputs['context-hash']}", outputs["digest"]):
        assert registry.digest(publisher.repository, tag) == outputs["digest"]
    assert outputs["ref"] == f"{registry.host}/{publisher.repository}@{outputs['digest']}"
    manifest: Any = registry.manifest(publisher.repository, short)
    assert outputs["image-id"] == manifest["config"]["digest"]
    assert int(outputs["size"]) == manifest["config"]["size"] + sum(layer["size"] for layer in manifest["layers"])
    labels = json.loads(registry.blob(publisher.repository, outputs["image-id"]))["config"]["Labels"]
    assert labels["org.opencontainers.image.revision"] == publisher.sha
    assert labels["org.opencontainers.image.source"] == "https://github.com/octo-org/digits"
    image = f"{registry.host}/{publisher.repository}:{short}"
    assert docker("run", "--rm", image, "cat", "/greeting", "/app/train.py") == "good morning\nprint('training')\n"
    assert json.loads(outputs["result"])["digest"] == outputs["digest"]
    assert f"docker pull {outputs['ref']}" in finished.summary
    assert publisher.leftovers == []


def test_unchanged_input_is_not_built_and_uploads_nothing(publisher: Publisher) -> None:
    first = publisher.publish()
    before = len(publisher.registry.requests())
    commit = publisher.commit()
    second = publisher.publish()
    assert (second.exit_code, second.outputs["built"]) == (0, "false"), second.log
    assert second.outputs["digest"] == first.outputs["digest"]
    assert publisher.registry.digest(publisher.repository, commit[:12]) == first.outputs["digest"]
    uploaded = [
        entry for entry in publisher.registry.requests()[before:] if entry[0] in ("PATCH", "PUT") and "/blobs/" in entry[1]
    ]
    assert uploaded == []


def test_files_are_exported_for_the_workspace_s_owner_also_after_a_reuse(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The workspace belongs to the runner's user, the container's user is root."""
    monkeypatch.setenv("SUDO_UID", "1001")  # git as root also works on a repository of this user
    (publisher.workspace / ".dockerignore").write_text(".git\nout\n")
    (publisher.workspace / "Dockerfile").write_text("FROM scratch\nCOPY train.py /\n")
    for path in (publisher.workspace, *publisher.workspace.rglob("*")):
        os.chown(path, 1001, 121, follow_symlinks=False)
    given = {"outputs": "type=local,dest=out/files\ntype=tar,dest=out/all.tar"}
    for built in ("true", "false"):
        finished = publisher.publish(given)
        assert (finished.exit_code, finished.outputs["built"]) == (0, built), finished.log
        out = publisher.workspace / "out"
        assert (out / "files/train.py").read_text() == "print('training')\n"
        with tarfile.open(out / "all.tar") as archive:
            assert archive.getnames() == ["train.py"]
        owners = {(path.lstat().st_uid, path.lstat().st_gid) for path in (out, *out.rglob("*"))}
        assert owners == {(1001, 121)}
        shutil.rmtree(out)


CHANGES: dict[str, Callable[[Path], object]] = {
    "a byte": lambda root: (root / "train.py").write_text("print('other')\n"),
    "a mode": lambda root: (root / "train.py").chmod(0o755),
    "a link": lambda root: (root / "link").symlink_to("train.py"),
    "a link's target": lambda root: ((root / "link").unlink(), (root / "link").symlink_to("/etc")),
    "the ignore file": lambda root: (root / ".dockerignore").write_text(".git\nignored\nother\n"),
}
HARMLESS: dict[str, Callable[[Path], object]] = {
    "an ignored file": lambda root: (root / "ignored").write_text("anything"),
    "a time": lambda root: os.utime(root / "train.py", (1, 1)),
    "a commit": lambda root: git(root, "commit", "--quiet", "--allow-empty", "--message", "nothing"),
}


def test_only_changes_to_the_build_s_input_cause_a_build(publisher: Publisher, docker: Docker) -> None:
    assert publisher.built()
    for name, change in CHANGES.items():
        change(publisher.workspace)
        assert publisher.built(), name
        for harmless, leave in HARMLESS.items():
            leave(publisher.workspace)
            assert not publisher.built(), f"{harmless} after {name}"
    for given in ({"build-args": "GREETING=hey"}, {"target": "other"}):
        assert publisher.built(given), given
        assert not publisher.built(given), given


def test_a_changed_base_image_is_built(publisher: Publisher, docker: Docker) -> None:
    name = "mlops-e2e-base:latest"
    (publisher.workspace / "Dockerfile").write_text(f"FROM {name}\nCOPY train.py /\n")
    docker("tag", BASE, name)
    try:
        assert publisher.built()
        assert not publisher.built()
        docker("build", "--tag", name, "-", input=f"FROM {BASE}\nLABEL other=1\n".encode())
        assert publisher.built()
    finally:
        docker("rmi", name, check=False)


def test_the_context_is_read_as_buildkit_reads_it(publisher: Publisher, docker: Docker) -> None:
    """Compare the files that a build lists with the files that the fingerprint covers."""
    context = publisher.workspace / "context"
    for path in (
        "a/b/c.py", "a/b/keep.md", "a/x.md", "docs/README.md", "docs/deep/er/x.md", "data/raw/1", "data/raw/2", "data/keep",
        "build/out", "src/build/out", "x1", "x2", "xa", "[odd]", "star*", "sp ace", "#hash", "node_modules/m/i",
        ".env", "é/ü",
    ):  # fmt: skip
        (context / path).parent.mkdir(parents=True, exist_ok=True)
        (context / path).write_text(path)
    (context / "empty").mkdir()
    (context / "link").symlink_to("a/b")
    patterns = (
        "# a comment\n**/*.md\n!**/README.md\n!a/x.md\ndata\n!data/keep\n/build\nx[0-9]\n\\#hash\nnode_modules/\n  .env  \n"
        "star\\*\ndocs/**/er\n"
    )
    (context / ".dockerignore").write_text(patterns)
    (context / "Dockerfile").write_text(f"FROM {BASE}\nCOPY . /context\nRUN cd /context && find . -mindepth 1 | sort\n")
    finished = publisher.publish({"context": "context", "push": "false", "tags": "listing"})
    assert finished.exit_code == 0, finished.log
    image = f"{publisher.registry.host}/{publisher.repository}:listing"
    listed = docker("run", "--rm", image, "sh", "-c", "cd /context && find . -mindepth 1").splitlines()
    ignore = fingerprint.read_ignore(context, context / "Dockerfile")
    walked = {path for path, _ in fingerprint.walk(context, ignore)}
    # BuildKit also creates the parent folders of files that an exception (`!`) includes.
    parents = {str(parent) for path in walked for parent in Path(path).parents} - {"."}
    assert {path.removeprefix("./") for path in listed} == walked | parents


def test_the_older_names_leave_the_image_in_the_daemon(publisher: Publisher, docker: Docker) -> None:
    """A later step of such a workflow may run the image, also where it was reused."""
    given = {"image": "", "name": publisher.image, "cache": "true"}
    assert publisher.built(given)
    docker("rmi", "--force", f"{publisher.image}:latest")
    assert not publisher.built(given)
    assert docker("run", "--rm", f"{publisher.image}:latest", "cat", "/app/train.py") == "print('training')\n"


def test_a_registry_on_this_machine_may_speak_tls(runner: ContainerRunner) -> None:
    runner, stand_in = runner.on_host, Registry()
    (folder := runner.workspace / "ignored").mkdir()
    with Host(stand_in.app, certificate=self_signed(folder)) as host:
        name = f"{host.url.removeprefix('https://')}/octo-org/tls"
        (runner.workspace / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
        options = {"inputs": {"image": name, "tags": "latest"}, "event_name": "push", "event": EVENT}
        refused = runner.run("docker-publish", **options)
        assert refused.exit_code == 4
        assert "SSL_CERT_FILE" in refused.log
        finished = runner.run(
            "docker-publish", **options, env={"SSL_CERT_FILE": "/github/workspace/ignored/certificate.pem"}
        )
    assert finished.exit_code == 0, finished.log
    assert stand_in.store.repositories["octo-org/tls"].tags["latest"] == finished.outputs["digest"]


def test_a_failing_build_names_its_line(publisher: Publisher) -> None:
    (publisher.workspace / "Dockerfile").write_text(f"FROM {BASE}\n\nRUN echo '::error::injected' && \\\n    exit 7\n")
    finished = publisher.publish()
    assert finished.exit_code == 1
    assert "file=Dockerfile,line=3" in finished.log
    assert "the build failed at Dockerfile:3" in finished.log
    assert not any(line.lstrip().startswith("::error::injected") for line in finished.log.splitlines())
    assert finished.outputs == {}
    assert publisher.registry.digest(publisher.repository, "latest") is None
    assert publisher.leftovers == []


def test_a_wrong_password_is_refused_before_the_build(publisher: Publisher) -> None:
    finished = publisher.publish({"password": "wrong password"})
    assert finished.exit_code == 3
    assert "check 'username' and 'password'" in finished.log
    assert "[internal]" not in finished.log
    assert publisher.leftovers == []


def test_a_step_without_a_daemon_reports_it(publisher: Publisher) -> None:
    finished = publisher.publish(env={"DOCKER_HOST": "tcp://127.0.0.1:1"})
    assert finished.exit_code == 2
    assert "no Docker daemon answers at tcp://127.0.0.1:1" in finished.log


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"file": "missing"}, "'missing' is missing, not a file"),
        ({"file": "outside"}, "leads out of the workspace"),
        ({"context": ".."}, "leads out of the workspace"),
        ({"tags": "type=sha"}, "not a rule of this action"),
        ({"build-options": "--output=/"}, "is not allowed"),
        ({"platforms": "linux/amd64,linux/arm64"}, "setup-buildx-action"),
    ],
)
def test_bad_input_is_reported(publisher: Publisher, given: Mapping[str, str], message: str) -> None:
    (publisher.workspace / "outside").symlink_to("/etc/passwd")
    finished = publisher.publish(given)
    assert finished.exit_code == 2, finished.log
    assert message in finished.log


def test_secrets_leave_no_trace(publisher: Publisher, docker: Docker) -> None:
    digest = hashlib.sha256(b"tr0ub4dor").hexdigest()
    (publisher.workspace / "Dockerfile").write_text(
        f"FROM {BASE}\nCOPY train.py /\n"
        f"RUN --mount=type=secret,id=TOKEN sha256sum /run/secrets/TOKEN | grep {digest} && sleep 3\n"
    )
    earlier_processes = command_lines()
    running = publisher.runner.start("docker-publish", **publisher.options({"secrets": "TOKEN=tr0ub4dor"}, None))
    running.wait_for(digest)
    # While the build runs, every user of the machine can read the command lines of the new processes.
    commands = b"".join(line for path, line in command_lines().items() if earlier_processes.get(path) != line)
    assert b"buildx" in commands
    finished = running.wait()
    assert finished.exit_code == 0, finished.log
    log = "\n".join(line for line in finished.log.splitlines() if not line.startswith("::add-mask::"))
    image = f"{publisher.registry.host}/{publisher.repository}:latest"
    shown = log + docker("history", "--no-trunc", image) + json.dumps(docker.inspect(image)) + finished.summary
    manifest: Any = publisher.registry.manifest(publisher.repository, "latest")
    blobs = [publisher.registry.blob(publisher.repository, layer["digest"]) for layer in manifest["layers"]]
    layers = b"".join(gzip.decompress(blob) for blob in blobs)
    assert b"print('training')" in layers
    for secret in ("tr0ub4dor", publisher.registry.password):
        assert secret.encode() not in commands
        assert secret.encode() not in layers
        assert secret not in shown
        assert secret not in json.dumps(finished.outputs)


def command_lines() -> dict[Path, bytes]:
    lines = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # the process has ended
            lines[path] = path.read_bytes()
    return lines


def test_a_cancelled_build_leaves_nothing_behind(publisher: Publisher) -> None:
    (publisher.workspace / "Dockerfile").write_text(f"FROM {BASE}\nRUN echo started; sleep 600\n")
    running = publisher.runner.start("docker-publish", **publisher.options(None, None))
    running.wait_for("started")
    running.interrupt()
    assert running.wait().exit_code == 130
    assert publisher.leftovers == []
    assert publisher.registry.digest(publisher.repository, "latest") is None


@pytest.mark.skipif(shutil.which("docker") is None, reason="needs the docker command line")
def test_the_stand_in_accepts_docker_s_pushes(docker: Docker, tmp_path: Path) -> None:
    """Docker's own client and daemon push to the sandbox's registry and pull from it, with each kind of challenge."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("file"))
    for challenge in ("none", "basic", "bearer"):
        stand_in = Registry(challenge=challenge, accounts={"alice": Account("wonderland")})
        with Host(stand_in.app) as host:
            name = host.url.removeprefix("http://")
            image = f"{name}/octo-org/stand-in:1"
            config = tmp_path / challenge

            def client(*arguments: str, given: str = "", config: Path = config) -> None:
                environ = docker.environment | {"DOCKER_CONFIG": str(config)}
                subprocess.run(["docker", *arguments], env=environ, input=given, text=True, check=True, capture_output=True)

            if challenge != "none":
                client("login", "--username", "alice", "--password-stdin", name, given="wonderland")
            docker("import", "-", image, input=archive.getvalue())
            client("push", image)
            client("rmi", image)
            client("pull", image)
            client("rmi", image)
