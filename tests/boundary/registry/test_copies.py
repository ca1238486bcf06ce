"""An image copied from one registry to another, of each kind that this machine has."""

from __future__ import annotations

import pytest
import urllib3

from mlops_actions.boundary.registry.client import RegistryClient
from mlops_actions.core.image_name import ImageName
from mlops_actions.docker_publish.registries.copies import ImageCopier
from mlops_sandbox.host import Host
from mlops_sandbox.registry import Registry
from tests.standins.registry.test_distribution import OCI_MANIFEST, REPOSITORY, digest_of, image, put
from tests.support.logs import LOG
from tests.support.registries import Target

COPY = "team/copy"


@pytest.mark.parametrize("tags", [["v1", "latest"], []], ids=["tags", "digest alone"])
def test_an_image_is_copied_byte_for_byte(target: Target, tags: list[str]) -> None:
    with Host(Registry().app) as host, urllib3.PoolManager() as http:
        source = Target(host.url, {}, http)
        content = image(source)
        put(source, content, "v1")
        one, other = (RegistryClient(url.partition("//")[2], None, LOG, backoff=0) for url in (host.url, target.url))
        manifest = one.manifest(REPOSITORY, "v1")
        assert manifest is not None
        names = ImageName("one.example", REPOSITORY), ImageName("other.example", COPY)
        copier = ImageCopier(one, names[0], other, names[1])
        copier.copy(manifest, tags)
        assert copier.copied_bytes > 0
        for reference in tags or [digest_of(content)]:
            copied = other.manifest(COPY, reference)
            assert copied is not None
            assert (copied.content, copied.media_type) == (content, OCI_MANIFEST)
        again = ImageCopier(one, names[0], other, names[1])
        again.copy(manifest, tags)
        assert again.copied_bytes == 0
