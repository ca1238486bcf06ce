"""Run commands one after another and print their seconds as a JSON list; the first failure ends the list.

On the standard library alone, since it runs inside the images. The argument is a file with the commands, a JSON list of
`{"argv": […], "env": {…}}`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path


def main() -> None:
    """Take the seconds of each command, without the start of the container that all of them run in."""
    times = []
    for command in json.loads(Path(sys.argv[1]).read_bytes()):
        began = time.perf_counter()
        done = subprocess.run(
            command["argv"], env=os.environ | command["env"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        times.append(time.perf_counter() - began)
        if done.returncode:
            sys.exit(f"{command['argv']}: exit {done.returncode}\n{done.stdout.decode(errors='replace')[-2000:]}")
    print(json.dumps(times))


if __name__ == "__main__":
    main()
