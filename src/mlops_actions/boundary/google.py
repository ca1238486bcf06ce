"""Google's Application Default Credentials, without gcloud: an access token for its registries.

Registries take it as the password of the user `oauth2accesstoken` (cloud.google.com/artifact-registry/docs/docker).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from mlops_actions.core.errors import BadInput, Refused, Unavailable
from mlops_actions.core.ports import Runner

_SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
_REMEDY: Final = "add google-github-actions/auth before this step, or give 'username' and 'password'"


def access_token(environ: Mapping[str, str], runner: Runner) -> str:
    """Return a token of the credentials that the job has, masked; raises BadInput (none), Refused and Unavailable."""
    import google.auth
    from google.auth import exceptions
    from google.auth.transport.requests import Request

    info = _file(environ)
    credentials: Any  # the library carries no types
    try:
        credentials = google.auth.default(scopes=[_SCOPE])[0] if info is None else _of(info)
        credentials.refresh(Request())
    except exceptions.DefaultCredentialsError as error:
        raise BadInput(f"there are no credentials for Google: {_first_line(error)}", _REMEDY) from None
    except exceptions.TransportError as error:
        raise Unavailable(f"Google's token server cannot be reached: {_first_line(error)}", "run the job again") from None
    except exceptions.GoogleAuthError as error:
        raise Refused(f"Google does not accept the credentials: {_first_line(error)}", _REMEDY) from None
    except (ValueError, KeyError):
        # Their words may quote the credentials.
        raise BadInput("the credentials for Google are malformed", _REMEDY) from None
    token = str(credentials.token)
    runner.mask(token)
    return token


def _of(info: Mapping[str, Any]) -> Any:
    """Make credentials of a file, kind by kind: the library's general function would ask Google for a project too."""
    from google.auth import identity_pool
    from google.oauth2 import credentials, service_account

    makers: Mapping[str, Callable[..., Any]] = {
        "authorized_user": credentials.Credentials.from_authorized_user_info,
        "external_account": identity_pool.Credentials.from_info,
        "service_account": service_account.Credentials.from_service_account_info,
    }
    kind = str(info.get("type"))
    if kind not in makers:
        raise BadInput(f"the credentials for Google are of the kind {kind!r}, which is not known here", _REMEDY)
    return makers[kind](info, scopes=[_SCOPE])


def _file(environ: Mapping[str, str]) -> dict[str, Any] | None:
    """Read the file that google-github-actions/auth left; None where there is none and the machine itself is asked."""
    named = environ.get("GOOGLE_APPLICATION_CREDENTIALS", "")
    if not named:
        return None
    # It is named by the host's path, which a container does not always know; the file itself lies in the workspace. Only
    # under the very name (it is random): any other file there could be the pull request's, and say where tokens are sent.
    candidates = (Path(named), Path(environ.get("GITHUB_WORKSPACE") or ".") / Path(named).name)
    path = next((path for path in candidates if path.is_file()), None)
    if path is None:
        raise BadInput(f"GOOGLE_APPLICATION_CREDENTIALS names a file that does not exist here: {named!r}", _REMEDY)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise BadInput(f"the credentials file {path.name!r} is not JSON", _REMEDY)
    source = found.get("credential_source")
    if isinstance(source, dict) and "executable" in source:
        raise BadInput(f"the credentials file {path.name!r} would have a program run, which is not done", _REMEDY)
    return found


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
