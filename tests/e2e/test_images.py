"""Every image as the runner uses it: what is in it, what is not, what reaches the action, how it ends."""

from __future__ import annotations

import json
import os
import re
import socketserver
import subprocess
import tarfile
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import jwt
import pytest
import yaml
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mlops_sandbox.cluster import Cluster, LocalImage, ProcessExecutor
from mlops_sandbox.github import Delivery, GitHubServer
from mlops_sandbox.host import Host
from mlops_sandbox.wandb import WandbServer
from tests.e2e.container_step import EXECUTABLES, ContainerRunner
from tests.e2e.debian_registry import DebianRegistry
from tests.e2e.docker_daemon import Docker
from tests.e2e.images import ACTIONS, BASE_IMAGE, MAX_MEGABYTES, MAX_TOGETHER, ROOT, compressed_layers
from tests.e2e.publishing import Publisher
from tests.e2e.test_stages import Commanded
from tests.support.imports import import_graph, imported_names

LOCKS = {"chatops": "chatops", "argo-submit": "argo", "wandb-runs": "wandb", "docker-publish": "docker"}
SDKS = {
    "chatops": ["github", "yaml"],
    "argo-submit": [
        "azure.identity",
        "botocore.session",
        "github",
        "google.auth",
        "google.cloud.container_v1",
        "jsonschema",
        "yaml",
    ],
    "wandb-runs": ["github", "urllib3", "wandb", "yaml"],
    "docker-publish": ["docker", "google.auth", "urllib3", "yaml"],
}
GIT = ("argo-submit", "docker-publish")


def python(runner: ContainerRunner, target: str, code: str, **options: Any) -> Any:
    """Run Python in the image, in the runner's environment; returns what it printed, read as JSON."""
    done = runner.run(target, entrypoint=f"{EXECUTABLES}/python", arguments=("-IBc", code), **options)
    assert done.exit_code == 0, done.log
    return json.loads(done.log)


def locked(target: str) -> dict[str, str]:
    """The packages of a target's lock file, by normalised name."""
    text = (ROOT / f"tools/locks/{LOCKS[target]}.txt").read_text()
    return {normalised(name): version for name, version in re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE)}


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("target", ACTIONS)
def test_holds_packages_of_its_lock_file_alone(runner: ContainerRunner, target: str) -> None:
    code = "import importlib.metadata as m, json; print(json.dumps([[d.name, d.version] for d in m.distributions()]))"
    found = {normalised(name): version for name, version in python(runner, target, code)}
    assert found.items() <= locked(target).items()
    assert {"pyyaml", "urllib3"} <= set(found)
    # No import leads to these, though a lock file may name them.
    assert not {"pip", "setuptools", "wheel", "aiohttp", "kubernetes"} & set(found)
    # `openssl` signs for GitHub Apps; Google's and Azure's packages sign for themselves.
    assert ("cryptography" in found) == (target in ("argo-submit", "docker-publish"))


# What the entry point imports for each action beyond the action's own package.
BOUNDARY = "mlops_actions.boundary"
ENTERED = {
    "chatops": [f"{BOUNDARY}.github.clients", f"{BOUNDARY}.workspace"],
    "argo-submit": [f"{BOUNDARY}.{name}" for name in ("cluster.by_inputs", "artifact_files", "git", "github", "workspace")],
    "wandb-runs": [f"{BOUNDARY}.{name}" for name in ("wandb.project", "github", "github.history", "workspace")],
    "docker-publish": [
        f"{BOUNDARY}.{name}"
        for name in ("docker", "git", "github.history", "registry.cloud_token", "registry.docker_logins", "workspace")
    ],
}
IMPORT = """
import importlib, json, pathlib
missing = []
for module, attribute in json.loads(pathlib.Path("/github/workspace/imports.json").read_text()):
    try:
        found = importlib.import_module(module)
        if attribute and not hasattr(found, attribute):
            importlib.import_module(f"{module}.{attribute}")
    except ImportError as error:
        missing.append([module, attribute, str(error)])
print(json.dumps(missing))
"""


@pytest.mark.parametrize("target", ACTIONS)
def test_everything_that_the_action_imports_at_any_time_can_be_imported(runner: ContainerRunner, target: str) -> None:
    graph = import_graph(ROOT / "src", "mlops_actions")
    reached, waiting = set(), [name for name in graph if name.startswith(f"mlops_actions.{target.replace('-', '_')}.")]
    waiting += ENTERED[target]
    while waiting:
        if (name := waiting.pop()) not in reached:
            reached.add(name)
            waiting += graph[name]
    names = {entry for name in reached for entry in imported_names(source_of(name), name)}
    (runner.workspace / "imports.json").write_text(json.dumps(sorted(names - {("compression.zstd", ""), ("tomllib", "")})))
    assert len(reached) > 60
    assert python(runner, target, IMPORT) == []


def source_of(module: str) -> Path:
    path = ROOT / "src" / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@pytest.mark.parametrize("target", ACTIONS)
def test_its_sdks_can_be_imported(runner: ContainerRunner, target: str) -> None:
    code = f"import importlib; [importlib.import_module(name) for name in {SDKS[target]}]; print('[]')"
    assert python(runner, target, code) == []


