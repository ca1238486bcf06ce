"""BuildKit's own reading of Dockerfiles, by the program in tools/e2e/dockerfile, and what the product's reader misses."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mlops_actions.docker_publish.dockerfile import bases, instructions, paths
from tests.e2e.dockerfile_grammar import Case

# The one that main.go asks BuildKit for.
PLATFORMS = ("linux/amd64",)


class BuildKitReader:
    """One process, which reads any number of Dockerfiles."""

    def __init__(self, program: Path) -> None:
        # Go's scanner complains there about characters that the mutations put in.
        self._process = subprocess.Popen(
            [str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def read(self, case: Case) -> dict[str, Any]:
        """Return what BuildKit finds: `Answer` in main.go."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        question = {"dockerfile": base64.b64encode(case.content).decode(), "arguments": case.arguments}
        stdin.write(json.dumps(question).encode() + b"\n")
        stdin.flush()
        answer: dict[str, Any] = json.loads(stdout.readline())
        return answer

    def close(self) -> None:
        self._process.communicate()


def is_accepted(answer: dict[str, Any]) -> bool:
    """Tell whether BuildKit builds any target of it."""
    return not answer["error"] and any(not target["error"] for target in answer["targets"])


def is_unknown(case: Case) -> bool:
    """Tell whether the product would rather build than say what this Dockerfile reads."""
    return bool(bases.find_base_images(instructions.parse(case.content), case.arguments, PLATFORMS).reasons)


def misses(case: Case, answer: dict[str, Any]) -> list[str]:
    """Say what BuildKit reads and the product does not see; where BuildKit refuses it, only the frontend counts."""
    parsed = instructions.parse(case.content)
    found = bases.find_base_images(parsed, case.arguments, PLATFORMS)
    sees_git = paths.sees_git(parsed, case.arguments)
    seen = {full_reference(image) for image in found.images}
    # The frontend that is named reads the text, whatever BuildKit's own parser thinks of it.
    frontend = answer["frontend"]
    result = [f"frontend {frontend}"] if frontend and not found.reasons and full_reference(frontend) not in seen else []
    if answer["error"]:
        return result
    result += [] if parsed.unclear else _other_instructions(parsed, answer["instructions"])
    for target in answer["targets"]:
        if target["error"]:
            continue
        if not found.reasons:
            result += [f"image {image}" for image in target["images"] or [] if full_reference(image) not in seen]
            result += [f"address {address}" for address in target["addresses"] or []]
        if target["git"] and not sees_git:
            result.append(".git")
    return result


def _other_instructions(parsed: instructions.Dockerfile, expected: Sequence[dict[str, Any]]) -> list[str]:
    ours = [(entry.keyword, entry.line, list(entry.flags), bool(entry.heredocs)) for entry in parsed.instructions]
    # An empty here-document leaves no line here.
    theirs = [(node["keyword"], node["line"], node["flags"] or [], bool(node["heredocs"])) for node in expected]
    for one, other in zip(ours, theirs, strict=False):
        if one[:3] != other[:3] or (one[3] and not other[3]):
            return [f"instruction {other}, read as {one}"]
    return [] if len(ours) == len(theirs) else [f"{len(theirs)} instructions, read as {len(ours)}"]


def full_reference(image: str) -> str:
    """Return the reference with registry and tag, as BuildKit writes it."""
    host, slash, _ = image.partition("/")
    if not slash:
        image = f"docker.io/library/{image}"
    elif not (set(".:") & set(host)) and host != "localhost" and host == host.lower():
        image = f"docker.io/{image}"
    return image if "@" in image or ":" in image.rpartition("/")[2] else f"{image}:latest"


def smallest(case: Case, is_wrong: Callable[[Case], bool]) -> Case:
    """Return a Dockerfile that is still wrong and loses nothing more, by lines and then by characters."""
    text = case.content.decode("utf-8", "surrogateescape")
    arguments = case.arguments if not is_wrong(Case(case.content)) else {}
    for parts in (text.splitlines(keepends=True), None):
        pieces = list("".join(text)) if parts is None else parts
        size = max(1, len(pieces) // 2)
        while size:
            at = 0
            while at < len(pieces):
                fewer = pieces[:at] + pieces[at + size :]
                if is_wrong(Case("".join(fewer).encode("utf-8", "surrogateescape"), arguments)):
                    pieces = fewer
                else:
                    at += size
            size //= 2
        text = "".join(pieces)
    return Case(text.encode("utf-8", "surrogateescape"), arguments)
