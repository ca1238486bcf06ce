"""Run containers by the docker command: on the host's network, with files copied in and out and nothing mounted."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

from mlops_sandbox.cluster.engine.executor import ContainerStartError, ContainerTask, Output, StopSignal, Transfer
from mlops_sandbox.cluster.engine.process import SCRIPT_PATH, follow

NETWORK = "host"  # the sandbox's servers listen on loopback


class DockerExecutor:
    """Runs a container by `docker create`, `cp`, `start` and `rm`.

    `docker` is the client program; `environment` is the client's own (`DOCKER_HOST`, `DOCKER_CONFIG` with the registry's
    credentials), by default this process's. Docker pulls an image that is missing.
    """

    def __init__(self, *, docker: str = "docker", environment: Mapping[str, str] | None = None) -> None:
        self._docker = docker
        self._environment = dict(os.environ if environment is None else environment)

    def run(self, task: ContainerTask, workspace: Path, output: Output, stopper: StopSignal) -> int:
        """See `Executor.run`."""
        container = self._create(task, workspace)
        try:
            for transfer in task.inputs:
                self._copy_in(container, transfer)
            if task.script is not None:
                self._call(["cp", "-", f"{container}:/"], stdin=_archive(SCRIPT_PATH, task.script.encode()))
            process = subprocess.Popen(
                [self._docker, "start", "--attach", container],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            code = follow(process, output, stopper, lambda number: self._signal(container, number))
            for transfer in task.outputs:
                self._copy_out(container, transfer)
            return code
        finally:
            self._call(["rm", "--force", "--volumes", container], check=False)

    def _create(self, task: ContainerTask, workspace: Path) -> str:
        argv = ["create", "--network", NETWORK, "--name", task.name]
        if task.working_dir:
            argv += ["--workdir", task.working_dir]
        # Values stay off the command line: in a private file, or in the client's environment for those of several lines.
        lines = {key: text for key, text in task.env.items() if "\n" not in text}
        env_file = workspace / "environment"
        env_file.touch(mode=0o600)
        env_file.write_text("".join(f"{key}={text}\n" for key, text in lines.items()), encoding="utf-8")
        argv += ["--env-file", str(env_file)]
        several = {key: text for key, text in task.env.items() if key not in lines}
        argv += [part for key in several for part in ("--env", key)]
        command = list(task.command)
        if task.script is not None and not command:
            raise ContainerStartError("a script template needs a command")
        if command:
            argv += ["--entrypoint", command.pop(0)]
        argv += [task.image, *command, *task.args]
        if task.script is not None:
            argv.append(SCRIPT_PATH)
        return self._call(argv, extra=several).decode().strip().splitlines()[-1]

    def _copy_in(self, container: str, transfer: Transfer) -> None:
        """Copy by an archive: `docker cp` of a path needs its directory to exist in the image."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            archive.add(transfer.outside, transfer.inside.lstrip("/"))
        self._call(["cp", "-", f"{container}:/"], stdin=buffer.getvalue())

    def _copy_out(self, container: str, transfer: Transfer) -> None:
        transfer.outside.parent.mkdir(parents=True, exist_ok=True)
        data = self._call(["cp", f"{container}:{transfer.inside}", "-"], check=False)
        if not data:
            return  # the path does not exist; the engine decides whether that is an error
        unpacked = transfer.outside.with_name(transfer.outside.name + ".unpacked")
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            archive.extractall(unpacked, filter="data")
        shutil.move(next(iter(unpacked.iterdir())), transfer.outside)
        unpacked.rmdir()

    def _signal(self, container: str, number: signal.Signals) -> None:
        self._call(["kill", "--signal", number.name, container], check=False)

    def _call(
        self, argv: list[str], *, check: bool = True, stdin: bytes = b"", extra: Mapping[str, str] | None = None
    ) -> bytes:
        env = {**self._environment, **(extra or {})}
        try:
            completed = subprocess.run([self._docker, *argv], env=env, input=stdin, capture_output=True, check=False)
        except OSError as error:
            raise ContainerStartError(f"cannot run {self._docker!r}: {error.strerror}") from error
        if check and completed.returncode != 0:
            raise ContainerStartError(completed.stderr.decode(errors="replace").strip() or f"docker {argv[0]} failed")
        return completed.stdout


def _archive(path: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo(path.lstrip("/"))
        entry.size, entry.mode = len(data), 0o755
        archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()
