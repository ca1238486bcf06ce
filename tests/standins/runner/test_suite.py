"""`mlops-actions sandbox`: one process, four addresses, one environment to export."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """The process, and the variables that it printed."""
    code = "import sys; from mlops_sandbox.suite import serve; sys.exit(serve())"
    argv = [sys.executable, "-c", code]
    with subprocess.Popen(
        argv, cwd=tmp_path, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)}
    ) as process:
        assert process.stdout is not None
        exported = {}
        for line in process.stdout:
            if line.startswith("export "):
                name, _, value = shlex.split(line)[1].partition("=")
                exported[name] = value
            elif "until stopped" in line:
                break
        yield process, exported
        process.kill()


def ask(url: str, token: str = "", body: bytes | None = None) -> tuple[int, bytes]:
    headers = {"Authorization": token} if token else {}
    try:
        with DIRECT.open(urllib.request.Request(url, body, headers), timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_the_exported_variables_lead_to_four_servers(served: tuple[subprocess.Popen[str], dict[str, str]]) -> None:
    _, exported = served
    config = yaml.safe_load(Path(exported["KUBECONFIG"]).read_text())
    cluster, user = config["clusters"][0]["cluster"]["server"], config["users"][0]["user"]["token"]

    status, pulls = ask(f"{exported['GITHUB_API_URL']}/repos/octo-org/sandbox/pulls", f"Bearer {exported['GITHUB_TOKEN']}")
    assert (status, [pull["number"] for pull in json.loads(pulls)]) == (200, [1])
    assert ask(f"{exported['GITHUB_SERVER_URL']}/octo-org/sandbox/pull/1")[0] == 200
    assert ask(f"http://{exported['REGISTRY']}/v2/")[0] == 401
    assert ask(f"{cluster}/apis/argoproj.io/v1alpha1/namespaces/default/workflows/none", f"Bearer {user}")[0] == 404
    assert ask(f"{cluster}/api/v1/namespaces/default/secrets/wandb", f"Bearer {user}")[0] == 403
    assert Path(exported["KUBECONFIG"]).stat().st_mode & 0o077 == 0
    assert ask(f"{exported['WANDB_BASE_URL']}/")[0] == 200


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_sandbox_and_nothing_is_left(
    served: tuple[subprocess.Popen[str], dict[str, str]], number: signal.Signals, tmp_path: Path
) -> None:
    process, _ = served
    assert list(tmp_path.iterdir())
    process.send_signal(number)
    assert process.wait(30) == 0
    assert list(tmp_path.iterdir()) == []
