"""`act`: runs a workflow file as GitHub would, container actions in containers, everything else on this machine.

Known differences to GitHub's runner: a step's working directory is the repository that act was started in and not the
workspace (GITHUB_WORKSPACE is right); HOME is this machine's; the post stage gets neither state nor the inputs' defaults
(`container_step` runs that one as the runner does); an interrupted act kills its containers, so `RunningAct.cancel` cancels
the step as the runner does, after which act calls the job failed and not cancelled; a composite's step is given, after its
end, the outputs and the summary of the last of its own steps once more, which are left out here.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mlops_actions.core.types import Json
from tests.e2e.docker_daemon import Docker, cache_directory

SUITE = "machine-learning-apps/mlops-actions"
STAND_INS = {f"actions/{name}": Path(__file__).parent / name for name in ("checkout", "upload-artifact")}
ARTIFACTS = "artifacts"  # the folder below a run's home
PIPELINES = tuple(f".github/workflows/{name}.yml" for name in ("pipeline", "pipeline-keyless"))
ACT = Path(sys.executable).with_name("act")
TIMEOUT = 900.0


@dataclass
class StepRun:
    """What came of one step of a job; `outcome` is empty where it did not run."""

    name: str
    outcome: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    log: str = ""
    post_outcome: str = ""
    post_log: str = ""
    summary: str = ""
    composite: bool = False


@dataclass(frozen=True)
class WorkflowRun:
    """What came of a workflow run: its steps by job and id (a step without an id has its position, from "0").

    `artifacts` are the names of the files in each artifact, by its name.
    """

    exit_code: int
    records: list[dict[str, Any]]
    errors: str
    steps: dict[tuple[str, str], StepRun]
    jobs: dict[str, str]
    artifacts: Mapping[str, list[str]] = field(default_factory=dict)

    def step(self, identifier: str, job: str | None = None) -> StepRun:
        """The step of that id; `job` is needed where two jobs have one."""
        found = [step for (of, name), step in self.steps.items() if name == identifier and job in (None, of)]
        if len(found) != 1:
            raise LookupError(f"{len(found)} steps '{identifier}' ran, of {sorted(self.steps)}\n{self.transcript}")
        return found[0]

    @property
    def transcript(self) -> str:
        """The whole log, readable, for the message of a failed assertion."""
        lines = []
        for record in self.records:
            text = str(record.get("msg", "")).rstrip("\n")
            lines.append(f"[{record.get('jobID', '')}] {'  | ' if record.get('raw_output') else ''}{text}")
        return "\n".join([*lines, self.errors])


class RunningAct:
    """A run that goes on in the background; `heard` is called with each record of act's log as it comes."""

    def __init__(
        self, docker: Docker, command: Sequence[str], home: Path, *, name: str, heard: Callable[[Json], None], timeout: float
    ) -> None:
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "DOCKER_HOST": docker.host}
        self._docker, self._name, self._heard, self._timeout = docker, name, heard, timeout
        self._lines: list[str] = []
        self._errors = home / "errors.log"
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                command, env=environment, cwd=home, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
                encoding="utf-8", errors="replace",
            )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._lines.append(line)
            if line.startswith("{"):
                self._heard(json.loads(line))

    @property
    def is_running(self) -> bool:
        """Whether the run has not ended."""
        return self._process.poll() is None

    def cancel(self) -> None:
        """Cancel the step that runs, as the runner does: SIGINT to its `docker run`, which hands it to the container."""
        names = self._docker("ps", "--filter", f"name=^act-{self._name}-", "--format", "{{.Names}}").split()
        for name in names:
            self._docker("kill", "--signal", "INT", name, check=False)

    def wait(self) -> WorkflowRun:
        """Wait for the end; raises TimeoutExpired."""
        code = self._process.wait(self._timeout)
        self._reader.join()
        return _read(code, "".join(self._lines), self._errors.read_text(errors="replace"), self._errors.parent / ARTIFACTS)

    def close(self) -> None:
        """End act where it still runs."""
        if self.is_running:
            self._process.kill()
            self._process.wait()


