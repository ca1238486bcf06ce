"""The release's commands in a repository with a remote, without images: what they write, commit, tag, push and refuse."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import release
from releasing import ACTIONS, REGISTRY, REPOSITORY

ROOT = Path(__file__).parents[2]
FILES = [
    "CHANGELOG.md",
    "LICENSE",
    "action.yml",
    "src/mlops_actions/__init__.py",
    *(str(path.relative_to(ROOT)) for path in sorted((ROOT / ".github/workflows").glob("*.yml"))),
    *(f"actions/{action}/{name}" for action in ACTIONS for name in ("action.yml", "README.md")),
]
DIGESTS = {action: {"index": f"sha256:{number:064x}"} for number, action in enumerate(ACTIONS)}
CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A thing.\n"


def git(at: Path, *arguments: str) -> str:
    who = ["-c", "user.name=Alice", "-c", "user.email=alice@example.com"]
    done = subprocess.run(["git", *who, *arguments], cwd=at, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def run(at: Path, *words: str) -> int:
    return release.main(["--root", str(at), *words])


@pytest.fixture(autouse=True)
def _nobodys_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs this may sign tags, or name branches otherwise."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch", "main", "remote.git")
    return tmp_path / "remote.git"


@pytest.fixture
def clone(tmp_path: Path, remote: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with something to release."""
    monkeypatch.delenv("GITHUB_OUTPUT", raising=False)
    folder = tmp_path / "clone"
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    (folder / "CHANGELOG.md").write_text(CHANGELOG)
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "remote", "add", "origin", str(remote))
    committed(folder, "Begin")
    return folder


def committed(at: Path, message: str) -> str:
    git(at, "add", ".")
    git(at, "commit", "--quiet", "--message", message)
    git(at, "push", "--quiet", "origin", "HEAD:main")
    return git(at, "rev-parse", "HEAD")


def prepared(at: Path, version: str) -> str:
    assert run(at, "prepare", version, "--day", "2026-02-03") == 0
    return committed(at, f"Prepare {version}")


def released(at: Path, out: Path) -> int:
    out.mkdir(exist_ok=True)
    (out / "digests.json").write_text(json.dumps(DIGESTS))
    return run(at, "commit", "--out", str(out))


def test_a_release_makes_two_commits_and_leaves_the_branch_unchanged(clone: Path, remote: Path, tmp_path: Path) -> None:
    main = prepared(clone, "1.0.0")
    assert (released(clone, tmp_path / "out"), run(clone, "publish")) == (0, 0)

    assert git(remote, "rev-parse", "main", "v1.0.0~2") == f"{main}\n{main}"
    assert git(remote, "rev-parse", "v1.0.0^{commit}") == git(remote, "rev-parse", "v1^{commit}")
    assert git(clone, "status", "--porcelain") == ""
    first = git(remote, "rev-parse", "v1.0.0~1")
    changed = git(remote, "diff", "--name-only", "main", first).splitlines()
    assert changed == sorted(f"actions/{action}/action.yml" for action in ACTIONS)
    assert git(remote, "diff", "--name-only", first, "v1.0.0").splitlines() == [
        ".github/workflows/pipeline-keyless.yml",
        ".github/workflows/pipeline.yml",
        "action.yml",
    ]
    for action in ACTIONS:
        pinned = f"image: docker://{REGISTRY}/{action}@{DIGESTS[action]['index']}"
        assert pinned in git(remote, "show", f"v1:actions/{action}/action.yml")
    assert f"uses: {REPOSITORY}/actions/chatops@{first} # v1.0.0" in git(remote, "show", "v1:action.yml")
    assert git(remote, "tag", "--list", "--format=%(contents)", "v1.0.0").startswith("v1.0.0\n\n### Added\n\n- A thing.")


