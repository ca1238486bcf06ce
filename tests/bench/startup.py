"""Time how an action starts, on whatever Python runs this file; prints one JSON document.

On the standard library alone, so that it also runs inside the images: `python startup.py ACTION`.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROUNDS = 11
PAIRS = 25  # of the one figure that is a ratio of two short times
STEP_SECONDS = 60
BARE = [sys.executable, "-c", "pass"]
FLOOR = [sys.executable, "-c", "import json, os, re, dataclasses"]
REPOSITORY = {"id": 1, "full_name": "octo/digits", "default_branch": "main"}
USER = {"login": "octocat", "type": "User"}
LIST_THIRD_PARTY = """
import sys
before = set(sys.modules)
import os
from mlops_actions.__main__ import act
act("chatops", os.environ)
found = {
    name.partition(".")[0] for name, module in sys.modules.items()
    if name not in before and "site-packages" in (getattr(module, "__file__", None) or "")
}
print("THIRD-PARTY " + " ".join(sorted(found - {"mlops_actions"})))
"""


def comment_event(body: str) -> dict[str, object]:
    """An `issue_comment` payload, as far as the action reads it."""
    return {
        "action": "created",
        "sender": USER,
        "repository": REPOSITORY,
        "issue": {"number": 7, "pull_request": {"url": "https://example.com"}},
        "comment": {
            "id": 1,
            "body": body,
            "user": USER,
            "html_url": "https://example.com",
            "created_at": "2026-01-01T00:00:00Z",
        },
    }


def environment(folder: Path, address: str, body: str = "/train") -> dict[str, str]:
    """Everything each action needs to reach its first request, all of it pointing at `address` (host:port)."""
    event = folder / "event.json"
    event.write_text(json.dumps(comment_event(body)))
    (folder / "Dockerfile").write_text("FROM scratch\n")
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": f"http://{address}"}}],
        "users": [{"name": "u", "user": {"token": "bench-token"}}],
    }
    container = {"name": "main", "container": {"image": "scratch", "command": ["true"]}}
    workflow = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": "bench-"},
        "spec": {"entrypoint": "main", "templates": [container]},
    }
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("INPUT_", "GITHUB_"))},
        "GITHUB_REPOSITORY": "octo/digits",
        "GITHUB_EVENT_NAME": "issue_comment",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_WORKSPACE": str(folder),
        "GITHUB_API_URL": f"http://{address}/api/v3",
        "GITHUB_SERVER_URL": f"http://{address}",
        "GITHUB_SHA": "a" * 40,
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_RUN_ID": "1",
        "RUNNER_TEMP": str(folder),
        "DOCKER_HOST": f"tcp://{address}",
        "INPUT_COMMANDS": "/train",
        "INPUT_GITHUB-TOKEN": "bench-token",
        "INPUT_IMAGE": "bench",
        "INPUT_REGISTRY": address,
        "INPUT_USERNAME": "bench",
        "INPUT_PASSWORD": "bench-password",
        "INPUT_SHA": "a" * 40,
        "INPUT_REF": "refs/heads/main",
        "INPUT_WORKFLOW": json.dumps(workflow),
        "INPUT_KUBECONFIG": json.dumps(kubeconfig),
        "INPUT_PROJECT": "octo/digits",
        "INPUT_BASE-URL": f"http://{address}",
        "INPUT_API-KEY": "bench-key",
    }


class Doorbell:
    """A port that notes when it was first reached, and answers nobody."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._rung = threading.Event()
        self._at = 0.0
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        held = []
        while True:
            try:
                held.append(self._listener.accept()[0])
            except OSError:
                return
            if not self._rung.is_set():
                self._at = time.perf_counter()
                self._rung.set()

    def wait(self, seconds: float) -> float | None:
        """The moment it rang, on `time.perf_counter`'s clock, or None."""
        return self._at if self._rung.wait(seconds) else None

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()


def run_time(command: list[str], env: dict[str, str]) -> float:
    """Seconds from start to end; raises CalledProcessError where the command fails."""
    began = time.perf_counter()
    subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL, timeout=STEP_SECONDS)
    return time.perf_counter() - began


def first_request(command: list[str], folder: Path) -> float:
    """Seconds from start to the first connection; raises RuntimeError where none came."""
    door = Doorbell()
    began = time.perf_counter()
    process = subprocess.Popen(
        command, env=environment(folder, door.address), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        # A step that fails before it connects must not be waited for, and must say what it said.
        threading.Thread(target=lambda: process.wait() and door.close(), daemon=True).start()
        while (rung := door.wait(0.5)) is None:
            if process.poll() is not None or time.perf_counter() - began > STEP_SECONDS:
                said = process.communicate(timeout=5)[0].decode(errors="replace") if process.poll() is not None else ""
                raise RuntimeError(f"{command} made no request: {said}")
        return rung - began
    finally:
        process.kill()
        process.wait()
        door.close()


def summary(times: list[float]) -> dict[str, float]:
    """Minimum, median and maximum, in seconds."""
    return {"min": min(times), "median": statistics.median(times), "max": max(times)}


def stage(action: str) -> list[str]:
    """Return what starts an action: in an image its entry point."""
    entry = Path(sys.executable).with_name(action)
    return [str(entry)] if entry.exists() else [sys.executable, "-m", "mlops_actions", action]


def ignored(command: list[str], folder: Path, env: dict[str, str]) -> dict[str, object]:
    """Measure a comment that is no command against FLOOR, in pairs: noise that lasts hits both, and the rest the median."""
    event = json.dumps(comment_event("Nice work, thank you"))
    (folder / "event.json").write_text(event)
    pairs = []
    for number in range(PAIRS):
        # Who comes second finds the machine as the first has left it, so they take turns.
        order = (FLOOR, command) if number % 2 else (command, FLOOR)
        times = {tuple(one): run_time(one, env) for one in order}
        pairs.append((times[tuple(FLOOR)], times[tuple(command)]))
    return {
        "ignored": summary([took for _, took in pairs]),
        "ignored_of_floor": statistics.median(took / floor for floor, took in pairs),
    }


def measure(action: str) -> dict[str, object]:
    """Every figure of one action; runs of what is compared alternate, so that noise hits all of them alike."""
    command = stage(action)
    found: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        times: dict[str, list[float]] = {"bare": [], "first_request": []}
        quiet = environment(folder, "127.0.0.1:9", "Nice work, thank you")
        if action == "chatops":
            listed = subprocess.run(
                [sys.executable, "-c", LIST_THIRD_PARTY], env=quiet, capture_output=True, text=True, check=True
            )
            found["third_party"] = listed.stdout.rpartition("THIRD-PARTY ")[2].split()
            found |= ignored(command, folder, quiet)
        for _ in range(ROUNDS):
            times["bare"].append(run_time(BARE, quiet))
            times["first_request"].append(first_request(command, folder))
    return {**found, **{name: summary(values) for name, values in times.items()}}


if __name__ == "__main__":
    try:
        print(json.dumps(measure(sys.argv[1])))
    except RuntimeError as reason:
        # What the action itself says it lacks here, such as buildx.
        print(json.dumps({"not_measured": " ".join(str(reason).split())}))
