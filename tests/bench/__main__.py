"""Print the performance table (`make bench`): ratios within one run, never absolute times."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.bench import argo, argo_logs, chatops, compression, docker, images, long_comments, pulls, registries, wandb
from tests.bench.startup import ROUNDS
from tests.bench.table import Table
from tests.e2e.debian_registry import debian_registry
from tests.e2e.docker_daemon import DaemonError, Docker
from tests.e2e.images import ACTIONS, MAX_MEGABYTES, MAX_TOGETHER, compressed_layers
from tests.support import seed_reports

MEGABYTE = 1_000_000
TIMES = "{:.2f} ×"
SHARE = "{:.1%}"
SECONDS = "{:.2f} s"
COUNT = "{:.0f}"
BARE = "`python3 -c pass`"


def startup_rows(table: Table, figures: dict[str, Any], action: str, *, held: bool = False) -> None:
    """Print what `startup.py` measured for one action."""
    if "not_measured" in figures:
        table.words(f"{action}, start to first request", f"not measured: {figures['not_measured'][-120:]}")
        return
    bare = figures["bare"]["median"]
    if "ignored" in figures:
        ignored, name = figures["ignored"]["median"], "chatops, a comment that is no command"
        imports = "`python3 -c 'import json, os, re, dataclasses'`"
        table.figure(name, figures["ignored_of_floor"], TIMES, of=imports, most=2 if held else None)
        table.figure(name, ignored / bare, TIMES, of=BARE)
        table.figure("  third-party modules it imports", len(figures["third_party"]), COUNT, most=0)
    table.figure(f"{action}, start to first request", figures["first_request"]["median"] / bare, TIMES, of=BARE)


def triggered_rows(table: Table, triggered: chatops.Triggered, *, held: bool = False) -> None:
    """Print what a command that triggers takes, in units of the same run."""
    yardstick = "`python3 -c 'import github'`"
    name = "chatops, a command that triggers"
    table.figure(name, triggered.at_once / triggered.import_github, TIMES, of=yardstick, most=1.2 if held else None)
    waited = (triggered.delayed - triggered.at_once) / chatops.DELAY
    table.figure("  added by 100 ms a request, in such delays", waited, "{:.1f}", most=4.5 if held else None)


def main() -> None:
    """Measure and print, first on this machine's Python, then in the images where there is a Docker daemon."""
    table = Table()
    table.section(f"Start-up on Python {sys.version.split()[0]} of this machine (medians of {ROUNDS} alternating runs)")
    for action in ACTIONS:
        printed = subprocess.run(
            [sys.executable, "-P", "tests/bench/startup.py", action], stdout=subprocess.PIPE, text=True, check=True
        ).stdout
        startup_rows(table, json.loads(printed.splitlines()[-1]), action)

    table.section("A command that triggers (chatops: check run, reaction, label)")
    triggered = chatops.measure()
    table.figure("requests to GitHub", len(triggered.requests), COUNT, most=9)
    for request in triggered.requests:
        print(f"      {request}")
    triggered_rows(table, triggered)

    table.section(
        f"Reading a comment of {long_comments.LONG // 1000} kB (chatops: the kind that grows worst with its length)"
    )
    growth = long_comments.measure()
    table.figure(growth.kind, growth.ratio, TIMES, of="the time of one of a quarter, for each byte", most=1.5)
    table.figure("  seconds", growth.seconds, SECONDS)

    table.section(f"wandb-runs on {wandb.RUNS:,} runs with {wandb.KEYS:,} summary keys each")
    wandb_rows(table, wandb.measure())

    table.section(
        f"Reports on seeds, {seed_reports.REPORTS:,} simulated for each setting (wandb-runs, ten metrics a report)"
    )
    seed_rows(table)

    table.section(f"Hashing a context of {docker.FILES:,} files (docker-publish)")
    hashing, looking = docker.reading_context()
    table.figure("on one core", hashing, SECONDS, most=2)
    table.figure("the look for warnings", looking / hashing, TIMES, of="the hash", most=1.5)

    table.section(f"A workflow of {argo.NODES:,} nodes, followed for a simulated hour (argo-submit, without logs)")
    followed, watched = argo.measure()
    table.figure("bytes", followed.bytes / watched.bytes, SHARE, of="watching the whole object", most=0.05)
    table.figure("peak memory", followed.memory / watched.memory, SHARE, of="watching the whole object", most=0.20)
    table.figure("end noticed after", followed.late, SECONDS, most=1)
    for name, logs in argo_logs.measure().items():
        most = argo_logs.MAX_MEGABYTES[name]
        table.figure(f"{name}: peak memory", logs.memory / MEGABYTE, "{:.0f} MB", most=most)
        table.figure("  end noticed after", logs.late, SECONDS, most=1)
        table.figure("  logs shown", logs.shown, COUNT)
    reach, client = argo.imports()
    table.figure("importing what reaches a cluster", reach / client, SHARE, of="`import kubernetes.config`", most=0.5)

    try:
        image_rows(table)
    except DaemonError as error:
        table.section("Images")
        table.words("not measured", str(error))
    table.end()


