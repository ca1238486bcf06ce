"""A runner builds the last stage of the file that an action names: each action's Dockerfile has the stages that it needs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlops_actions.cli import MODULES
from mlops_actions.docs import dockerfile

ROOT = Path(__file__).parents[2]
TEXT = """\
# Words.
ARG BASE=debian

FROM ${BASE} AS builder
RUN make

# Words about a stage.
FROM builder AS first-files
COPY --from=other /a /a

FROM builder AS other

FROM scratch AS first
COPY --from=first-files /image /

FROM first AS second
ENTRYPOINT ["/second"]
"""


def stages(text: str) -> list[str]:
    return re.findall(r"^FROM \S+ AS (\S+)$", text, re.MULTILINE)


def test_a_target_gets_the_stages_that_it_starts_from_and_copies_from() -> None:
    text = TEXT.replace("FROM builder AS other\n\n", "").replace(
        "ARG BASE=debian\n\n", "ARG BASE=debian\n\nFROM x AS other\n\n"
    )
    first = dockerfile(text, "first")
    assert stages(first) == ["other", "builder", "first-files", "first"]
    assert "\n\n# Words about a stage.\nFROM builder AS first-files\nCOPY --from=other /a /a\n\n" in first
    assert first.splitlines()[1] == "ARG BASE=debian"
    assert stages(dockerfile(text, "second")) == ["other", "builder", "first-files", "first", "second"]
    assert stages(dockerfile(text, "builder")) == ["builder"]


@pytest.mark.parametrize("action", MODULES)
def test_an_actions_file_builds_its_image_and_no_stage_in_vain(action: str) -> None:
    text = (ROOT / f"Dockerfile.{action}").read_text(encoding="utf-8")
    *others, last = stages(text)
    assert last == action
    used = set(re.findall(r"(?:^FROM |--from=)([\w-]+)", text, re.MULTILINE))
    assert set(others) <= used
