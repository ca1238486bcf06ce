"""Faults of the registry."""

from __future__ import annotations

from mlops_sandbox.registry.faults import Fault as RegistryFault
from mlops_sandbox.registry.store import StoredManifest
from tests.actions.doctor.faults.breakage import NOWHERE, Breakage, account, both, environment, replaced, variable
from tests.actions.doctor.world import PASSWORD, World


def published(world: World) -> None:
    content = b'{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}'
    manifest = StoredManifest(content, "application/vnd.oci.image.index.v1+json")
    world.registry.store.put_manifest("digits", "latest", manifest)


REGISTRY = (
    Breakage(
        "a wrong password", environment("REGISTRY_PASSWORD", "wrong"), ("registry", "login"), "docker login",
        environment("REGISTRY_PASSWORD", PASSWORD),
    ),
    Breakage(
        "no registry", both(variable("REGISTRY", NOWHERE), environment("REGISTRY", NOWHERE)),
        ("runner", "network to registry"), "curl -v https://127.0.0.1:1",
    ),
    Breakage(
        "a registry in trouble",
        lambda world: world.registry.faults.append(RegistryFault("GET", ".*", 503, times=50)),
        ("registry", "reachable"), "curl", lambda world: world.registry.faults.clear(),
    ),
    Breakage(
        "an account that only pulls", account(actions=frozenset({"pull"})), ("registry", "push"), "docker login", account(),
        ("--try-writes",),
    ),
    Breakage(
        "an account of another repository", account(repositories=frozenset({"other"})), ("registry", "login"),
        "docker login", account(),
    ),
    Breakage(
        "a login that may list tags and not pull",
        both(
            published,
            replaced("  entrypoint: pipeline", "  imagePullSecrets: [{name: registry}]\n  entrypoint: pipeline",
                     "workflow.yaml"),
            lambda world: world.registry.faults.append(RegistryFault("GET", ".*/manifests/.*", 403, times=50)),
        ),
        ("registry", "pull"), "docker pull", lambda world: world.registry.faults.clear(),
    ),
    Breakage(
        "a private image", both(published, lambda world: setattr(world.registry.access, "anonymous_pull", False)),
        ("registry", "pull by the cluster"), "imagePullSecrets",
        replaced("  entrypoint: pipeline", "  imagePullSecrets: [{name: registry}]\n  entrypoint: pipeline",
                 "workflow.yaml"),
    ),
)  # fmt: skip
