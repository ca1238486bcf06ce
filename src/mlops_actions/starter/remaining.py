"""The steps that remain for a person after the files are written: commands to paste, in their order. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from mlops_actions.core import github_cli
from mlops_actions.core.package import REPOSITORY
from mlops_actions.starter.answers import FILLED_IN, Answers, required_of
from mlops_actions.starter.findings import Proposals
from mlops_actions.starter.render import CLOUD_VARIABLES, KUBECONFIG, RBAC, SIGN_IN_VARIABLES

_DOCS = f"https://github.com/{REPOSITORY}/blob/main/docs"


@dataclass(frozen=True)
class LocalClone:
    """What git tells about the folder; texts are empty where it does not tell."""

    host: str = ""
    repository: str = ""
    branch: str = ""
    is_top: bool = True
    has_dockerfile: bool = True


def steps(answers: Answers, checkout: LocalClone, findings: Proposals) -> str:
    """List the steps that remain."""
    # In a clone `gh` finds the repository, but of several servers it may choose another one.
    names_server = checkout.host not in ("", github_cli.GITHUB)
    where = f" {github_cli.flag(checkout.repository, checkout.host)}" if names_server else ""
    command = " ".join(["/train", *(f"{name}=…" for name in required_of(answers.parameters))])
    paragraphs = [
        *_cluster(answers, where),
        _secrets(answers, where),
        [
            "The labels that show where a training is; a job may set them, but not create them:",
            *(f"  gh label create {shlex.quote(label)}{where}" for label in answers.labels),
        ],
        *_notes(answers, checkout, findings),
        [
            f"Commit, push to the default branch{f' ({checkout.branch})' if checkout.branch else ''}, "
            "and ask whether everything is in place:",
            "  git add --all && git commit --message 'Train on the pull request' && git push",
            "  mlops-actions doctor",
            "It names what is missing, and the command that helps. Then open a pull request, and comment:",
            f"  gh pr comment --body '{command}'{where}",
        ],
    ]
    return "\n".join(line for paragraph in paragraphs for line in ("", *paragraph)) + "\n"


def _cluster(answers: Answers, where: str) -> Iterator[list[str]]:
    yield [
        "On the cluster, once, with an account that may create roles and secrets:",
        f"  kubectl apply --filename {RBAC}",
        f"  kubectl --namespace {answers.namespace} create secret generic wandb --from-literal=api-key=…",
    ]
    if answers.cluster == "kubeconfig":
        return
    variables = [*CLOUD_VARIABLES[answers.cluster].values(), *SIGN_IN_VARIABLES.get(answers.cluster, ())]
    yield [
        "Let the cloud trust this repository, and bind the role mlops-submitter to its account:",
        f"  {_DOCS}/{answers.cluster}.md",
        *(f"  gh variable set {name}{where}" for name in variables),
    ]


def _secrets(answers: Answers, where: str) -> list[str]:
    lines = ["The secrets of the repository:"]
    if answers.cluster == "kubeconfig":
        # One line, since GitHub masks every line of a secret. `base64` of Linux breaks lines, that of macOS has no -w.
        lines += [f"  sh {KUBECONFIG} | base64 | tr -d '\\n' | gh secret set {answers.kubeconfig_secret}{where}"]
    lines += [f"  gh secret set {answers.wandb_secret}{where}"]
    if not answers.on_github:
        lines += [f"  gh secret set REGISTRY_PASSWORD{where}"]
        lines += [] if answers.registry_username else [f"  gh variable set REGISTRY_USERNAME{where}"]
    if answers.controls_named("retry"):
        lines += [
            "Only for the comment `/retry failed`, which needs an Argo Server (its address is host:port):",
            f"  gh variable set ARGO_SERVER{where}",
            f"  gh secret set ARGO_TOKEN{where}",
        ]
    return lines


def _notes(answers: Answers, checkout: LocalClone, findings: Proposals) -> Iterator[list[str]]:
    if answers.writes_manifest:
        yield [
            f"The account {answers.service_account} must be able to pull from {answers.registry}:",
            "for a private image it needs an image pull secret.",
        ]
    else:
        yield from _own_manifest(answers, findings)
    others = [one.path for one in findings.manifests if one.path != answers.manifest]
    if others and answers.writes_manifest:
        yield ["The repository has Argo workflows already; --manifest FILE --update uses one of them:", *_listed(others)]
    if findings.rendered and answers.writes_manifest:
        yield [
            "Helm or Kustomize completes these Argo workflows, so that argo-submit cannot read them as they are:",
            *_listed(findings.rendered),
        ]
    if not answers.pin.is_commit:
        yield [
            f"The workflow files name {answers.pin.ref}, a tag that can move. To name its commit, run this command again",
            f"with --ref {answers.pin.ref} --update, where git reaches {answers.pin.repository}.",
        ]
    if not checkout.has_dockerfile and findings.dockerfiles:
        yield [
            f"There is no {answers.dockerfile}. The image can be built from one of these; run this command again with",
            "--dockerfile FILE --update:",
            *_listed(findings.dockerfiles),
        ]
    elif not checkout.has_dockerfile:
        yield [
            f"There is no {answers.dockerfile} yet. The image is built from it, and must hold a train.py that puts",
            "WANDB_GIT_COMMIT into the run's config as github_sha. To get both, run this command again with --example.",
        ]
    elif answers.dockerfile != "Dockerfile":
        yield [
            f"{answers.dockerfile} is built with the top of the repository as its context. Where it needs another",
            "one, give the step of docker-publish the input `context`.",
        ]
    if not checkout.is_top:
        yield ["This folder is not the top of a git repository, and GitHub reads workflow files only there."]


def _own_manifest(answers: Answers, findings: Proposals) -> Iterator[list[str]]:
    declared = next((one.parameters for one in findings.manifests if one.path == answers.manifest), {})
    if "image" not in declared:
        yield [
            f"{answers.manifest} declares no parameter `image`, so that it does not run the image of the commit. Declare it",
            'under `arguments.parameters` ({name: image, value: ""}), and use it as "{{workflow.parameters.image}}".',
        ]
    if not {"sha", "github_sha", "GITHUB-SHA"} & declared.keys():
        yield [
            f"{answers.manifest} declares no parameter `sha`. Declare it, and pass it to the container as the variable",
            "WANDB_GIT_COMMIT: the report finds the runs of a commit by it.",
        ]
    if skipped := sorted(declared.keys() - answers.parameters.keys() - FILLED_IN):
        yield [f"A comment cannot set these parameters of {answers.manifest}: {', '.join(skipped)}"[:200]]


def _listed(paths: list[str] | tuple[str, ...]) -> list[str]:
    more = len(paths) - 5
    return [*(f"  {path}" for path in paths[:5]), *([f"  and {more} more"] if more > 0 else [])]
