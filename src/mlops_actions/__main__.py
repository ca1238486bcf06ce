"""The composition root: choose the action, build its adapters, map errors to exit codes.

Each action's function imports what that action needs: a comment that is not a command must not pay for an SDK, and the image
of one action must not need the packages of another.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TextIO, TypeVar

from mlops_actions.boundary.cancellation import acknowledge, cancel_on_signals, ignore_signals
from mlops_actions.boundary.runner import GitHubRunner, remove_private
from mlops_actions.core.errors import ActionError, BadInput, Cancelled
from mlops_actions.core.outcome import RESULT_SCHEMA_VERSION, Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_actions.core.declare import DeclaredInputs
    from mlops_actions.core.ports import Workspace

Environ = Mapping[str, str]
T = TypeVar("T", bound="DeclaredInputs")

UNEXPECTED = 1
# Objects made and kept between two runs of the garbage collector. Thousands of runs or nodes are as many small objects and
# hardly a cycle: with Python's own threshold the collector takes a tenth of such a step's time, and finds nothing.
_OBJECTS_BETWEEN_COLLECTIONS = 50_000


def _chatops(environ: Environ, runner: GitHubRunner, is_post: bool) -> Outcome:
    from mlops_actions.chatops import LEFTOVERS, STATE
    from mlops_actions.chatops.fast_path import ignored_outcome, is_no_command

    if is_post and not (runner.state(STATE) or runner.state(LEFTOVERS)):
        return Outcome()  # no feedback was begun; where the inputs were wrong, the main stage has reported it
    if not is_post and is_no_command(environ):
        return ignored_outcome(runner, "no-command")
    from functools import cache

    from mlops_actions.chatops.inputs import Inputs
    from mlops_actions.chatops.ports import Clients, Ports
    from mlops_actions.chatops.run import post, run
    from mlops_actions.core.context import Context

    inputs = inputs_of(Inputs, environ, runner)
    context = Context.from_environ(environ)

    @cache
    def clients() -> Clients:
        from mlops_actions.boundary.github.clients import GitHubClients

        return GitHubClients(
            token=inputs.github_token or "",
            app_id=inputs.app_id,
            private_key=inputs.app_private_key,
            context=context,
            log=runner,
        )

    def workspace() -> Workspace:
        from mlops_actions.boundary.workspace import WorkspaceFiles

        return WorkspaceFiles(context.workspace)

    from mlops_actions.boundary.clock import SystemClock

    return (post if is_post else run)(inputs, context, Ports(runner, clients, workspace, SystemClock()))


def _docker_publish(environ: Environ, runner: GitHubRunner, is_post: bool) -> Outcome:
    if is_post:
        # Remove the credentials whatever ended the main stage, also where it was killed.
        remove_private(runner.state("private_directory"), environ)
        return Outcome()
    from functools import cache

    from mlops_actions.boundary.clock import SystemClock
    from mlops_actions.boundary.docker import DockerCommand
    from mlops_actions.boundary.git import read_checkout
    from mlops_actions.boundary.registry.client import BasicCredentials, RegistryClient
    from mlops_actions.boundary.registry.docker_logins import DockerLogins
    from mlops_actions.boundary.sockets import find_socket
    from mlops_actions.boundary.workspace import WorkspaceFiles
    from mlops_actions.core.context import Context
    from mlops_actions.core.event import load
    from mlops_actions.docker_publish.inputs import Inputs
    from mlops_actions.docker_publish.ports import Ports
    from mlops_actions.docker_publish.run import run
    from mlops_actions.docker_publish.tags.standing import History

    inputs = inputs_of(Inputs, environ, runner)
    context = Context.from_environ(environ)
    event = load(context)

    @cache
    def private_directory() -> Path:
        directory = runner.private_directory()
        runner.save_state("private_directory", str(directory))
        return directory

    def open_registry(host: str, username: str | None, password: str | None, *, pushes_to: str = "") -> RegistryClient:
        credentials = BasicCredentials(username, password) if username and password else None
        if credentials:
            runner.mask(credentials.basic.removeprefix("Basic "))
        return RegistryClient(
            host,
            credentials,
            runner,
            retries=inputs.retries,
            pushes_to=pushes_to,
            allows_http=host in (inputs.insecure_registries or ()),
        )

    def cloud_token(host: str) -> str:
        from mlops_actions.boundary.registry.cloud_token import cloud_token

        return cloud_token(host, environ, runner)

    def open_history() -> History:
        from mlops_actions.boundary.github.history import GitHubHistory

        return GitHubHistory(inputs.github_token, context, runner)

    docker_logins = DockerLogins(environ, runner)
    ports = Ports(
        runner=runner,
        docker=DockerCommand(private_directory, environ, builder_patience=inputs.builder_timeout, say=runner.info),
        open_registry=open_registry,
        workspace=WorkspaceFiles(context.workspace),
        read_checkout=read_checkout,
        open_history=open_history,
        cloud_token=cloud_token,
        find_login=docker_logins.find,
        login_hosts=docker_logins.hosts,
        private_directory=private_directory,
        find_socket=lambda path: find_socket(path, environ),
        clock=SystemClock(),
    )
    return run(inputs, context, event, environ, ports)


def _argo_submit(environ: Environ, runner: GitHubRunner, is_post: bool) -> Outcome:
    from functools import cache

    from mlops_actions.argo_submit.inputs import Inputs
    from mlops_actions.argo_submit.ports import Cluster, Ports
    from mlops_actions.argo_submit.post import post
    from mlops_actions.argo_submit.run import run
    from mlops_actions.argo_submit.tracked_workflow import STATE
    from mlops_actions.boundary.artifact_files import ArtifactFiles
    from mlops_actions.boundary.clock import SystemClock
    from mlops_actions.boundary.git import read_checkout
    from mlops_actions.boundary.workspace import WorkspaceFiles
    from mlops_actions.core.context import Context
    from mlops_actions.core.event import load
    from mlops_actions.core.ports import PullRequests
    from mlops_actions.core.section import section_of

    if is_post and not runner.state(STATE):
        return Outcome()  # the main stage submitted nothing; where the inputs were wrong, it has reported it
    inputs = inputs_of(Inputs, environ, runner)
    context = Context.from_environ(environ)
    clock = SystemClock()

    @cache
    def cluster() -> Cluster:
        # Connect late: a manifest with a mistake must not wait for a client's import, or for the network.
        from mlops_actions.boundary.cluster import by_inputs

        return by_inputs.connect(inputs, environ, runner, clock.sleep)

    @cache
    def pull_requests() -> PullRequests | None:
        if not inputs.github_token:
            return None
        from mlops_actions.boundary.github import GitHub

        section = section_of(context, inputs.matrix or {}, inputs.section or "")
        return GitHub.connect(inputs.github_token, context, runner, section)

    workspace = WorkspaceFiles(context.workspace)
    ports = Ports(
        cluster=cluster,
        pull_requests=pull_requests,
        workspace=workspace,
        runner=runner,
        clock=clock,
        artifacts=ArtifactFiles(workspace),
    )
    if is_post:
        return post(inputs, ports)
    checkout = read_checkout(context.workspace)
    return run(inputs, context, load(context), ports, checked_out=checkout.sha if checkout else "")


def _wandb_runs(environ: Environ, runner: GitHubRunner, post: bool) -> Outcome:
    if post:
        return Outcome()
    from importlib import import_module
    from threading import Thread

    from mlops_actions.boundary.clock import SystemClock
    from mlops_actions.boundary.wandb import project
    from mlops_actions.boundary.workspace import WorkspaceFiles
    from mlops_actions.core.context import Context
    from mlops_actions.core.event import load
    from mlops_actions.core.section import section_of
    from mlops_actions.wandb_runs.inputs import Inputs
    from mlops_actions.wandb_runs.ports import CommitHistory, Ports, ReportPublisher
    from mlops_actions.wandb_runs.run import CONCLUSION, run
    from mlops_actions.wandb_runs.selection.base_commits import TAGS

    inputs = inputs_of(Inputs, environ, runner)
    context = Context.from_environ(environ)
    clock = SystemClock()
    tracker = project.connect(inputs.project, inputs.api_key, inputs.base_url, environ, runner, pause=clock.sleep)
    event = load(context)
    github: ReportPublisher | None = None
    history: CommitHistory | None = None
    of_commits = inputs.baseline != TAGS
    if inputs.github_token and (inputs.comment or inputs.check_name or inputs.statement or of_commits):
        from mlops_actions.boundary.github import GitHub

        section = section_of(context, inputs.matrix or {}, inputs.section or "")
        github = GitHub.connect(inputs.github_token, context, runner, section)
    if of_commits:
        from mlops_actions.boundary.github.history import GitHubHistory
        from mlops_actions.boundary.github.transport import PACE

        history = GitHubHistory(inputs.github_token, context, runner, PACE)
    ports = Ports(
        tracker=tracker,
        publisher=github,
        workspace=WorkspaceFiles(context.workspace),
        runner=runner,
        clock=clock,
        history=history,
    )
    Thread(target=import_module, args=(CONCLUSION,)).start()
    return run(inputs, context, event, ports)


ACTIONS: Mapping[str, Callable[[Environ, GitHubRunner, bool], Outcome]] = {
    "chatops": _chatops,
    "docker-publish": _docker_publish,
    "argo-submit": _argo_submit,
    "wandb-runs": _wandb_runs,
}


def inputs_of(cls: type[T], environ: Environ, runner: GitHubRunner) -> T:
    """Mask every secret in the environment of these inputs, warn of retired inputs, then parse the inputs."""
    import base64

    from mlops_actions.core.declare import input_variable, read, retired_inputs, secret_values

    for secret in secret_values(cls, environ):
        runner.mask(secret)
        runner.mask(base64.b64encode(secret.encode()).decode())
    for old in retired_inputs(cls):
        if environ.get(input_variable(old.name), "").strip():
            runner.warning(old.message)
    return read(cls, environ)


def act(name: str, environ: Environ, *, post: bool = False, out: TextIO | None = None) -> int:
    """Run one action's main or post stage on the given environment; return the exit code."""
    runner = GitHubRunner(environ, out)
    try:
        outcome = ACTIONS[name](environ, runner, post)
        _write(outcome, runner)
        if outcome.error:
            raise outcome.error
        return 0
    except ActionError as error:
        runner.error(str(error), title=name)
        return error.exit_code
    except Cancelled as cancelled:
        acknowledge()
        runner.warning("the job was cancelled, and this step stopped what it had begun", title=name)
        return cancelled.exit_code
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("mlops_actions"):
            raise
        from mlops_actions.boundary.installation import install_command

        remedy = install_command(name.split("-")[0])
        runner.error(f"the package '{error.name}' is not installed\n{remedy}", title=name)
        return BadInput.exit_code
    except Exception as error:  # noqa: BLE001 - the last resort: a log must not show a bare traceback
        _report_bug(runner, name, error)
        return UNEXPECTED
    finally:
        runner.close()


