"""The questions to GitHub. Each returns observations by the keys of `assumptions.py`."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from canary.api import Api, CanaryError
from canary.assumptions import ACTIVITY_SECONDS

Observations = dict[str, Any]
# Actions tells nobody when a run ends: ask once in a while, up to a deadline.
INTERVAL = 10.0
RUN_SECONDS = 900.0
_TARGET = "https://example.com/mlops-actions-canary"
KNOWN_LABEL = "canary"
POST_STEPS_CHECK = "canary-post-steps"


class Canary:
    """One pull request of the canary, and what is asked about it.

    `run` names branch and labels, so that two canaries do not meet. `pause` waits a number of seconds.
    """

    def __init__(self, api: Api, run: str, pause: Callable[[float], None] = time.sleep) -> None:
        self._api = api
        self._run_id = run
        self._pause = pause
        self.branch = f"canary/{run}"

    def open(self) -> int:
        """Open a draft pull request on a branch of its own; return its number."""
        default = self._api.must("GET", "")["default_branch"]
        sha = self._api.must("GET", f"/git/ref/heads/{default}")["object"]["sha"]
        self._api.must("POST", "/git/refs", {"ref": f"refs/heads/{self.branch}", "sha": sha})
        self.push("open")
        if not self._api.send("GET", f"/labels/{KNOWN_LABEL}").succeeded:
            self._api.must("POST", "/labels", {"name": KNOWN_LABEL, "color": "ededed"})
        pull = self._api.must(
            "POST",
            "/pulls",
            {
                "title": f"Canary {self._run_id}",
                "head": self.branch,
                "base": default,
                "body": "The canary asks GitHub some questions here, and closes this pull request by itself.",
                "draft": True,
            },
        )
        return int(pull["number"])

    def push(self, name: str) -> str:
        """Put a commit on the branch; return its SHA."""
        text = base64.b64encode(f"{self._run_id}\n".encode()).decode()
        body = {"message": f"Canary: {name}", "content": text, "branch": self.branch}
        return str(self._api.must("PUT", f"/contents/canary-{self._run_id}-{name}.txt", body)["commit"]["sha"])

    def close(self, number: int) -> Observations:
        """Close the pull request, and delete its branch and labels, whatever is left of them; see what closing does."""
        seen: Observations = {}
        try:
            if self._api.send("PATCH", f"/pulls/{number}", {"state": "closed"}).succeeded:
                before = self._api.must("GET", f"/pulls/{number}")["head"]["sha"]
                self.push("closed")
                after = self._api.must("GET", f"/pulls/{number}")["head"]["sha"]
                seen["closed-head"] = "kept" if after == before else "moved"
        finally:
            self._api.send("DELETE", f"/git/refs/heads/{self.branch}")
            for kind in ("refused", "allowed"):
                self._api.send("DELETE", f"/labels/{self._label(kind)}")
        return seen

    def _label(self, kind: str) -> str:
        return f"canary-{kind}-{self._run_id}"

    def labels_without_issues(self, number: int) -> Observations:
        """Ask with `pull-requests: write` alone."""
        return {"known-label": self._add_label(number, KNOWN_LABEL),
                "new-label-refused": self._add_label(number, self._label("refused"))}  # fmt: skip

    def labels_with_issues(self, number: int) -> Observations:
        """Ask with `issues: write` too."""
        return {"new-label": self._add_label(number, self._label("allowed"))}

    def _add_label(self, number: int, name: str) -> int:
        return self._api.send("POST", f"/issues/{number}/labels", {"labels": [name]}).status

    def check_run(self, number: int) -> Observations:
        """Create and conclude a check run with an address of its own."""
        sha = self._api.must("GET", f"/pulls/{number}")["head"]["sha"]
        body = {"name": "canary", "head_sha": sha, "status": "in_progress", "details_url": _TARGET}
        created = self._api.send("POST", "/check-runs", body)
        if not created.succeeded:
            return {"check-run": [created.status]}
        concluded = self._api.send("PATCH", f"/check-runs/{created.document['id']}", {"conclusion": "success"})
        address = created.document.get("details_url")
        return {"check-run": [created.status, concluded.status], "details-url": "kept" if address == _TARGET else "replaced"}

    def activity(self) -> Observations:
        """Push, and measure how many seconds later the activity shows it (None: not in time)."""
        sha = self.push("activity")
        began = time.monotonic()
        while True:
            entries = self._api.must("GET", f"/activity?ref=refs/heads/{self.branch}")
            waited = time.monotonic() - began
            if any(entry["after"] == sha for entry in entries):
                return {"activity": round(waited, 1)}
            if waited > ACTIVITY_SECONDS:
                return {"activity": None}
            self._pause(1.0)

    def commands(self, number: int, workflow: str, key: str) -> Observations:
        """Comment three commands at once, and return how their runs of the workflow file ended, in the order of comments."""
        return {key: [run["conclusion"] for run in self._run(number, workflow, key, 3)]}

    def post_steps(self, number: int, workflow: str) -> Observations:
        """Give a command to the composite action, whose steps name their actions by `$/`; return how its run ended.

        Return too the state of the check run that the action's post step concludes.
        """
        (run,) = self._run(number, workflow, "post-steps", 1)
        seen: Observations = {"nested-reference": run["conclusion"]}
        sha = self._api.must("GET", f"/pulls/{number}")["head"]["sha"]
        found = self._api.must("GET", f"/commits/{sha}/check-runs?check_name={POST_STEPS_CHECK}")["check_runs"]
        if not found and run["conclusion"] == "success":
            raise CanaryError(f"the command began no check run {POST_STEPS_CHECK}: see the log of {workflow}")
        return {**seen, "post-steps": found[0]["status"]} if found else seen

    def reference(self, number: int, workflow: str) -> Observations:
        """Give a command whose workflow names its action by `$/`; return how its run ended, and how long its image took."""
        (run,) = self._run(number, workflow, "reference", 1)
        seen: Observations = {"reference": run["conclusion"]}
        answer = self._api.send("GET", f"/actions/runs/{run['id']}/jobs")
        jobs = answer.document["jobs"] if answer.succeeded else []
        steps = [step for job in jobs for step in job.get("steps") or () if step["name"].startswith(("Build ", "Pull "))]
        if steps:
            seen["image-time"] = sum(map(_seconds, steps))
        return seen

    def _run(self, number: int, workflow: str, key: str, count: int) -> list[Mapping[str, Any]]:
        """Comment `count` commands, and return their runs of the workflow file once all have ended; raises CanaryError."""
        titles = [f"/{key} {self._run_id} {position}" for position in range(1, count + 1)]
        for title in titles:
            self._api.must("POST", f"/issues/{number}/comments", {"body": title})
        runs = self._ended(workflow, titles)
        return [runs[title] for title in titles]

    def _ended(self, workflow: str, titles: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return the runs with these titles once all have ended; raises CanaryError where they do not in time."""
        deadline = time.monotonic() + RUN_SECONDS
        while True:
            listed = self._api.must("GET", f"/actions/workflows/{workflow}/runs?event=issue_comment&per_page=50")
            runs = {run["display_title"]: run for run in listed["workflow_runs"] if run["display_title"] in titles}
            if len(runs) == len(titles) and all(run["status"] == "completed" for run in runs.values()):
                return runs
            if time.monotonic() > deadline:
                states = ", ".join(f"{title}: {run['status']}" for title, run in runs.items()) or "none has started"
                raise CanaryError(f"the runs of {workflow} did not end in {RUN_SECONDS:.0f} s ({states})")
            self._pause(INTERVAL)


def _seconds(step: Mapping[str, Any]) -> int:
    began, ended = (datetime.fromisoformat(step[key]) for key in ("started_at", "completed_at"))
    return int((ended - began).total_seconds())
