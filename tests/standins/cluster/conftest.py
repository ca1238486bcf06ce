"""The cluster under test: the stand-in, or a real one at `CLUSTER_URL`.

CLUSTER_URL          address of the API server
CLUSTER_CA           its certificate authority (a file), if it has its own
CLUSTER_TOKEN        a token with all rights in the namespace
CLUSTER_READER_TOKEN a token that may only get and list workflows
CLUSTER_NAMESPACE    an empty namespace with a controller (`default`)
CLUSTER_IMAGE        an image with a shell and Python; without CLUSTER_URL the stand-in then runs it in Docker
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from mlops_sandbox.cluster import Cluster, DockerExecutor, LocalImage, ProcessExecutor, rule
from mlops_sandbox.host import Host
from tests.standins.cluster.client import KubernetesApi


@pytest.fixture(scope="session")
def api() -> Iterator[KubernetesApi]:
    url = os.environ.get("CLUSTER_URL")
    if url:
        yield KubernetesApi(
            url,
            os.environ["CLUSTER_TOKEN"],
            os.environ["CLUSTER_READER_TOKEN"],
            namespace=os.environ.get("CLUSTER_NAMESPACE", "default"),
            image=os.environ.get("CLUSTER_IMAGE", "python:3"),
            authority=os.environ.get("CLUSTER_CA"),
        )
        return
    image = os.environ.get("CLUSTER_IMAGE")
    executor = DockerExecutor() if image else ProcessExecutor({"": LocalImage()})
    with Cluster(executor) as cluster, Host(cluster.app) as host:
        reader = cluster.add_user("reader", [rule("workflows", "get list")])
        yield KubernetesApi(host.url, cluster.admin_token, reader, image=image or "python:3")
