"""A workflow file that does nothing but listen, by the suite's root action in one step."""

from __future__ import annotations

_FILE = """\
name: Listen
on:
  issue_comment:
    types: [created]
permissions: {{}}
jobs:
  listen:
    runs-on: ubuntu-latest
    permissions:
      contents: read
      pull-requests: write
    steps:
      - id: mlops
        uses: {repository}@{ref}
        with:
          commands: /train
"""


def one_step(repository: str, ref: str) -> str:
    """Return the file, which names the root action of this repository at a ref."""
    return _FILE.format(repository=repository, ref=ref)
