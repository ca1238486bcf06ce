"""Build the images, and measure the start-up time of the actions inside them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.e2e import images
from tests.e2e.docker_daemon import Docker, daemon

HERE = Path(__file__).parent
# -P: a file of this folder must not stand in for the module of its name, such as `statistics`.
PYTHON = ("/opt/mlops-actions/bin/python", "-P")


@contextmanager
def built() -> Iterator[tuple[Docker, dict[str, str]]]:
    """Build the image of every action; raises DaemonError where there is no daemon and none can be started."""
    with daemon() as docker, TemporaryDirectory() as folder:
        yield docker, images.build(docker, images.copy_checkout(Path(folder)))


def startup(docker: Docker, image: str, action: str) -> dict[str, object]:
    """Run `startup.py` on the image's own Python."""
    mount = f"{HERE}:/bench:ro"
    python, option = PYTHON
    printed = docker("run", "--rm", "--volume", mount, "--entrypoint", python, image, option, "/bench/startup.py", action)
    found: dict[str, object] = json.loads(printed.splitlines()[-1])
    return found


def repeated(docker: Docker, image: str, environment: Mapping[str, str], folder: Path) -> Mapping[str, list[float]]:
    """Run `repeat.py` on the image's own Python; `folder` is there under its own name."""
    python, option = PYTHON
    mounts = ("--volume", f"{HERE}:/bench:ro", "--volume", f"{folder}:{folder}")
    command = ("run", "--rm", "--interactive", "--network", "host", *mounts, "--entrypoint", python, image)
    printed = docker(*command, option, "/bench/repeat.py", input=json.dumps(dict(environment)).encode())
    found: Mapping[str, list[float]] = json.loads(printed.splitlines()[-1])
    return found
