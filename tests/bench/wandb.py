"""The cost of reading a large project: wandb-runs as a process, against the SDK's own full listing in the same run."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from mlops_sandbox.host import Host
from mlops_sandbox.wandb import WandbServer

RUNS, KEYS = 2_000, 1_000
FEW = 120  # runs of which each one's details are told
ROUNDS = 7  # the quickest of fewer varies by a fifth where other machines share the processor
SHA = "a" * 40
# Not getrusage: its figure includes the process that started this one.
_PEAK = "print('PEAK', next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
# The SDK's service process is not counted, which favours the SDK.
_SDK = f"""
import sys, wandb
runs = wandb.Api().runs("sandbox/digits", filters={{"config.github_sha": "{SHA}"}}, per_page=int(sys.argv[1]), lazy=False)
assert sum(1 for run in runs if run.summary.get("key0") is not None) == int(sys.argv[2])
{_PEAK}
"""
_DETAILS = frozenset({"MlopsDatasets", "MlopsPatches", "MlopsConfigs", "MlopsHistory"})
_ACTION = f"""
import sys
from mlops_actions.__main__ import main
code = main(["wandb-runs"])
{_PEAK}
sys.exit(code)
"""


@dataclass(frozen=True)
class Cost:
    """One process from start to end: seconds, bytes of all answers, peak resident memory in KiB, requests.

    `details` are the requests for details of chosen runs.
    """

    seconds: float
    size: int
    peak: int
    requests: int
    details: int


@dataclass(frozen=True)
class Figures:
    """`action` and `sdk` are the quickest of several rounds; `few_runs` is the action on `FEW` of the runs."""

    action: Cost
    sdk: Cost
    few_runs: Cost


def measure() -> Figures:
    """Fill the stand-in, then let the action and the SDK read it in turns."""
    server = WandbServer()
    with Host(server.app) as host, TemporaryDirectory() as name:
        folder = Path(name)
        _fill(server, FEW)
        few_runs = _action_cost(server, host.url, folder, FEW)
        server.clear()
        _fill(server, RUNS)
        both = [
            (_action_cost(server, host.url, folder, RUNS), _sdk_cost(server, host.url, folder, RUNS)) for _ in range(ROUNDS)
        ]
    action, sdk = (min(costs, key=lambda cost: cost.seconds) for costs in zip(*both, strict=True))
    return Figures(action, sdk, few_runs)


def _fill(server: WandbServer, runs: int) -> None:
    draw = random.Random(0)
    now = datetime.now(UTC)
    for index in range(runs):
        # Runs that ended a while ago: one that ended within the last minute is read again after a pause of seconds.
        ended = now - timedelta(minutes=index + 2)
        server.store.add_run(
            "sandbox",
            "digits",
            name=f"run{index}",
            created=ended - timedelta(minutes=10),
            heartbeat=ended,
            config={"github_sha": SHA, "lr": draw.random()},
            summary={f"key{key}": draw.random() for key in range(KEYS)},
        )


def _action_cost(server: WandbServer, url: str, folder: Path, runs: int) -> Cost:
    environment = {
        **os.environ,
        "GITHUB_REPOSITORY": "octo/digits",
        "GITHUB_WORKSPACE": str(folder),
        "GITHUB_OUTPUT": str(folder / "output"),
        "INPUT_PROJECT": "sandbox/digits",
        "INPUT_API-KEY": server.api_key,
        "INPUT_BASE-URL": url,
        "INPUT_SHA": SHA,
        "INPUT_METRICS": "key0:max, key1, key2",
        "INPUT_CONFIG-KEYS": "lr",
        "INPUT_GATES": "key0 >= 0",
    }
    cost = _timed(server, [sys.executable, "-c", _ACTION], environment)
    rows = len((folder / "wandb_report.csv").read_text().splitlines()) - 1
    if rows != runs:
        raise RuntimeError(f"the report has {rows} runs of {runs}")
    return cost


def _sdk_cost(server: WandbServer, url: str, folder: Path, runs: int) -> Cost:
    places = dict.fromkeys(("WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR"), str(folder))
    environment = {
        **os.environ,
        **places,
        **server.environment(url),
        "WANDB_SILENT": "true",
        "WANDB_ERROR_REPORTING": "false",
    }
    return _timed(server, [sys.executable, "-c", _SDK, "50", str(runs)], environment)


def _timed(server: WandbServer, command: list[str], environment: dict[str, str]) -> Cost:
    server.requests.clear()
    # Packages are compiled when they are installed, in the images, too; the checkout's are when they run for the first time.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    start = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
    peak = next(int(line.split()[1]) for line in reversed(done.stdout.splitlines()) if line.startswith("PEAK "))
    exchanges = [exchange for exchange in server.requests if exchange.path == "/graphql"]
    details = sum(exchange.operation in _DETAILS for exchange in exchanges)
    return Cost(seconds, sum(exchange.answer_size for exchange in exchanges), peak, len(exchanges), details)


if __name__ == "__main__":
    print(json.dumps(measure(), default=vars, indent=2))
