"""Containers as local processes, for machines without a container runtime.

An image becomes a directory (usually a checkout) that is copied for each container, so that containers share no files,
as they would not in a cluster. There is no other isolation: run only programs that you trust.

A container's absolute paths do not exist here, and the real ones of the machine must not be touched. So the paths that
the template itself declares are **relocated**: the working directory of the image, `/tmp`, and the directory of each
declared artifact and output parameter live below the container's private directory, and where one of these directories
occurs in the command, the arguments, the environment or the script, the private path is put in its paths. A program that has
`/mnt/out` built in, without a declaration in its template, is not supported: it needs the DockerExecutor.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from mlops_sandbox.cluster.engine.executor import ContainerStartError, ContainerTask, Output, StopSignal

GRACE_SECONDS = 5.0
SCRIPT_PATH = "/argo/staging/script"
# Directories of the machine that programs are run from: files in them are never relocated as a whole.
SYSTEM_DIRECTORIES = ("/", "/bin", "/dev", "/etc", "/lib", "/lib64", "/opt", "/proc", "/sbin", "/sys", "/usr")
IGNORED_ENTRIES = (".git", ".venv", "__pycache__", "node_modules")
INHERITED_VARIABLES = ("LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


@dataclass(frozen=True)
class LocalImage:
    """The stand-in for an image: a directory to copy (None: an empty one), its path in the container, its `ENV`."""

    directory: Path | None = None
    working_dir: str = "/app"
    env: Mapping[str, str] = field(default_factory=dict)


Images = Callable[[str], LocalImage | None] | Mapping[str, LocalImage]


class ProcessExecutor:
    """Runs a container's command as a process.

    `images` is a function from an image reference to its stand-in, or a mapping from the beginnings of references (the
    longest that fits wins; the empty string fits all). An image without a stand-in fails its node with a message.
    """

    def __init__(self, images: Images) -> None:
        self._images = images

    def run(self, task: ContainerTask, workspace: Path, output: Output, stopper: StopSignal) -> int:
        """See `Executor.run`."""
        image = self._image(task.image)
        paths = _prepare(task, image, workspace)
        for transfer in task.inputs:
            _copy(transfer.outside, paths.real(transfer.inside))
        for transfer in task.outputs:
            paths.real(transfer.inside).parent.mkdir(parents=True, exist_ok=True)
        argv = [paths.relocate(part) for part in (*task.command, *task.args)]
        if task.script is not None:
            script = paths.real(SCRIPT_PATH)
            script.parent.mkdir(parents=True, exist_ok=True)
            script.write_text(paths.relocate(task.script), encoding="utf-8")
            argv.append(str(script))
        if not task.command:
            raise ContainerStartError("a local process needs a command: the sandbox cannot ask an image for its entrypoint")
        # The machine's own environment needs no relocation: a checkout can be in /tmp.
        variables = {**image.env, **task.env}
        env = _base_environment(workspace) | {key: paths.relocate(text) for key, text in variables.items()}
        code = _run(argv, paths.directory, env, output, stopper)
        for transfer in task.outputs:
            if paths.real(transfer.inside).exists():
                _copy(paths.real(transfer.inside), transfer.outside)
        return code

    def _image(self, reference: str) -> LocalImage:
        if callable(self._images):
            image = self._images(reference)
        else:
            matching = [prefix for prefix in self._images if reference.startswith(prefix)]
            image = self._images[max(matching, key=len)] if matching else None
        if image is None:
            raise ContainerStartError(f"no local directory stands for the image {reference!r} in this sandbox")
        return image


class RelocatedPaths:
    """The real paths of a container's paths."""

    def __init__(self, root: Path, working_dir: str, relocated: Iterable[str]) -> None:
        self._root = root
        self._working_dir = PurePosixPath(working_dir or "/")
        self.directory = self.real(".")
        ordered = sorted({path.rstrip("/") for path in relocated} - {""}, key=len, reverse=True)
        alternatives = "|".join(re.escape(path) for path in ordered)
        self._pattern = re.compile(rf"(?<![\w./-])(?:{alternatives})(?![\w.-])") if ordered else None

    def real(self, inside: str) -> Path:
        """Return the real path of a container's path; raises ContainerStartError for one that leads out of it."""
        parts = (self._working_dir / inside).parts[1:]
        if ".." in parts:
            raise ContainerStartError(f"the path {inside!r} leads out of the container")
        return self._root.joinpath(*parts)

    def relocate(self, text: str) -> str:
        """Replace the container's directories in a text by the real ones."""
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda match: str(self.real(match[0])), text)


def _prepare(task: ContainerTask, image: LocalImage, workspace: Path) -> RelocatedPaths:
    home = image.working_dir
    declared = [transfer.inside for transfer in (*task.inputs, *task.outputs) if transfer.inside.startswith("/")]
    parents = [str(PurePosixPath(path).parent) for path in declared]
    relocated = {*declared, *(parent for parent in parents if parent not in SYSTEM_DIRECTORIES), home, "/tmp"}
    paths = RelocatedPaths(workspace, task.working_dir or home, relocated)
    if image.directory is not None:
        if not image.directory.is_dir():
            raise ContainerStartError(f"the directory that stands for the image {task.image!r} does not exist")
        copied = RelocatedPaths(workspace, home, ()).directory
        shutil.copytree(image.directory, copied, symlinks=True, ignore=shutil.ignore_patterns(*IGNORED_ENTRIES))
    for directory in (paths.directory, workspace / "tmp", workspace / "root"):
        directory.mkdir(parents=True, exist_ok=True)
    return paths


def _base_environment(workspace: Path) -> dict[str, str]:
    env = {name: os.environ[name] for name in INHERITED_VARIABLES if name in os.environ}
    env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    env["HOME"] = str(workspace / "root")
    env["TMPDIR"] = str(workspace / "tmp")
    return env


def _run(argv: list[str], directory: Path, env: dict[str, str], output: Output, stopper: StopSignal) -> int:
    program = shutil.which(argv[0], path=env.get("PATH")) if "/" not in argv[0] else argv[0]
    try:
        process = subprocess.Popen(
            [program or argv[0], *argv[1:]],
            cwd=directory,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise ContainerStartError(f"cannot run {argv[0]!r}: {error.strerror}") from error
    return follow(process, output, stopper, lambda number: _signal_group(process.pid, number))


def follow(
    process: subprocess.Popen[bytes], output: Output, stopper: StopSignal, send_signal: Callable[[signal.Signals], None]
) -> int:
    """Pass on the output of a process and wait for its end; on a stop send SIGTERM, and SIGKILL after the grace period."""
    killer = threading.Timer(GRACE_SECONDS, send_signal, [signal.SIGKILL])
    killer.daemon = True

    def stop() -> None:
        send_signal(signal.SIGTERM)
        killer.start()

    readers = [
        threading.Thread(target=_pass_on, args=(stream, output, error), daemon=True)
        for stream, error in ((process.stdout, False), (process.stderr, True))
    ]
    for reader in readers:
        reader.start()
    leave = stopper.on_stop(stop)
    code = process.wait()
    leave()
    killer.cancel()
    send_signal(signal.SIGKILL)  # a child that is left would hold the output open
    for reader in readers:
        reader.join()
    return code if code >= 0 else 128 - code


def _pass_on(stream: IO[bytes] | None, output: Output, error: bool) -> None:
    if stream is not None:
        with stream:
            for line in stream:
                output(line.rstrip(b"\r\n"), error=error)


def _signal_group(leader: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copyfile(source, target)
