"""The command line of doctor: options, credentials from the environment, progress, output."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import RLock
from typing import TextIO, TypeVar

from mlops_actions.boundary.doctor.log import QuietLog
from mlops_actions.core import shell
from mlops_actions.core.errors import ActionError, BadInput
from mlops_actions.core.json_text import parse_json
from mlops_actions.core.provenance import is_sha
from mlops_actions.doctor import cluster, job, other_registries, render, workflow
from mlops_actions.doctor.checks import GROUPS, TITLES, HealthCheck, Status
from mlops_actions.doctor.expressions import ALL_VARIABLES
from mlops_actions.doctor.ports import ClusterApi, ClusterTarget, GitHubApi, Ports, RegistryApi, RunnerApi, TrackerApi
from mlops_actions.doctor.run import Diagnosis, run
from mlops_actions.doctor.scope import ReadManifest, Scope

T = TypeVar("T")

DESCRIPTION = (
    "Asks GitHub, the registry, the cluster, W&B and this machine whether everything that a workflow file needs is in place "
    "and prints one line per check: ✓ in place, ✗ fails (with a command that helps), ? cannot be told, – skipped. "
    "Credentials: GH_TOKEN, GITHUB_TOKEN or `gh auth token`; KUBECONFIG or ~/.kube/config; WANDB_API_KEY or netrc; "
    "REGISTRY_USERNAME and REGISTRY_PASSWORD, or Docker's configuration. It changes nothing without --try-writes."
)
_EXITS = (
    "exit codes: 0 nothing fails, 1 a check fails, 2 an option or the workflow file is wrong, or doctor cannot begin "
    "because a package is not installed; a package that only one group needs is a check of that group"
)
APP_KEY = "DOCTOR_APP_KEY"
_CONNECTING = RLock()
_MAX_BYTES = 5 << 20
_NO_WORKFLOW = "run this at the top of the checkout, or name the file by --workflow; mlops-actions init writes one"
_NO_APP_KEY = "name the file of the App's private key by --app-key"
_EXTRAS = {
    "github": "chatops",
    "docker": "docker",
    "kubernetes": "argo",
    "google": "argo",
    "botocore": "argo",
    "azure": "argo",
    "jsonschema": "argo",
    "urllib3": "chatops",
    "wandb": "wandb",
}
_SECRETS = ("GH_TOKEN", "GITHUB_TOKEN", "WANDB_API_KEY", "REGISTRY_PASSWORD", "ARGO_TOKEN", "GOOGLE_CREDENTIALS")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = _EXITS
    default = Path(".github/workflows/mlops.yml")
    parser.add_argument(
        "--workflow", type=Path, default=default, metavar="FILE", help="the workflow file (default: %(default)s)"
    )
    parser.add_argument("--only", action="append", choices=GROUPS, metavar="GROUP", help=f"one of: {', '.join(GROUPS)}")
    parser.add_argument("--json", action="store_true", help="print the checks as JSON")
    parser.add_argument(
        "--try-writes", action="store_true", help="also begin and cancel an upload, and create and conclude a check run"
    )
    parser.add_argument(
        "--app-key", default="", metavar="FILE", help=f"the private key of the GitHub App (default: the variable {APP_KEY})"
    )
    parser.add_argument("--commit", default="", metavar="SHA", help="the commit for the check run of --try-writes")


def run_command(options: argparse.Namespace) -> int:
    """Run the command line."""
    return main(options, os.environ)


def main(options: argparse.Namespace, environ: Mapping[str, str], out: TextIO | None = None) -> int:
    """Ask, print, and return the exit code."""
    stream = out or sys.stdout
    try:
        diagnosis, path = _diagnose(options, environ)
    except ActionError as error:
        sys.stderr.write(f"error: {render.printable(error.cause)}\nremedy: {render.printable(error.remedy)}\n")
        return error.exit_code
    if options.json:
        stream.write(f"{render.document(diagnosis.checks, path)}\n")
    else:
        stream.write(render.terminal(diagnosis.checks, colours=stream.isatty() and not environ.get("NO_COLOR")))
    if summary := environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(render.summary_markdown(diagnosis.checks, path))
    return diagnosis.exit_code


def _diagnose(options: argparse.Namespace, environ: Mapping[str, str]) -> tuple[Diagnosis, str]:
    if options.commit and not is_sha(options.commit):
        raise BadInput(f"--commit is not a full commit: {options.commit!r}", "give its 40 hexadecimal digits")
    path = options.workflow.as_posix()
    file = workflow.parse(_read(path, _NO_WORKFLOW), path)
    context = {f"vars.{name}": environ[name] for name in file.variables if environ.get(name)}
    context["github.actor"] = environ.get("GITHUB_ACTOR", "")
    if all_variables := environ.get("DOCTOR_VARS"):
        context |= _variables(all_variables)
    logins: Mapping[str, tuple[str, str]] = {}
    plain_http: frozenset[str] = frozenset()  # a person's login goes nowhere in plain HTTP because a checkout says so
    if job.is_job(environ):
        context |= job.values(file, environ)
        logins = other_registries.logins(file, context, context.get(job.TOKEN, ""))
        plain_http = other_registries.plain_http(file, context)
        environ = {**environ, **job.credentials(file, context, _kubeconfig_writer(environ))}
    log = QuietLog(environ)
    secrets = [environ.get(name, "") for name in _SECRETS]
    secrets += [value for name, value in context.items() if name.startswith(job.SECRETS)]
    for secret in secrets:
        log.mask(secret)
    adapters = _Adapters(environ, Path.cwd(), log, logins, plain_http)
    read: ReadManifest = options.read_manifest
    scope = Scope(
        workflow=file,
        repository=adapters.repository(),
        host=adapters.host(),
        context=context,
        read=adapters.read,
        why_committed=adapters.why_committed,
        read_manifest=lambda *arguments, **options: _with_package(lambda: read(*arguments, **options)),
        commit=options.commit,
        app_key=_read(options.app_key, _NO_APP_KEY) if options.app_key else environ.get(APP_KEY, ""),
        is_job=job.is_job(environ),
        has_identity_token=bool(environ.get("ACTIONS_ID_TOKEN_REQUEST_URL")),
        try_writes=options.try_writes,
    )
    groups = options.only or GROUPS
    return run(scope, adapters.ports(cluster.kubeconfig_renewal(scope)), groups, log.secrets, _progress), path


def _kubeconfig_writer(environ: Mapping[str, str]) -> Callable[[str], str]:
    def write(value: str) -> str:
        from mlops_actions.boundary.doctor.job import kubeconfig_file

        return kubeconfig_file(value, environ)

    return write


def _variables(text: str) -> dict[str, str]:
    """Read what a job passes on: its token may not list variables, but `toJSON(vars)` holds them."""
    try:
        values = parse_json(text)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise BadInput("DOCTOR_VARS is not a JSON object", "write in the job: env: { DOCTOR_VARS: '${{ toJSON(vars) }}' }")
    return {**{f"vars.{name}": str(value) for name, value in values.items()}, ALL_VARIABLES: "known"}


def _progress(group: str, checks: Sequence[HealthCheck]) -> None:
    failures = sum(check.status is Status.FAILS for check in checks)
    checked = f"{len(checks)} check{'' if len(checks) == 1 else 's'}"
    result = f"{failures} of {checked} fail{'s' if failures == 1 else ''}" if failures else f"{checked}, none fails"
    sys.stderr.write(f"asked {TITLES[group]}: {result}\n")
    sys.stderr.flush()


def _read(path: str, remedy: str) -> str:
    """Read a file that an option names; raises BadInput with this remedy."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise BadInput(f"{path!r} is larger than 5 MiB", remedy)
        return content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", "") or "it is not UTF-8"
        raise BadInput(f"{path!r} cannot be read: {reason}", remedy) from None


