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

# Git also over SSH: user@host:path.
_REMOTE = re.compile(r"[A-Za-z0-9]+://|[A-Za-z0-9_-]+@[A-Za-z0-9.-]+:")
# `sha256:$SUM` is a checksum or refused; `$SUM` may be empty, and a part of a commit's hash may come to mean another.
_PINNED = re.compile(r"[a-z0-9]+:.+|[0-9a-f]{40,64}", re.IGNORECASE)
_STAGE_NUMBER = re.compile(r"[+-]?0*[0-9]{1,18}")  # with more digits it is the name of an image
# The frontends that read the language that is read here, also from another registry.
_KNOWN_FRONTEND = re.compile(r"(?:.*/)?docker/dockerfile(?:-upstream)?(?:[:@].*)?")
_EMPTY_IMAGE = "scratch"
_PLATFORM = re.compile(r"linux/(amd64|arm64|386|ppc64le|s390x|riscv64)(?:/v[0-9]+)?")


@dataclass(frozen=True)
class BaseImages:
    """The images, as references, and the reasons why no fingerprint can be made (empty: it can)."""

    images: tuple[str, ...]
    reasons: tuple[str, ...]


def find_base_images(
    dockerfile: Dockerfile, build_arguments: Mapping[str, str], platforms: Sequence[str] = ()
) -> BaseImages:
    """List every image and every reason.

    Build arguments override the defaults of each ARG before the first FROM. `platforms` (`linux/amd64`) are those that are
    built; without them, what depends on TARGETOS and TARGETARCH is not known.
    """
    images: dict[str, None] = {}
    reasons: dict[str, None] = {}
    for platform in platforms or ("",):
        finder = _Finder(dockerfile, build_arguments, platform)
        finder.read_all()
        images |= finder.images
        reasons |= dict.fromkeys(finder.reasons)
    return BaseImages(tuple(images), tuple(reasons))


def with_triggers(dockerfile: Dockerfile) -> Iterator[Instruction]:
    """Yield every instruction, and after each ONBUILD the instruction that it holds."""
    for instruction in dockerfile.instructions:
        yield instruction
        if instruction.trigger:
            yield instruction.trigger


def _automatic(platform: str) -> dict[str, str]:
    """Return what BuildKit sets by the platform; nothing where it would write the platform in another way."""
    match = _PLATFORM.fullmatch(platform)
    return {"TARGETOS": "linux", "TARGETARCH": match[1]} if match else {}


class _Finder:
    def __init__(self, dockerfile: Dockerfile, build_arguments: Mapping[str, str], platform: str) -> None:
        self.images: dict[str, None] = {}
        self.reasons: list[str] = []
        self._dockerfile = dockerfile
        self._build_arguments = build_arguments
        # Other build arguments count where an ARG names them.
        self._values = {name: build_arguments.get(name, value) for name, value in _automatic(platform).items()}
        self._unknown: set[str] = set()
        self._stages: set[str] = set()
        self._has_stage = False

    def read_all(self) -> None:
        frontend = self._dockerfile.frontend
        if frontend:
            self.images[frontend] = None
            if not _KNOWN_FRONTEND.fullmatch(frontend):
                self.reasons.append(f"the frontend {frontend!r} reads the Dockerfile in its own way")
        self.reasons += [f"line {line}: versions of BuildKit read it differently" for line in self._dockerfile.unclear]
        for instruction in with_triggers(self._dockerfile):
            if instruction.keyword == "ARG" and not self._has_stage:
                self._set_defaults(instruction)
            elif instruction.keyword == "FROM":
                self._add_stage(instruction)
            elif instruction.keyword == "COPY":
                self._add_copy(instruction)
            elif instruction.keyword == "ADD":
                self._add_addresses(instruction)
            elif instruction.keyword == "RUN":
                self._add_mounts(instruction)
        self._add_epoch()

    def _set_defaults(self, instruction: Instruction) -> None:
        for word in arguments.split_words(instruction.operands, self._dockerfile.escape):
            name, has_default, default = word.partition("=")
            value = self._build_arguments.get(name)
            if value is None:
                if not has_default:
                    continue
                value = self._expand(default)
            self._unknown.discard(name)
            if value is None:
                self._unknown.add(name)
            else:
                self._values[name] = value

    def _add_epoch(self) -> None:
        """BuildKit takes the time from the context or a stage where SOURCE_DATE_EPOCH names one."""
        name = "SOURCE_DATE_EPOCH"
        epoch = self._build_arguments.get(name, self._values.get(name, ""))
        if name in self._unknown or (epoch and not epoch.isdecimal()):
            self.reasons.append(f"{name} names a source of the build, whose time is not known here")

    def _expand(self, text: str) -> str | None:
        return shell.expand(text, self._value, self._dockerfile.escape)

    def _value(self, name: str) -> str | None:
        if name in self._unknown:
            raise shell.UnknownValue(name)
        return self._values.get(name)

    def _add_stage(self, instruction: Instruction) -> None:
        self._has_stage = True
        words = GAP.split(instruction.operands)
        image = self._expand(words[0])
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

    def _add_addresses(self, instruction: Instruction) -> None:
        checksums = arguments.flag_values(instruction.flags, "checksum")
        if any(_PINNED.fullmatch(checksum) for checksum in checksums):
            return
        for path in arguments.paths(instruction.operands)[:-1]:
            if shell.begins_heredoc(path):
                continue
            source = shell.literal(path, self._dockerfile.escape)
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
