"""Read BuildKit's plain progress: the step of each line, the steps from the cache, the step that failed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from mlops_actions.docker_publish.build.dockerfile_checks import DockerfileChecks

_LINE = re.compile(r"#([0-9]{1,6}) (.*)", re.DOTALL)
_END = re.compile(r"(DONE|CACHED|CANCELED|ERROR)\b:? ?(.*)", re.DOTALL)
_STAGE = re.compile(r"\[(?:([a-z0-9._/-]+(?: [a-z0-9_./-]+)?) +)?([0-9]+)/([0-9]+)\]")
_MAX_TAIL = 20  # lines
_MAX_TAIL_LINE = 1000  # characters: a progress bar or a bundle of code can be one line of megabytes


@dataclass
class BuildStep:
    """One step (BuildKit: vertex) of the build: its title as BuildKit shows it, and how it ended."""

    title: str
    cached: bool = False
    error: str = ""
    pushing: bool = False
    tail: list[str] = field(default_factory=list)

    @property
    def is_instruction(self) -> bool:
        """Whether it is a step of the Dockerfile (`[stage 2/3] …`), not BuildKit's own."""
        return _STAGE.match(self.title) is not None

    @property
    def is_of_the_cache(self) -> bool:
        """Whether it reads or writes the layer cache apart from the image."""
        return self.title.startswith(("importing cache", "exporting cache"))

    @property
    def is_cacheable(self) -> bool:
        """Whether the cache can save this step; `FROM` does no work."""
        return self.is_instruction and "] FROM " not in self.title

    @property
    def group(self) -> str:
        """The group of the log it is shown in: its stage, or BuildKit's own phase (prepare, export, push)."""
        match = _STAGE.match(self.title)
        if match:
            return f"stage {match[1]}" if match[1] else "build"
        if self.title.startswith(("[internal]", "building with", "[auth]", "resolve image", "importing cache")):
            return "prepare"
        return "push" if self.title.startswith("pushing ") else "export"


class Progress:
    """The progress of one build, read line by line; `line` returns the title of the log group each line belongs to."""

    def __init__(self) -> None:
        self.steps: dict[str, BuildStep] = {}
        self.errors: list[str] = []
        self.checks = DockerfileChecks()
        self._group = "prepare"

    def line(self, text: str) -> str:
        """Read one line without its end; return the log group it belongs to."""
        match = _LINE.fullmatch(text)
        if match is None:
            self._read_closing_line(text)
            return self._group
        step = self.steps.setdefault(match[1], BuildStep(match[2]))
        end = _END.match(match[2])
        if end is not None:
            step.cached = step.cached or end[1] == "CACHED"
            if end[1] == "ERROR":
                step.error = end[2].strip() or "failed"
        elif match[2] not in (step.title, "..."):  # `...`: lines of another step follow
            step.pushing = step.pushing or match[2].startswith("pushing ")
            step.tail = [*step.tail[1 - _MAX_TAIL :], _shortened(match[2])]
        self._group = step.group
        return self._group

    def _read_closing_line(self, text: str) -> None:
        """Read BuildKit's error at the end, and what it says about the Dockerfile."""
        self.checks.line(text)
        if text.startswith(("ERROR: ", "error: ")):
            self.errors.append(text[7:].strip())

    @property
    def failed(self) -> BuildStep | None:
        """The step that failed: of several, the one that the final error quotes, else the first."""
        # A cache that cannot be read or written does not fail the build.
        candidates = [step for step in self.steps.values() if step.error and not step.is_of_the_cache]
        final = self.errors[-1] if self.errors else ""
        return next((step for step in candidates if step.error in final), candidates[0] if candidates else None)

    @property
    def message(self) -> str:
        """Why it failed: the failed step's own words, which are the whole ones, else the last error."""
        step = self.failed
        return step.error if step else self.errors[-1] if self.errors else "no reason was given"

    @property
    def failed_to_push(self) -> bool:
        """Whether the build succeeded and only the push failed, which may be tried again."""
        step = self.failed
        if step is None:
            return any("failed to push" in error for error in self.errors)
        if step.title.startswith("pushing "):
            return True
        # The push of BuildKit is a part of the export; where no token can be had it fails before its first line.
        return step.title.startswith("exporting ") and (step.pushing or step.error.startswith("failed to push "))

    @property
    def cached_by_stage(self) -> dict[str, tuple[int, int]]:
        """The number of steps from the cache and of all steps, by log group."""
        counts: dict[str, tuple[int, int]] = {}
        for step in self.steps.values():
            if step.is_cacheable:
                hits, total = counts.get(step.group, (0, 0))
                counts[step.group] = hits + step.cached, total + 1
        return counts


def _shortened(line: str) -> str:
    """Return a line whose middle is left out where it is too long: its end says most."""
    half = _MAX_TAIL_LINE // 2
    return line if len(line) <= _MAX_TAIL_LINE else f"{line[:half]}…{line[-half:]}"
