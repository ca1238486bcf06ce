"""Run one job: its steps in order, then their post steps in reverse order, each as a process."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal, Protocol

from mlops_sandbox.runner import environment, metadata, process
from mlops_sandbox.runner.checkout import checkout
from mlops_sandbox.runner.concurrency import Cancellation, ConcurrencyGroups
from mlops_sandbox.runner.environment import Layout, Run
from mlops_sandbox.runner.expressions import Scope, Status, Value
from mlops_sandbox.runner.files import read_file_command
from mlops_sandbox.runner.log import Annotation, JobLog
from mlops_sandbox.runner.metadata import Metadata
from mlops_sandbox.runner.workflow import Job, Step, Workflow, WorkflowError

Outcome = Literal["success", "failure", "cancelled", "skipped"]
# "Context availability" in GitHub's documentation, for `jobs.<job_id>.if` and `jobs.<job_id>.concurrency`.
_JOB_CONTEXTS = ("github", "needs", "vars")
_FILES = ("GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")


@dataclass
class StepResult:
    """The result of a step: `outcome` before and `conclusion` after `continue-on-error`; `skip_reason` if it was skipped."""

    step: Step
    action: str = ""
    outcome: Outcome = "skipped"
    conclusion: Outcome = "skipped"
    skip_reason: str = ""
    exit_code: int | None = None
    seconds: float = 0.0
    outputs: dict[str, str] = field(default_factory=dict)
    state: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    post_exit_code: int | None = None


@dataclass
class JobResult:
    """The result of a job; `outputs` are those the job declares."""

    identifier: str
    conclusion: Outcome
    workspace: Path
    steps: list[StepResult] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    annotations: list[Annotation] = field(default_factory=list)

    def step(self, identifier: str) -> StepResult:
        """Return the result of the step with this id; raises KeyError where there is none."""
        for result in self.steps:
            if result.step.identifier == identifier:
                return result
        raise KeyError(identifier)


@dataclass(frozen=True)
class RunResult:
    """The result of a workflow run, by its jobs in the order in which they ran."""

    jobs: Mapping[str, JobResult]

    @property
    def conclusion(self) -> Outcome:
        """`cancelled` or `failure` if a job ended so, `skipped` if all were, else `success`.

        A run without jobs was replaced in its concurrency group, or cancelled while it waited there.
        """
        conclusions = {job.conclusion for job in self.jobs.values()}
        if "cancelled" in conclusions or not conclusions:
            return "cancelled"
        if "failure" in conclusions:
            return "failure"
        return "skipped" if conclusions == {"skipped"} else "success"

    @property
    def steps(self) -> list[StepResult]:
        """The steps of all jobs."""
        return [step for job in self.jobs.values() for step in job.steps]

    def job_of(self, step: str) -> JobResult:
        """Return the first job that has a step with this id; raises KeyError where there is none."""
        for job in self.jobs.values():
            if any(result.step.identifier == step for result in job.steps):
                return job
        raise KeyError(step)

    def step(self, identifier: str) -> StepResult:
        """Return the result of the first step with this id; raises KeyError where there is none."""
        return self.job_of(identifier).step(identifier)


@dataclass(frozen=True)
class Settings:
    """The settings of a repository, and where the runner finds its files.

    `origin` is the git repository that `actions/checkout` fetches from. `skip` maps ids of steps to skip to the reason that
    the log gives, `stand_ins` to the outputs that such a step has all the same. `write_log` receives the masked log, one
    line a call.
    """

    origin: Path
    variables: Mapping[str, str]
    secrets: Mapping[str, str] = field(repr=False)
    write_log: Callable[[str], None] = field(repr=False)
    skip: Mapping[str, str] = field(default_factory=dict)
    stand_ins: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    actions: Path = metadata.ACTIONS


class RunObserver(Protocol):
    """Follows the jobs of a run."""

    def job_created(self, job: Job) -> None:
        """A job exists, since the jobs that it needs have ended."""

    def job_started(self, job: Job) -> None:
        """A job runs its steps; a skipped job never does."""

    def job_ended(self, job: Job, result: JobResult) -> None:
        """A job has ended."""


class JobRunner:
    """One job of a run. `token` is its `github.token`; `needs` holds the results of earlier jobs."""

    def __init__(
        self, settings: Settings, run: Run, workflow: Workflow, job: Job, layout: Layout, token: str,
        needs: Mapping[str, JobResult], cancellation: Cancellation,
    ) -> None:  # fmt: skip
        self._settings, self._run, self._workflow, self._job, self._layout = settings, run, workflow, job, layout
        self._cancellation = cancellation
        self._status = Status()
        self._results: list[StepResult] = []
        self._log = JobLog()
        for secret in (token, *settings.secrets.values()):
            self._log.mask(secret.strip())
        self._contexts: dict[str, Value] = {
            "github": environment.github_context(
                run, layout, workflow=workflow.name, path=workflow.path, job=job.identifier, token=token
            ),
            "vars": dict(settings.variables),
            "secrets": {**settings.secrets, "GITHUB_TOKEN": token},
            "runner": {"os": "Linux", "arch": "X64", "name": "sandbox", "temp": str(layout.temp)},
            # A job without a matrix, as all jobs of this runner are.
            "matrix": None,
            "needs": {
                name: {"result": result.conclusion, "outputs": dict(result.outputs)}
                for name, result in needs.items()
                if name in job.needs
            },
        }
        self._failed_needs = [name for name in job.needs if needs[name].conclusion != "success"]
        self._environment = environment.variables(
            run, layout, workflow=workflow.name, path=workflow.path, job=job.identifier
        )
        self._env: dict[str, str] = {}

    def run(self, groups: ConcurrencyGroups, started: Callable[[], None] = lambda: None) -> JobResult:
        """Run the job to its end; a failing step fails it, an interrupt cancels it, and post steps always run.

        A job whose `if` holds enters its concurrency group before it has a workspace; a job replaced there runs no step.
        `started` is called before the first step.
        """
        available = {name: self._contexts[name] for name in _JOB_CONTEXTS}
        scope = Scope(available, Status(failed=bool(self._failed_needs), cancelled=self._cancellation.take()))
        if not scope.condition(self._job.condition):
            return JobResult(self._job.identifier, "skipped", self._layout.workspace)
        label = f"{self._run.run_id}"
        with groups.enter(self._job.concurrency, scope, label, self._cancellation) as is_admitted:
            if not is_admitted:
                return self._not_admitted(scope)
            started()
            return self._run_steps()

    def _not_admitted(self, scope: Scope) -> JobResult:
        """Return the result of a job that never started: GitHub annotates one that a newer job replaced in its group."""
        annotations: list[Annotation] = []
        if self._job.concurrency is not None and not self._cancellation.is_requested:
            group = scope.render(self._job.concurrency.group)
            text = f"Canceling since a higher priority waiting request for {group} exists"
            annotations.append(Annotation("error", text))
        return JobResult(self._job.identifier, "cancelled", self._layout.workspace, annotations=annotations)

    def _run_steps(self) -> JobResult:
        self._layout.create()
        self._layout.event.write_text(json.dumps(self._run.payload), encoding="utf-8")
        for texts in (self._workflow.environment, self._job.environment):
            self._env.update({name: self._scope().render(text) for name, text in texts.items()})
        for position, step in enumerate(self._job.steps):
            self._results.append(self._main(step, position))
        for result in reversed(self._results):
            self._post(result)
        return JobResult(
            identifier=self._job.identifier,
            conclusion=self._conclusion(),
            workspace=self._layout.workspace,
            steps=self._results,
            outputs=self._outputs(),
            annotations=self._log.annotations,
        )

    def _outputs(self) -> dict[str, str]:
        """Return the job's outputs; an empty one and one that holds a masked text are left out (JobExtension.cs)."""
        outputs = {}
        for name, text in self._job.outputs.items():
            value = self._scope().render(text)
            if value and self._log.masked(value) != value:
                self._write_log(f"::warning::Skip output '{name}' since it may contain secret.")
            elif value:
                outputs[name] = value
        return outputs

    def _conclusion(self) -> Outcome:
        if self._status.cancelled:
            return "cancelled"
        return "failure" if self._status.failed else "success"

    def _scope(self, env: Mapping[str, str] | None = None) -> Scope:
        steps: dict[str, Value] = {
            result.step.identifier: {
                "outputs": dict(result.outputs), "outcome": result.outcome, "conclusion": result.conclusion
            }
            for result in self._results
        }  # fmt: skip
        contexts: dict[str, Value] = {
            "env": dict(self._env if env is None else env),
            "job": {"status": self._conclusion()},
            "steps": steps,
        }
        return Scope({**self._contexts, **contexts}, self._status)

    def _write_log(self, line: str) -> None:
        for text in self._log.read(line):
            self._settings.write_log(text)

    def _take_cancellation(self, *, is_interrupted: bool = False) -> None:
        if self._cancellation.take() or is_interrupted:
            self._status = replace(self._status, cancelled=True)

    # The main stage

    def _main(self, step: Step, position: int) -> StepResult:
        action = metadata.name_of(step.uses) or ""
        result = StepResult(step, action)
        started = time.monotonic()
        self._take_cancellation()
        try:
            if self._scope().condition(step.condition):
                result.skip_reason = self._settings.skip.get(step.identifier, "")
                skipped = f": skipped ({result.skip_reason})" if result.skip_reason else ""
                self._settings.write_log(f"── {self._log.masked(self._scope().render(step.label))}{skipped}")
                if skipped:
                    result.outputs = dict(self._settings.stand_ins.get(step.identifier, {}))
                else:
                    result.exit_code = self._start(result, position)
        except KeyboardInterrupt:
            self._take_cancellation(is_interrupted=True)
            result.outcome = result.conclusion = "cancelled"
        except ValueError as error:  # from an expression, a command file, or an unsupported key
            self._write_log(f"::error::{error}")
            result.exit_code = 1
        if result.exit_code is not None:
            result.outcome = "success" if result.exit_code == 0 else "failure"
            result.conclusion = "success" if step.continue_on_error else result.outcome
        if result.conclusion == "failure":
            self._status = replace(self._status, failed=True)
        self._log.end_of_step()
        result.seconds = time.monotonic() - started
        return result

    def _evaluate(self, step: Step) -> tuple[dict[str, str], dict[str, str]]:
        """Return the step's `env` (merged with the job's) and `with`, evaluated."""
        env = self._env | {name: self._scope().render(text) for name, text in step.environment.items()}
        return env, {name: self._scope(env).render(text) for name, text in step.inputs.items()}

    def _start(self, result: StepResult, position: int) -> int:
        step = result.step
        env, inputs = self._evaluate(step)
        if result.action:
            action = metadata.read(result.action, self._settings.actions)
            return self._process(result, f"{position}", self._action(action, inputs), env)
        if step.uses.startswith("actions/checkout@"):
            sha = checkout(self._settings.origin, self._layout.workspace, inputs, self._run.sha, self._write_log)
            result.outputs = {"commit": sha, "ref": inputs.get("ref", "")}
            return 0
        if step.uses:
            raise WorkflowError(f"the sandbox's runner cannot run {step.uses}: it supports this suite and actions/checkout")
        script = self._layout.temp / f"step-{position}.sh"
        script.write_text(self._scope(env).render(step.run), encoding="utf-8")
        bash = shutil.which("bash") or "/bin/bash"
        argv = [bash, "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)]
        return self._process(result, f"{position}", (argv, {}), env)

    def _action(
        self, action: Metadata, inputs: Mapping[str, str], *, stage: tuple[str, ...] = ()
    ) -> tuple[list[str], dict[str, str]]:
        """Return the command and `INPUT_` variables; defaults are evaluated again at each stage, as the runner does."""
        by_name = {name.lower(): value for name, value in inputs.items()}
        for name in sorted(by_name.keys() - {known.lower() for known in action.inputs}):
            self._write_log(f"::warning::Unexpected input '{name}' of {action.name}")
        values = {name: self._scope().render(text) for name, text in action.defaults.items()} | by_name
        # -P: the workspace holds a pull request's files, and this process must not import its modules.
        argv = [sys.executable, "-P", "-m", "mlops_actions", action.name, *stage]
        return argv, {environment.input_variable(name): value for name, value in values.items()}

    def _process(
        self, result: StepResult, key: str, command: tuple[list[str], dict[str, str]], env: Mapping[str, str]
    ) -> int:
        argv, action_variables = command
        files = {name: self._layout.commands / f"{name.lower()}_{key}" for name in _FILES}
        for path in files.values():
            path.touch(mode=0o600)
        variables = {
            **self._environment, **env, **action_variables, "GITHUB_ACTION": result.step.identifier,
            **{name: str(path) for name, path in files.items()},
            **{f"STATE_{name}": value for name, value in result.state.items()},
        }  # fmt: skip
        directory = self._layout.workspace / self._scope().render(result.step.directory)
        try:
            return process.run(argv, variables, directory, self._write_log, self._cancellation)
        finally:  # also what a cancelled step has written (ActionRunner.cs)
            self._read_files(result, files)

    def _read_files(self, result: StepResult, files: Mapping[str, Path]) -> None:
        texts = {name: path.read_bytes().decode("utf-8", "replace") for name, path in files.items()}
        result.outputs.update(read_file_command(texts["GITHUB_OUTPUT"]))
        result.state.update(read_file_command(texts["GITHUB_STATE"]))
        result.summary += texts["GITHUB_STEP_SUMMARY"]
        self._env.update(read_file_command(texts["GITHUB_ENV"]))
        for line in filter(None, texts["GITHUB_PATH"].splitlines()):
            self._environment["PATH"] = f"{line}:{self._environment['PATH']}"

    # The post stage

    def _post(self, result: StepResult) -> None:
        if not result.action or result.outcome == "skipped":
            return
        try:
            action = metadata.read(result.action, self._settings.actions)
            if action.has_post and self._scope().condition(action.post_condition):
                self._settings.write_log(f"── Post {self._log.masked(self._scope().render(result.step.label))}")
                env, inputs = self._evaluate(result.step)
                command = self._action(action, inputs, stage=("--post",))
                result.post_exit_code = self._process(result, f"{result.step.identifier}_post", command, env)
        except ValueError as error:  # from an expression, a command file, or an unsupported key
            self._write_log(f"::error::{error}")
            result.post_exit_code = 1
        except KeyboardInterrupt:
            self._take_cancellation(is_interrupted=True)
        if result.post_exit_code:
            self._status = replace(self._status, failed=True)
        self._log.end_of_step()


def run_workflow(
    settings: Settings,
    run: Run,
    workflow: Workflow,
    root: Path,
    token_for: Callable[[Mapping[str, str] | None], str],
    groups: ConcurrencyGroups | None = None,
    cancellation: Cancellation | None = None,
    observer: RunObserver | None = None,
) -> dict[str, JobResult]:
    """Run all jobs of a workflow, one after the other, below the private directory `root`; results by job.

    `token_for` creates a job's token from its permissions. Runs that share `groups`, each in a thread of its own, wait for
    and replace each other; a run that is replaced has no job at all. `cancellation` cancels this run.
    """
    groups = groups or ConcurrencyGroups()
    cancellation = cancellation or Cancellation()
    results: dict[str, JobResult] = {}
    contexts: dict[str, Value] = {
        "github": environment.run_context(run, workflow.name, workflow.path),
        "vars": dict(settings.variables),
    }
    with groups.enter(workflow.concurrency, Scope(contexts), f"{run.run_id}", cancellation) as is_admitted:
        for job in workflow.jobs if is_admitted else ():
            runner = JobRunner(
                settings=settings, run=run, workflow=workflow, job=job, layout=Layout(root / job.identifier),
                token=token_for(job.permissions), needs=results, cancellation=cancellation,
            )  # fmt: skip
            if observer is None:
                results[job.identifier] = runner.run(groups)
                continue
            observer.job_created(job)
            results[job.identifier] = runner.run(groups, partial(observer.job_started, job))
            observer.job_ended(job, results[job.identifier])
    return results
