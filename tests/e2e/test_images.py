"""Every image as the runner uses it: what is in it, what is not, what reaches the action, how it ends."""

from __future__ import annotations

import json
import os
import re
import socketserver
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

from mlops_sandbox.cluster import Cluster, LocalImage, ProcessExecutor
from mlops_sandbox.github import Delivery, GitHubServer
from mlops_sandbox.host import Host
from mlops_sandbox.wandb import WandbServer
from tests.e2e.container_step import EXECUTABLES, ContainerRunner
from tests.e2e.debian_registry import DebianRegistry
from tests.e2e.docker_daemon import Docker
from tests.e2e.images import ACTIONS, BASE_IMAGE, ROOT, compressed_size
from tests.e2e.publishing import Publisher
from tests.e2e.test_stages import Commanded

LOCKS = {"chatops": "chatops", "argo-submit": "argo", "wandb-runs": "wandb", "docker-publish": "docker"}
SDKS = {
    "chatops": ["github", "yaml"],
    "argo-submit": [
        "azure.identity",
        "botocore.session",
        "github",
        "google.auth",
        "google.cloud.container_v1",
        "kubernetes",
        "yaml",
    ],
    "wandb-runs": ["github", "urllib3", "wandb", "yaml"],
    "docker-publish": ["docker", "google.auth", "urllib3", "yaml"],
}
SDKS["suite"] = sorted({name for names in SDKS.values() for name in names})
TARGETS = [*ACTIONS, "suite"]


def python(runner: ContainerRunner, target: str, code: str, **options: Any) -> Any:
    """Run Python in the image, in the runner's environment; returns what it printed, read as JSON."""
    done = runner.run(target, entrypoint=f"{EXECUTABLES}/python", arguments=("-IBc", code), **options)
    assert done.exit_code == 0, done.log
    return json.loads(done.log)


def locked(target: str) -> dict[str, str]:
    """The packages a target should hold, by normalised name: its lock file's, of this platform."""
    locks = [LOCKS[target]] if target in LOCKS else list(LOCKS.values())
    text = "\n".join((ROOT / f"tools/locks/{lock}.txt").read_text() for lock in locks)
    found = re.findall(r"^([\w.-]+)==(\S+)(?: ; (.+?))? \\$", text, re.MULTILINE)
    return {normalised(name): version for name, version, marker in found if "sys_platform == 'win32'" not in marker}


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("target", TARGETS)
def test_holds_exactly_the_packages_of_its_lock_files(runner: ContainerRunner, target: str) -> None:
    code = "import importlib.metadata as m, json; print(json.dumps([[d.name, d.version] for d in m.distributions()]))"
    found = {normalised(name): version for name, version in python(runner, target, code)}
    assert found == locked(target)
    assert not {"pip", "setuptools", "wheel"} & set(found)


@pytest.mark.parametrize("target", TARGETS)
def test_its_sdks_can_be_imported(runner: ContainerRunner, target: str) -> None:
    code = f"import importlib; [importlib.import_module(name) for name in {SDKS[target]}]; print('[]')"
    assert python(runner, target, code) == []


@pytest.mark.parametrize("target", TARGETS)
def test_only_what_needs_them_has_git_and_docker(runner: ContainerRunner, target: str) -> None:
    code = "import json, shutil; print(json.dumps([bool(shutil.which(name)) for name in ('git', 'docker', 'pip', 'gcc')]))"
    git, docker = target in ("argo-submit", "docker-publish", "suite"), target in ("docker-publish", "suite")
    assert python(runner, target, code) == [git, docker, False, False]


BUILD_TOOLS = (
    "pip", "pip3", "uv", "gcc", "cc", "g++", "c++", "cpp", "ld", "as", "make", "cmake", "go", "rustc", "npm", "node",
    "curl", "wget", "python3-config",
)  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_that_builds_or_installs_is_in_it(runner: ContainerRunner, target: str) -> None:
    code = f"""
import importlib.util, json, pathlib, shutil
modules = [name for name in ("pip", "setuptools", "wheel", "ensurepip", "hatchling") if importlib.util.find_spec(name)]
programs = [name for name in {BUILD_TOOLS} if shutil.which(name)]
headers = [str(path) for path in pathlib.Path("/usr/include").glob("**/*.h")]
lists = [str(path) for path in pathlib.Path("/var/lib/apt/lists").glob("*_*")]
print(json.dumps([modules, programs, headers, lists]))
"""
    assert python(runner, target, code) == [[], [], [], []]


