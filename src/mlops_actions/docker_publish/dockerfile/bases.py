"""Find the images that a build starts from or copies from, and the sources whose content cannot be known. Pure.

More may be found than a build uses: every stage counts, and a stage's trigger counts wherever it would run. Never less.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mlops_actions.docker_publish.dockerfile import arguments, shell
from mlops_actions.docker_publish.dockerfile.characters import GAP
from mlops_actions.docker_publish.dockerfile.instructions import Dockerfile, Instruction
from mlops_actions.docker_publish.dockerfile.scopes import VariableScope, with_scopes

# Git also over SSH: user@host:path.
_REMOTE = re.compile(r"[A-Za-z0-9]+://|[A-Za-z0-9_-]+@[A-Za-z0-9.-]+:")
# `sha256:$SUM` is a checksum or refused; `$SUM` may be empty, and a part of a commit's hash may come to mean another.
_PINNED = re.compile(r"[a-z0-9]+:.+|[0-9a-f]{40,64}", re.IGNORECASE)
_STAGE_NUMBER = re.compile(r"[+-]?0*[0-9]{1,18}")  # with more digits it is the name of an image
# The frontends that read the language that is read here, also from another registry.
_KNOWN_FRONTEND = re.compile(r"(?:.*/)?docker/dockerfile(?:-upstream)?(?:[:@].*)?")
_EMPTY_IMAGE = "scratch"
_EPOCH = "SOURCE_DATE_EPOCH"


@dataclass(frozen=True)
class BaseImages:
    """The images, as references, and the reasons why no fingerprint can be made (empty: it can)."""

    images: tuple[str, ...]
    reasons: tuple[str, ...]


def find_base_images(
    dockerfile: Dockerfile, build_arguments: Mapping[str, str], platforms: Sequence[str] = ()
) -> BaseImages:
    """List every image and every reason.

    Build arguments override the defaults of ARG. `platforms` (`linux/amd64`) are those that are built; without them, what
    depends on TARGETOS and TARGETARCH is not known.
    """
    images: dict[str, None] = {}
    reasons: dict[str, None] = {}
    for platform in platforms or ("",):
        finder = _Finder(dockerfile)
        finder.read_all(build_arguments, platform)
        images |= finder.images
        reasons |= dict.fromkeys(finder.reasons)
    return BaseImages(tuple(images), tuple(reasons))


def with_triggers(dockerfile: Dockerfile) -> Iterator[Instruction]:
    """Yield every instruction, and after each ONBUILD the instruction that it holds."""
    for instruction in dockerfile.instructions:
        yield instruction
        if instruction.trigger:
            yield instruction.trigger


class _Finder:
    """Reads one Dockerfile for one platform."""

    def __init__(self, dockerfile: Dockerfile) -> None:
        self.images: dict[str, None] = {}
        self.reasons: list[str] = []
        self._dockerfile = dockerfile
        self._stages: set[str] = set()

    def read_all(self, build_arguments: Mapping[str, str], platform: str) -> None:
        frontend = self._dockerfile.frontend
        if frontend:
            self.images[frontend] = None
            if not _KNOWN_FRONTEND.fullmatch(frontend):
                self.reasons.append(f"the frontend {frontend!r} reads the Dockerfile in its own way")
        self.reasons += [f"line {line}: versions of BuildKit read it differently" for line in self._dockerfile.unclear]
        for instruction, scope in with_scopes(self._dockerfile, build_arguments, platform):
            if instruction.keyword == "FROM":
                self._check_epoch(build_arguments, scope)
                self._add_stage(instruction, scope)
            elif instruction.keyword == "COPY":
                self._add_copy(instruction)
            elif instruction.keyword == "ADD":
                self._add_addresses(instruction, scope)
            elif instruction.keyword == "RUN":
                self._add_mounts(instruction)

    def _expand(self, text: str, scope: VariableScope) -> str | None:
        return shell.expand(text, scope.get, self._dockerfile.escape)

    def _check_epoch(self, build_arguments: Mapping[str, str], scope: VariableScope) -> None:
        """BuildKit takes the time from the context or a stage where SOURCE_DATE_EPOCH names one."""
        epoch = build_arguments.get(_EPOCH, self._expand(f"${_EPOCH}", scope))
        if epoch is None or (epoch and not epoch.isdecimal()):
            self.reasons.append(f"{_EPOCH} names a source of the build, whose time is not known here")

    def _add_stage(self, instruction: Instruction, scope: VariableScope) -> None:
        words = GAP.split(instruction.operands)
        image = self._expand(words[0], scope)
        if not image:
            self.reasons.append(f"line {instruction.line}: the image {words[0]!r} depends on a value that is not known here")
        elif image not in self._stages and image != _EMPTY_IMAGE:
            self.images[image] = None
        if len(words) > 2 and words[1].upper() == "AS":
            self._stages.add(words[2].lower())

    def _add_source(self, instruction: Instruction, source: str) -> None:
        if "$" in source:
            self.reasons.append(f"line {instruction.line}: the source {source!r} depends on a value that is not known here")
        elif source and source.lower() not in self._stages and source != _EMPTY_IMAGE:
            self.images[source] = None

    def _add_copy(self, instruction: Instruction) -> None:
        for source in arguments.flag_values(instruction.flags, "from"):
            if not _STAGE_NUMBER.fullmatch(source):
                self._add_source(instruction, source)

    def _add_addresses(self, instruction: Instruction, scope: VariableScope) -> None:
        checksums = arguments.flag_values(instruction.flags, "checksum")
        if any(_PINNED.fullmatch(self._expand(checksum, scope) or checksum) for checksum in checksums):
            return
        for path in arguments.paths(instruction.operands)[:-1]:
            if shell.begins_heredoc(path):
                continue
            source = self._expand(path, scope)
            if source is None or _REMOTE.match(source):
                self.reasons.append(f"line {instruction.line}: ADD of an address, whose content may change")
                return

    def _add_mounts(self, instruction: Instruction) -> None:
        for mount in arguments.flag_values(instruction.flags, "mount"):
            options = arguments.mount_options(mount)
            if options is None:
                self.reasons.append(f"line {instruction.line}: the mount {mount!r} cannot be read")
            else:
                self._add_source(instruction, options.get("from", ""))
