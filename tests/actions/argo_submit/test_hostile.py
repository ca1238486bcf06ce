"""Attacks on the runner's commands, on secrets, on memory and time."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops_actions.argo_submit import log_lines, parameters, status
from mlops_sandbox.cluster import Cluster
from mlops_sandbox.cluster.resources import WORKFLOWS
from mlops_sandbox.host import Host
from tests.actions.argo_submit.apis import APIS
from tests.actions.argo_submit.job import Job, manifest, shell

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)
MERGES = "a0: &a0 {k: v}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 40))
CIRCLE = "a: &a [*a]\n"
ESCAPED = "\x1b]0;title\x07\x1b[2J\x1b[1;1H\x1b]8;;https://evil.test\x1b\\link\x1b]8;;\x1b\\\x1b[31mred\x1b[0m\x9b2K\x08\x00"


@pytest.mark.parametrize("text", [BOMB, MERGES, CIRCLE], ids=["aliases", "merge keys", "a circle"])
def test_a_yaml_bomb_is_refused_at_once(job: Job, text: str) -> None:
    """Wherever YAML is read: a manifest, parameters, a parameter file, labels, a kubeconfig."""
    job.write("p.yaml", text)
    job.write("wf.yaml", shell("true") + text)
    job.write("kubeconfig", yaml.safe_dump({"clusters": [], "users": [], "contexts": []}) + text)
    for inputs in (
        {"workflow": "wf.yaml"},
        {"workflow": shell("true"), "parameter_file": "p.yaml"},
        {"workflow": shell("true"), "parameters": text},
        {"workflow": shell("true"), "labels": text},
        {"workflow": shell("true"), "kubeconfig": str(job.workspace / "kubeconfig")},
    ):
        assert job.run(**inputs) == 2, inputs


def test_a_repeated_key_cannot_bypass_a_check(job: Job) -> None:
    twice = shell("true").replace("spec:\n", "spec:\n  serviceAccountName: one\n  serviceAccountName: two\n")
    assert job.run(workflow=twice) == 2
    assert "the key 'serviceAccountName' is given twice" in job.error


@pytest.mark.parametrize("name", ["workflow", "parameter_file"])
@pytest.mark.parametrize("path", ["link.yaml", "l*.yaml", "linked/secret.yaml", "linked/*", "sub/../../secret.yaml"])
def test_links_and_globs_do_not_lead_out_of_the_workspace(job: Job, name: str, path: str) -> None:
    outside = job.directory / "outside"
    outside.mkdir()
    (outside / "secret.yaml").write_text("secret: s3cret-value\n")
    (job.workspace / "link.yaml").symlink_to(outside / "secret.yaml")
    (job.workspace / "linked").symlink_to(outside)
    inputs = {"workflow": shell("true"), name: path}
    assert job.run(**inputs) == 2
    assert "s3cret-value" not in job.log
    assert "leads out of the workspace" in job.error or "names no file" in job.error


def checked_out(job: Job, cluster: Cluster, host: Host, **user: str) -> str:
    """A kubeconfig in the workspace, where a pull request could have put it."""
    config: dict[str, Any] = yaml.safe_load(cluster.kubeconfig(host.url))
    config["users"][0]["user"] = user
    return str(job.workspace / job.write("ci/kubeconfig", yaml.safe_dump(config)))


@pytest.mark.parametrize("reference", ["absolute", "relative", "link"])
@pytest.mark.parametrize("by", ["input", "variable"])
def test_a_kubeconfig_in_the_workspace_cannot_send_away_a_file(
    job: Job, cluster: Cluster, host: Host, reference: str, by: str
) -> None:
    """As the token, to the server that it names."""
    secret = job.workspace / "gha-creds-0123.json"
    secret.write_text(cluster.submitter_token)  # it would even work
    path = {"absolute": str(secret), "relative": "../gha-creds-0123.json", "link": "token"}[reference]
    kubeconfig = checked_out(job, cluster, host, tokenFile=path)
    (job.workspace / "ci" / "token").symlink_to(secret)
    job.environ["KUBECONFIG"] = kubeconfig if by == "variable" else ""
    assert job.run(workflow=shell("true"), **({"kubeconfig": kubeconfig} if by == "input" else {})) == 2
    assert "refers to a file outside of its own directory: tokenFile" in job.error
    assert cluster.requests == []


def test_a_kubeconfig_in_the_workspace_may_refer_to_files_beside_it(job: Job, cluster: Cluster, host: Host) -> None:
    subprocess.run(["git", "init", "--quiet", str(job.workspace)], check=True)
    kubeconfig = checked_out(job, cluster, host, tokenFile="token")
    (job.workspace / "ci" / "token").write_text(cluster.submitter_token)
    assert job.run(workflow=shell("true"), kubeconfig=kubeconfig) == 0


def test_a_kubeconfig_in_the_workspace_cannot_be_a_link_out_of_it(job: Job, cluster: Cluster, host: Host) -> None:
    own = cluster.write_kubeconfig(job.directory / "own", host.url)
    link = job.workspace / "kubeconfig"
    link.symlink_to(own)
    assert job.run(workflow=shell("true"), kubeconfig=str(link)) == 2
    assert "leads out of the workspace" in job.error
    assert cluster.requests == []


@pytest.mark.parametrize("token", ["s3cret\nX-Injected: yes", "s3 cret", "s3cret\u00e9", "s3cret\r\n\r\nGET /"])
def test_a_token_cannot_become_a_header(job: Job, cluster: Cluster, host: Host, token: str) -> None:
    config: dict[str, Any] = yaml.safe_load(cluster.kubeconfig(host.url))
    config["users"][0]["user"] = {"token": token}
    assert job.run(workflow=shell("true"), kubeconfig=yaml.safe_dump(config)) == 2
    assert "its token has a blank or a character beyond ASCII" in job.error
    file = job.directory / "token"
    file.write_bytes(token.encode())
    config["users"][0]["user"] = {"tokenFile": str(file)}
    assert job.run(workflow=shell("true"), kubeconfig=yaml.safe_dump(config)) == 2
    assert "holds no token" in job.error
    assert cluster.requests == []
    assert "s3cret" not in "".join(line for line in job.log.splitlines(True) if not line.startswith("::add-mask::"))


def test_annotations_beyond_the_limit_of_kubernetes_are_named(job: Job, cluster: Cluster) -> None:
    assert job.run(workflow=shell("true"), annotations=json.dumps({"note": "x" * 300_000})) == 2
    cause, remedy = job.error.splitlines()
    assert "Kubernetes accepts 262,144: the largest is 'note' (300,004 bytes)" in cause
    assert "shorten it" in remedy
    assert cluster.requests == []


def test_a_value_beyond_the_size_of_an_object_is_named(job: Job, cluster: Cluster) -> None:
    job.write("p.yaml", json.dumps({"text": "x" * 2_000_000, "other": "1"}))
    text = shell("true", parameters="{name: text}, {name: other}")
    assert job.run(workflow=text, parameter_file="p.yaml") == 2
    assert "a cluster stores 1,572,864; parameter 'text' alone takes 2,000,000" in job.error
    assert cluster.requests == []


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("plain", "plain"),
        ("tab\tand é ☃", "tab\tand é ☃"),
        ("\x1b[1;31mred\x1b[0m", "\x1b[1;31mred\x1b[0m\x1b[0m"),
        (ESCAPED, "link\x1b[31mred\x1b[0m2K\x1b[0m"),
        ("\x1b[31mnever reset", "\x1b[31mnever reset\x1b[0m"),
        ("\x1b]0;never ended", ""),
        ("\x1b[" + "1" * 100_000 + "m", ""),
        ("\x1b", ""),
    ],
)
def test_a_log_line_keeps_its_colours_and_nothing_else(text: str, kept: str) -> None:
    assert log_lines.printable(text) == kept


def test_names_and_messages_of_nodes_cannot_rewrite_the_log(job: Job, cluster: Cluster) -> None:
    name = "a\x1b[2K\r::error::forged\n::set-output name=x::y"
    node: dict[str, Any] = {
        "id": "w-1",
        "name": "w.a",
        "displayName": name,
        "type": "Pod",
        "templateName": "t",
        "phase": "Failed",
    }
    node |= {"message": f"{ESCAPED}\n::add-mask::the", "outputs": {"exitCode": "1"}}
    done = {"phase": "Failed", "message": "\x1b[8mhidden\n##[error]forged", "nodes": {"w-1": node}}
    cluster.store.create(WORKFLOWS, "default", {"metadata": {"name": "w"}, "spec": {}, "status": done})
    assert job.run(attach="w", logs="none") == 1
    assert "\x1b" not in job.log + job.summary
    assert "\r" not in job.log
    assert not [line for line in job.log.splitlines() if "##[" in line and not line.startswith("::error ")]
    commands = [line.split("::")[1].split(" ")[0] for line in job.log.splitlines() if line.startswith("::")]
    assert set(commands) == {"add-mask", "error"}
    assert "forged" not in [line.partition("::error::")[2] for line in job.log.splitlines()]


def test_a_status_has_no_control_characters() -> None:
    assert (
        status.without_controls(f"one\ntwo\t{ESCAPED}")
        == "one\ntwo\t]0;title[2J[1;1H]8;;https://evil.test\\link]8;;\\[31mred[0m2K"
    )


HEREDOC = "x\nghadelimiter_0\nEOF\nphase<<EOF\nSucceeded\nEOF\n::set-output name=phase::Succeeded"


@pytest.mark.parametrize("api", APIS)
def test_an_output_cannot_leave_its_table_cell(job: Job) -> None:
    """Whatever a container writes: the other outputs are the action's."""
    write = f"printf '%s' {json.dumps(HEREDOC)!s} > /tmp/score; exit 0".replace('"', "'").replace("\\n", "\n")
    outputs = "{name: score, globalName: score, valueFrom: {path: /tmp/score}}"
    assert job.run(workflow=manifest("sh", "-c", write, outputs=outputs)) == 0
    assert json.loads(job.outputs["outputs"]) == {"score": HEREDOC}
    assert job.outputs["phase"] == "Succeeded"
    assert set(job.outputs) == {
        *("workflow-name", "workflow-namespace", "workflow-uid", "workflow-url", "phase", "message", "outputs"),
        *(
            "failed-nodes",
            "artifacts",
            "resources",
            "stopped",
            "duration",
            "attached",
            "comment-url",
            "WORKFLOW_URL",
            "result",
        ),
    }


