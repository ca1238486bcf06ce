"""The command `init`: its flags, its questions at a terminal, and the list of steps that remain for the user."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from mlops_actions import __version__
from mlops_actions.boundary import suite_releases
from mlops_actions.boundary.doctor.remote import remote_of
from mlops_actions.core import github_cli, registries
from mlops_actions.core.errors import ActionError, BadInput
from mlops_actions.core.package import REF
from mlops_actions.starter import answers as defaults
from mlops_actions.starter.answers import Answers, plain_name
from mlops_actions.starter.pin import Pin, is_reference, of_installation, pin, tags_of
from mlops_actions.starter.render import KUBECONFIG, RBAC, files
from mlops_actions.starter.write import write

DESCRIPTION = (
    "Writes a starter into a repository: the workflow file, a workflow that runs `mlops-actions doctor`, the Argo workflow "
    "that logs to W&B with the commit, and the rights of the two accounts. At a terminal, it asks for values without a "
    "flag. It overwrites nothing and lists the steps that remain."
)
_EXAMPLE_GATE = "accuracy >= 0.8"
# The labels of the workflow file.
LABELS = ("training", "trained", "training-failed")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add = parser.add_argument
    add("--directory", type=Path, default=Path(), help="the repository (default: the current folder)")
    add("--project", help="W&B project, with its entity (entity/project) or with --entity beside it")
    add("--entity", help="W&B user or team that owns the project")
    add("--image", help="name of the image (default: the directory's name)")
    add("--registry", help=f"host of the registry (default: {registries.GITHUB})")
    add("--registry-username", default="", help="user of the registry (default: the variable REGISTRY_USERNAME)")
    add("--namespace", help=f"namespace of the workflows (default: {defaults.NAMESPACE})")
    add("--service-account", default=defaults.SERVICE_ACCOUNT, help="service account of their pods (default: %(default)s)")
    add(
        "--metric",
        action="append",
        metavar="NAME[:max|:min]",
        help="metric to report; may be repeated",
    )
    add(
        "--gate",
        action="append",
        metavar="GATE",
        help="condition on a run, such as 'accuracy >= baseline.mean'; may be repeated",
    )
    add("--argo-url", default="", help="base address of Argo's user interface, for links")
    add("--wandb-base-url", default="", help="address of your own W&B server")
    add("--server", default="", metavar="HOST", help="host of a GitHub Enterprise Server (default: that of the git remote)")
    add(
        "--ref",
        help="release of the suite: a tag, whose commit the files name, or the 40 digits of a commit "
        f"(default: what this command was installed from, else {REF})",
    )
    add(
        "--example",
        action="store_true",
        help="also write a training script and its Dockerfile",
    )
    add("--force", action="store_true", help="replace existing files")


def run(options: argparse.Namespace) -> int:
    """Carry the command out; return the exit code."""
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    try:
        answers = _answers(options, _ask if interactive else None)
        rendered = files(answers)
        write(options.directory, rendered, force=options.force)
    except ActionError as error:
        sys.stderr.write(f"error: {error.cause}\nremedy: {error.remedy}\n")
        return error.exit_code
    except OSError as error:
        sys.stderr.write(f"error: {error}\nremedy: make {options.directory} writable, and run the command again\n")
        return 1
    sys.stdout.write("".join(f"wrote {options.directory / path}\n" for path in rendered))
    sys.stdout.write(_remaining_steps(answers, options.directory))
    return 0


Ask = Callable[[str, str], str]


def _answers(options: argparse.Namespace, ask: Ask | None) -> Answers:
    """Take each answer from its flag, else from the terminal, else from the defaults."""

    def answer(flag: str | None, question: str, default: str) -> str:
        if flag is not None:
            return flag
        return ask(question, default) if ask else default

    project = answer(options.project, "W&B project, as entity/project", "")
    if options.entity and "/" not in project:
        project = f"{options.entity}/{project}"
    if not project.strip("/"):
        raise BadInput("no W&B project was given", "add --project entity/project")
    if options.entity and project.partition("/")[0] != options.entity:
        raise BadInput(f"--entity {options.entity} is not the entity of --project {project}", "drop one of the two flags")
    metrics = options.metric or defaults.METRICS
    gates = options.gate or ([_EXAMPLE_GATE] if options.example and not options.metric else [])
    return Answers(
        image=answer(options.image, "Name of the image", plain_name(options.directory.resolve().name)),
        project=project,
        registry=answer(options.registry, "Registry", registries.GITHUB),
        registry_username=options.registry_username,
        namespace=answer(options.namespace, "Namespace of the workflows", defaults.NAMESPACE),
        service_account=options.service_account,
        metrics=tuple(metrics),
        gates=tuple(gates),
        argo_url=options.argo_url,
        wandb_base_url=options.wandb_base_url,
        pin=_pin(options.ref),
        example=options.example,
        is_enterprise_server=github_cli.is_enterprise_server(_server(options)),
    )


def _pin(ref: str | None) -> Pin:
    """Return the reference of the suite: a commit where it is known."""
    if ref is None:
        return of_installation(suite_releases.direct_url(), __version__) or Pin(REF)
    # A text that names no release is refused with the other answers.
    return pin(ref, tags_of(suite_releases.tag_listing())) if is_reference(ref) else Pin(ref)


def _server(options: argparse.Namespace) -> str:
    """Return the host of GitHub, from the flag or the git remote; empty where neither names one."""
    return str(options.server).lower() or remote_of(options.directory)[0]


def _ask(question: str, default: str) -> str:
    """Ask at the terminal; an empty line means the default."""
    sys.stdout.write(f"{question}{f' [{default}]' if default else ''}: ")
    sys.stdout.flush()
    return sys.stdin.readline().strip() or default


def _remaining_steps(answers: Answers, directory: Path) -> str:
    """List the steps that remain, as commands, in their order."""
    host, repository = remote_of(directory)
    # In a clone `gh` finds the repository, but of several servers it may choose another one.
    where = f" {github_cli.flag(repository, host)}" if host not in ("", github_cli.GITHUB) else ""
    lines = [
        "",
        "On the cluster, once, with an account that may create roles and secrets:",
        f"  kubectl apply --filename {RBAC}",
        f"  kubectl --namespace {answers.namespace} create secret generic wandb --from-literal=api-key=…",
        "",
        "The secrets of the repository:",
        f"  sh {KUBECONFIG} | base64 | tr -d '\\n' | gh secret set KUBECONFIG{where}",
        f"  gh secret set WANDB_API_KEY{where}",
    ]
    if not answers.on_github:
        lines += [f"  gh secret set REGISTRY_PASSWORD{where}"]
        lines += [] if answers.registry_username else [f"  gh variable set REGISTRY_USERNAME{where}"]
    lines += [
        "",
        "Only for the comment `/retry failed`, which needs an Argo Server (its address is host:port):",
        f"  gh variable set ARGO_SERVER{where}",
        f"  gh secret set ARGO_TOKEN{where}",
        "",
        "The labels that show where a training is; a job may set them, but not create them:",
        *(f"  gh label create {label}{where}" for label in LABELS),
        "",
        f"The account {answers.service_account} must be able to pull from {answers.registry}:",
        "for a private image it needs an image pull secret.",
    ]
    if not answers.pin.is_commit:
        lines += [
            "",
            f"The workflow files name {answers.pin.ref}, a tag that can move. To name its commit, run this command again",
            f"with --ref {answers.pin.ref} --force, where git reaches github.com.",
        ]
    if not answers.example and not (directory / "Dockerfile").exists():
        lines += [
            "",
            "There is no Dockerfile yet. The image is built from the Dockerfile at the top of the repository and must",
            "hold a train.py that puts WANDB_GIT_COMMIT into the run's config as github_sha.",
            "--example writes both.",
        ]
    if not (directory / ".git").exists():
        lines += ["", "This folder is not the top of a git repository, and GitHub reads workflow files only there."]
    lines += [
        "",
        "Commit, push to the default branch, and ask whether everything is in place:",
        "  mlops-actions doctor",
        "It names what is missing, and the command that helps. Then open a pull request, and comment:",
        "  /train",
    ]
    return "\n".join(lines) + "\n"
