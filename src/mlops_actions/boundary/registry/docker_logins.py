"""The logins of a `docker login` that this step can see: in `DOCKER_CONFIG`, else in its own home.

docker/login-action writes into the runner's home, which a container action does not see.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from mlops_actions.boundary.committed import refuse_committed
from mlops_actions.core.docker_config import StoredLogin, hosts_of, login_of
from mlops_actions.core.errors import BadInput
from mlops_actions.core.json_text import parse_json
from mlops_actions.core.ports import Log
from mlops_actions.core.types import Json

_MAX_BYTES = 1 << 20
_REMEDY = "give the logins in 'registries', or let an earlier step write the file"


class DockerLogins:
    """Reads the file once, when a login is first looked for. Raises BadInput for a file that a commit may have brought.

    A pull request that could bring one would choose as whom an image is pulled and pushed.
    """

    def __init__(self, environ: Mapping[str, str], log: Log) -> None:
        self._environ = environ
        self._log = log

    def find(self, host: str) -> StoredLogin | None:
        """Return the login of a registry, masked; None where there is none."""
        login = login_of(self._document, host)
        if login is not None and login.password:
            self._log.mask(login.password)
        return login

    def hosts(self) -> list[str]:
        """List the registries that the file has logins for."""
        return hosts_of(self._document)

    @cached_property
    def _document(self) -> Json:
        folder = self._environ.get("DOCKER_CONFIG") or f"{self._environ.get('HOME') or '/'}/.docker"
        path = Path(folder) / "config.json"
        if not path.is_file():
            return {}
        refuse_committed([path], self._environ, what="Docker's logins are in the file", remedy=_REMEDY)
        try:
            with path.open("rb") as file:
                document = parse_json(file.read(_MAX_BYTES))
        except (OSError, ValueError):
            document = None
        if not isinstance(document, dict):
            raise BadInput(f"Docker's configuration file {str(path)!r} is not JSON", _REMEDY)
        return document
