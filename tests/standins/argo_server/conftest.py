"""The Argo Server under test: the stand-in, or a real one at `ARGO_SERVER_URL`.

ARGO_SERVER_URL          its address
ARGO_SERVER_CA           its certificate authority (a file), if it has its own
ARGO_SERVER_TOKEN        a token with all rights in the namespace
ARGO_SERVER_READER_TOKEN a token that may only get and list workflows
ARGO_SERVER_IMAGE        an image with a shell
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator

import pytest

from mlops_sandbox.cluster import Cluster, LocalImage, ProcessExecutor, rule
from mlops_sandbox.host import Host
from tests.standins.argo_server.client import ArgoApi


@pytest.fixture(scope="session")
def api() -> Iterator[ArgoApi]:
    url, authority = os.environ.get("ARGO_SERVER_URL"), os.environ.get("ARGO_SERVER_CA")
    if url:
        trust = ssl.create_default_context(cafile=authority) if authority else True
        image = os.environ.get("ARGO_SERVER_IMAGE", "python:3")
        yield ArgoApi(url, os.environ["ARGO_SERVER_TOKEN"], os.environ["ARGO_SERVER_READER_TOKEN"], image, trust)
        return
    with Cluster(ProcessExecutor({"": LocalImage()})) as cluster, Host(cluster.argo_server) as host:
        reader = cluster.add_user("reader", [rule("workflows", "get list")])
        yield ArgoApi(host.url, cluster.admin_token, reader, "python:3", True)
