"""A whole release with the commands of the release workflow, on a clone, into a registry on loopback; then its users.

This machine's platform alone is built: the other one is built by a machine of its own kind, in the workflow, and nothing
here emulates it. The example's pipeline then runs by act from the tree that the release tagged, and its four actions from
the images that tree names, pulled by digest. `make release-dry-run` shows it step by step.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops_sandbox.cluster import DockerExecutor
from mlops_sandbox.demo import machine
from mlops_sandbox.demo.story import COMMAND, MAINTAINER
from mlops_sandbox.github import PullRequest
from releasing import ACTIONS, REPOSITORY
from releasing.changelog import notes
from tests.e2e.act import PIPELINES, Act, WorkflowRun, leave_out_queue
from tests.e2e.debian_registry import DebianRegistry
from tests.e2e.digits_testbed import DigitsTestbed, digits_testbed
from tests.e2e.docker_daemon import Docker
from tests.e2e.images import BASE_IMAGE, ROOT
from tests.e2e.test_images import locked, normalised
from tests.support.git import commit
from tests.support.listening import one_step

VERSION = "1.0.0"
TAG = f"v{VERSION}"
ROOT_ACTION = ".github/workflows/root-action.yml"
# What a user of the composite action writes; without more inputs it listens only.
BASELINE, MLOPS = ".github/workflows/baseline.yml", ".github/workflows/mlops.yml"


@dataclass(frozen=True)
class Release:
    """A release that was made, and what it left: the remote, the clone it was made in, its folder of files."""

    origin: Path
    clone: Path
    out: Path
    prepared: str
    registry: DebianRegistry
    docker: Docker

    def git(self, *arguments: str, at: Path | None = None) -> str:
        return git(at or self.origin, *arguments)

    def show(self, path: str) -> str:
        return self.git("show", f"{TAG}:{path}")

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return release(self.clone, self.registry, self.docker, *words, check=check)

    @property
    def digests(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = json.loads((self.out / "digests.json").read_text())
        return found

    @property
    def platform(self) -> str:
        (platform,) = set(self.digests["chatops"]) - {"index"}
        return platform


def git(at: Path, *arguments: str) -> str:
    who = ["-c", "user.name=Alice", "-c", "user.email=alice@example.com", "-c", "safe.directory=*"]
    done = subprocess.run(["git", *who, *arguments], cwd=at, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"git {arguments}: {done.stderr}"
    return done.stdout.strip()


def release(
    clone: Path, registry: DebianRegistry, docker: Docker, *words: str, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run one command of tools/release.py as the workflow does: the clone's own script, in the clone."""
    print(f"\n$ tools/release.py {' '.join(words)}", flush=True)
    done = subprocess.run(
        [sys.executable, "tools/release.py", *words], cwd=clone, capture_output=True, text=True, check=False,
        env={
            **docker.environment, "REGISTRY_USERNAME": registry.username, "REGISTRY_PASSWORD": registry.password,
            "PYTHONPATH": str(clone / "src"),
        },
    )  # fmt: skip
    print(done.stdout + done.stderr, end="", flush=True)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def push_base(docker: Docker, registry: DebianRegistry, client: Path) -> str:
    """Put the base image where its digest can be asked for, as the workflow asks Docker's registry; returns its name."""
    subprocess.run([ROOT / "tools/e2e/base-image.sh", BASE_IMAGE], env=docker.environment, check=True)
    name = f"{registry.host}/{BASE_IMAGE}"
    docker("tag", BASE_IMAGE, name)
    docker("--config", str(client), "push", "--quiet", name)
    return name


def say_something_unreleased(changelog: Path) -> None:
    """Add a change to a changelog whose next version is prepared already."""
    heading, text = "## [Unreleased]\n", changelog.read_text()
    if not notes(text, "Unreleased"):
        changelog.write_text(text.replace(heading, f"{heading}\n### Added\n\n- A change.\n", 1))


