"""The password of a cloud's registry, from the credentials that the job has for that cloud."""

from __future__ import annotations

from collections.abc import Mapping

from mlops_actions.core.ports import Log
from mlops_actions.core.registries import AMAZON_PUBLIC, AZURE, known


def cloud_token(host: str, environ: Mapping[str, str], log: Log) -> str:
    """Return the password, masked; raises BadInput (no credentials), Refused and Unavailable."""
    cloud = known(host).host  # the table's entry, which all registries of a cloud share
    if cloud == AMAZON_PUBLIC:
        from mlops_actions.boundary.registry import amazon

        return amazon.password(host, environ, log)
    if cloud == AZURE:
        from mlops_actions.boundary.registry import azure

        return azure.password(host, environ, log)
    from mlops_actions.boundary.google import access_token

    return access_token(environ, log)