def wandb_rows(table: Table, figures: wandb.Figures) -> None:
    """Print what the report cost, as shares of the SDK's own listing of the same runs."""
    action, sdk = figures.action, figures.sdk
    listing = "`wandb.Api().runs(..., lazy=False)`"
    table.figure("bytes of all answers", action.size / sdk.size, SHARE, of=listing, most=0.03)
    table.figure("time, start to end", action.seconds / sdk.seconds, SHARE, of=listing, most=0.10)
    table.figure("peak memory", action.peak / sdk.peak, SHARE, of=listing, most=0.20)
    table.figure("requests", action.requests, COUNT)
    table.figure("  the listing's", sdk.requests, COUNT)
    table.figure(f"requests on {wandb.FEW} runs", figures.few_runs.requests, COUNT)
    table.figure("  for details", figures.few_runs.details, COUNT, most=12)


def seed_rows(table: Table) -> None:
    """Print the worst of all counts of seeds for each kind of noise; `tests/bench/statistics.py` prints each."""
    settings = [*seed_reports.unpaired(), *seed_reports.paired(), *seed_reports.chosen()]
    kinds: dict[str, list[seed_reports.Figures]] = {}
    for setting, figures in seed_reports.all_of(settings):
        same = ", the same seeds" if setting.by_seed is not None else ""
        kind = f"the best of {setting.choice.text}" if setting.choice.text else setting.noise + same
        kinds.setdefault(kind, []).append(figures)
    for kind, found in kinds.items():
        table.figure(
            f"{kind}: reports with a false claim", max(each.false for each in found), SHARE, most=seed_reports.MAX_FALSE
        )
        least = seed_reports.MIN_COVERAGE
        table.figure("  truth within the 95 % interval", min(each.coverage for each in found), SHARE, least=least)
    for setting, figures in seed_reports.all_of(seed_reports.gains()):
        same = "" if setting.by_seed is None else f", the same seeds (correlation {setting.by_seed:g})"
        name, of = f"gains found, {setting.counts}{same}", "those that Welch's test finds"
        table.figure(name, figures.power / figures.welch, TIMES, of=of, least=seed_reports.MIN_POWER)


def image_rows(table: Table) -> None:
    """Print each image's size, and the start-up inside it."""
    with images.built() as (daemon, names):
        size_rows(table, daemon, names)
        pull_rows(table, daemon, names)
        table.section("Start-up in the images, on their own Python")
        for action in ACTIONS:
            startup_rows(table, images.startup(daemon, names[action], action), action, held=True)
        triggered_rows(table, chatops.measure(partial(images.repeated, daemon, names["chatops"])), held=True)
        table.section("Publishing (docker-publish in its image, on a daemon of its own)")
        publishing_rows(table, docker.measure(daemon, names))
        registries_rows(table, registries.measure(daemon, names))
        compression_rows(table, daemon, names)