@pytest.mark.parametrize("api", APIS)
def test_log_lines_cannot_leave_their_group(job: Job) -> None:
    lines = [
        "::error::forged",
        " \t::add-mask::the",
        "##[command]rm",
        "::endgroup::",
        "\\033[2J::warning::x",
        "%0A::error::y",
    ]
    script = "; ".join(f"printf '%b\\n' '{line}'" for line in lines)
    assert job.run(workflow=shell(script)) == 0
    commands = [line.split("::")[1].split(" ")[0] for line in job.log.splitlines() if line.lstrip().startswith("::")]
    assert [one for one in commands if one != "add-mask"] == ["group", "endgroup"]
    assert "##[" not in job.log
    assert "\x1b" not in job.log


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "__proto__": {"x": 1}}',
        "a: !!python/object/apply:os.system [id]",
        "a: !!python/name:os.system",
        "? [a, b]\n: c",
        "1: a",
        '{"a": NaN}',
        "a: " + "[" * 1_000,
    ],
)
def test_parameters_are_text_or_refused(text: str) -> None:
    try:
        parsed = parameters.parse(text)
    except ValueError:
        return
    assert all(isinstance(key, str) and isinstance(value, str) for key, value in parsed.items())


def test_credentials_leave_nothing_behind(job: Job) -> None:
    assert job.run(workflow=shell("true")) == 0
    assert [path for path in Path(job.environ["RUNNER_TEMP"]).iterdir() if path.name.startswith("mlops-actions-")] == []
