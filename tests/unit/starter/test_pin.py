"""What generated files name of the suite: a commit with its version, as Dependabot, Renovate and doctor read it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from mlops_actions.__main__ import main
from mlops_actions.core.errors import BadInput
from mlops_actions.core.package import REF, REPOSITORY, installation_of
from mlops_actions.doctor import workflow as doctor_workflow
from mlops_actions.starter import render
from mlops_actions.starter.answers import Answers
from mlops_actions.starter.pin import Pin, Sources, is_reference, of_installation, pin, tags_of
from tests.support.git import commit

A, B, C = "a" * 40, "b" * 40, "c" * 40
TAGS = {"v1": B, "v1.0.0": A, "v1.1.0": B, "v1.0.0-rc.1": C, "v0": C}
LISTING = f"""\
{A}\trefs/tags/v1.0.0
{C}\trefs/tags/v1
{B}\trefs/tags/v1^{{}}
{B}\trefs/tags/v1.1.0
"""

PINS: dict[str, tuple[str, dict[str, str] | None, Pin]] = {
    "a version": ("v1.0.0", TAGS, Pin(A, "v1.0.0")),
    "a moving tag, by the version it names": ("v1", TAGS, Pin(B, "v1.1.0")),
    "a pre-release": ("v1.0.0-rc.1", TAGS, Pin(C, "v1.0.0-rc.1")),
    "a moving tag of a pre-release": ("v0", TAGS, Pin(C, "v1.0.0-rc.1")),
    "a moving tag beside no version": ("v0", {"v0": A}, Pin(A)),
    "a commit of a version": (A, TAGS, Pin(A, "v1.0.0")),
    "a commit of none": ("d" * 40, TAGS, Pin("d" * 40)),
    "a commit, where nobody answers": (A, None, Pin(A)),
    "a tag, where nobody answers": ("v1", None, Pin("v1")),
}


@pytest.mark.parametrize("name", PINS)
def test_a_tag_is_pinned_to_its_commit(name: str) -> None:
    ref, tags, expected = PINS[name]
    assert pin(ref, tags) == expected


@pytest.mark.parametrize(("tags", "newest"), [(TAGS, "v1.1.0"), ({}, "none")])
def test_a_tag_that_does_not_exist_is_refused_with_the_newest(tags: dict[str, str], newest: str) -> None:
    with pytest.raises(BadInput) as caught:
        pin("v9.9.9", tags, "me/fork")
    assert caught.value.cause == "--ref 'v9.9.9' is no release of me/fork"
    assert newest in caught.value.remedy


def test_of_an_annotated_tag_the_commit_counts() -> None:
    assert tags_of(LISTING) == {"v1.0.0": A, "v1": B, "v1.1.0": B}
    assert tags_of("fatal: unable to access\n") == {}


def record(revision: str, *, url: str = f"https://github.com/{REPOSITORY}", sha: str = A) -> str:
    return json.dumps({"url": url, "vcs_info": {"vcs": "git", "requested_revision": revision, "commit_id": sha}})


INSTALLATIONS: dict[str, tuple[str | None, Pin | None]] = {
    "a release": (record("v1.2.3"), Pin(A, "v1.2.3")),
    "the moving tag": (record("v1"), Pin(A, "v1.2.3")),
    "a branch": (record("main"), Pin(A)),
    "a commit": (record(A), Pin(A)),
    "with .git": (record("v1", url=f"https://github.com/{REPOSITORY}.git"), Pin(A, "v1.2.3")),
    "by ssh": (record("v1", url=f"ssh://git@github.com/{REPOSITORY}.git"), Pin(A, "v1.2.3")),
    "a fork": (record("main", url="https://github.com/somebody/mlops-actions"), Pin(A, "", "somebody/mlops-actions")),
    "a mirror on another server": (record("v1", url="https://git.example/o/m.git"), Pin(A, "v1.2.3", "o/m")),
    "a local clone": (record("v1", url="file:///home/me/mlops-actions"), None),
    "a folder": (json.dumps({"url": "file:///x", "dir_info": {"editable": True}}), None),
    "a registry of packages": (None, None),
    "no JSON": ("{", None),
    "another form": ("[]", None),
    "no commit": (record("v1", sha="main"), None),
}


@pytest.mark.parametrize("name", INSTALLATIONS)
def test_without_a_flag_files_name_what_was_installed(name: str) -> None:
    direct_url, expected = INSTALLATIONS[name]
    assert of_installation(installation_of(direct_url), "1.2.3") == expected


FORK, SERVER = "me/fork", "https://git.example"
# The earlier file's reference, pip's record, the flag, the server; what is written, and where tags are asked for.
CHOICES: dict[str, tuple[Pin | None, str | None, str | None, str, Pin, str]] = {
    "nothing is known": (None, None, None, "", Pin(REF), ""),
    "only the flag": (None, None, "v1.0.0", "", Pin(A, "v1.0.0"), f"https://github.com/{REPOSITORY}"),
    "a fork's file": (Pin(C, "", FORK), None, None, "", Pin(C, "", FORK), ""),
    "a fork's file, and a commit": (
        Pin(C, "", FORK), record("v1"), A, "", Pin(A, "v1.0.0", FORK), f"https://github.com/{FORK}",
    ),
    "a fork's file, and a tag": (Pin(C, "", FORK), None, "v1", "", Pin(B, "v1.1.0", FORK), f"https://github.com/{FORK}"),
    "a fork on a server": (Pin(C, "", FORK), None, A, "git.example", Pin(A, "v1.0.0", FORK), f"{SERVER}/{FORK}"),
    "the suite's file on a server": (Pin(C), None, A, "git.example", Pin(A, "v1.0.0"), f"https://github.com/{REPOSITORY}"),
    "a fork's package": (
        None, record("main", url=f"{SERVER}/o/m.git"), "v1", "", Pin(B, "v1.1.0", "o/m"), f"{SERVER}/o/m.git",
    ),
    "a fork's package, and the suite's file": (
        Pin("v1"), record("main", url=f"{SERVER}/o/m"), "v1.0.0", "", Pin(A, "v1.0.0"), f"https://github.com/{REPOSITORY}",
    ),
    "a branch in the suite's file": (Pin("main"), record("main", url=f"{SERVER}/o/m"), None, "", Pin(REF), ""),
    "a branch of the fork that is installed": (
        Pin("main", "", "o/m"), record("main", url=f"{SERVER}/o/m"), None, "", Pin(A, "", "o/m"), "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHOICES)
def test_no_flag_moves_a_repository_to_the_code_of_another(name: str) -> None:
    earlier, direct_url, ref, host, expected, address = CHOICES[name]
    asked: list[str] = []
    listing = "".join(f"{sha}\trefs/tags/{tag}\n" for tag, sha in TAGS.items())
    sources = Sources(earlier, installation_of(direct_url), "1.2.3", host, lambda url: (asked.append(url), listing)[1])
    assert sources.choose(ref)[0] == expected
    assert asked == ([address] if address else [])


def test_a_branch_of_a_fork_is_not_replaced_by_the_suite() -> None:
    with pytest.raises(BadInput) as caught:
        Sources(Pin("main", "", FORK), None, "1.2.3", "", lambda _: "").choose(None)
    assert caught.value.cause == "the workflow file names the actions of me/fork by 'main', which is no release"
    assert "--ref" in caught.value.remedy


@pytest.mark.parametrize(
    ("text", "valid"),
    [("v1", True), ("v1.2.3", True), ("v1.0.0-rc.1", True), (A, True), ("main", False), ("1.2.3", False), ("v1 x", False)],
)
def test_what_can_name_a_release(text: str, valid: bool) -> None:
    assert is_reference(text) is valid


def test_every_file_names_the_commit_and_the_version_and_doctor_reads_both() -> None:
    written = render.files(Answers(image="model", project="entity/project", pin=Pin(A, "v1.2.3")))
    for path in (render.WORKFLOW, render.DOCTOR):
        own = re.findall(rf"uses: ({REPOSITORY}\S+)(.*)", written[path])
        assert own
        assert {(used.partition("@")[2], comment) for used, comment in own} == {(A, " # v1.2.3")}
    others = re.findall(r"uses: (?!machine)(\S+)( # v[0-9.]+)", "".join(written.values()))
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", used) for used, _ in others)
    read = doctor_workflow.parse(written[render.WORKFLOW], render.WORKFLOW)
    assert read.versions[REPOSITORY, A] == "v1.2.3"


def test_a_tag_is_looked_up_where_git_reaches_the_suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    suite = tmp_path / "suite"
    subprocess.run(["git", "init", "--quiet", "--initial-branch", "main", str(suite)], check=True)
    sha = commit(suite, {"README.md": "The suite.\n"}, "Release")
    for tag in ("v1.4.0", "v1"):
        subprocess.run(["git", "-C", str(suite), "tag", tag], check=True)
    settings = tmp_path / "gitconfig"
    settings.write_text(f'[url "file://{suite}"]\n\tinsteadOf = https://github.com/{REPOSITORY}\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    target = tmp_path / "repository"
    target.mkdir()
    assert main(["init", "--directory", str(target), "--project", "octo/digits", "--ref", "v1"]) == 0
    text = (target / render.WORKFLOW).read_text()
    assert f"{REPOSITORY}/actions/chatops@{sha} # v1.4.0\n" in text
    assert yaml.safe_load(text)
    assert main(["init", "--directory", str(target), "--project", "octo/digits", "--ref", "v2"]) == 2