def size_rows(table: Table, daemon: Docker, names: Mapping[str, str]) -> None:
    """Print what a machine that has nothing of an image downloads, and what one downloads that uses all of them."""
    table.section("Images, as a registry holds them")
    with TemporaryDirectory() as folder, debian_registry(Path(folder)) as registry:
        layers = {action: compressed_layers(daemon, registry, names[action]) for action in ACTIONS}
    for action, of in layers.items():
        table.figure(action, sum(of.values()) / MEGABYTE, "{:.1f} MB", most=MAX_MEGABYTES[action])
    together = {digest: size for of in layers.values() for digest, size in of.items()}
    table.figure("all four, each layer once", sum(together.values()) / MEGABYTE, "{:.1f} MB", most=MAX_TOGETHER)


def pull_rows(table: Table, daemon: Docker, names: Mapping[str, str]) -> None:
    """Print what a job waits for before chatops has read a comment, against the images of an older commit."""
    table.section(f"From `docker pull` to chatops' decision, beside commit {pulls.BASELINE} on one daemon")
    try:
        figures = pulls.measure(daemon, names)
    except DaemonError as reason:
        table.words("not measured", str(reason))
        return
    before = f"{figures.baseline_seconds:.2f} s"
    table.figure("with an empty store", figures.to_decision, TIMES, of=before, most=0.45)
    table.figure("  seconds", figures.seconds, SECONDS)
    table.figure("with the image there, the entry point", figures.start_inside, TIMES, of="the older image's", most=1)
    table.figure("  the whole `docker run`, mostly the daemon's", figures.start, TIMES, of="the older image's")
    table.figure("a build from source, nothing cached", figures.build, SECONDS, most=60)


def publishing_rows(table: Table, figures: docker.Publishing) -> None:
    """Print what publishing cost, as multiples of `docker buildx build --push`."""
    small, large, plain = docker.SMALL, docker.LARGE, "`docker buildx build --push`"
    table.figure(f"a first build of {docker.MIDDLE} MB", figures.first_build, TIMES, of=plain, most=1.1)
    name = f"reuse of {large} MB"
    table.figure(name, figures.reused[large] / figures.reused[small], TIMES, of=f"reuse of {small} MB", most=1.5)
    for kind, described in docker.CACHES.items():
        if kind in figures.ratios:
            most = 0.2 if kind == docker.HELD else None
            table.figure(f"{name}, {kind}", figures.ratios[kind], TIMES, of=f"{plain}, {described}", most=most)
        else:
            table.words(f"{name}, {kind}", "not measured: no Go here to make BuildKit with")


def registries_rows(table: Table, figures: registries.Publications) -> None:
    """Print what a second registry adds."""
    layers = f"{registries.MEGABYTES} MB in {registries.LAYERS} layers"
    table.figure(f"a build of {layers}, to one registry", figures.one, SECONDS)
    table.figure("  to two registries", figures.two / figures.one, TIMES, of="publishing to one", most=1.3)


def compression_rows(table: Table, daemon: Docker, names: Mapping[str, str]) -> None:
    """Print what each compression costs."""
    files = f"{compression.PACKAGES} MB of Python packages and {compression.WEIGHTS} MB of weights"
    table.section(f"Compression of {files} (docker-publish in its image, on a BuildKit)")
    try:
        figures = compression.measure(daemon, names)
    except pytest.skip.Exception as reason:
        table.words("not measured", str(reason))
        return
    for kind, figure in figures.items():
        table.figure(f"{kind}: bytes in the registry", figure.size / MEGABYTE, "{:.1f} MB")
        table.figure("  build and push", figure.published, SECONDS)
        table.figure("  pull and unpack", figure.pulled, SECONDS)


if __name__ == "__main__":
    main()
