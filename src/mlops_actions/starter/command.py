"""The command `init`: its flags, its questions at a terminal, what it writes, and how it ends."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlops_actions.core import registries
from mlops_actions.core.errors import ActionError, BadInput
from mlops_actions.core.package import REF
from mlops_actions.starter import answers as defaults
from mlops_actions.starter import remaining
from mlops_actions.starter.collect import Collector
from mlops_actions.starter.dialogue import Dialogue, Stopped
from mlops_actions.starter.questions import CLUSTERS, CONTROLS
from mlops_actions.starter.render import WORKFLOW, files
from mlops_actions.starter.write import Plan, plan, write

DESCRIPTION = (
    "Writes a starter into a repository: the workflow files that answer /train and /deploy, a workflow that runs "
    "`mlops-actions doctor`, the Argo workflow that logs to W&B with the commit, and the rights of the two accounts. It "
    "proposes what it finds in the repository. At a terminal, it asks for values without a flag. Run again, it writes "
    "what is missing; it changes a file that is there only with --update, which shows the difference first. It lists "
    "the steps that remain."
)
INTERRUPTED = 130  # as a shell says it of a program that Ctrl-C has ended


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add = parser.add_argument
    add("--directory", type=Path, default=Path(), help="the repository (default: the current folder)")
    add("--project", help="W&B project, with its entity (entity/project) or with --entity beside it")
    add("--entity", help="W&B user or team that owns the project")
    add("--image", help="name of the image (default: the repository's name)")
    add("--registry", help=f"host of the registry (default: {registries.GITHUB})")
    add("--registry-username", help="user of the registry (default: the variable REGISTRY_USERNAME)")
    add(
        "--dockerfile",
        metavar="FILE",
        help="what the image is built from (default: Dockerfile, else the only one that is there)",
    )
    add("--manifest", metavar="FILE", help="an Argo workflow of the repository to run, or `new` to write one")
    add("--cluster", help=f"how jobs sign in to the cluster: {', '.join(CLUSTERS)} (default: {CLUSTERS[0]})")
    add("--namespace", help=f"namespace of the workflows (default: {defaults.NAMESPACE})")
    add("--service-account", help=f"service account of their pods (default: {defaults.SERVICE_ACCOUNT})")
    add("--metric", action="append", metavar="NAME[:max|:min]", help="metric to report; may be repeated")
    add(
        "--gate",
        action="append",
        metavar="GATE",
        help="condition on a run, such as 'accuracy >= baseline.mean'; may be repeated",
    )
    add("--argo-url", help="base address of Argo's user interface, for links")
    add("--wandb-base-url", help="address of your own W&B server")
    controls = ", ".join(CONTROLS)
    add(
        "--controls",
        metavar="LIST",
        help=f"built-in commands that the file answers (default: {controls}); none: two jobs suffice",
    )
    add("--labels", nargs=3, metavar=("PENDING", "SUCCESS", "FAILURE"), help=f"default: {' '.join(defaults.LABELS)}")
    add("--kubeconfig-secret", metavar="NAME", help="secret that holds the kubeconfig (default: KUBECONFIG)")
    add("--wandb-secret", metavar="NAME", help="secret that holds the W&B key (default: WANDB_API_KEY)")
    add(
        "--server",
        default="",
        metavar="HOST",
        help="host of a GitHub Enterprise Server (default: that of the git remote, else of GITHUB_SERVER_URL)",
    )
    add(
        "--ref",
        help="release of the suite: a tag, whose commit the files name, or the 40 digits of a commit "
        f"(default: what this command was installed from, else {REF})",
    )
    add(
        "--deploy",
        action=argparse.BooleanOptionalAction,
        help="write the workflow file that answers /deploy (default: yes, unless an earlier run left it out)",
    )
    add("--example", action="store_true", help="also write a training script and its Dockerfile")
    add("--update", action="store_true", help="show what would change in files that are there, ask, and change them")
    add("--yes", "-y", action="store_true", help="ask nothing: take what was found and the defaults, and agree to --update")


def run(options: argparse.Namespace) -> int:
    """Carry the command out; return the exit code."""
    dialogue = Dialogue(sys.stdin, sys.stdout) if sys.stdin.isatty() and sys.stdout.isatty() and not options.yes else None
    try:
        return _run(options, dialogue)
    except ActionError as error:
        sys.stderr.write(f"error: {error.cause}\nremedy: {error.remedy}\n")
        return error.exit_code
    except BrokenPipeError:
        raise
    except OSError as error:
        sys.stderr.write(f"error: {error}\nremedy: make {options.directory} writable, and run the command again\n")
        return 1
    except (KeyboardInterrupt, Stopped):
        sys.stderr.write("\nstopped: nothing was written\n")
        return INTERRUPTED


def _run(options: argparse.Namespace, dialogue: Dialogue | None) -> int:
    directory: Path = options.directory
    if not directory.is_dir():
        raise BadInput(f"there is no directory {directory}", "create it, or name the repository with --directory")
    collector = Collector(options, dialogue, _say)
    answers = collector.answers()
    planned = plan(directory, files(answers))
    _refuse_where_nobody_agrees(planned, options, dialogue)
    accepted = _accepted(planned, [WORKFLOW], options, dialogue)
    fits = ""
    if WORKFLOW in planned.different and WORKFLOW not in accepted:
        # The other files and the steps name secrets, labels and more of the workflow file: they follow the one that stays.
        kept = collector.of_kept_workflow()
        fits = "it is" if kept else "this command would write it: they hold after --update"
        if kept == answers:
            fits = ""
        elif kept:
            answers = kept
            planned = planned.with_kept(WORKFLOW, plan(directory, files(answers)))
    others = [path for path in planned.different if path != WORKFLOW]
    accepted |= _accepted(planned, others, options, dialogue)
    write(planned.root, {**planned.missing, **accepted})
    _tell(planned, accepted, directory, options)
    if fits:
        sys.stdout.write(f"The other files and the steps below are for {WORKFLOW} as {fits}.\n")
    if not planned.missing and not accepted:
        sys.stdout.write("Nothing was missing, and nothing was changed.\n")
    sys.stdout.write(remaining.steps(answers, collector.checkout(answers.dockerfile), collector.findings))
    return 0


def _refuse_where_nobody_agrees(planned: Plan, options: argparse.Namespace, dialogue: Dialogue | None) -> None:
    if options.update and planned.different and not options.yes and not dialogue:
        sys.stdout.write("".join(map(planned.difference, planned.different)))
        raise BadInput("nobody can be asked whether to make these changes; nothing was written", "add --yes")


def _accepted(planned: Plan, paths: Sequence[str], options: argparse.Namespace, dialogue: Dialogue | None) -> dict[str, str]:
    """Show what would change in these files, and return those whose change is agreed to."""
    accepted = {}
    for path in paths:
        if options.update and path in planned.different:
            sys.stdout.write(planned.difference(path))
            if options.yes or (dialogue and dialogue.agrees(f"Change {path}?")):
                accepted[path] = planned.different[path]
    return accepted


def _tell(planned: Plan, accepted: Mapping[str, str], directory: Path, options: argparse.Namespace) -> None:
    sys.stdout.write("".join(f"wrote {directory / path}\n" for path in planned.missing))
    sys.stdout.write("".join(f"changed {directory / path}\n" for path in accepted))
    kept = [path for path in planned.different if path not in accepted]
    sys.stdout.write(
        "".join(f"kept {directory / path}, which differs from what this command would write\n" for path in kept)
    )
    if kept and not options.update:
        given = [word for word in options.arguments if word not in ("-y", "--yes")]
        command = shlex.join(["mlops-actions", *given, "--update"])
        sys.stdout.write(f"  {command} shows the difference, and asks before it changes a file\n")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