@dataclass(frozen=True)
class Act:
    """Runs workflow files with the actions of `repository` taken from `suite`, a copy of its tree."""

    docker: Docker
    images: Mapping[str, str]
    suite: Path
    root: Path
    leaves_out_queue: bool = True
    repository: str = SUITE

    @contextlib.contextmanager
    def started(
        self,
        origin: Path,
        workflow: str,
        *,
        event_name: str,
        event: Mapping[str, Any],
        repository: str,
        branch: str = "main",
        actor: str = "alice",
        env: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        rebuild: bool = False,
        timeout: float = TIMEOUT,
        container_options: Sequence[str] = (),
        daemon: str | None = None,
        heard: Callable[[Json], None] = lambda _: None,
        beside: bool = False,
    ) -> Iterator[RunningAct]:
        """Start the workflow file (a path in the repository) of `branch` in `origin`, a git repository, on an event.

        `actions/checkout` fetches from `origin`; GITHUB_SHA is the branch's head, as on `issue_comment`. The images of the
        suite's actions are those already built, unless `rebuild` has act build them anew from their Dockerfiles.

        `container_options` are more options of the actions' containers; `daemon` is the address of the daemon whose socket
        these are given, where it is not the one that runs them. `beside` is for a run during the block of another one.
        """
        number = len(list(self.root.iterdir()))
        home = self.root / f"run-{number}"
        checkout, cache = home / "repository", home / "cache"
        cache.mkdir(parents=True)
        (home / "event.json").write_text(json.dumps(event))
        _clone(origin, checkout, branch, repository)
        if self.leaves_out_queue:
            leave_out_queue(checkout / workflow)
        command = [
            str(ACT), event_name,
            "--directory", str(checkout),
            "--workflows", str(checkout / workflow),
            "--eventpath", str(home / "event.json"),
            "--actor", actor,
            "--platform", "ubuntu-latest=-self-hosted", "--platform", "ubuntu-24.04=-self-hosted",
            "--json", "--pull=false", "--action-offline-mode", "--no-cache-server",
            f"--rebuild={str(rebuild).lower()}",
            "--action-cache-path", str(cache),
            # Outputs are files below the cache path: without this mount they are lost, and the step still succeeds.
            "--container-options", " ".join([f"-v {cache}:{cache} --network host", *container_options]),
            "--container-daemon-socket", daemon or self.docker.host,
            # Where act mounts the socket. It hands this machine's DOCKER_HOST to containers, where that means nothing.
            "--env", "DOCKER_HOST=unix:///var/run/docker.sock",
            "--env", f"CHECKOUT_ORIGIN={origin.resolve()}", "--env", f"ARTIFACTS={home / ARTIFACTS}",
            *_options("--env", env), *_options("--secret", secrets), *_options("--var", variables),
        ]  # fmt: skip
        used = set(_used(yaml.safe_load((checkout / workflow).read_text()), self.suite, self.repository))
        for action, _, ref in (name.partition("@") for name in used):
            folder = STAND_INS.get(action, self.suite)
            command += ["--local-repository", f"{'/'.join(action.split('/')[:2])}@{ref}={folder}"]
        if beside:
            rename(checkout / workflow, f"run-{number}")
        with contextlib.nullcontext() if beside else _alone():
            for name in used:
                action = name.partition("@")[0].rpartition("/")[2]
                if name.startswith(self.repository) and action in self.images and not rebuild:
                    self.docker("tag", self.images[action], image_name(name))
            running = RunningAct(
                self.docker, command, home, name=_container_name(checkout / workflow), heard=heard, timeout=timeout
            )
            try:
                yield running
            finally:
                running.close()

    def run(self, origin: Path, workflow: str, **options: Any) -> WorkflowRun:
        """Run a workflow file to its end; see `started`."""
        with self.started(origin, workflow, **options) as running:
            return running.wait()


def rename(workflow: Path, name: str) -> None:
    """Give a workflow file another name: act derives the names of its containers from it."""
    workflow.write_text(re.sub(r"^name: .*$", f"name: {name}", workflow.read_text(), count=1, flags=re.MULTILINE))


def _container_name(workflow: Path) -> str:
    """How the names of the workflow's containers begin, after `act-` (act's run_context.go: createContainerName)."""
    name = yaml.safe_load(workflow.read_text()).get("name", workflow.name)
    return re.sub(r"[^a-zA-Z0-9]+", "-", str(name)).strip("-")