def test_the_same_images_give_the_same_commits(clone: Path, remote: Path, tmp_path: Path) -> None:
    prepared(clone, "1.0.0")
    git(tmp_path, "clone", "--quiet", str(remote), "other")
    assert (released(clone, tmp_path / "one"), released(tmp_path / "other", tmp_path / "two")) == (0, 0)
    assert git(clone, "rev-parse", "v1.0.0") == git(tmp_path / "other", "rev-parse", "v1.0.0")
    for action in ACTIONS:
        bundle = f"{action}-1.0.0.tar.gz"
        assert (tmp_path / "one" / bundle).read_bytes() == (tmp_path / "two" / bundle).read_bytes()


def test_a_released_version_is_not_released_again(
    clone: Path, remote: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepared(clone, "1.0.0")
    assert (released(clone, tmp_path / "out"), run(clone, "publish")) == (0, 0)
    before = git(remote, "show-ref")
    git(clone, "tag", "--delete", "v1.0.0", "v1")
    for again in (("prepare", "1.0.0"), ("plan",), ("commit", "--out", str(tmp_path / "out"))):
        assert run(clone, *again) == 2
        assert "the tag v1.0.0 exists" in capsys.readouterr().err
    assert git(remote, "show-ref") == before


def test_preparing_again_changes_nothing(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(clone, "prepare", "1.0.0", "--day", "2026-02-03") == 0
    written = (clone / "CHANGELOG.md").read_text()
    assert run(clone, "prepare", "v1.0.0", "--day", "2026-02-04") == 0
    assert "nothing to do" in capsys.readouterr().out
    assert (clone / "CHANGELOG.md").read_text() == written


@pytest.mark.parametrize("command", [("prepare", "1.0.0"), ("plan",)])
def test_a_checkout_with_changes_is_refused(
    clone: Path, command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    (clone / "stray.txt").write_text("")
    assert run(clone, *command) == 2
    assert "stray.txt" in capsys.readouterr().err


def test_an_unprepared_checkout_is_refused(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(clone, "plan") == 2
    assert "release-prepare" in capsys.readouterr().err


def test_a_folder_that_is_not_a_checkout_is_refused(tmp_path: Path) -> None:
    assert run(tmp_path, "plan") == 2


def test_digests_of_other_actions_are_refused(clone: Path, tmp_path: Path) -> None:
    prepared(clone, "1.0.0")
    (tmp_path / "digests.json").write_text(json.dumps({"chatops": DIGESTS["chatops"]}))
    assert run(clone, "commit", "--out", str(tmp_path)) == 2
    assert git(clone, "tag", "--list") == ""


def test_no_tag_is_pushed_if_one_exists_at_the_remote(clone: Path, remote: Path, tmp_path: Path) -> None:
    main = prepared(clone, "1.0.0")
    assert released(clone, tmp_path / "out") == 0
    git(remote, "tag", "v1.0.0", main)
    assert run(clone, "publish") == 3
    assert git(remote, "tag", "--list") == "v1.0.0"
    assert git(remote, "rev-parse", "v1.0.0") == main


def test_only_the_newest_release_moves_the_moving_tag(clone: Path, remote: Path, tmp_path: Path) -> None:
    for version in ("1.1.0", "1.2.0", "1.1.1", "1.3.0-rc.1"):
        text = (clone / "CHANGELOG.md").read_text()
        if "- A thing." not in text.partition("## [")[2].partition("## [")[0]:
            (clone / "CHANGELOG.md").write_text(text.replace("## [Unreleased]\n", "## [Unreleased]\n\n- A thing.\n", 1))
            committed(clone, "Change a thing")
        prepared(clone, version)
        assert (released(clone, tmp_path / version), run(clone, "publish")) == (0, 0)
        expected = "v1.1.0" if version == "1.1.0" else "v1.2.0"
        assert git(remote, "rev-parse", "v1^{commit}") == git(remote, "rev-parse", f"{expected}^{{commit}}")
    assert "compare/v1.2.0...v1.3.0-rc.1" in (clone / "CHANGELOG.md").read_text()


def test_the_plan_is_written_as_step_outputs(clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared(clone, "1.0.0")
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "outputs"))
    assert run(clone, "plan") == 0
    assert (tmp_path / "outputs").read_text() == "version=1.0.0\ntag=v1.0.0\nflags=--prerelease=false --latest=true\n"
