"""A reader who follows the README at a shell: the commands they type, and the output.

The commands are run as they are written. Only `gh` is a script of ours: it notes down what GitHub is asked for, and the
tests have the stand-in do it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

GH = """\
#!/bin/sh
set -eu
case "$1 $2" in
  "secret set")
    if [ "$3" = --env-file ]; then
      while IFS='=' read -r name value; do printf '%s' "$value" > "$GH_NOTES/secret.$name"; done
    else
      cat > "$GH_NOTES/secret.$3"
    fi ;;
  "label create") printf '%s\\n' "$3" >> "$GH_NOTES/labels" ;;
  "pr create") git rev-parse --abbrev-ref HEAD | tr -d '\\n' > "$GH_NOTES/pull-request" ;;
  "pr comment") printf '%s' "$4" > "$GH_NOTES/comment" ;;
  *) echo "gh here knows nothing of: $*" >&2; exit 64 ;;
esac
"""
PROGRAMS = Path(sys.executable).parent
PERSON = {
    **{f"GIT_{role}_NAME": "reader" for role in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{role}_EMAIL": "reader@example.com" for role in ("AUTHOR", "COMMITTER")},
}


@dataclass
class Reader:
    """A shell in `directory`; `variables` are exported there. `typed` holds each command with what it printed."""

    home: Path
    directory: Path
    variables: dict[str, str]
    typed: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.notes = self.home / "github"
        self.notes.mkdir()
        programs = self.home / "bin"
        programs.mkdir()
        (programs / "gh").write_text(GH)
        (programs / "gh").chmod(0o755)
        for name in ("mlops-actions", "kubectl"):
            (programs / name).symlink_to(PROGRAMS / name)

    def type(self, command: str) -> str:
        """Type a command; one that fails ends the test. Returns what it printed."""
        environment = {
            "PATH": f"{self.home / 'bin'}:{os.environ['PATH']}", "HOME": str(self.home), "GH_NOTES": str(self.notes),
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""), "GIT_CONFIG_SYSTEM": os.devnull, **PERSON, **self.variables,
        }  # fmt: skip
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command], cwd=self.directory, env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False,
        )  # fmt: skip
        self.typed.append((command, done.stdout))
        assert done.returncode == 0, f"$ {command}\n{done.stdout}"
        return done.stdout

    def enter(self, directory: str) -> None:
        """Go where the last command went by `cd`."""
        self.directory = self.directory / directory

    def asked(self, name: str) -> str:
        """What `gh` was asked for."""
        return (self.notes / name).read_text()

    @property
    def secrets(self) -> dict[str, str]:
        """The repository's secrets."""
        return {path.name.removeprefix("secret."): path.read_text() for path in self.notes.glob("secret.*")}

    @property
    def transcript(self) -> str:
        """All that was typed, with what it printed."""
        return "\n".join(f"$ {command}\n{printed}" for command, printed in self.typed)
