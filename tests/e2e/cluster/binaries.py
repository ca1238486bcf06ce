"""The programs of the control plane, built from source once and kept outside of the checkout."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).parents[3] / "tools" / "e2e" / "cluster" / "build.sh"
OLDEST_GO = (1, 21)  # from here on Go fetches the version that a module asks for


class CannotBuild(Exception):
    """There is nothing to build them with; the message says what to install."""


@dataclass(frozen=True)
class Binaries:
    """Where they are: `bin/` with the programs, `crds/` with Argo's resource definitions, `schema.json` of its manifests."""

    directory: Path

    def program(self, name: str) -> str:
        return str(self.directory / "bin" / name)

    @property
    def definitions(self) -> list[Path]:
        return sorted((self.directory / "crds").glob("*.yaml"))

    @property
    def schema(self) -> Path:
        return self.directory / "schema.json"


def build() -> Binaries:
    """Return them, built now if they are not there; progress goes to standard error. Raises CannotBuild."""
    if _go_version() < OLDEST_GO:
        raise CannotBuild("the real cluster is built from source: install Go 1.26 or newer, with a module proxy in reach")
    done = subprocess.run([str(SCRIPT)], stdout=subprocess.PIPE, text=True, check=True)
    return Binaries(Path(done.stdout.strip()))


def _go_version() -> tuple[int, ...]:
    """The installed Go's version, (0,) where there is none."""
    if shutil.which("go") is None:
        return (0,)
    told = subprocess.run(["go", "version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    found = re.search(r"go(\d+)\.(\d+)", told)
    return (int(found[1]), int(found[2])) if found else (0,)
