"""Print the performance table (`make bench`): ratios within one run, never absolute times."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from typing import Any

from tests.bench import argo, chatops, docker, images, wandb
from tests.bench.startup import ROUNDS
from tests.e2e.docker_daemon import DaemonError
from tests.e2e.images import ACTIONS, TARGETS

MEGABYTE = 1_000_000


def row(name: str, value: str, note: str = "") -> None:
    """Print one line of the table."""
    print(f"  {name:<58} {value:>14}   {note}".rstrip(), flush=True)


def times(median: float, base: float) -> str:
    """How many times a median is another."""
    return f"{median / base:.2f} ×"


def startup_rows(figures: dict[str, Any], action: str) -> None:
    """Print what `startup.py` measured for one action."""
    if "not_measured" in figures:
        row(f"{action}, start to first request", "not measured", figures["not_measured"][-120:])
        return
    bare, floor = figures["bare"]["median"], figures["floor"]["median"]
    if "ignored" in figures:
        ignored = figures["ignored"]["median"]
        row("chatops, a comment that is no command", times(ignored, bare), "of `python3 -c pass`")
        row("", times(ignored, floor), "of `python3 -c 'import json, os, re, dataclasses'`")
        row("  third-party modules it imports", ", ".join(figures["third_party"]) or "none")
    row(f"{action}, start to first request", times(figures["first_request"]["median"], bare), "of `python3 -c pass`")


def triggered_rows(triggered: chatops.Triggered) -> None:
    """Print what a command that triggers takes, in units of the same run."""
    row("start to end", times(triggered.at_once, triggered.import_github), "of `python3 -c 'import github'`")
    waited = (triggered.delayed - triggered.at_once) / chatops.DELAY
    row("added by 100 ms a request", f"{waited:.1f} delays", "requests that waited for one another")
    row("with them, beyond `import github`", f"{triggered.beyond:+.2f} s")


def main() -> None:
    """Measure and print, first on this machine's Python, then in the images where there is a Docker daemon."""
    print(f"Start-up on Python {sys.version.split()[0]} of this machine (medians of {ROUNDS} alternating runs)")
    for action in ACTIONS:
        printed = subprocess.run(
            [sys.executable, "tests/bench/startup.py", action], stdout=subprocess.PIPE, text=True, check=True
        ).stdout
        startup_rows(json.loads(printed.splitlines()[-1]), action)

    print("\nA command that triggers (chatops: check run, reaction, label)")
    triggered = chatops.measure()
    row("requests to GitHub", str(len(triggered.requests)))
    for request in triggered.requests:
        print(f"      {request}")
    triggered_rows(triggered)

    print(f"\nwandb-runs on {wandb.RUNS:,} runs with {wandb.KEYS:,} summary keys each")
    wandb_rows(wandb.measure())

    print(f"\nHashing a context of {docker.FILES:,} files (docker-publish)")
    row("seconds on one core", f"{docker.hashing():.2f}", "2 at most")

    print(f"\nA workflow of {argo.NODES} nodes, followed for a simulated hour (argo-submit, without logs)")
    followed, watched = argo.measure()
    row("bytes", f"{followed.bytes / watched.bytes:.1%}", "of watching the whole object")
    row("peak memory", f"{followed.memory / watched.memory:.1%}", "of watching the whole object")
    row("end noticed after", f"{followed.late:.2f} s", "1 s at most")
    row("of its start-up, importing the kubernetes client", f"{argo.import_client():.2f} s")

    print("\nImages")
    try:
        image_rows()
    except DaemonError as error:
        print(f"  not measured: {error}")


def wandb_rows(figures: wandb.Figures) -> None:
    """Print what the report cost, as shares of the SDK's own listing of the same runs."""
    ours, theirs = figures.ours, figures.theirs
    listing = "of `wandb.Api().runs(..., lazy=False)`"
    row("bytes of all answers", f"{ours.size / theirs.size:.1%}", f"{listing}; 3 % at most")
    row("time, start to end", f"{ours.seconds / theirs.seconds:.1%}", f"{listing}; 10 % at most")
    row("peak memory", f"{ours.peak / theirs.peak:.1%}", f"{listing}; 20 % at most")
    row("requests", str(ours.requests), f"the listing {theirs.requests}; {figures.few.requests} for a twentieth of the runs")


def image_rows() -> None:
    """Print each image's size, and the start-up inside it."""
    with images.built() as (daemon, names):
        sizes = {target: images.compressed(daemon, names[target]) for target in TARGETS}
        for target, size in sizes.items():
            added = "" if target == "base" else f"{(size - sizes['base']) / MEGABYTE:.1f} MB more than base"
            row(f"{target}, compressed", f"{size / MEGABYTE:.1f} MB", added)
        print("\nStart-up in the images, on their own Python")
        for action in ACTIONS:
            startup_rows(images.startup(daemon, names[action], action), action)
        triggered_rows(chatops.measure(partial(images.repeated, daemon, names["chatops"])))
        print("\nPublishing (docker-publish in its image, on a daemon of its own)")
        publishing_rows(docker.measure(daemon, names))


def publishing_rows(figures: docker.Publishing) -> None:
    """Print what publishing cost, as multiples of `docker buildx build --push`."""
    small, large = docker.SMALL, docker.LARGE
    plain = "of `docker buildx build --push`"
    row(f"a first build of {docker.MIDDLE} MB", times(figures.first, figures.first_plain), f"{plain}; 1.1 at most")
    row(f"reuse of {large} MB", times(figures.reused[large], figures.reused[small]), f"of {small} MB; 1.5 at most")
    for size in (small, large):
        ours = figures.reused[size]
        row(f"reuse of {size} MB", times(ours, figures.cached[size]), f"{plain}, all in the daemon's cache")
        row("", times(ours, figures.fetched[size]), f"{plain}, all in the registry's cache, on a new machine")


if __name__ == "__main__":
    main()
