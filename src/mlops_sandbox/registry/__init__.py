"""An OCI registry on loopback for `docker push` and `docker pull`, with authentication, a request log, faults and quirks."""

from __future__ import annotations

from mlops_sandbox.registry.access import Account
from mlops_sandbox.registry.app import LoggedRequest, Registry
from mlops_sandbox.registry.faults import Fault
from mlops_sandbox.registry.quirks import Quirks

__all__ = ["Account", "Fault", "LoggedRequest", "Quirks", "Registry"]
