"""What the end-to-end tests run on: a Docker daemon, Debian's registry, the images built from this checkout, act.

Everything is started once and stopped in the end, on an interrupt and on SIGTERM too.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from mlops_sandbox.demo import machine
from tests.actions.argo_submit.job import Job
from tests.e2e import images as image_builder
from tests.e2e.act import Act, prepare_for_act
from tests.e2e.cluster import tools_image as cluster_image
from tests.e2e.cluster.argo_server import ArgoServer, running_argo_server
from tests.e2e.cluster.binaries import Binaries, CannotBuild, build
from tests.e2e.cluster.containers import Containers
from tests.e2e.cluster.real import RealCluster
from tests.e2e.cluster.workflows import job_of
from tests.e2e.container_step import ContainerRunner
from tests.e2e.debian_registry import DebianRegistry, debian_registry
from tests.e2e.docker_daemon import Docker, daemon
from tests.e2e.other_builders import NewerDocker, buildkit, free_port, newer_docker
from tests.e2e.pipeline_testbed import Pipeline, pipeline_testbed
from tests.support.shared_host import SharedHost

HERE = Path(__file__).parent
Browser = Callable[..., str]
# The first test pays for the images: from nothing that is minutes of downloads.
LONG = 1500


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give these tests the time that real components take."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.timeout(LONG))


@pytest.fixture(scope="session", autouse=True)
def _stop_on_sigterm() -> Iterator[None]:
    """End as an interrupt does, with every fixture closed: the default would leave the daemon's bridge behind."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def docker(_stop_on_sigterm: None) -> Iterator[Docker]:
    """A daemon: the machine's own where one answers, else one that ends with the tests."""
    with daemon() as found:
        yield found


@pytest.fixture(scope="module")
def containerd(docker: Docker) -> Iterator[NewerDocker]:
    """A daemon that keeps its images with containerd."""
    with newer_docker(docker, containerd_store=True) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a BuildKit without TLS."""
    address = f"tcp://127.0.0.1:{free_port()}"
    with buildkit(tmp_path_factory.mktemp("buildkit"), address):
        yield address


@pytest.fixture(scope="session")
def github_host(docker: Docker) -> Iterator[SharedHost]:
    """The port that the tests' GitHubs share, where containers on the bridge reach it."""
    shared = SharedHost(docker.gateway)
    with shared.host:
        yield shared


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DebianRegistry]:
    """Debian's docker-registry on loopback; it asks for a name and a password."""
    with debian_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean copy of this checkout: what a workflow that uses the actions downloads."""
    copy = image_builder.copy_checkout(tmp_path_factory.mktemp("checkout") / "mlops-actions")
    prepare_for_act(copy)
    return copy


@pytest.fixture(scope="session")
def images(docker: Docker, checkout: Path) -> Mapping[str, str]:
    """The image of every action, by its name."""
    return image_builder.build(docker, checkout)


@pytest.fixture
def runner(docker: Docker, images: Mapping[str, str], tmp_path: Path) -> Iterator[ContainerRunner]:
    """A runner with one job: `runner.run("chatops", inputs=…, env=…, event=…)` is one step of it in the action's image."""
    made = ContainerRunner(docker, images, tmp_path / "runner")
    yield made
    made.close()


@pytest.fixture
def act(docker: Docker, images: Mapping[str, str], checkout: Path, tmp_path: Path) -> Act:
    """Runs workflow files with the four actions in containers."""
    root = tmp_path / "act"
    root.mkdir()
    return Act(docker, images, checkout, root)


@pytest.fixture(scope="session")
def containers() -> Containers:
    """Runs the real cluster's containers; see `cluster` and `docker_cluster`."""
    return Containers()


@pytest.fixture(scope="session")
def cluster_programs() -> Binaries:
    """What the real cluster is made of, built now where that was never done."""
    try:
        return build()
    except CannotBuild as problem:
        pytest.skip(str(problem))


@pytest.fixture(scope="session")
def cluster(
    cluster_programs: Binaries,
    containers: Containers,
    tmp_path_factory: pytest.TempPathFactory,
    _stop_on_sigterm: None,
) -> Iterator[RealCluster]:
    """A real cluster: etcd, kube-apiserver, Argo's controller and a node; containers of `PROCESS_IMAGE` run as processes.

    `cluster.kubeconfig()` speaks with the rights that argo-submit's README asks for and no others, `cluster.connection`
    with all; `put_secret`, `workflow`, `until` and `resume` do with them what a test needs.
    """
    directory = tmp_path_factory.mktemp("cluster")
    directory.chmod(0o700)
    with RealCluster(cluster_programs, directory).running(containers) as running:
        yield running


@pytest.fixture(scope="module")
def argo_server(
    cluster_programs: Binaries, tmp_path_factory: pytest.TempPathFactory, _stop_on_sigterm: None
) -> Iterator[ArgoServer]:
    """Argo's own server before a cluster of its own, whose containers are processes."""
    with running_argo_server(cluster_programs, tmp_path_factory.mktemp("argo-server")) as running:
        yield running


@pytest.fixture(scope="session")
def docker_cluster(
    cluster: RealCluster,
    containers: Containers,
    docker: Docker,
    registry: DebianRegistry,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RealCluster]:
    """The same cluster, with every other image run in Docker and pulled from `registry`, whose password the node knows.

    Containers are on this machine's network: they reach what the sandbox serves on loopback (GitHub, W&B).
    """
    client = {**docker.environment, "DOCKER_CONFIG": str(registry.log_in(tmp_path_factory.mktemp("node-docker")))}
    containers.use(client)
    yield cluster
    containers.use(None)
    machine.remove_images(client, registry.host)


@pytest.fixture(scope="session")
def tools_image(docker: Docker) -> str:
    """An image with a shell, curl and Python, for containers that `docker_cluster` runs."""
    return cluster_image.build(docker)


@pytest.fixture
def another_job(cluster: RealCluster, tmp_path: Path) -> Callable[[], Job]:
    """Makes jobs of argo-submit with the submitter's rights on `cluster`, each of a GitHub run of its own."""
    made: list[Job] = []

    def make() -> Job:
        made.append(job_of(cluster, tmp_path / f"job-{len(made)}"))
        return made[-1]

    return make


@pytest.fixture
def job(another_job: Callable[[], Job]) -> Job:
    """One such job."""
    return another_job()


@pytest.fixture(scope="session")
def pipeline(
    docker: Docker, images: Mapping[str, str], checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> Pipeline:
    """Return a function that creates a testbed of the whole pipeline around a registry."""
    return lambda registry: pipeline_testbed(docker, images, checkout, registry, tmp_path_factory.mktemp("pipeline"))


@pytest.fixture(scope="session")
def chromium() -> str:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.fail("there is no Chromium to look at the page with; `make e2e` installs it")
    return found


@pytest.fixture
def browser(chromium: str, tmp_path: Path) -> Browser:
    """Opens an address and returns the document as it is once its scripts have run."""

    def look(address: str, *options: str) -> str:
        command = [
            chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
            "--hide-scrollbars", f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=20000",
            "--window-size=1280,2400", *options, address,
        ]  # fmt: skip
        ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
        return ended.stdout

    return look