@pytest.fixture(scope="module")
def client(registry: DebianRegistry, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Docker configuration that is signed in to the registry."""
    return registry.log_in(tmp_path_factory.mktemp("client") / "docker")


@pytest.fixture(scope="module")
def made(
    docker: Docker,
    images: Mapping[str, str],  # for their layers: most of what the release builds is built then
    checkout: Path,
    registry: DebianRegistry,
    client: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Release]:
    root = tmp_path_factory.mktemp("release")
    origin, clone, out = root / "origin.git", root / "clone", root / "out"
    subprocess.run(["cp", "-R", str(checkout), str(clone)], check=True)
    # What is released names its own actions by `$/`, which the copy for act does not.
    for path in ("action.yml", *PIPELINES):
        shutil.copy2(ROOT / path, clone / path)
    for path in PIPELINES:
        leave_out_queue(clone / path)
    say_something_unreleased(clone / "CHANGELOG.md")
    git(root, "init", "--quiet", "--bare", "--initial-branch", "main", str(origin))
    git(clone, "init", "--quiet", "--initial-branch", "main")
    git(clone, "add", ".")
    git(clone, "commit", "--quiet", "--message", "What is to be released")
    git(clone, "remote", "add", "origin", str(origin))
    prefix = f"{registry.host}/{REPOSITORY}"

    def run(*words: str) -> str:
        return release(clone, registry, docker, *words).stdout

    run("prepare", VERSION, "--day", "2026-01-02")
    git(clone, "commit", "--quiet", "--all", "--message", f"Prepare {VERSION}")
    git(clone, "push", "--quiet", "origin", "main")
    run("plan")
    base = run("base", push_base(docker, registry, client), "--registry", registry.host).strip()
    platform = docker("version", "--format", "{{.Server.Os}}/{{.Server.Arch}}").strip()
    print(f"\nOnly {platform} is built here; the workflow builds every platform on a machine of its kind.")
    run("build", "--registry", prefix, "--base", base, "--out", str(out))
    run("index", "--registry", prefix, "--out", str(out), "--platforms", platform)
    run("commit", "--registry", prefix, "--out", str(out))
    run("publish")
    yield Release(origin, clone, out, git(clone, "rev-parse", "HEAD"), registry, docker)
    form = "{{.Repository}}:{{.Tag}} {{.Repository}}@{{.Digest}}"
    names = docker("image", "ls", "--digests", "--format", form, "--filter", f"reference={prefix}/*").split()
    docker("rmi", "--force", *(name for name in names if "<none>" not in name), f"{registry.host}/{BASE_IMAGE}", check=False)


def test_the_tags_are_on_a_commit_of_their_own_two_above_the_branch(made: Release) -> None:
    tagged, moving = (made.git("rev-parse", f"{name}^{{commit}}") for name in (TAG, "v1"))
    assert tagged == moving
    assert made.git("rev-parse", f"{TAG}~2") == made.prepared == made.git("rev-parse", "main")
    assert made.git("rev-list", "--count", f"main..{TAG}") == "2"
    assert "pipeline on the embedded sandbox" not in made.git("tag", "--list", "--format=%(contents:subject)", TAG)


def test_every_action_runs_its_own_image_by_digest(made: Release) -> None:
    for action in ACTIONS:
        image = yaml.safe_load(made.show(f"actions/{action}/action.yml"))["runs"]["image"]
        assert image == f"docker://{made.registry.host}/{REPOSITORY}/{action}@{made.digests[action]['index']}"
        assert made.registry.digest(f"{REPOSITORY}/{action}", VERSION) == made.digests[action]["index"]
        assert made.git("diff", "--stat", "main", TAG, "--", f"actions/{action}").endswith(", 1 insertion(+), 1 deletion(-)")


def test_an_index_names_the_image_of_the_platform(made: Release) -> None:
    index: Any = made.registry.manifest(f"{REPOSITORY}/chatops", made.digests["chatops"]["index"])
    (entry,) = index["manifests"]
    assert f"{entry['platform']['os']}/{entry['platform']['architecture']}" == made.platform
    assert entry["digest"] == made.digests["chatops"][made.platform]


def test_an_image_says_what_it_was_made_of(made: Release) -> None:
    repository = f"{REPOSITORY}/argo-submit"
    manifest: Any = made.registry.manifest(repository, made.digests["argo-submit"][made.platform])
    labels = json.loads(made.registry.blob(repository, manifest["config"]["digest"]))["config"]["Labels"]
    assert labels["org.opencontainers.image.version"] == VERSION
    assert labels["org.opencontainers.image.revision"] == made.prepared
    assert labels["org.opencontainers.image.base.digest"] == made.registry.digest(*BASE_IMAGE.split(":"))


def test_the_composite_action_and_the_reusable_workflow_use_the_commit_that_names_the_images(made: Release) -> None:
    first = made.git("rev-parse", f"{TAG}~1")
    for path in ("action.yml", *PIPELINES):
        lines = [line.strip() for line in made.show(path).splitlines() if f"uses: {REPOSITORY}" in line]
        assert lines
        for line in lines:
            assert line.startswith(f"uses: {REPOSITORY}/actions/")
            assert line.endswith(f"@{first} # {TAG}")
        assert "uses: $/" not in made.show(path)
    assert "uses: $/" in made.show(".github/workflows/canary-reference.yml"), "the canary asks GitHub about this reference"


@pytest.mark.parametrize("action", ACTIONS)
def test_the_bill_of_materials_lists_what_the_image_holds(made: Release, action: str) -> None:
    architecture = made.platform.partition("/")[2]
    bill = json.loads((made.out / f"{action}-{architecture}.cdx.json").read_text())
    subject = bill["metadata"]["component"]
    assert subject["hashes"] == [{"alg": "SHA-256", "content": made.digests[action][made.platform].removeprefix("sha256:")}]
    found = {
        normalised(entry["name"]): entry["version"] for entry in bill["components"] if entry["purl"].startswith("pkg:pypi/")
    }
    assert found.items() <= locked(action).items()
    assert "pyyaml" in found
    assert {entry["name"] for entry in bill["components"]} >= {
        "libc6",
        "libssl3t64",
        "python3.13-minimal",
        "ca-certificates",
    }
    assert ("git" in {entry["name"] for entry in bill["components"]}) == (action in ("argo-submit", "docker-publish"))


@pytest.mark.parametrize("action", ACTIONS)
def test_a_bundle_is_a_repository_of_one_action(made: Release, tmp_path: Path, action: str) -> None:
    name = f"{action}-{VERSION}"
    with tarfile.open(made.out / f"{name}.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    assert sorted(path.name for path in (tmp_path / name).iterdir()) == ["LICENSE", "README.md", "action.yml"]
    contract = yaml.safe_load((tmp_path / name / "action.yml").read_text())
    assert contract == yaml.safe_load(made.show(f"actions/{action}/action.yml"))
    assert set(contract["branding"]) == {"icon", "color"}
    assert "](../" not in (tmp_path / name / "README.md").read_text()


def test_the_notes_are_the_changelogs(made: Release) -> None:
    notes = (made.out / "notes.md").read_text()
    assert "### Added" in notes
    assert all(known["index"] in notes for known in made.digests.values())
    changelog = made.show("CHANGELOG.md")
    assert f"## [Unreleased]\n\n## [{VERSION}] - 2026-01-02\n" in changelog
    assert changelog.endswith(f"\n[{VERSION}]: https://github.com/{REPOSITORY}/releases/tag/{TAG}")
    assert f'__version__ = "{VERSION}"' in made.show("src/mlops_actions/__init__.py")


def test_what_is_released_is_not_released_again(made: Release) -> None:
    before = made.git("show-ref")
    prefix = f"{made.registry.host}/{REPOSITORY}"
    for words in (
        ("prepare", VERSION),
        ("plan",),
        ("build", "--registry", prefix, "--base", "debian@sha256:0", "--out", str(made.out)),
        ("commit", "--registry", prefix, "--out", str(made.out)),
    ):
        done = made.run(*words, check=False)
        assert done.returncode == 2
        assert f"the tag {TAG} exists" in done.stderr
    assert made.git("show-ref") == before


def test_another_clone_learns_of_the_release_from_the_remote(made: Release, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--no-tags", "--branch", "main", str(made.origin), "other")
    done = release(tmp_path / "other", made.registry, made.docker, "plan", check=False)
    assert done.returncode == 2
    assert f"the tag {TAG} exists" in done.stderr


def test_a_published_tag_is_never_replaced(made: Release, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", str(made.origin), "other")
    other = tmp_path / "other"
    git(other, "tag", "--force", TAG, "main")
    git(other, "tag", "--force", "v1", "main")
    before = made.git("show-ref")
    done = release(other, made.registry, made.docker, "publish", check=False)
    assert done.returncode == 3
    assert made.git("show-ref") == before  # atomic: the moving tag has not moved either


@pytest.fixture(scope="module")
def testbed(
    made: Release, images: Mapping[str, str], client: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DigitsTestbed]:
    """The example's repository, its workflows' `uses:` answered by the tree of the tag, whose images are pulled."""
    root = tmp_path_factory.mktemp("users")
    (root / "act").mkdir()
    git(root, "clone", "--quiet", "--branch", TAG, str(made.origin), "suite")
    for action in ACTIONS:
        reference = f"{made.registry.host}/{REPOSITORY}/{action}@{made.digests[action]['index']}"
        for tag in (VERSION, f"{VERSION}-{made.platform.partition('/')[2]}"):
            made.docker("rmi", f"{made.registry.host}/{REPOSITORY}/{action}:{tag}", check=False)
        made.docker("--config", str(client), "pull", "--quiet", reference)
    environment = {**made.docker.environment, "DOCKER_CONFIG": str(client)}
    act = Act(made.docker, images, root / "suite", root / "act")
    with digits_testbed(act, DockerExecutor(environment=environment), root) as found:
        commit(found.digits.path, {ROOT_ACTION: one_step(REPOSITORY, TAG)}, "Listen in one step")
        found.secrets = {"REGISTRY_PASSWORD": made.registry.password}
        found.variables = {"REGISTRY": made.registry.host, "REGISTRY_USERNAME": made.registry.username}
        yield found
        machine.remove_images(environment, made.registry.host)


@pytest.fixture(scope="module")
def pull(testbed: DigitsTestbed) -> PullRequest:
    """A pull request, once main has been trained as the baseline."""
    (push,) = (delivery for delivery in testbed.github.deliveries if delivery.event == "push")
    baseline = testbed.run(BASELINE, push.event, push.payload, MAINTAINER)
    assert baseline.exit_code == 0, baseline.transcript
    return testbed.open_pull_request()


@pytest.fixture(scope="module")
def trained(testbed: DigitsTestbed, pull: PullRequest) -> WorkflowRun:
    delivery = pull.comment(COMMAND, by=MAINTAINER)
    return testbed.run(MLOPS, delivery.event, delivery.payload, MAINTAINER)


def test_the_pipeline_runs_from_the_released_images(trained: WorkflowRun, made: Release) -> None:
    assert trained.exit_code == 0, trained.transcript
    for step, action in {
        "chatops": "chatops",
        "publish": "docker-publish",
        "workflow": "argo-submit",
        "report": "wandb-runs",
    }.items():
        assert trained.step(step).outcome == "success", trained.transcript
        assert f"docker run image={made.registry.host}/{REPOSITORY}/{action}@sha256:" in trained.transcript
    assert trained.step("workflow").outputs["phase"] == "Succeeded"
    assert trained.step("report").outputs["gate"] == "passed"
    assert "Dockerfile.base" not in trained.transcript


def test_the_composite_action_runs_the_image_that_its_commit_names(
    testbed: DigitsTestbed, pull: PullRequest, made: Release
) -> None:
    """The tag's composite action uses the commit before it, by SHA; that commit's action names the image."""
    delivery = pull.comment("/train", by=MAINTAINER)
    run = testbed.run(ROOT_ACTION, delivery.event, delivery.payload, MAINTAINER)
    assert run.exit_code == 0, run.transcript
    assert run.step("mlops").outputs["chatops-triggered"] == "true"
    first = made.git("rev-parse", f"{TAG}~1")
    assert f"{REPOSITORY} with ref {first} and subpath 'actions/chatops/action.yml'" in run.transcript
    assert f"docker run image={made.registry.host}/{REPOSITORY}/chatops@sha256:" in run.transcript
