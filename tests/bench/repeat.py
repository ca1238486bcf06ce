"""Time one stage of an action against `import github`, on whatever Python runs this file; prints one JSON document.

On the standard library alone, so that it also runs inside the images. The environment comes as JSON on standard input.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 7
ENTRY = Path(sys.executable).with_name("chatops")  # of an image
STAGE = [str(ENTRY)] if ENTRY.exists() else [sys.executable, "-m", "mlops_actions", "chatops"]
YARDSTICK = [sys.executable, "-c", "import github"]


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """Seconds from start to end; raises CalledProcessError where the command fails."""
    began = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, timeout=60)
    return time.perf_counter() - began


def main() -> None:
    """Alternate the two, so that noise hits both alike."""
    environment = {**os.environ, **json.load(sys.stdin)}
    times: dict[str, list[float]] = {"stage": [], "import_github": []}
    for _ in range(ROUNDS):
        times["stage"].append(seconds(STAGE, environment))
        times["import_github"].append(seconds(YARDSTICK, environment))
    print(json.dumps(times))


if __name__ == "__main__":
    main()
