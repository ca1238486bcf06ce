"""Read why a push failed from the words of BuildKit and dockerd, and decide what to do about it. Pure.

The registry's status reaches the log in three forms (tried: dockerd 20.10, 26.1 and 28.5 with both stores, BuildKit 0.23):

- dockerd's own pushes: `denied: MESSAGE`, the registry's code in small letters, or `received unexpected HTTP status: 502 …`;
- BuildKit up to 0.15: `unexpected status from PUT request to URL: 400 Bad Request`, without the registry's message;
- later BuildKits: the registry's code and message, or the former line where there are none. Codes that the specification
  does not list become `unknown: MESSAGE`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from mlops_actions.core import registries
from mlops_actions.core.errors import ActionError, Refused, Unavailable
from mlops_actions.core.image_name import ImageName
from mlops_actions.docker_publish.build.progress import Progress


class PushCause(Enum):
    """Why a push failed, as far as it decides what happens next."""

    DENIED = "the user may not push"
    LOGIN = "the login is not accepted, or ran out during the push"
    LIMITED = "the registry wants fewer requests"
    TAG_STANDS = "the tag may not be moved"
    NO_REPOSITORY = "the repository is not there"
    FULL = "the registry has no room left"
    TOO_LARGE = "a proxy or the registry takes no request of this size"
    REJECTED = "the registry does not take this image"
    UNTRUSTED = "the registry's certificate is not trusted, or it speaks no TLS"
    INTERRUPTED = "the network or the registry failed for a moment"


# What another attempt may mend.
_TEMPORARY = frozenset({PushCause.LOGIN, PushCause.LIMITED, PushCause.INTERRUPTED})
_STATUS = re.compile(
    r"(?:unexpected (?:HTTP )?status(?: code)?(?: from [A-Z]+ request to \S+| \S+)?:? |error parsing HTTP )([1-5][0-9]{2})\b"
)
_OF_STATUS = {
    401: PushCause.LOGIN,
    403: PushCause.DENIED,
    404: PushCause.NO_REPOSITORY,
    408: PushCause.INTERRUPTED,
    413: PushCause.TOO_LARGE,
    425: PushCause.INTERRUPTED,
    429: PushCause.LIMITED,
    507: PushCause.FULL,
}
# The codes of the distribution specification, as distribution's client prints them. An upload that the registry forgot, or
# a layer that another job is still pushing, is there at the next attempt.
_CODE = re.compile(
    r"(unauthorized|denied|toomanyrequests|unavailable|name unknown|name invalid|repository name not known|"
    r"tag invalid|manifest (?:invalid|unverified)|digest invalid|size invalid|unsupported)(?:$|:)"
)
_OF_CODE = {
    "unauthorized": PushCause.LOGIN,
    "denied": PushCause.DENIED,
    "toomanyrequests": PushCause.LIMITED,
    "unavailable": PushCause.INTERRUPTED,
    "name unknown": PushCause.NO_REPOSITORY,
    "repository name not known": PushCause.NO_REPOSITORY,
}
# Sentences that stand in no fixed place. They are looked for after the names and addresses are taken out, in this order.
_SENTENCES = (
    (re.compile(r"toomanyrequests", re.IGNORECASE), PushCause.LIMITED),  # its text may speak of a quota
    # What the push reads elsewhere: a base image's layer, or the layer cache, whose login or address ran out meanwhile
    # (https://github.com/docker/build-push-action/issues/1371). A new attempt gets another one.
    (re.compile(r"httpReadSeeker|failed to copy: (?:GET|HEAD) URL"), PushCause.INTERRUPTED),
    (re.compile(r"immutab|(?:cannot|can't) be overwritten|operation is disallowed", re.IGNORECASE), PushCause.TAG_STANDS),
    # Harbor: "… will exceed the configured upper limit of …", Quay: "Quota has been exceeded on namespace".
    (
        re.compile(
            r"no space left|insufficient storage|quota (?:has been |limit )?exceeded|exceed the configured upper",
            re.IGNORECASE,
        ),
        PushCause.FULL,
    ),
    (re.compile(r"x509:|tls: failed to verify|server gave HTTP response to HTTPS"), PushCause.UNTRUSTED),
    (re.compile(r"request entity too large|body too large", re.IGNORECASE), PushCause.TOO_LARGE),
)
# The same, where neither a status nor a code is told.
_OTHER_SENTENCES = (
    (
        re.compile(r"no basic auth credentials|access (?:forbidden|denied)|access to the resource is denied"),
        PushCause.DENIED,
    ),
    (re.compile(r"failed to (?:authorize|fetch \S+ token)|insufficient_scope|authorization failed"), PushCause.LOGIN),
)
_QUOTED_TAG = re.compile(r"(?<=\btag )(?:'[\w.-]+'|\"[\w.-]+\"|[\w.-]+(?=\.? ))")
_PREFIXES = re.compile(
    r"(?:failed to (?:build|solve|export image|authorize): |failed to push \S+: |failed commit on ref \"[^\"]*\": |"
    r"error from registry: |server message: )"
)


@dataclass(frozen=True)
class PushFailure:
    """Why the push of an image failed; `message` is the builder's, `status` the registry's where it is told, else 0."""

    image: ImageName
    message: str
    cause: PushCause
    status: int = 0

    @property
    def is_temporary(self) -> bool:
        """Whether the same push may succeed at the next attempt."""
        return self.cause in _TEMPORARY

    @property
    def may_be_a_standing_tag(self) -> bool:
        """Whether the tag may be one that cannot be moved: older BuildKits tell only the status, and services differ in it.

        Amazon ECR and Google's registry answer 400, Azure's 405, Quay 409, Harbor 412 (see the stand-in's quirks).
        """
        return self.cause is PushCause.TAG_STANDS or (
            self.cause is PushCause.REJECTED and self.status in (400, 405, 409, 412) and "/manifests/" in self.message
        )

    def error(self) -> ActionError:
        """Make the error that the job ends with."""
        text = f"pushing to {self.image} failed: {self.message}"
        if self.cause in (PushCause.LIMITED, PushCause.INTERRUPTED):
            return Unavailable(text, "the registry did not accept the image: run the job again later")
        if self.cause is PushCause.FULL:
            return Unavailable(text, registries.REMEDY_OF_FULL_REGISTRY)
        if self.cause is PushCause.UNTRUSTED:
            return Unavailable(
                text,
                "the daemon or BuildKit that pushes must trust this registry: give it the certificate authority "
                "(/etc/docker/certs.d/HOST/ca.crt, or 'ca' in buildkitd.toml)",
            )
        return Refused(text, self._remedy_of_refusal())

    def _remedy_of_refusal(self) -> str:
        if self.cause in (PushCause.DENIED, PushCause.LOGIN):
            permission = registries.known(self.image.registry).push_permission
            check = "check 'username' and 'password', and what this user may push"
            return f"{permission}, or {check}" if permission else check
        if self.cause is PushCause.NO_REPOSITORY:
            return registries.REMEDY_OF_UNKNOWN_REPOSITORY
        if self.cause is PushCause.TAG_STANDS:
            return registries.REMEDY_OF_IMMUTABLE_TAG
        if self.cause is PushCause.TOO_LARGE:
            return (
                "raise the limit for request bodies of the proxy before the registry (nginx: client_max_body_size 0), or "
                "split the Dockerfile's largest step, whose layer is one request"
            )
        return "the registry does not take this kind of image or name: check 'image', 'tags', 'compression' and 'provenance'"


class TagStands(Refused):
    """The registry keeps a tag where it is; the image was built, and `progress` is that of its build."""

    def __init__(self, failure: PushFailure, progress: Progress) -> None:
        error = replace(failure, cause=PushCause.TAG_STANDS).error()
        super().__init__(error.cause, error.remedy)
        self.progress = progress

    def explained(self, digest: str, renews: str) -> TagStands:
        """Say what the tag stands for, and why that is another image: `renews` is the input that asked for a new one."""
        stands = f"the tag stands for {digest} already, which is another image" if digest else "the tag exists already"
        if not renews:
            return self.reworded(f"{self.cause} ({stands})", self.remedy)
        return self.reworded(
            f"{self.cause} ({stands}; '{renews}' has an image built anew)",
            f"{self.remedy}; or leave '{renews}' out, so that a run of unchanged input finds its image, or delete the tag",
        )


def read(message: str, images: Sequence[ImageName], *, title: str = "") -> PushFailure:
    """Read the builder's message about a push of one of these images (at least one); `title` is that of its step."""
    shown = f"{title} {message}"
    image = next((image for image in images if f"{image}:" in shown or f"{image}@" in shown), images[0])
    reason = _reason(message, images)
    cause, status = _cause(reason)
    return PushFailure(image, message, cause, status)


def _reason(message: str, images: Sequence[ImageName]) -> str:
    """Return the message without the texts that the user chose: a name may be `octo/authorization-service`."""
    while match := _PREFIXES.match(message):
        message = message[match.end() :]
    for image in images:
        for name in (str(image), image.familiar, image.repository):
            # Only as a name: `denied:` is a code, also where an image is called so.
            message = re.sub(rf"(?<=['\"/ ]){re.escape(name)}(?=[:@'\"])", "IMAGE", message)
    return _QUOTED_TAG.sub("TAG", message)


def _cause(reason: str) -> tuple[PushCause, int]:
    match = _STATUS.search(reason)
    status = int(match[1]) if match else 0
    words = re.sub(r"https?://\S+", "URL", reason)
    for pattern, cause in _SENTENCES:
        if pattern.search(words):
            return cause, status
    if status:
        return _OF_STATUS.get(status, PushCause.REJECTED if 400 <= status < 500 else PushCause.INTERRUPTED), status
    if code := _CODE.match(words):
        return _OF_CODE.get(code[1], PushCause.REJECTED), 0
    return next((cause for pattern, cause in _OTHER_SENTENCES if pattern.search(words)), PushCause.INTERRUPTED), 0