@pytest.mark.parametrize("target", ["argo-submit", "docker-publish", "suite"])
def test_git_reads_a_workspace_that_belongs_to_somebody_else(runner: ContainerRunner, target: str) -> None:
    git = ["git", "-C", str(runner.workspace), "-c", "user.name=Alice", "-c", "user.email=alice@example.com"]
    subprocess.run([*git, "init", "--quiet", "--initial-branch", "change"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message", "Change"], check=True)
    subprocess.run([*git, "tag", "v1.2.3"], check=True)
    sha = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    if os.geteuid() == 0:
        for path in (runner.workspace, *runner.workspace.rglob("*")):
            os.chown(path, 1001, 1001)
    code = """
import json
from pathlib import Path
from mlops_actions.boundary.git import read_checkout
found = read_checkout(Path.cwd())
print(json.dumps(found and [found.sha, found.branch, found.tags]))
"""
    assert python(runner, target, code) == [sha, "change", ["refs/tags/v1.2.3"]]


def test_docker_and_buildx_reach_the_daemon_through_the_mounted_socket(runner: ContainerRunner) -> None:
    code = """
import json, subprocess
def said(*argv):
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()
print(json.dumps([said("docker", "version", "--format", "{{.Server.Version}}"), said("docker", "buildx", "version")]))
"""
    server, buildx = python(runner, "docker-publish", code)
    assert server == runner.docker("version", "--format", "{{.Server.Version}}").strip()
    assert "buildx" in buildx


@pytest.mark.parametrize("target", TARGETS)
def test_every_module_is_compiled_and_never_compared_with_its_source(runner: ContainerRunner, target: str) -> None:
    code = """
import importlib.util, json, pathlib, sysconfig
bad = []
for path in pathlib.Path(sysconfig.get_path("purelib")).rglob("*.py"):
    cache = pathlib.Path(importlib.util.cache_from_source(path))
    if not cache.exists() or cache.read_bytes()[4] != 1:  # bit 0: by hash; bit 1, which must not be set: compare it
        bad.append(str(path))
print(json.dumps(bad))
"""
    # Some packages carry files that are no Python 3 (templates, for instance), and nothing imports.
    assert [path for path in python(runner, target, code) if "/mlops_actions/" in path] == []


@pytest.mark.parametrize("target", TARGETS)
def test_the_runners_environment_arrives_whole(runner: ContainerRunner, target: str) -> None:
    inputs = {"github-token": "t-1", "allow-users": "a\nb", "some input": "x", "plain": ""}
    code = "import json, os; print(json.dumps([dict(os.environ), os.getcwd(), os.getuid(), os.getpid()]))"
    environment, directory, user, process = python(runner, target, code, inputs=inputs, state={"begun": "1"})
    assert environment["INPUT_GITHUB-TOKEN"] == "t-1"
    assert environment["INPUT_ALLOW-USERS"] == "a\nb"
    assert environment["INPUT_SOME_INPUT"] == "x"
    assert environment["INPUT_PLAIN"] == ""
    assert environment["STATE_begun"] == "1"
    assert environment["HOME"] == "/github/home"
    assert (directory, user, process) == ("/github/workspace", 0, 1)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("target", ["own", "suite"])
@pytest.mark.parametrize("post", [False, True])
def test_no_code_of_the_workspace_or_of_the_jobs_python_is_run(
    runner: ContainerRunner, action: str, target: str, post: bool
) -> None:
    trap = "import pathlib; pathlib.Path('/github/workspace/trapped').write_text(__name__)\n"
    for name in ("sitecustomize", "usercustomize", "yaml", "json", "os", "github", "mlops_actions/__init__"):
        path = runner.workspace / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(trap)
    env = {"PYTHONPATH": "/github/workspace", "PYTHONHOME": "/opt/hostedtoolcache/Python/3.12", "PYTHONSTARTUP": "os.py"}
    done = runner.run(action, image=action if target == "own" else "suite", post=post, env=env)
    assert not (runner.workspace / "trapped").exists()
    assert "Traceback" not in done.log


@pytest.mark.parametrize("action", ACTIONS)
def test_the_action_files_name_what_the_images_hold(images: Mapping[str, str], docker: Docker, action: str) -> None:
    folder = ROOT / "actions" / action
    runs = yaml.safe_load((folder / "action.yml").read_text())["runs"]
    assert runs["using"] == "docker"
    assert (folder / runs["image"]).resolve() == ROOT / "Dockerfile.base"
    for stage in ("entrypoint", "post-entrypoint"):
        assert PurePosixPath(runs[stage]).parent == PurePosixPath(EXECUTABLES)
        for image in (images[action], images["suite"]):
            docker("run", "--rm", "--network", "none", "--entrypoint", "test", image, "-x", runs[stage])


def test_suite_is_the_default_target(docker: Docker, images: Mapping[str, str], checkout: Path) -> None:
    name = "mlops-actions-e2e/default"
    docker("build", "-t", name, "-f", str(checkout / "Dockerfile.base"), str(checkout))
    assert docker.inspect(name)["RootFS"] == docker.inspect(images["suite"])["RootFS"]
    assert docker.inspect(name)["Config"] == docker.inspect(images["suite"])["Config"]


def test_every_entrypoint_is_in_exec_form_and_needs_no_shell(docker: Docker, images: Mapping[str, str]) -> None:
    for target in TARGETS:
        config = docker.inspect(images[target])["Config"]
        name = "mlops-actions" if target == "suite" else target
        assert isinstance(config, dict)
        assert config["Entrypoint"] == [f"{EXECUTABLES}/{name}"]
        assert config["User"] == ""
        assert config["WorkingDir"] == "/github/workspace"


def test_chatops_adds_at_most_25_megabytes_to_the_base_image(
    docker: Docker, images: Mapping[str, str], registry: DebianRegistry
) -> None:
    size, base = (compressed_size(docker, registry, image) for image in (images["chatops"], BASE_IMAGE))
    assert size - base <= 25_000_000


@pytest.fixture
def silent_server(docker: Docker) -> Iterator[tuple[str, threading.Event]]:
    """A server that takes every request and never answers; the event is set when the first has arrived."""
    arrived, closed = threading.Event(), threading.Event()

    class Silent(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.rfile.readline()
            arrived.set()
            closed.wait()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server((docker.gateway, 0), Silent) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{docker.gateway}:{server.server_address[1]}", arrived
        closed.set()
        server.shutdown()


@pytest.fixture
def comment() -> Delivery[Any]:
    """A maintainer's `/train` on a pull request, as GitHub's stand-in tells a runner of it."""
    repository = GitHubServer().repository("octo-org/digits")
    repository.collaborator("maintainer", "maintain")
    pull = repository.open_pull_request(by="contributor", title="Train longer")
    return pull.comment("/train", by="maintainer")


@pytest.mark.parametrize(
    ("action", "required"),
    [("chatops", "commands"), ("argo-submit", "workflow"), ("wandb-runs", "project"), ("docker-publish", "image")],
)
@pytest.mark.parametrize("target", ["own", "suite"])
def test_a_missing_input_is_named_and_a_home_that_cannot_be_written_is_no_trouble(
    runner: ContainerRunner, comment: Delivery[Any], action: str, required: str, target: str
) -> None:
    done = runner.run(
        action,
        image=action if target == "own" else "suite",
        event_name=comment.event,
        event=comment.payload,
        read_only_home=True,
    )
    assert done.exit_code == 2, done.log
    errors = [line for line in done.log.splitlines() if line.startswith("::error")]
    assert len(errors) == 1, done.log
    assert f"'{required}'" in errors[0]


@pytest.mark.parametrize("action", ACTIONS)
def test_a_post_stage_with_nothing_to_conclude_succeeds(
    runner: ContainerRunner, comment: Delivery[Any], action: str
) -> None:
    done = runner.run(action, post=True, event_name=comment.event, event=comment.payload, read_only_home=True)
    assert done.exit_code == 0, done.log
    assert "::error" not in done.log


def test_a_comment_that_is_no_command_is_ignored(runner: ContainerRunner, comment: Delivery[Any]) -> None:
    inputs = {"commands": "/deploy", "github-token": "of no use"}
    done = runner.run("chatops", inputs=inputs, event_name=comment.event, event=comment.payload, read_only_home=True)
    assert done.exit_code == 0, done.log
    assert (done.outputs["triggered"], done.outputs["decision"]) == ("false", "ignore")


def test_an_interrupt_of_process_1_cancels_at_once(
    runner: ContainerRunner, comment: Delivery[Any], silent_server: tuple[str, threading.Event]
) -> None:
    address, arrived = silent_server
    running = runner.start(
        "chatops",
        inputs={"commands": "/train", "github-token": "token"},
        event_name=comment.event,
        event=comment.payload,
        env={"GITHUB_API_URL": address, "GITHUB_GRAPHQL_URL": f"{address}/graphql"},
    )
    assert arrived.wait(60)
    running.interrupt()
    # GitHub's runner sends SIGTERM after 7.5 seconds, and kills 2.5 seconds later.
    done = running.wait(timeout=7.5)
    assert done.exit_code == 130, done.log
    assert "cancel" in done.log


def test_an_older_runner_that_does_not_mount_its_temporary_directory_is_no_trouble(runner: ContainerRunner) -> None:
    inputs = {"image": "digits", "username": "alice", "password": "wonderland"}
    # As it is on the host: nothing translates what is not mounted.
    env = {"RUNNER_TEMP": "/home/runner/work/_temp"}
    done = runner.run("docker-publish", inputs=inputs, event_name="push", env=env)
    assert done.exit_code == 2, done.log
    assert "Dockerfile" in done.log


@pytest.fixture
def sealed(runner: ContainerRunner) -> ContainerRunner:
    """A runner whose containers can write to what is mounted alone."""
    runner.read_only = True
    code = """
import json, pathlib
def writable(folder):
    try:
        (pathlib.Path(folder) / "probe").write_text("")
    except OSError:
        return False
    return True
print(json.dumps([writable(name) for name in ("/", "/tmp", "/root", "/opt/mlops-actions", "/github/workspace")]))
"""
    assert python(runner, "chatops", code) == [False, False, False, False, True]
    (runner.workspace / "probe").unlink()
    return runner


def test_chatops_works_in_a_sealed_container(sealed: ContainerRunner, github: GitHubServer) -> None:
    commanded = Commanded(sealed, github)
    main = commanded.run(status="success")
    assert (main.exit_code, main.outputs["triggered"]) == (0, "true"), main.log
    post = commanded.run(status="success", state=main.state)
    assert post.exit_code == 0, post.log
    assert (commanded.check(), commanded.labels()) == (("completed", "success"), ["trained"])


@pytest.mark.usefixtures("images")
def test_docker_publish_works_in_a_sealed_container(sealed: ContainerRunner, registry: DebianRegistry) -> None:
    publisher = Publisher(sealed, registry, "octo-org/sealed", f"FROM {BASE_IMAGE}\nCOPY train.py /\n")
    done = publisher.publish({"tags": "sha"})
    assert done.exit_code == 0, done.log
    assert done.outputs["digest"] == registry.digest("octo-org/sealed", publisher.sha[:12])
    assert publisher.leftovers == []


WORKFLOW = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: sealed-}
spec:
  entrypoint: main
  templates:
    - name: main
      container: {image: debian, command: [sh, -c], args: [echo trained]}
"""


def test_argo_submit_works_in_a_sealed_container(sealed: ContainerRunner, tmp_path: Path) -> None:
    with Cluster(ProcessExecutor({"": LocalImage()})) as cluster, Host(cluster.app) as host:
        kubeconfig = cluster.write_kubeconfig(tmp_path / "kubeconfig", host.url).read_text()
        inputs = {"workflow": WORKFLOW, "kubeconfig": kubeconfig, "github-token": "none"}
        done = sealed.on_host.run("argo-submit", inputs=inputs, event_name="push", event={})
    assert (done.exit_code, done.outputs.get("phase")) == (0, "Succeeded"), done.log


def test_wandb_runs_works_in_a_sealed_container(sealed: ContainerRunner, docker: Docker) -> None:
    wandb = WandbServer()
    wandb.store.project(wandb.entity, "digits")
    with Host(wandb.app, address=docker.gateway) as host:
        inputs = {"project": f"{wandb.entity}/digits", "api-key": wandb.api_key, "base-url": host.url, "sha": "a" * 40}
        done = sealed.run("wandb-runs", inputs=inputs, event_name="push", event={})
    assert (done.exit_code, done.outputs.get("num-candidates")) == (0, "0"), done.log
    assert (sealed.workspace / "wandb_report.csv").read_text().startswith("run.url,")
