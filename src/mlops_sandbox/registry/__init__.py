"""An OCI registry on loopback: what `docker push` and `docker pull` need, with auth, a log and faults."""

from __future__ import annotations

from mlops_sandbox.registry.access import Account
from mlops_sandbox.registry.app import LoggedRequest, Registry
from mlops_sandbox.registry.faults import Fault

__all__ = ["Account", "Fault", "LoggedRequest", "Registry"]
