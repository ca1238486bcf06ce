"""The command line for people: help, a starter, the demo, the sandbox, `doctor`, `verify` and the generated documents."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlops_actions import __version__
from mlops_actions.core.declare import Action, declared_inputs, input_variable
from mlops_actions.core.errors import BadInput
from mlops_actions.core.types import Json

MODULES = {
    "chatops": "mlops_actions.chatops.inputs",
    "docker-publish": "mlops_actions.docker_publish.inputs",
    "argo-submit": "mlops_actions.argo_submit.inputs",
    "wandb-runs": "mlops_actions.wandb_runs.inputs",
}
_ACTIONS = ("chatops", "docker", "argo", "wandb")
# The extras whose packages a command needs; a command that is not here needs none.
EXTRAS: Mapping[str, tuple[str, ...]] = {
    "demo": ("sandbox", *_ACTIONS),
    "doctor": _ACTIONS,
    "sandbox": ("sandbox", *_ACTIONS),
    "verify": ("docker", "wandb"),
}
_DEMO = (
    "Opens a pull request, comments /train, trains a real model, and writes what happened as one page: index.html. "
    "Runs in a checkout of the suite and needs no account."
)
_SANDBOX = "Serves a GitHub, a registry, a cluster and a W&B on loopback and prints the environment to export for them."
_DOCS = "Writes every action.yml, the reusable workflow, and the tables and files that pages show."

INTERRUPTED = 130  # as a shell says it of a program that Ctrl-C has ended
NO_READER = 141  # as a shell says it of a program that SIGPIPE has ended

_Commands = argparse._SubParsersAction


def action(name: str) -> Action:
    """Load the declaration of one action; its module calls it ACTION."""
    declaration = importlib.import_module(MODULES[name]).ACTION
    assert isinstance(declaration, Action)  # noqa: S101 - narrows the type of a module attribute
    return declaration


def main(arguments: Sequence[str]) -> int:
    """Parse the command line and run the command; return the exit code."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    options.arguments = list(arguments)
    if options.command is None:
        parser.print_help()
        return 2
    try:
        code = int(options.run(options))
        sys.stdout.flush()
        return code
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package == "mlops_actions":
            raise
        from mlops_actions.boundary.installation import install_command

        remedy = install_command(*EXTRAS[options.command])
        sys.stderr.write(f"error: {options.command} needs the package '{package}', which is not installed: {remedy}\n")
        return BadInput.exit_code
    except BrokenPipeError:  # whoever read the output has gone, as `head` does after some lines
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NO_READER
    except KeyboardInterrupt:  # Ctrl-C needs no traceback
        return INTERRUPTED


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="mlops-actions",
        description="Train, measure and accept a machine-learning model on the pull request.",
        epilog="The four actions read their inputs from the runner's environment; their --help lists them.",
    )
    parser.add_argument("--version", action="version", version=f"mlops-actions {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name in MODULES:
        _add_action(commands, name)
    _add_demo(commands)
    _add_init(commands)
    _add_doctor(commands)
    _add_verify(commands)
    sandbox = commands.add_parser("sandbox", help="serve the stand-ins until stopped", description=_SANDBOX)
    sandbox.add_argument(
        "--repository",
        type=Path,
        metavar="DIR",
        help="a git repository of yours: its branches become pull requests, and its workflow files answer comments",
    )
    sandbox.set_defaults(run=_sandbox)
    _add_docs(commands)
    return parser


def _add_action(commands: _Commands[argparse.ArgumentParser], name: str) -> None:
    declaration = action(name)
    command = commands.add_parser(
        name,
        help=declaration.description,
        description=declaration.description,
        epilog=_environment(declaration),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("--post", action="store_true", help="run the post stage: conclude what the main stage began")


def _add_demo(commands: _Commands[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("demo", help="run the whole pipeline on the embedded sandbox", description=_DEMO)
    output = Path("demo-output")
    command.add_argument("--output", type=Path, default=output, help="folder for the demo's files (default: %(default)s)")
    command.add_argument("--keep", action="store_true", help="go on serving, to comment in the browser, until Ctrl-C")
    command.set_defaults(run=_demo)


def _add_init(commands: _Commands[argparse.ArgumentParser]) -> None:
    from mlops_actions.starter import command

    summary = "write a starter into a repository: workflow file, Argo workflow, rights"
    init = commands.add_parser("init", help=summary, description=command.DESCRIPTION)
    command.add_options(init)
    init.set_defaults(run=command.run)


def _add_doctor(commands: _Commands[argparse.ArgumentParser]) -> None:
    from mlops_actions.doctor import command

    summary = "ask the real services whether everything is in place"
    doctor = commands.add_parser("doctor", help=summary, description=command.DESCRIPTION)
    command.add_options(doctor)
    doctor.set_defaults(run=command.run_command, read_manifest=_read_manifest)


def _read_manifest(text: str, file: str, *, strict: bool, entrypoint: str) -> tuple[Json, tuple[str, ...]]:
    """Read a manifest as argo-submit does."""
    from mlops_actions.argo_submit.read_manifest import read_manifest

    return read_manifest(text, file, strict=strict, entrypoint=entrypoint)


def _add_verify(commands: _Commands[argparse.ArgumentParser]) -> None:
    from mlops_actions.verify import command

    summary = "check a training statement against registry and tracker"
    verify = commands.add_parser("verify", help=summary, description=command.DESCRIPTION)
    command.add_options(verify)
    verify.set_defaults(run=command.run)


def _add_docs(commands: _Commands[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("docs", help="regenerate action.yml and what pages show", description=_DOCS)
    command.add_argument("--check", action="store_true", help="change nothing; exit 1 if a generated file is out of date")
    command.add_argument("--root", type=Path, default=Path(), help="the checkout (default: the current folder)")
    command.set_defaults(run=_docs)


def _environment(declaration: Action) -> str:
    lines = ["inputs, as the runner passes them:"]
    for entry in declared_inputs(declaration.inputs):
        mark = " (required)" if entry.required else f" (default: {entry.default})" if entry.default else ""
        lines.append(f"  {input_variable(entry.name)}{mark}")
    return "\n".join(lines)


def _demo(options: argparse.Namespace) -> int:
    from mlops_sandbox.demo import run

    return run(options.output, keep=options.keep)


def _sandbox(options: argparse.Namespace) -> int:
    if options.repository:
        from mlops_sandbox.own_repository import serve as serve_repository

        return serve_repository(options.repository)
    from mlops_sandbox.suite import serve

    return serve()


def _docs(options: argparse.Namespace) -> int:
    from mlops_actions import docs

    stale = docs.generate(options.root, [action(name) for name in MODULES], build_parser(), write=not options.check)
    for path in stale:
        sys.stdout.write(f"{'out of date' if options.check else 'written'}: {path}\n")
    if options.check and stale:
        sys.stderr.write("error: generated files differ from the declarations\nremedy: make docs\n")
        return 1
    return 0
