"""A cluster on GKE: the stand-in of the cluster over HTTPS, and Google, which describes it and makes tokens for it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mlops_sandbox.cluster import SUBMITTER, Cluster
from mlops_sandbox.host import Host
from tests.support.cluster_certificates import Certificate
from tests.support.google import Google

NAME = "projects/acme/locations/europe-west1/clusters/train"


class Platform:
    """A cluster, and Google, whose tokens it knows; `revoke` makes all of them so far unknown."""

    def __init__(self, cluster: Cluster, certificate: Certificate, directory: Path) -> None:
        self.cluster = cluster
        self.rules = SUBMITTER  # of the tokens that are made from now on
        self.google = Google({}, mint=lambda: cluster.add_user("ci@acme.test", self.rules))
        joined = directory / "gke.pem"
        joined.write_text(certificate.certificate.read_text() + certificate.key.read_text())
        self.api = Host(cluster.app, certificate=joined)
        self.host = Host(self.google.app)
        self._authority = base64.b64encode(certificate.certificate.read_bytes()).decode()

    def describe(self, **more: Any) -> None:
        """Have Google describe the cluster, by default with a public endpoint alone."""
        address = self.api.url.removeprefix("https://")
        authority = {"clusterCaCertificate": self._authority}
        self.google.clusters[NAME] = {"endpoint": address, "masterAuth": authority, **more}

    def revoke(self) -> None:
        """Make every token so far unknown to the cluster."""
        for token in self.google.tokens:
            self.cluster.access.revoke(token)


def account_key(platform: Platform) -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "acme",
            "client_email": "ci@acme.test",
            "private_key": pem.decode(),
            "token_uri": f"{platform.host.url}/token",
        }
    )