def files(docker: Docker, image: str) -> dict[str, int]:
    """The regular files of an image, with their modes."""
    container = docker("create", image).strip()
    try:
        with tempfile.TemporaryFile() as archive:
            subprocess.run(["docker", "export", container], env=docker.environment, stdout=archive, check=True)
            archive.seek(0)
            with tarfile.open(fileobj=archive) as opened:
                return {member.name: member.mode for member in opened if member.isfile() and member.size}
    finally:
        docker("rm", container)


@pytest.mark.parametrize("target", ACTIONS)
def test_its_programs_are_those_that_it_runs(docker: Docker, images: Mapping[str, str], target: str) -> None:
    found = files(docker, images[target])
    programs = {
        PurePosixPath(path).name
        for path, mode in found.items()
        if mode & 0o111 and not re.search(r"\.so|\.dist-info/", path)
    }
    git = {"git"} if target in GIT else set()
    client = {"docker", "docker-buildx"} if target == "docker-publish" else set()
    sdk = {"wandb-core"} if target == "wandb-runs" else set()
    assert programs == {"python3.13", "openssl", "mlops-actions"} | git | client | sdk


@pytest.mark.parametrize("target", ACTIONS)
def test_it_holds_neither_sources_nor_tests_nor_what_installs(
    docker: Docker, images: Mapping[str, str], target: str
) -> None:
    bad = re.compile(r"\.(?:py|pyi|pyx|c|h|a)$|/tests?/|__pycache__|/(?:pip|setuptools|ensurepip|idlelib)/|var/lib/apt")
    assert [path for path in files(docker, images[target]) if bad.search(path)] == []


@pytest.mark.parametrize("target", ACTIONS)
def test_it_says_which_debian_packages_its_files_are_of(docker: Docker, images: Mapping[str, str], target: str) -> None:
    found = files(docker, images[target])
    described = {PurePosixPath(path).name for path in found if path.startswith("var/lib/dpkg/status.d/")}
    assert {"libc6", "libssl3t64", "python3.13-minimal", "openssl", "ca-certificates", "tzdata"} <= described
    assert not {"bash", "dash", "apt", "perl-base", "coreutils", "dpkg"} & described
    assert ("git" in described) == (target in GIT)
    assert [package for package in described if f"usr/share/doc/{package}/copyright" not in found] == []
    assert "usr/lib/os-release" in found


@pytest.mark.parametrize("target", GIT)
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


@pytest.mark.parametrize("target", ACTIONS)
def test_byte_code_is_never_compared_and_names_file_and_line(runner: ContainerRunner, target: str) -> None:
    code = """
import json, pathlib, traceback
import yaml
root = pathlib.Path(yaml.__file__).parents[1]
bad = [str(path) for path in root.rglob("*.pyc") if path.read_bytes()[4] != 1]  # bit 0: by hash; bit 1: compare it
try:
    yaml.safe_load("[")
except yaml.YAMLError as error:
    frame = traceback.extract_tb(error.__traceback__)[-1]
print(json.dumps([bad, frame.filename, frame.lineno]))
"""
    bad, file, line = python(runner, target, code)
    assert bad == []
    assert file.endswith("/site-packages/yaml/parser.py")
    assert line > 100


@pytest.mark.parametrize("target", ACTIONS)
def test_time_zones_codecs_and_authorities_are_there(runner: ContainerRunner, target: str) -> None:
    code = """
import json, os, ssl, time
os.environ["TZ"] = "Europe/Berlin"
time.tzset()
context = ssl.create_default_context()
print(json.dumps([time.tzname[0], "bücher.example".encode("idna").decode(), len(context.get_ca_certs()) > 100]))
"""
    assert python(runner, target, code) == ["CET", "xn--bcher-kva.example", True]


@pytest.fixture(scope="module")
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def written(key: rsa.RSAPrivateKey, folder: Path) -> str:
    """Write a key to a file of the workspace; returns its path in a container."""
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    return "/github/workspace/key.pem"


@pytest.mark.parametrize("target", ["chatops", "argo-submit", "wandb-runs"])
def test_openssl_signs_for_a_github_app(runner: ContainerRunner, private_key: rsa.RSAPrivateKey, target: str) -> None:
    code = f"""
import json, pathlib
from mlops_actions.boundary.github import AppKey
print(json.dumps(AppKey("17", pathlib.Path({written(private_key, runner.workspace)!r}).read_text()).signed()))
"""
    runner.read_only = True
    token = python(runner, target, code)
    assert jwt.decode(token, private_key.public_key(), algorithms=["RS256"])["iss"] == "17"


@pytest.mark.parametrize("target", GIT)
def test_googles_library_signs_for_a_service_account(
    runner: ContainerRunner, private_key: rsa.RSAPrivateKey, target: str
) -> None:
    code = f"""
import json, pathlib
from google.auth.crypt import RSASigner
signer = RSASigner.from_string(pathlib.Path({written(private_key, runner.workspace)!r}).read_text())
print(json.dumps(signer.sign(b"claims").hex()))
"""
    signature = bytes.fromhex(python(runner, target, code))
    private_key.public_key().verify(signature, b"claims", padding.PKCS1v15(), hashes.SHA256())


