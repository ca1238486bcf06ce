"""Measure how the time to read a comment grows with its length: four times the text may take four times as long."""

from __future__ import annotations

import string
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice, product

from mlops_actions.chatops.find_command import find_command
from mlops_actions.chatops.inputs import Inputs
from mlops_actions.core.declare import read

SHORT, LONG = 62_500, 250_000  # GitHub takes 65,536 characters, which may be four bytes each
_PARAMETERS = ", ".join(f"parameter_{number}: {{type: float}}" for number in range(20))
_WORDS = ["".join(letters) for letters in islice(product(string.ascii_lowercase, repeat=4), LONG // 4)]

# A line for each word; below a command, names that are nearly those of the declared parameters.
COMMENTS: Mapping[str, tuple[str, Callable[[str], str]]] = {
    "prose": ("", lambda word: f"Some {word}, and more.\n"),
    "quotes": ("", lambda word: f"> > /{word}\n"),
    "mistyped commands": ("", lambda word: f"/tr{word}\n"),
    "HTML": ("", lambda word: f"<{word} a='b'\n"),
    "links": ("", lambda word: f"[{word}]({word} "),
    "names and values below": ("/train\n", lambda word: f"parametr{word}: 1\n"),
    "assignments below other text": ("/train\n\nProse.\n", lambda word: f"parametr{word}=1\n"),
    "YAML below": ("/train\n```yaml\n", lambda word: f"parametr{word}: 1\n"),
    "a command that goes on": ("/train \\\n", lambda word: f"--x{word} 1 \\\n"),
}


@dataclass(frozen=True)
class Growth:
    """The comment that grows worst: its kind, the seconds that the long one takes, and the ratio of both for each byte."""

    kind: str
    seconds: float
    ratio: float


def measure() -> Growth:
    """Read a short and a long comment of each kind, and return the one that grows worst."""
    inputs = read(Inputs, {"INPUT_COMMANDS": f"train: {{params: {{{_PARAMETERS}}}}}", "INPUT_GITHUB-TOKEN": "t"})
    found = []
    for kind, (first, line) in COMMENTS.items():
        body = first + "".join(map(line, _WORDS))
        short, long = (min(_seconds(body[:size], inputs) for _ in range(3)) for size in (SHORT, LONG))
        found.append(Growth(kind, long, long / short / (LONG / SHORT)))
    return max(found, key=lambda growth: growth.ratio)


def _seconds(body: str, inputs: Inputs) -> float:
    begin = time.process_time()
    find_command(body, inputs)
    return time.process_time() - begin