def _write(outcome: Outcome, runner: GitHubRunner) -> None:
    for output, value in outcome.outputs.items():
        runner.output(output, value)
    if outcome.result:
        import json

        document = {"schema": RESULT_SCHEMA_VERSION, **outcome.result}
        runner.output("result", json.dumps(document, ensure_ascii=False, separators=(",", ":")))
    if runner.outputs_with_secrets:
        runner.warning(
            f"GitHub drops job outputs that are made of {', '.join(runner.outputs_with_secrets)}: each holds a line of a "
            "secret, and GitHub masks every line of a secret, such as the braces of a JSON key\n"
            "store a secret in one line: a JSON key by `jq -c . key.json`, a kubeconfig by `base64 | tr -d '\\n'`"
        )


def _report_bug(runner: GitHubRunner, name: str, error: Exception) -> None:
    if runner.debugging:
        import traceback

        runner.info("".join(traceback.format_exception(error)))
    runner.error(
        f"unexpected {type(error).__name__}: {error}\n"
        "this is a defect of the action: run the job again with debug logging, and report the defect with the log",
        title=name,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if arguments and arguments[0] in ACTIONS and arguments[1:] in ([], ["--post"]):
        cancel_on_signals()
        gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
        try:
            return act(arguments[0], os.environ, post=len(arguments) > 1)
        finally:
            ignore_signals()
    from mlops_actions import cli

    return cli.main(arguments)


if __name__ == "__main__":
    sys.exit(main())
