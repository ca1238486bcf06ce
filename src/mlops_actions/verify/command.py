"""The command line of the verifier: it reads the file, takes credentials from the environment, and prints the checks."""

from __future__ import annotations

import argparse
import base64
import binascii
import os
import sys
import textwrap
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from mlops_actions.core import registries
from mlops_actions.core.errors import ActionError, BadInput
from mlops_actions.core.json_text import parse_json
from mlops_actions.core.parsers import byte_size
from mlops_actions.core.provenance import is_sha
from mlops_actions.verify import document
from mlops_actions.verify import policy as policies
from mlops_actions.verify.checks import Pins
from mlops_actions.verify.local_model import read_model
from mlops_actions.verify.policy import CHECKS, Policy
from mlops_actions.verify.ports import Ports, RegistryReader, TrackerReader
from mlops_actions.verify.run import Request, Verification, verify

_MAX_BYTES = 16 << 20  # the limit of actions/attest


DESCRIPTION = (
    "Checks an in-toto statement that wandb-runs wrote, or a bundle that `gh attestation download` wrote, and prints lines "
    "of each check: ✓ it holds, ✗ it does not hold, – not decidable here. It asks the registry for the image and its label, "
    "and the tracker for runs, baselines, datasets and model, and computes the gates anew. Credentials come from "
    "WANDB_API_KEY and WANDB_BASE_URL, and from REGISTRY, REGISTRY_USERNAME and REGISTRY_PASSWORD (else from Docker's "
    "configuration). It does not check the signature: `gh attestation verify` does."
)
_POLICY = """\
checks:
{checks}

Without --policy each check must hold that applies to the statement, and each value that an option pins; an unknown one (–)
does not. A check also needs those that it rests on: gates need runs, metrics and baselines, and judged needs candidates and
runs. A policy is a list (--policy runs,metrics,gates) or a YAML file:

  checks: [repository, commit, image, runs, clean, metrics, datasets, candidates, judged, baselines, gates, model, files]
  gates:                        # the statement must hold exactly these, so that a removed or added gate is seen
    - test_accuracy >= baseline - 0.5%
  baseline-tags: [production]   # the baselines must have been selected by these tags
  baseline-sha: 0123456789abcdef0123456789abcdef01234567  # or by this commit, or by both
  max-baselines: 10             # at most so many; needed where there are more, or the step gave a higher limit
  select-by: test_accuracy:max  # the candidate, and the best baseline, must have been chosen by this metric
  judge: best                   # and in this way: best, all or latest
  aggregate: none               # among single runs (none) or groups of seeds (group)
  sha-config-key: github_sha    # the config key that holds the commit, where the step gave another one than this

exit codes: 0 every required check holds, 1 one does not or is unknown, 2 the file is no statement or the policy is wrong,
3 not authorised or not found, 4 not available
"""
_MAX_POLICY_BYTES = 1 << 20


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options; each pin fixes a value that a forger could otherwise choose."""
    width = max(map(len, CHECKS))
    listed = "\n".join(f"  {name:<{width}}  {meaning}" for name, meaning in CHECKS.items())
    parser.epilog = _POLICY.format(checks=listed)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = textwrap.fill(DESCRIPTION, 120)
    parser.add_argument("file", type=Path, metavar="FILE", help="the statement or bundle")
    parser.add_argument("--policy", default="", metavar="LIST|FILE", help="the checks that must hold, see below")
    parser.add_argument("--image", default="", metavar="REF", help="the image of the statement, by digest or tag")
    parser.add_argument("--sha", default="", help="the commit of the statement, 40 hexadecimal digits")
    parser.add_argument("--repository", default="", metavar="OWNER/NAME", help="the repository of the statement, or its URL")
    parser.add_argument("--project", default="", metavar="ENTITY/PROJECT", help="the tracker's project of the statement")
    parser.add_argument("--pull-request", default="", metavar="NUMBER", help="the pull request of the statement")
    parser.add_argument("--job", default="", metavar="RUN", help="the workflow run that wrote the statement: its id or URL")
    parser.add_argument("--workflow-uid", default="", metavar="UID", help="the uid of the training workflow")
    parser.add_argument("--model", type=Path, metavar="PATH", help="the model at hand: its folder, or its only file")
    parser.add_argument(
        "--max-model-size", default="20 GB", metavar="SIZE", help="the largest model to read from the tracker (%(default)s)"
    )


def run(options: argparse.Namespace) -> int:
    """Run the command line."""
    pins = Pins(
        image=options.image,
        sha=options.sha.lower(),
        repository=options.repository,
        project=options.project,
        pull_request=options.pull_request,
        job=options.job,
        workflow_uid=options.workflow_uid,
    )
    return main(options.file, pins, os.environ, policy=options.policy, model=options.model, size=options.max_model_size)


def main(
    file: Path,
    pins: Pins,
    environ: Mapping[str, str],
    out: TextIO | None = None,
    *,
    policy: str = "",
    model: Path | None = None,
    size: str = "20 GB",
) -> int:
    """Verify the statement of a file, print the checks, and return the exit code."""
    stream = out or sys.stdout
    try:
        request = _request(pins, policy, model, size)
        verification = _verify(file, request, environ)
    except ActionError as error:
        _print_error(error)
        return error.exit_code
    for check in verification.checks:
        stream.write(f"{check.mark} {printable(check.text)}\n")
    stream.write(f"{_conclusion(verification)}\n")
    for problem in verification.errors:
        _print_error(problem)
    return verification.exit_code


def _conclusion(verification: Verification) -> str:
    total, missed = len(verification.required), verification.missed
    if not missed:
        return f"✓ policy: all {total} required checks hold"
    names = ", ".join(f"{name} ({'✗' if verification.holds(name) is False else '–'})" for name in missed)
    return f"✗ policy: {len(missed)} of {total} required checks do not hold: {names}"


def _request(pins: Pins, policy_text: str, model: Path | None, size: str) -> Request:
    if pins.sha and not is_sha(pins.sha):
        raise BadInput(f"--sha is not a full commit: {pins.sha!r}", "give its 40 hexadecimal digits")
    try:
        max_bytes = byte_size(size)
    except ValueError as problem:
        raise BadInput(f"--max-model-size {problem}", "give a size such as 20 GB") from None
    return Request(pins, _policy(policy_text), read_model(model) if model else None, max_bytes)


def _policy(text: str) -> Policy:
    """Read a policy: the file of that name where there is one, or where the name looks like one, else a list of checks."""
    if not text:
        return Policy()
    path = Path(text)
    is_file = path.suffix in (".yml", ".yaml", ".json") or "/" in text or path.is_file()
    try:
        if not is_file:
            return policies.parse_list(text)
        content = path.read_bytes()
        if len(content) > _MAX_POLICY_BYTES:
            raise ValueError("is larger than 1 MiB")
        return policies.parse_file(content.decode("utf-8"))
    except OSError as error:
        raise BadInput(f"--policy {text!r} cannot be read: {error.strerror or error}", "give a list or a file") from None
    except ValueError as problem:
        raise BadInput(
            f"--policy {text!r} {problem}", "see the two forms of a policy in `mlops-actions verify --help`"
        ) from None


def _print_error(error: ActionError) -> None:
    sys.stderr.write(f"error: {printable(error.cause)}\nremedy: {printable(error.remedy)}\n")


def _verify(file: Path, request: Request, environ: Mapping[str, str]) -> Verification:
    try:
        with file.open("rb") as opened:
            content = opened.read(_MAX_BYTES + 1)
    except OSError as error:
        raise BadInput(f"{str(file)!r} cannot be read: {error.strerror or error}", "give the path of a statement") from None
    try:
        if len(content) > _MAX_BYTES:
            raise ValueError("it is larger than an attestation may be")
        subjects, training, signed = document.read(content.decode("utf-8"))
    except ValueError as problem:
        raise BadInput(
            f"{str(file)!r} is not a statement about a training: {problem}",
            "give wandb-runs' output 'statement', or a bundle that `gh attestation download` wrote",
        ) from None
    return verify(subjects, training, request, _Adapters(environ).ports(), signed=signed)


@dataclass(frozen=True)
class _Adapters:
    """Connect registry and tracker with the environment's credentials; imported late, since a bad file needs neither."""

    environ: Mapping[str, str]

    def ports(self) -> Ports:
        return Ports(registry=self._registry, tracker=self._tracker)

    def _registry(self, host: str) -> RegistryReader:
        from mlops_actions.boundary.registry.client import BasicCredentials, RegistryClient

        login = credentials(host, self.environ)
        return RegistryClient(host, BasicCredentials(*login) if login else None, _StandardError(self.environ))

    def _tracker(self, project: str) -> TrackerReader:
        from mlops_actions.boundary.wandb.project import connect

        api_key, base_url = self.environ.get("WANDB_API_KEY"), self.environ.get("WANDB_BASE_URL")
        return connect(project, api_key, base_url, self.environ, _StandardError(self.environ))


