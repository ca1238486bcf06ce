"""The command line for people: help, a starter, the demo, the sandbox, the generated documents."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from mlops_actions import __version__
from mlops_actions.core.declare import Action, declared, variable

MODULES = {
    "chatops": "mlops_actions.chatops.inputs",
    "docker-publish": "mlops_actions.docker_publish.inputs",
    "argo-submit": "mlops_actions.argo_submit.inputs",
    "wandb-runs": "mlops_actions.wandb_runs.inputs",
}


def action(name: str) -> Action:
    """Load one action's contract; its module calls it ACTION."""
    found = importlib.import_module(MODULES[name]).ACTION
    assert isinstance(found, Action)  # noqa: S101 - narrows the type of a module attribute
    return found


def main(words: Sequence[str]) -> int:
    """Parse the command line and run the command; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(words)
    if options.command is None:
        parser.print_help()
        return 2
    return int(options.run(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mlops-actions",
        description="Train, measure and accept a machine-learning model on the pull request.",
        epilog="The four actions read their inputs from the runner's environment; their --help lists them.",
    )
    parser.add_argument("--version", action="version", version=f"mlops-actions {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name in MODULES:
        contract = action(name)
        sub = commands.add_parser(
            name,
            help=contract.description,
            description=contract.description,
            epilog=_environment(contract),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.add_argument("--post", action="store_true", help="run the post stage: conclude what the main stage began")
    demo = commands.add_parser("demo", help="run the whole pipeline on the embedded sandbox", description=_DEMO)
    demo.add_argument(
        "--output", type=Path, default=Path("demo-output"), help="folder for what it writes (default: %(default)s)"
    )
    demo.add_argument("--keep", action="store_true", help="leave the sandbox serving at the end, to click around in it")
    demo.set_defaults(run=_demo)
    _add_init(commands)
    _add_verify(commands)
    sandbox = commands.add_parser("sandbox", help="serve the stand-ins until stopped", description=_SANDBOX)
    sandbox.set_defaults(run=_sandbox)
    docs = commands.add_parser("docs", help="regenerate action.yml and the README tables", description=_DOCS)
    docs.add_argument("--check", action="store_true", help="change nothing; exit 1 where something is out of step")
    docs.add_argument("--root", type=Path, default=Path(), help="the checkout (default: the current folder)")
    docs.set_defaults(run=_docs)
    return parser


_DEMO = "Opens a pull request, comments /train, trains a real model and shows the report. Needs nothing but this package."
_SANDBOX = "Serves a GitHub, a registry, a cluster and a W&B on loopback and prints the environment to export for them."
_DOCS = "Writes every action.yml, the reusable workflow and the tables of every README from the declared inputs and outputs."


def _add_init(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from mlops_actions.starter import command

    summary = "write a starter into a repository: workflow file, Argo workflow, rights"
    init = commands.add_parser("init", help=summary, description=command.DESCRIPTION)
    command.add_options(init)
    init.set_defaults(run=command.run)


def _add_verify(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from mlops_actions.verify import command

    summary = "check a training statement against registry and tracker"
    verify = commands.add_parser("verify", help=summary, description=command.DESCRIPTION)
    command.add_options(verify)
    verify.set_defaults(run=command.run)


def _environment(contract: Action) -> str:
    lines = ["inputs, as the runner hands them over:"]
    for entry in declared(contract.inputs):
        mark = " (required)" if entry.required else f" (default: {entry.default})" if entry.default else ""
        lines.append(f"  {variable(entry.name)}{mark}")
    return "\n".join(lines)


def _demo(options: argparse.Namespace) -> int:
    from mlops_sandbox.demo import run

    return run(options.output, keep=options.keep)


def _sandbox(_: argparse.Namespace) -> int:
    from mlops_sandbox.suite import serve

    return serve()


def _docs(options: argparse.Namespace) -> int:
    from mlops_actions import docs

    stale = docs.generate(options.root, [action(name) for name in MODULES], write=not options.check)
    for path in stale:
        sys.stdout.write(f"{'out of step' if options.check else 'written'}: {path}\n")
    if options.check and stale:
        sys.stderr.write("error: generated files are out of step with the declarations\nremedy: make docs\n")
        return 1
    return 0
