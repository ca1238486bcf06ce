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

from tests.e2e import images as image_builder
from tests.e2e.act import Act
from tests.e2e.container_step import Runner
from tests.e2e.debian_registry import DebianRegistry, debian_registry
from tests.e2e.docker_daemon import Docker, daemon

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


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DebianRegistry]:
    """Debian's docker-registry on loopback; it asks for a name and a password."""
    with debian_registry(tmp_path_factory.mktemp("registry")) as found:
        yield found


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean copy of this checkout: what a workflow that uses the actions downloads."""
    return image_builder.copy_checkout(tmp_path_factory.mktemp("checkout") / "mlops-actions")


@pytest.fixture(scope="session")
def images(docker: Docker, checkout: Path) -> Mapping[str, str]:
    """The image of every target of Dockerfile.base, by the target's name."""
    return image_builder.build(docker, checkout)


@pytest.fixture
def runner(docker: Docker, images: Mapping[str, str], tmp_path: Path) -> Iterator[Runner]:
    """A runner with one job: `runner.run("chatops", inputs=…, env=…, event=…)` is one step of it in the action's image."""
    made = Runner(docker, images, tmp_path / "runner")
    yield made
    made.close()


@pytest.fixture
def act(docker: Docker, images: Mapping[str, str], checkout: Path, tmp_path: Path) -> Act:
    """Runs workflow files with the four actions in containers."""
    root = tmp_path / "act"
    root.mkdir()
    return Act(docker, images, checkout, root)


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
