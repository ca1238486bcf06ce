"""The issuer of identity tokens that the real API server trusts: GitHub's stand-in, over HTTPS on a port of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from mlops_sandbox.host import Host
from mlops_sandbox.identity import Issuer
from tests.e2e.cluster.processes import free_port
from tests.support.cluster_certificates import Certificate

AUDIENCE = "https://cluster.test"
PREFIX = "github:"


class TrustedIssuer:
    """GitHub's stand-in, and the API server's configuration that trusts it."""

    def __init__(self, certificate: Certificate, directory: Path) -> None:
        port = free_port()
        self.issuer = Issuer(f"https://127.0.0.1:{port}")
        joined = directory / "issuer.pem"
        joined.touch(mode=0o600)
        joined.write_text(certificate.certificate.read_text() + certificate.key.read_text())
        self.host = Host(self.issuer.app, port=port, certificate=joined)
        self.file = directory / "authentication.yaml"
        self.file.write_text(yaml.safe_dump(self._configuration(certificate.certificate.read_text())))

    def _configuration(self, authority: str) -> dict[str, Any]:
        """https://kubernetes.io/docs/reference/access-authn-authz/authentication/#using-authentication-configuration."""
        issuer = {"url": self.issuer.url, "audiences": [AUDIENCE], "certificateAuthority": authority}
        return {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "AuthenticationConfiguration",
            "jwt": [
                {
                    "issuer": issuer,
                    "claimValidationRules": [{"claim": "repository_owner", "requiredValue": "octo-org"}],
                    "claimMappings": {"username": {"claim": "sub", "prefix": PREFIX}},
                }
            ],
        }
