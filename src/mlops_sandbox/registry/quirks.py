"""What some registries do and others do not; the stand-in does as distribution 2.8 does until a test turns a quirk on."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal
from urllib.parse import urlsplit

from mlops_sandbox.registry.specification import RegistryError

ChallengeForm = Literal["alone", "basic first", "bearer first", "two headers", "unquoted"]
LinkForm = Literal["path", "address", "other scheme"]
LocationForm = Literal["address", "path"]
_MOVED = "moved=1"  # in the query of an address that a request was redirected to


@dataclass(frozen=True)
class Immutability:
    """How a service refuses to move a tag; with `same_image` it also refuses the image that the tag has already."""

    status: int
    code: str
    message: str
    same_image: bool = False

    def error(self, repository: str, tag: str) -> RegistryError:
        """Return the refusal of this tag."""
        message = self.message.format(repository=repository, tag=tag)
        return RegistryError(self.code, message, status=self.status)


# Amazon ECR: https://github.com/moby/buildkit/issues/3776 and https://github.com/aws/aws-sdk/issues/750
# Google Artifact Registry: https://cloud.google.com/artifact-registry/docs/docker/troubleshoot#push
# Harbor: https://github.com/goharbor/harbor/issues/18792 and its src/pkg/immutable
# Azure (a locked image): https://github.com/Azure/azure-sdk-for-net/issues/22827
# Quay: https://issues.redhat.com/browse/PROJQUAY-10859; that the status is 409 is not confirmed
IMMUTABLE_TAGS = {
    "ecr": Immutability(
        400,
        "TAG_INVALID",
        "The image tag '{tag}' already exists in the '{repository}' repository and cannot be overwritten because the "
        "repository is immutable.",
        same_image=True,
    ),
    "gar": Immutability(400, "MANIFEST_INVALID", "cannot update tag {tag}. The repository has enabled tag immutability"),
    "harbor": Immutability(
        412,
        "PRECONDITION",
        "Failed to process request due to '{repository}:{tag}' configured as immutable.",
        same_image=True,
    ),
    "acr": Immutability(
        405,
        "REGISTRY_DISALLOWED_OPERATION",
        "The operation is disallowed on this registry, repository or image.",
        same_image=True,
    ),
    "quay": Immutability(409, "TAG_IMMUTABLE", "tag is immutable and cannot be overwritten", same_image=True),
}


@dataclass
class Quirks:
    """The differences, all off at first; a test may set each at any time.

    late_statuses: the answers to the next manifests that were received whole; 401 asks for a new token. Sources:
        https://github.com/docker/build-push-action/issues/1194 (429), https://github.com/docker/buildx/issues/1315 (502,
        504), https://github.com/docker/buildx/issues/324 (401).
    late_is_stored: the manifest is stored although the answer says otherwise, as behind a gateway that gave up waiting.
    token_requests: a token is accepted this often, then refused as one that ran out; 0: always. Docker's tokens live for
        some minutes: https://distribution.github.io/distribution/spec/auth/token/
    immutable_tags: a key of IMMUTABLE_TAGS: no tag moves.
    movable_tags: patterns (`*` is any text) of the tags that move nevertheless, as Amazon ECR's exclusion filters:
        https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html
    challenge: the challenges of a 401. Several in one header: RFC 9110, section 11.6.1, and
        https://github.com/prowler-cloud/prowler/pull/12691. Without quotes: cp.icr.io
        (https://github.com/ceph/ceph/pull/69900) and gcr.io (https://github.com/cloudflare/serverless-registry/pull/122).
    redirect_writes: 307 for POST and PUT, by `path` or `address` to another path of this registry, or to another registry
        that it names (`http://127.0.0.1:PORT`). Source: https://github.com/containerd/containerd/issues/11949
    manifest_status: the answer to a manifest that was stored; Quay: 202
        (https://github.com/containerd/containerd/pull/3750).
    digest_header: whether answers have Docker-Content-Digest, which is optional; registry.redhat.io has none
        (https://github.com/regclient/regclient/pull/363).
    head_status: the answer to HEAD of a manifest; None: as to GET. 405: distribution 2.2
        (https://github.com/distribution/distribution/issues/1485); Nexus had none either.
    upload_location: ghcr.io names uploads by path (https://github.com/apple/swift-container-plugin/pull/44).
    upload_state: whether the location of an upload has a query; distribution's has, ghcr.io's has not.
    token_fields: the fields of the token's answer. `expires_in` is optional, and `token` or `access_token` is enough:
        https://distribution.github.io/distribution/spec/auth/token/; Azure sends `access_token` alone.
    tags_page: the number of tags of a page, whatever `n` asks for; 0: `n`. The specification allows it:
        https://github.com/opencontainers/distribution-spec/pull/470
    tags_link: how the next page is named: by path, by address, or by an address with another scheme and host, as behind a
        gateway (https://github.com/oras-project/artifacts-spec/issues/93).
    mounts: whether a blob can be mounted; without it an upload begins (202), which the specification allows.
    media_type_suffix: what follows the media type of a manifest, for instance `; charset=utf-8`.
    """

    late_statuses: list[int] = field(default_factory=list)
    late_is_stored: bool = False
    token_requests: int = 0
    immutable_tags: str = ""
    movable_tags: tuple[str, ...] = ()
    challenge: ChallengeForm = "alone"
    redirect_writes: str = ""
    manifest_status: int = 201
    digest_header: bool = True
    head_status: int | None = None
    upload_location: LocationForm = "address"
    upload_state: bool = True
    token_fields: tuple[str, ...] = ("token", "access_token", "expires_in")
    tags_page: int = 0
    tags_link: LinkForm = "path"
    mounts: bool = True
    media_type_suffix: str = ""

    @property
    def offers_basic(self) -> bool:
        """Whether a challenge for a token comes with one for name and password."""
        return self.challenge in ("basic first", "bearer first", "two headers")

    def require_movable(self, repository: str, tag: str, current: str | None, wanted: str) -> None:
        """Raise the service's refusal where a tag exists and must not move from the digest `current` to `wanted`."""
        rule = IMMUTABLE_TAGS.get(self.immutable_tags)
        if any(fnmatchcase(tag, pattern) for pattern in self.movable_tags):
            return
        if rule is not None and current is not None and (rule.same_image or current != wanted):
            raise rule.error(repository, tag)

    def redirect(self, base: str, method: str, path: str, query: str) -> str:
        """Return where a request is redirected to; empty where it is served. `base` is the registry's own address."""
        if not self.redirect_writes or method not in ("POST", "PUT") or _MOVED in query.split("&"):
            return ""
        target = {"path": "", "address": base}.get(self.redirect_writes, self.redirect_writes)
        return f"{target}{path}?{'&'.join(filter(None, (query, _MOVED)))}"

    def challenges(self, bearer: str) -> list[str]:
        """Return the values of WWW-Authenticate that offer `bearer` (the challenge that distribution sends)."""
        basic = 'Basic realm="a realm, with a comma"'
        forms = {
            "alone": [bearer],
            "basic first": [f"{basic}, {bearer}"],
            "bearer first": [f"{bearer}, {basic}"],
            "two headers": [basic, bearer],
            "unquoted": [_unquoted(bearer)],
        }
        return forms[self.challenge]

    def next_page(self, base: str, path: str) -> str:
        """Return the value of Link for the next page of tags."""
        address = {"path": path, "address": f"{base}{path}", "other scheme": _behind_a_gateway(base) + path}[self.tags_link]
        return f'<{address}>; rel="next"'


def _unquoted(challenge: str) -> str:
    """Leave out the quotes of the realm and the service; a scope has a comma and keeps them."""
    scheme, _, rest = challenge.partition(" ")
    parts = [part if part.startswith("scope=") else part.replace('"', "") for part in rest.split(",", 2)]
    return f"{scheme} {', '.join(parts)}"


def _behind_a_gateway(base: str) -> str:
    parts = urlsplit(base)
    return f"{'https' if parts.scheme == 'http' else 'http'}://registry.internal:{parts.port}"
