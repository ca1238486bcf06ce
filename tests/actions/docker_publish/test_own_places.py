"""Layer caches and exported files that the user names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.core.errors import BadInput
from tests.actions.docker_publish.publisher import Publisher
from tests.actions.docker_publish.test_run import COMMENT
from tests.support.local_docker import LocalDaemon

OWN = "ghcr.io/octo/digits:layers"
SERVICE = {"ACTIONS_RESULTS_URL": "https://results.example/", "ACTIONS_RUNTIME_TOKEN": "t"}


def arguments(publisher: Publisher, build: int = -1) -> list[str]:
    return [text for text in publisher.docker.builds[build][0] if text.startswith(("--cache-", "--output", "--no-cache"))]


@pytest.fixture
def containerd(publisher: Publisher) -> Publisher:
    publisher.docker.facts = LocalDaemon(containerd_store=True)
    return publisher


@pytest.mark.parametrize(
    ("given", "expected", "kind"),
    [
        ({"cache-from": OWN}, [f"--cache-from=type=registry,ref={OWN}"], "own"),
        (
            {"cache-from": OWN, "cache-to": f"type=registry,ref={OWN},mode=max"},
            [f"--cache-from=type=registry,ref={OWN}", f"--cache-to=type=registry,ref={OWN},mode=max"],
            "own",
        ),
        (
            {"cache-from": "type=gha,scope=train"},
            [
                "--cache-from=type=gha,version=2,url_v2=https://results.example/,url=https://results.example/,scope=train",
            ],
            "own",
        ),
        (
            {"cache-from": f"{OWN}\n{OWN}2"},
            [f"--cache-from=type=registry,ref={OWN}", f"--cache-from=type=registry,ref={OWN}2"],
            "own",
        ),
        ({"cache-to": "type=inline", "cache": "none"}, ["--cache-to=type=inline"], "own"),
    ],
)
def test_caches_of_one_s_own_replace_the_chosen_one(
    containerd: Publisher, given: dict[str, str], expected: list[str], kind: str
) -> None:
    outcome = containerd.publish(given, environ=SERVICE)
    assert arguments(containerd) == expected
    assert outcome.result["cache"] == kind


def test_caches_of_one_s_own_stand_beside_the_one_that_cache_names(containerd: Publisher) -> None:
    outcome = containerd.publish({"cache": "registry", "cache-from": OWN})
    common = f"{containerd.host}/octo/digits:buildcache"
    assert arguments(containerd) == [
        f"--cache-from=type=registry,ref={common}",
        f"--cache-from=type=registry,ref={common}-open",
        f"--cache-to=type=registry,ref={common}-open,mode=max,ignore-error=true",
        f"--cache-from=type=registry,ref={OWN}",
    ]
    assert outcome.result["cache"] == "registry and own"


def test_a_pull_request_does_not_write_a_cache_that_others_read(containerd: Publisher) -> None:
    outcome = containerd.publish({"cache-from": OWN, "cache-to": OWN}, event="issue_comment", payload=COMMENT)
    assert arguments(containerd) == [f"--cache-from=type=registry,ref={OWN}"]
    assert any("which a pull request does not write" in note for note in outcome.result["notes"])


def test_a_daemon_that_cannot_export_a_cache_is_told(publisher: Publisher) -> None:
    with pytest.raises(BadInput, match="cache-to"):
        publisher.publish({"cache-to": OWN})
    assert not publisher.docker.builds
    publisher.publish({"cache-to": "type=inline", "cache-from": OWN})
    assert arguments(publisher) == [f"--cache-from=type=registry,ref={OWN}", "--cache-to=type=inline"]


def test_files_are_exported_after_a_build_and_after_a_reuse(publisher: Publisher) -> None:
    given = {"outputs": "type=local,dest=out\ntype=local,dest=out2/files", "cache": "none"}
    (publisher.workspace / ".dockerignore").write_text("out*\n")
    for built, runs, options in (("true", 3, "--no-cache"), ("false", 2, "")):
        publisher.docker.builds.clear()
        outcome = publisher.publish(given | {"build-options": options})
        assert outcome.outputs["built"] == built
        assert len(publisher.docker.builds) == runs
        exports = [arguments(publisher, number) for number in (-2, -1)]
        assert exports == [[f"--output=type=local,dest={publisher.workspace / path}"] for path in ("out", "out2/files")]
        assert not any(text.startswith(("--tag", "--push")) for text in publisher.docker.builds[-1][0])
        assert (publisher.workspace / "out2/files/train.py").read_text() == "exported"
        assert f"exported to {publisher.workspace / 'out'}, {publisher.workspace / 'out2/files'}" in outcome.result["notes"]


def test_an_exported_link_leads_no_later_export_out_of_the_workspace(
    publisher: Publisher, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files come from the image, which a pull request chooses."""
    outside = tmp_path / "outside"
    outside.mkdir()
    real = publisher.docker.build

    def build(arguments: Any, environment: Any, line: Any) -> int:
        code = real(arguments, environment, line)
        if any(text.startswith("--output") for text in arguments):
            (publisher.workspace / "out" / "more").symlink_to(outside)
        return code

    monkeypatch.setattr(publisher.docker, "build", build)
    with pytest.raises(BadInput, match="leads out of the workspace"):
        publisher.publish({"outputs": "type=local,dest=out\ntype=local,dest=out/more", "push": "false"})
    assert list(outside.iterdir()) == []


def test_where_an_agent_listens_does_not_enter_the_fingerprint(publisher: Publisher, tmp_path: Path) -> None:
    built = []
    for name in ("first.sock", "second.sock"):
        (tmp_path / name).touch()
        built.append(publisher.publish({"ssh": "default"}, SSH_AUTH_SOCK=str(tmp_path / name)).outputs["built"])
    assert built == ["true", "false"]
    assert f"--ssh=default={tmp_path / 'first.sock'}" in publisher.docker.builds[0][0]
    assert publisher.publish({"ssh": f"other={tmp_path / name}"}).outputs["built"] == "true"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_cache_in_the_workspace_belongs_to_its_owner(containerd: Publisher) -> None:
    os.chown(containerd.workspace, 1001, 121)
    containerd.publish({"cache-to": "type=local,dest=layers", "cache-from": "type=local,src=layers"})
    written = containerd.workspace / "layers"
    assert {(path.stat().st_uid, path.stat().st_gid) for path in (written, *written.rglob("*"))} == {(1001, 121)}
