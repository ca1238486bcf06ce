"""Google's credentials without gcloud, under one security rule: only files that are data alone, and every secret masked.

Artifact Registry takes an access token as the password of the user `oauth2accesstoken`
(cloud.google.com/artifact-registry/docs/docker); a GKE cluster takes it as a bearer token.
"""

from __future__ import annotations

import base64
import binascii
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_actions.boundary.committed import refuse_committed
from mlops_actions.boundary.http import debug_request
from mlops_actions.boundary.job_identity import JobIdentity
from mlops_actions.core.errors import BadInput, Refused, Unavailable
from mlops_actions.core.json_text import parse_json, refuse_deep_nesting
from mlops_actions.core.ports import Log
from mlops_actions.core.types import Json

_REGISTRY_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_REGISTRY_REMEDY = "add google-github-actions/auth before this step, or give 'username' and 'password'"
# The name that google-github-actions/auth makes at random, so that no commit can hold it.
_RANDOM_NAME = re.compile(r"gha-creds-[0-9a-f]{16}\.json")
# gcloud's own variables for other addresses, such as private ones (Private Google Access), and the usual ones.
STS_VARIABLE, IAM_VARIABLE = (f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{name}" for name in ("STS", "IAMCREDENTIALS"))
_STS, _IAM = "https://sts.googleapis.com", "https://iamcredentials.googleapis.com"
_SECRET_KEYS = ("private_key", "private_key_id", "refresh_token", "client_secret")


@dataclass(frozen=True)
class SignIn:
    """How the inputs sign in: by a key (JSON or its base64), or by the job's identity token, which a provider trusts.

    `provider` is its full name, `projects/…/providers/…`; `account` is the service account to act as, empty for none.
    Without any of them the job's or the machine's own credentials count.
    """

    key: str = field(default="", repr=False)
    provider: str = ""
    account: str = ""


def access_token(environ: Mapping[str, str], log: Log) -> str:
    """Return a token of the job's credentials for registries, masked; raises BadInput (none), Refused and Unavailable."""
    credentials, _ = load(SignIn(), environ, log, scopes=_REGISTRY_SCOPES, remedy=_REGISTRY_REMEDY)
    refresh(credentials, log, _REGISTRY_REMEDY)
    return str(credentials.token)


def load(
    sign_in: SignIn, environ: Mapping[str, str], log: Log, *, scopes: Sequence[str], remedy: str
) -> tuple[Any, str | None]:
    """Return credentials and their project: of what the inputs say, of the job's file, else of the machine.

    Masks the secrets in them. Raises BadInput with this remedy.
    """
    import google.auth
    from google.auth import exceptions

    if sign_in.provider:
        return _by_identity(sign_in, environ, log, scopes), None
    info, origin = _given(sign_in.key, environ, remedy)
    try:
        if info is None:
            credentials, project = google.auth.default(scopes=list(scopes))
            return credentials, project
        _refuse_programs(info, origin, remedy)
        for key in _SECRET_KEYS:
            if isinstance(info.get(key), str):
                log.mask(info[key])
        return _of_known_type(info, origin, scopes, remedy), info.get("project_id")
    except exceptions.GoogleAuthError as error:
        cause = first_line(error) if info is None else f"they are malformed ({first_line(error)})"
        raise BadInput(f"there are no usable credentials for Google: {cause}", remedy) from None
    except (ValueError, KeyError):
        # The message of such an error may quote the credentials.
        raise BadInput("there are no usable credentials for Google: they are malformed", remedy) from None


def refresh(credentials: Any, log: Log, remedy: str) -> None:
    """Get a new access token and mask it; raises BadInput, Refused and Unavailable."""
    from google.auth import exceptions
    from google.auth.transport.requests import Request

    request = Request()

    def logged_request(url: str, method: str = "GET", **options: Any) -> Any:
        began, outcome = time.monotonic(), "no answer"
        try:
            response = request(url, method=method, **options)
            outcome = str(response.status)
            if _is_too_deep(response.data):
                raise _no_token()
            return response
        finally:
            debug_request(log, method, url, outcome, began)

    try:
        credentials.refresh(logged_request)
    except exceptions.TransportError as error:
        raise Unavailable(f"Google's token server cannot be reached: {first_line(error)}", "run the job again") from None
    except exceptions.GoogleAuthError as error:
        raise Refused(f"Google does not accept the credentials: {first_line(error)}", remedy) from None
    except (ValueError, KeyError):
        # The message of such an error may quote the credentials.
        raise BadInput("the credentials for Google are malformed", remedy) from None
    except (TypeError, AttributeError, OverflowError):  # the library does not check what it reads
        raise _no_token() from None
    if not isinstance(credentials.token, str) or not credentials.token.isprintable():
        raise _no_token()
    log.mask(credentials.token)


def _is_too_deep(content: bytes) -> bool:
    """Tell whether the library's parser would run into the recursion limit."""
    try:
        refuse_deep_nesting(content.decode(errors="replace"))
    except ValueError:
        return True
    return False


def _no_token() -> Unavailable:
    return Unavailable(
        "what answers POST at the address of Google's token server sent no token", "check the proxy on the way"
    )


def first_line(error: Exception) -> str:
    """Return the first line of an error's message."""
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


def _by_identity(sign_in: SignIn, environ: Mapping[str, str], log: Log, scopes: Sequence[str]) -> Any:
    """Make credentials that exchange the job's identity token, as google-github-actions/auth does.

    https://cloud.google.com/iam/docs/workload-identity-federation-with-deployment-pipelines
    """
    from google.auth import identity_pool

    identity, audience = JobIdentity(environ, log), f"//iam.googleapis.com/{sign_in.provider}"

    class IdentityToken(identity_pool.SubjectTokenSupplier):
        def get_subject_token(self, context: Any, request: Any) -> str:
            del context, request
            return identity.token(f"https:{audience}")

    sts, iam = ((environ.get(name) or usual).rstrip("/") for name, usual in ((STS_VARIABLE, _STS), (IAM_VARIABLE, _IAM)))
    act_as = f"{iam}/v1/projects/-/serviceAccounts/{sign_in.account}:generateAccessToken" if sign_in.account else None
    return identity_pool.Credentials(  # type: ignore[no-untyped-call]
        audience=audience,
        subject_token_type="urn:ietf:params:oauth:token-type:jwt",  # noqa: S106 - the name of a type
        token_url=f"{sts}/v1/token",
        subject_token_supplier=IdentityToken(),
        service_account_impersonation_url=act_as,
        scopes=list(scopes),
    )


def _of_known_type(info: Json, origin: str, scopes: Sequence[str], remedy: str) -> Any:
    """Make credentials of the types that are known to be data alone (Google warns of loading just any)."""
    from google.auth import identity_pool
    from google.oauth2 import credentials, service_account

    makers: Mapping[str, Callable[..., Any]] = {
        "service_account": service_account.Credentials.from_service_account_info,
        "authorized_user": credentials.Credentials.from_authorized_user_info,
        "external_account": identity_pool.Credentials.from_info,
    }
    kind = str(info.get("type") or "")
    if kind not in makers:
        raise BadInput(f"{origin} is of the type {kind!r}, not one of {', '.join(makers)}", remedy)
    return makers[kind](info, scopes=list(scopes))


def _given(text: str, environ: Mapping[str, str], remedy: str) -> tuple[Json | None, str]:
    if text:
        origin = "input 'google-credentials'"
        return _parse(_decoded(text), f"{origin} is neither JSON nor the base64 of JSON", remedy), origin
    named = environ.get("GOOGLE_APPLICATION_CREDENTIALS", "")
    if not named:
        return None, ""
    # google-github-actions/auth names its file by the host's path, and not every such path is translated for a container.
    # The file itself is in the workspace, under a random name: a file of any other name there could be the pull request's,
    # and choose where tokens are sent.
    candidates = (Path(named), Path(environ.get("GITHUB_WORKSPACE") or ".") / Path(named).name)
    path = next((path for path in candidates if path.is_file()), None)
    if path is None:
        raise BadInput(f"GOOGLE_APPLICATION_CREDENTIALS names a file that does not exist here: {named!r}", remedy)
    if not _RANDOM_NAME.fullmatch(path.name):
        # The file says which file of the machine goes to which address as proof of identity.
        what = "GOOGLE_APPLICATION_CREDENTIALS names the file"
        refuse_committed([path], environ, what=what, remedy=remedy)
    origin = f"the credentials file {path.name!r}"
    try:
        content = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        content = ""
    return _parse(content, f"{origin} is not JSON", remedy), origin


def _decoded(text: str) -> str:
    stripped = text.strip()
    if stripped.startswith("{"):
        return stripped
    try:
        return base64.b64decode("".join(stripped.split()), validate=True).decode()
    except (binascii.Error, ValueError):
        return stripped


def _parse(text: str, cause: str, remedy: str) -> Json:
    try:
        document = parse_json(text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise BadInput(cause, remedy)
    return document


def _refuse_programs(info: Json, origin: str, remedy: str) -> None:
    source = info.get("credential_source")
    if isinstance(source, dict) and "executable" in source:
        raise BadInput(f"{origin} would have a program run to get its token, which this action refuses", remedy)
