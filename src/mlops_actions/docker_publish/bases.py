"""Find the images that a build starts from or copies from, and the sources that cannot be known. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mlops_actions.docker_publish.dockerfile import Dockerfile, Instruction, expand

_FLAG = re.compile(r"--([a-z-]+)(?:=(\S+))?\s+")
_REMOTE = re.compile(r"[a-z+]+://|git@", re.IGNORECASE)
_EMPTY_IMAGE = "scratch"


@dataclass(frozen=True)
class BaseImages:
    """The images, as references, and the reasons for which a fingerprint cannot be made (empty: it can)."""

    images: tuple[str, ...]
    reasons: tuple[str, ...]


def find_base_images(dockerfile: Dockerfile, build_arguments: Mapping[str, str]) -> BaseImages:
    """List every image and every reason; build arguments override the defaults of ARGs before the first FROM."""
    images: dict[str, None] = {}
    reasons: list[str] = []
    if "syntax" in dockerfile.directives:
        images[dockerfile.directives["syntax"]] = None
    arguments: dict[str, str] = {}
    stages: set[str] = set()
    count = 0
    for instruction in dockerfile.instructions:
        if instruction.word == "ARG" and not count:
            arguments |= _defaults(instruction, arguments, build_arguments)
        elif instruction.word == "FROM":
            image, name = _from(instruction)
            expanded = expand(image, arguments)
            if expanded is None:
                reasons.append(f"line {instruction.line}: the image {image!r} depends on a value that is not known here")
            elif expanded.lower() not in stages and expanded != _EMPTY_IMAGE:
                images[expanded] = None
            stages |= {str(count), name.lower()} if name else {str(count)}
            count += 1
        else:
            _from_elsewhere(instruction, stages, images, reasons)
    return BaseImages(tuple(images), tuple(reasons))


def _defaults(instruction: Instruction, known: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for word in re.findall(r"(?:[^\s\"']|\"[^\"]*\"|'[^']*')+", instruction.rest):
        name, _, default = word.partition("=")
        value = given.get(name)
        if value is None:
            value = expand(default.strip("\"'"), {**known, **values})
        if value is not None:
            values[name] = value
    return values


def _from(instruction: Instruction) -> tuple[str, str]:
    rest = instruction.rest + " "
    while match := _FLAG.match(rest):
        rest = rest[match.end() :]
    words = rest.split()
    name = words[2] if len(words) > 2 and words[1].lower() == "as" else ""
    return (words[0] if words else ""), name


def _from_elsewhere(instruction: Instruction, stages: set[str], images: dict[str, None], reasons: list[str]) -> None:
    """Note what COPY, ADD and RUN take from other images or addresses."""
    word, rest = instruction.word, instruction.rest
    if word == "ONBUILD":
        word, _, rest = rest.partition(" ")
        word = word.upper()
    if word == "ADD":
        paths = [part for part in re.split(r"[\s,\[\]\"]+", rest) if part and not part.startswith("--")]
        if any(_REMOTE.match(path) or "$" in path for path in paths[:-1]) and "--checksum=" not in rest:
            reasons.append(f"line {instruction.line}: ADD of an address, whose content may change")
    named = []
    if word == "COPY":
        named = re.findall(r"--from=(\S+)", rest)
    elif word == "RUN":
        options = [option for mount in re.findall(r"--mount=(\S+)", rest) for option in mount.split(",")]
        named = [option.removeprefix("from=") for option in options if option.startswith("from=")]
    for image in named:
        plain = image.strip("\"'")
        if "$" in plain:
            reasons.append(f"line {instruction.line}: the source {plain!r} depends on a value that is not known here")
        elif plain.lower() not in stages and plain != _EMPTY_IMAGE:
            images[plain] = None


def sees_git(dockerfile: Dockerfile) -> bool:
    """Whether the build may look into the context's `.git`, which differs at every commit: when in doubt, it does."""
    for instruction in dockerfile.instructions:
        word, rest = instruction.word, instruction.rest
        if word == "ONBUILD":
            word, _, rest = rest.partition(" ")
        if word.upper() in ("COPY", "ADD") and "--from=" not in rest:
            words = [part for part in re.split(r"[\s,\[\]\"]+", rest) if part and not part.startswith(("--", "<<"))]
            if any(_reaches_git(source) for source in words[:-1]):
                return True
        if word.upper() == "RUN":
            for mount in re.findall(r"--mount=(\S+)", rest):
                options = dict(option.partition("=")[::2] for option in mount.split(","))
                from_context = options.get("type", "bind") == "bind" and "from" not in options
                if from_context and _reaches_git(options.get("source") or options.get("src") or "."):
                    return True
    return False


def _reaches_git(source: str) -> bool:
    if "$" in source or "\\" in source:
        return True
    first = posixpath.normpath("/" + source).lstrip("/").partition("/")[0]
    return not first or fnmatchcase(".git", first)