def _with_package(connect: Callable[[], T]) -> T:
    """Import and connect an adapter; a missing package is an error that names the extra.

    One thread at a time: a package with circular imports, such as PyGithub, is incomplete for a second thread.
    """
    try:
        with _CONNECTING:
            return connect()
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package == "mlops_actions":
            raise
        from mlops_actions.boundary.installation import install_command

        remedy = install_command(_EXTRAS.get(package, "sandbox"))
        raise BadInput(f"the package '{package}' is not installed", remedy) from None


@dataclass(frozen=True)
class _Adapters:
    """Connects the systems with a person's own credentials, or with a job's; the SDKs are imported late."""

    environ: Mapping[str, str]
    directory: Path
    log: QuietLog
    logins: Mapping[str, tuple[str, str]]  # of registries, by host
    plain_http: frozenset[str]  # registries

    def repository(self) -> str:
        if name := self.environ.get("GITHUB_REPOSITORY", ""):
            return name
        from mlops_actions.boundary.doctor.remote import remote_of

        name = remote_of(self.directory)[1]
        if not name:
            raise BadInput(
                "the repository is not known: the checkout has no remote 'origin' on GitHub",
                "run this in a clone, or set GITHUB_REPOSITORY=owner/name",
            )
        return name

    def host(self) -> str:
        """Return the server, as `gh` names it."""
        from mlops_actions.boundary.doctor.github import server_of

        return server_of(self.environ, self.directory)[0]

    def read(self, path: str) -> str:
        """Read a file that the workflow file names: in the checkout only, since somebody else may have written that name."""
        from mlops_actions.boundary.workspace import WorkspaceFiles

        workspace = WorkspaceFiles(self.directory)
        files = workspace.find(path)
        if not files:
            raise BadInput(f"no file matches {path!r}", f"git ls-files -- {shell.word(path)}")
        return workspace.read(files[0])

    def why_committed(self, path: str) -> str:
        """Tell why a commit may have brought a file of the checkout."""
        from mlops_actions.boundary.committed import why_committed

        return why_committed(self.directory / path, str(self.directory))

    def ports(self, renew_kubeconfig: str) -> Ports:
        """Return the ports; `renew_kubeconfig` is how a job gets another kubeconfig."""

        @cache
        def github() -> GitHubApi:
            return _with_package(self._github)

        # Each is connected once: the check of the network and the system's own checks share it.
        registry, tracker = cache(self._registry), cache(self._tracker)
        api_of_cluster = cache(lambda target: self._cluster(target, renew_kubeconfig))
        return Ports(
            github=github,
            github_app=lambda app_id, key: _with_package(lambda: self._github_app(app_id, key)),
            registry=lambda host, anonymous: _with_package(lambda: registry(host, anonymous)),
            cloud_token=lambda host: _with_package(lambda: self._cloud_token(host)),
            cluster=lambda target: _with_package(lambda: api_of_cluster(target)),
            tracker=lambda base_url: _with_package(lambda: tracker(base_url)),
            runner=lambda: _with_package(self._runner),
        )

    def _github(self) -> GitHubApi:
        from mlops_actions.boundary.doctor.github import PyGithubApi, server_of, token_of

        host, api_url = server_of(self.environ, self.directory)
        token = token_of(self.environ, host)
        self.log.mask(token)
        return PyGithubApi.with_token(token, api_url)

    def _github_app(self, app_id: str, key: str) -> GitHubApi:
        from mlops_actions.boundary.doctor.github import PyGithubApi, server_of

        self.log.mask(key)
        return PyGithubApi.as_app(app_id, key, server_of(self.environ, self.directory)[1])

    def _registry(self, host: str, anonymous: bool) -> RegistryApi:
        from mlops_actions.boundary.doctor.registry import connect

        return connect(
            host,
            self.environ,
            self.log,
            anonymous=anonymous,
            logins=self.logins,
            allows_http=host in self.plain_http,
            password_of=self._cloud_token if job.is_job(self.environ) else None,
        )

    def _cloud_token(self, host: str) -> str:
        from mlops_actions.boundary.doctor.registry import cloud_password

        return cloud_password(host, self.environ, self.log)

    def _cluster(self, target: ClusterTarget, renew_kubeconfig: str) -> ClusterApi:
        from mlops_actions.boundary.doctor.cluster import connect

        return connect(target, self.environ, self.log, renew_kubeconfig=renew_kubeconfig)

    def _tracker(self, base_url: str) -> TrackerApi:
        from mlops_actions.boundary.doctor.tracker import GraphQLApi

        return GraphQLApi(base_url, self.environ, self.log)

    def _runner(self) -> RunnerApi:
        from mlops_actions.boundary.doctor.machine import Machine

        return Machine(self.environ)
