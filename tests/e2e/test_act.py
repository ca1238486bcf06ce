"""What the other tests rely on: act runs container actions, their outputs flow, and they reach loopback."""

from __future__ import annotations

import http.server
import json
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.e2e.act import SUITE, Act
from tests.support.git import commit

PROBE = """\
#!/opt/mlops-actions/bin/python -IBu
import json, os, urllib.request

with urllib.request.urlopen(os.environ["GITHUB_API_URL"] + "/ping") as answer:
    status = answer.status
with open(os.environ["GITHUB_EVENT_PATH"]) as file:
    event = json.load(file)
found = {
    "said": os.environ["INPUT_SOME-INPUT"],
    "token": os.environ["INPUT_GITHUB-TOKEN"] == "token-of-the-run",
    "status": status,
    "number": event["issue"]["number"],
    "event": os.environ["GITHUB_EVENT_NAME"],
    "repository": os.environ["GITHUB_REPOSITORY"],
    "server": os.environ["GITHUB_SERVER_URL"],
    "files": sorted(os.listdir(os.environ["GITHUB_WORKSPACE"])),
    "socket": os.path.exists("/var/run/docker.sock"),
}
print("the probe ran")
with open(os.environ["GITHUB_OUTPUT"], "a") as file:
    file.write("found<<EOF_1\\n" + json.dumps(found, sort_keys=True) + "\\nEOF_1\\n")
    file.write("lines<<EOF_2\\none\\n::set-output name=x::y\\nEOF_2\\n")
with open(os.environ["GITHUB_STEP_SUMMARY"], "a") as file:
    file.write("# Probed\\n")
"""
ACTION = """\
name: probe
description: says what a container action sees
inputs:
  some-input: {description: text}
  github-token: {description: token, default: '${{ github.token }}'}
outputs:
  found: {description: JSON}
  lines: {description: several lines}
runs:
  using: docker
  image: ../../Dockerfile.probe
  entrypoint: /probe
"""
WORKFLOW = f"""\
on: issue_comment
jobs:
  first:
    runs-on: ubuntu-latest
    outputs:
      found: ${{{{ steps.probe.outputs.found }}}}
    steps:
      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683
        with:
          ref: ${{{{ github.event.sha }}}}
          persist-credentials: false
      - uses: {SUITE}/actions/probe@v1
        id: probe
        with:
          some-input: two words
      - id: after
        env:
          LINES_OF: ${{{{ steps.probe.outputs.lines }}}}
        run: printf 'got=%s\\n' "$(printf %s "$LINES_OF" | wc -l)" >> "$GITHUB_OUTPUT"
  second:
    needs: first
    runs-on: ubuntu-latest
    steps:
      - id: across
        env:
          NUMBER: ${{{{ fromJSON(needs.first.outputs.found).number }}}}
        run: echo "number=$NUMBER" >> "$GITHUB_OUTPUT"
"""


@pytest.fixture
def address() -> Iterator[str]:
    class Ping(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ping) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_container_action_sees_the_event_its_inputs_and_the_checkout_and_its_outputs_flow(
    act: Act, images: Mapping[str, str], tmp_path: Path, address: str
) -> None:
    suite = tmp_path / "suite"
    for name, text in {
        "actions/probe/action.yml": ACTION,
        "probe": PROBE,
        "Dockerfile.probe": f"FROM {images['chatops']}\nCOPY probe /probe\n",
    }.items():
        (suite / name).parent.mkdir(parents=True, exist_ok=True)
        (suite / name).write_text(text)
    (suite / "probe").chmod(0o755)
    origin = tmp_path / "origin"
    origin.mkdir()
    subprocess.run(["git", "init", "--quiet", "--initial-branch", "main", str(origin)], check=True)
    commit(origin, {".github/workflows/probe.yml": WORKFLOW}, "Add a workflow")
    subprocess.run(["git", "-C", str(origin), "checkout", "--quiet", "-b", "change"], check=True)
    sha = commit(origin, {"model.txt": "weights\n"}, "Change the model")

    run = Act(act.docker, images, suite, act.root).run(
        origin,
        ".github/workflows/probe.yml",
        event_name="issue_comment",
        event={"action": "created", "issue": {"number": 7}, "sha": sha},
        repository="octo-org/digits",
        env={"GITHUB_API_URL": address, "GITHUB_SERVER_URL": address},
        secrets={"GITHUB_TOKEN": "token-of-the-run"},
        rebuild=True,
    )

    assert run.exit_code == 0, run.transcript
    assert run.jobs == {"first": "success", "second": "success"}
    probe = run.step("probe")
    assert probe.outcome == "success"
    assert "the probe ran\n" in probe.log
    assert probe.summary == "# Probed\n"
    assert probe.outputs["lines"] == "one\n::set-output name=x::y"
    assert json.loads(probe.outputs["found"]) == {
        "event": "issue_comment",
        "files": [".git", ".github", "model.txt"],
        "number": 7,
        "repository": "octo-org/digits",
        "said": "two words",
        "server": address,
        "socket": True,
        "status": 204,
        "token": True,
    }
    assert run.step("after").outputs == {"got": "1"}
    assert run.step("across", "second").outputs == {"number": "7"}
