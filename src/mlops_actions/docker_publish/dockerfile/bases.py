"""Find the images that a build starts from or copies from, and the sources whose content cannot be known. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mlops_actions.docker_publish.dockerfile.instructions import Dockerfile, Instruction, expand

_FLAG = re.compile(r"--([a-z-]+)(?:=(\S+))?\s+")
_REMOTE = re.compile(r"[a-z+]+://|git@", re.IGNORECASE)
_EMPTY_IMAGE = "scratch"


@dataclass(frozen=True)
class BaseImages:
    """The images, as references, and the reasons why no fingerprint can be made (empty: it can)."""

    images: tuple[str, ...]
    reasons: tuple[str, ...]


def find_base_images(dockerfile: Dockerfile, build_arguments: Mapping[str, str]) -> BaseImages:
    """List every image and every reason; build arguments override the defaults of each ARG before the first FROM."""
    images: dict[str, None] = {}
    reasons: list[str] = []
    if "syntax" in dockerfile.directives:
        images[dockerfile.directives["syntax"]] = None
    arguments: dict[str, str] = {}
    stages: set[str] = set()
    count = 0
    for instruction in dockerfile.instructions:
        if instruction.keyword == "ARG" and not count:
            arguments |= _defaults(instruction, arguments, build_arguments)
        elif instruction.keyword == "FROM":
            image, name = _from(instruction)
            expanded = expand(image, arguments)
            if expanded is None:
                reasons.append(f"line {instruction.line}: the image {image!r} depends on a value that is not known here")
            elif expanded.lower() not in stages and expanded != _EMPTY_IMAGE:
                images[expanded] = None
            stages |= {str(count), name.lower()} if name else {str(count)}
            count += 1
        else:
            _add_other_sources(instruction, stages, images=images, reasons=reasons)
    return BaseImages(tuple(images), tuple(reasons))


def _defaults(instruction: Instruction, known: Mapping[str, str], build_arguments: Mapping[str, str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for word in re.findall(r"(?:[^\s\"']|\"[^\"]*\"|'[^']*')+", instruction.arguments):
        name, _, default = word.partition("=")
        value = build_arguments.get(name)
        if value is None:
            value = expand(default.strip("\"'"), {**known, **values})
        if value is not None:
            values[name] = value
    return values


def _from(instruction: Instruction) -> tuple[str, str]:
    """Return the image and the stage's name, which may be empty."""
    arguments = instruction.arguments + " "
    while match := _FLAG.match(arguments):
        arguments = arguments[match.end() :]
    words = arguments.split()
    name = words[2] if len(words) > 2 and words[1].lower() == "as" else ""
    return (words[0] if words else ""), name


def _without_onbuild(instruction: Instruction) -> tuple[str, str]:
    """Return keyword and arguments; for ONBUILD, those of the instruction that it holds."""
    if instruction.keyword != "ONBUILD":
        return instruction.keyword, instruction.arguments
    keyword, _, arguments = instruction.arguments.partition(" ")
    return keyword.upper(), arguments


def _paths(arguments: str, *, without: tuple[str, ...]) -> list[str]:
    """Return the paths of COPY or ADD, sources first and target last, in either form (words or JSON)."""
    return [word for word in re.split(r"[\s,\[\]\"]+", arguments) if word and not word.startswith(without)]


def _add_other_sources(instruction: Instruction, stages: set[str], images: dict[str, None], reasons: list[str]) -> None:
    """Add the images that COPY and RUN read, and the reasons for addresses that ADD reads."""
    keyword, arguments = _without_onbuild(instruction)
    if keyword == "ADD" and "--checksum=" not in arguments:
        paths = _paths(arguments, without=("--",))
        if any(_REMOTE.match(source) or "$" in source for source in paths[:-1]):
            reasons.append(f"line {instruction.line}: ADD of an address, whose content may change")
    sources = []
    if keyword == "COPY":
        sources = re.findall(r"--from=(\S+)", arguments)
    elif keyword == "RUN":
        options = [option for mount in re.findall(r"--mount=(\S+)", arguments) for option in mount.split(",")]
        sources = [option.removeprefix("from=") for option in options if option.startswith("from=")]
    for source in sources:
        image = source.strip("\"'")
        if "$" in image:
            reasons.append(f"line {instruction.line}: the source {image!r} depends on a value that is not known here")
        elif image.lower() not in stages and image != _EMPTY_IMAGE:
            images[image] = None


def sees_git(dockerfile: Dockerfile) -> bool:
    """Tell whether the build may read the context's `.git`, which differs at every commit; true in case of doubt."""
    for instruction in dockerfile.instructions:
        keyword, arguments = _without_onbuild(instruction)
        if keyword in ("COPY", "ADD") and "--from=" not in arguments:
            paths = _paths(arguments, without=("--", "<<"))
            if any(_reaches_git(source) for source in paths[:-1]):
                return True
        if keyword == "RUN":
            for mount in re.findall(r"--mount=(\S+)", arguments):
                options = dict(option.partition("=")[::2] for option in mount.split(","))
                is_from_context = options.get("type", "bind") == "bind" and "from" not in options
                if is_from_context and _reaches_git(options.get("source") or options.get("src") or "."):
                    return True
    return False


def _reaches_git(source: str) -> bool:
    if "$" in source or "\\" in source:
        return True
    first_segment = posixpath.normpath("/" + source).lstrip("/").partition("/")[0]
    return not first_segment or fnmatchcase(".git", first_segment)