def leave_out_queue(workflow: Path) -> None:
    """Remove `queue: max` and `deployment: false` from a workflow file: act does not know them yet.

    It runs one workflow at a time, and makes no deployments.
    """
    workflow.write_text(re.sub(r"^ +(queue: max|deployment: false)\n", "", workflow.read_text(), flags=re.MULTILINE))


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Two runs of a workflow give their containers the same names, and each removes the other's."""
    with (cache_directory() / "act.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def image_name(used: str) -> str:
    """The name that act gives the image of a `uses:` in a step (its action.go: getContainerActionPaths, execAsDocker)."""
    path = "/".join(used.partition("@")[0].split("/")[2:])
    return f"act-{re.sub('[^a-zA-Z0-9]', '-', f'{used}/{path}')}-dockeraction:latest".lower()


def _clone(origin: Path, checkout: Path, branch: str, repository: str) -> None:
    git = ["git", "-c", "safe.directory=*"]
    subprocess.run([*git, "clone", "--quiet", "--branch", branch, origin.resolve().as_uri(), str(checkout)], check=True)
    # Where act learns the repository's name from.
    remote = f"https://github.com/{repository}.git"
    subprocess.run([*git, "remote", "set-url", "origin", remote], cwd=checkout, check=True)


def _options(name: str, values: Mapping[str, str] | None) -> list[str]:
    return [word for key, value in (values or {}).items() for word in (name, f"{key}={value}")]


def prepare_for_act(suite: Path, repository: str = SUITE, ref: str = "v1") -> None:
    """Make what users name of a copy of the suite such that act understands it, and GitHub's stand-in has artifacts."""
    for path in PIPELINES:
        leave_out_queue(suite / path)
        text = (suite / path).read_text()
        (suite / path).write_text(text.replace("github.server_url == 'https://github.com'", "github.server_url != ''"))
    _write_out_own(suite, repository, ref)


def _write_out_own(suite: Path, repository: str, ref: str) -> None:
    """Replace `$/path` by `repository/path@ref` in what users name of a copy of the suite: act does not know `$/`.

    On github.com it means the repository and the commit of the file that says so (changelog of 2026-07-30).
    """
    for file in (suite / "action.yml", *(suite / path for path in PIPELINES)):
        file.write_text(re.sub(r"(?<=uses: )\$/(\S+)", rf"{repository}/\1@{ref}", file.read_text()))


def _used(workflow: Mapping[str, Any], suite: Path, repository: str) -> Iterator[str]:
    """What a workflow names of the suite and of the checkout's stand-in, and what that names in its turn."""
    for job in workflow["jobs"].values():
        yield from _named([job, *job.get("steps", ())], suite, repository)


def _named(steps: Sequence[Mapping[str, Any]], suite: Path, repository: str) -> Iterator[str]:
    for used in (str(step.get("uses", "")) for step in steps):
        if not used.startswith((f"{repository}/", f"{repository}@", *(f"{name}@" for name in STAND_INS))):
            continue
        yield used
        path = used.partition("@")[0].removeprefix(repository).strip("/")
        if path.endswith(".yml"):
            yield from _used(yaml.safe_load((suite / path).read_text()), suite, repository)
        elif used.startswith(repository) and (file := suite / path / "action.yml").is_file():
            yield from _named(yaml.safe_load(file.read_text())["runs"].get("steps", ()), suite, repository)


def _read(exit_code: int, output: str, errors: str, artifacts: Path) -> WorkflowRun:
    records: list[dict[str, Any]] = []
    steps: dict[tuple[str, str], StepRun] = {}
    jobs: dict[str, str] = {}
    for line in output.splitlines():
        if not line.startswith("{"):
            errors += f"{line}\n"
            continue
        record = json.loads(line)
        records.append(record)
        if "jobResult" in record:
            jobs[record["jobID"]] = record["jobResult"]
        path = record.get("stepID", [])
        if not path:
            continue
        step = steps.setdefault((record["jobID"], path[0]), StepRun(record["step"]))
        _note(step, record, nested=len(path) > 1)
    folders = [folder for folder in artifacts.glob("*/*") if folder.is_dir()]
    kept = {folder.name: sorted(file.name for file in folder.iterdir()) for folder in folders}
    return WorkflowRun(exit_code, records, errors, steps, jobs, kept)


def _note(step: StepRun, record: Mapping[str, Any], *, nested: bool) -> None:
    stage, command = record.get("stage"), record.get("command")
    said = str(record["msg"]) if record.get("raw_output") else str(record["raw"]) if "raw" in record else ""
    if stage == "Post":
        step.post_log += said
    elif stage == "Main":
        step.log += said
    if nested:
        step.composite |= stage == "Main"
        return
    if command in ("set-output", "summary") and step.composite and step.outcome:
        return
    if "stepResult" in record:
        if stage == "Main":
            step.outcome = record["stepResult"]
        elif stage == "Post":
            step.post_outcome = record["stepResult"]
    elif command == "set-output" and stage == "Main":
        step.outputs[record["name"]] = record["arg"]
    elif command == "summary" and stage == "Main":
        step.summary += record["content"]