def credentials(host: str, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """Return user and password of a registry: the environment's for the registry it names, else Docker's own.

    No other registry gets them, wherever a statement says that its image is.
    """
    user, password = environ.get("REGISTRY_USERNAME", ""), environ.get("REGISTRY_PASSWORD", "")
    if user and password and host == (environ.get("REGISTRY") or registries.GITHUB):
        return user, password
    folder = environ.get("DOCKER_CONFIG") or (f"{environ['HOME']}/.docker" if environ.get("HOME") else "")
    try:
        logins = parse_json((Path(folder) / "config.json").read_bytes())["auths"] if folder else {}
        entry = logins.get(host) or logins.get(registries.known(host).docker_config_key) or {}
        user, colon, password = base64.b64decode(entry["auth"]).decode().partition(":")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        return None
    return (user, password) if colon else None


def printable(text: str) -> str:
    """Return text of one line without control characters: the statement's author chose its names."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


class _StandardError:
    """A log for the adapters that prints warnings, errors and (with RUNNER_DEBUG=1) requests to the standard error."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._debugging = environ.get("RUNNER_DEBUG") == "1"

    def info(self, text: str) -> None: ...

    def debug(self, text: str) -> None:
        if self._debugging:
            sys.stderr.write(f"debug: {printable(text)}\n")

    def notice(self, text: str, *, title: str = "", file: str = "", line: int = 0) -> None: ...

    def warning(self, text: str, *, title: str = "", file: str = "", line: int = 0) -> None:  # noqa: ARG002
        sys.stderr.write(f"warning: {printable(text)}\n")

    error = warning

    def group(self, title: str) -> AbstractContextManager[None]:  # noqa: ARG002
        return nullcontext()

    def mask(self, secret: str) -> None: ...