def test_the_sdk_of_wandb_gives_a_model_an_alias(runner: ContainerRunner, docker: Docker) -> None:
    server = WandbServer()
    run = server.store.add_run("sandbox", "digits", name="r1", state="finished")
    collection = server.store.project("sandbox", "digits").collection("weights", "model")
    server.store.add_artifact(collection, "d", run=run)
    code = """
import os
from mlops_actions.boundary.runner import GitHubRunner
from mlops_actions.boundary.wandb.project import WandbProject
from mlops_actions.boundary.wandb.server import Server
from mlops_actions.core.runs import Artifact, Run
url, key = os.environ["URL"], os.environ["KEY"]
project = WandbProject("sandbox/digits", Server(url, url, key), GitHubRunner(os.environ, open(os.devnull, "w")))
run = Run(id="r1", name="", state="finished", url="", entity="sandbox", project="digits")
project.promote(run, Artifact(name="weights", version=0, type="model", digest="d"), "accepted")
print("true")
"""
    with Host(server.app, address=docker.gateway) as host:
        assert python(runner, "wandb-runs", code, env={"URL": host.url, "KEY": server.api_key}) is True
    assert collection.aliases["accepted"].version == 0


@pytest.mark.parametrize("target", ACTIONS)
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
@pytest.mark.parametrize("post", [False, True])
def test_no_code_of_the_workspace_or_of_the_jobs_python_is_run(runner: ContainerRunner, action: str, post: bool) -> None:
    trap = "import pathlib; pathlib.Path('/github/workspace/trapped').write_text(__name__)\n"
    for name in ("sitecustomize", "usercustomize", "yaml", "json", "os", "github", "mlops_actions/__init__"):
        path = runner.workspace / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(trap)
    env = {"PYTHONPATH": "/github/workspace", "PYTHONHOME": "/opt/hostedtoolcache/Python/3.12", "PYTHONSTARTUP": "os.py"}
    done = runner.run(action, post=post, env=env)
    assert not (runner.workspace / "trapped").exists()
    assert "Traceback" not in done.log


@pytest.mark.parametrize("action", ACTIONS)
def test_the_action_files_name_what_the_images_hold(images: Mapping[str, str], docker: Docker, action: str) -> None:
    folder = ROOT / "actions" / action
    runs = yaml.safe_load((folder / "action.yml").read_text())["runs"]
    assert runs["using"] == "docker"
    assert (folder / runs["image"]).resolve() == ROOT / f"Dockerfile.{action}"
    for stage in ("entrypoint", "post-entrypoint"):
        assert PurePosixPath(runs[stage]).parent == PurePosixPath(EXECUTABLES)
        code = f"import os, sys; sys.exit(not os.access({runs[stage]!r}, os.X_OK))"
        docker("run", "--rm", "--network", "none", "--entrypoint", f"{EXECUTABLES}/python", images[action], "-Ic", code)


def test_a_branch_builds_the_image_that_a_release_builds(docker: Docker, images: Mapping[str, str], checkout: Path) -> None:
    name = "mlops-actions-e2e/released"
    docker("build", "-t", name, "-f", str(checkout / "Dockerfile.base"), "--target", "chatops", str(checkout))
    assert docker.inspect(name)["RootFS"] == docker.inspect(images["chatops"])["RootFS"]
    assert docker.inspect(name)["Config"] == docker.inspect(images["chatops"])["Config"]


def test_every_entrypoint_is_in_exec_form_and_needs_no_shell(docker: Docker, images: Mapping[str, str]) -> None:
    for action in ACTIONS:
        config = docker.inspect(images[action])["Config"]
        assert isinstance(config, dict)
        assert config["Entrypoint"] == [f"{EXECUTABLES}/{action}"]
        assert config["User"] == ""
        assert config["WorkingDir"] == "/github/workspace"


def test_the_images_are_small_and_share_their_layers(
    docker: Docker, images: Mapping[str, str], registry: DebianRegistry
) -> None:
    layers = {action: compressed_layers(docker, registry, images[action]) for action in ACTIONS}
    sizes = {action: sum(of.values()) / 1e6 for action, of in layers.items()}
    assert {action: size for action, size in sizes.items() if size > MAX_MEGABYTES[action]} == {}
    # A job that uses all four pulls each layer once.
    assert sum({digest: size for of in layers.values() for digest, size in of.items()}.values()) / 1e6 <= MAX_TOGETHER
    shared = {digest: size for digest, size in layers["chatops"].items() if all(digest in of for of in layers.values())}
    assert sum(shared.values()) / 1e6 > sizes["chatops"] * 0.8
    assert layers["chatops"].keys() <= layers["wandb-runs"].keys() & layers["argo-submit"].keys()


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
def test_a_missing_input_is_named_and_a_home_that_cannot_be_written_is_no_trouble(
    runner: ContainerRunner, comment: Delivery[Any], action: str, required: str
) -> None:
    done = runner.run(action, event_name=comment.event, event=comment.payload, read_only_home=True)
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
