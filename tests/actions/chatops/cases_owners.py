"""`require-code-owner`: an owner of each changed file has approved the commit."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mlops_sandbox.github.changes import changed_files
from mlops_sandbox.github.serializers.changes import diff_entry
from tests.actions.chatops.case import Case
from tests.actions.chatops.step import APP_PERMISSIONS
from tests.support.payloads import Sample

PLACE = ".github/CODEOWNERS"
CODE: Mapping[str, str | None] = {"src/train.py": "pass\n"}


def _owned(
    owners: str,
    *approvers: str,
    files: Mapping[str, str | None] = CODE,
    base: Mapping[str, str | None] | None = None,
    pusher: str = "writer",
) -> Callable[[Sample], None]:
    """Give the base branch a CODEOWNERS file, let the pull request change files, and let these approve its head.

    All of them have the role `write`; `base` are the base branch's files instead of that one.
    """

    def before(sample: Sample) -> None:
        repository = sample.repository
        for login in (*approvers, pusher):
            repository.collaborator(login, "write")
        repository.push("main", by="maintainer", files={PLACE: owners} if base is None else base)
        # The branch starts at the base branch's new commit, as after an update of the pull request.
        repository.branches["schedule"] = sample.pull.base_sha = repository.branches["main"]
        repository.push("schedule", by=pusher, files=files)
        for login in approvers:
            sample.pull.review("APPROVED", by=login)
        sample.github.clock.tick()

    return before


def _team(before: Callable[[Sample], None], *members: str, team: str = "octo-org/ml") -> Callable[[Sample], None]:
    def arrange(sample: Sample) -> None:
        before(sample)
        sample.repository.grant(sample.github.team(team, members), "write")

    return arrange


def _too_many(sample: Sample) -> None:
    _owned("* @owner\n", "owner", files={f"data/{number}.txt": "" for number in range(3000)})(sample)


def _files_of_another_head(sample: Sample) -> None:
    """Let somebody push while the files are listed, and take the push back before the other answers."""
    _owned("*.py @owner\n", "other")(sample)
    good = sample.pull.head_sha
    sample.repository.push("schedule", by="writer", files={"src/train.py": None, "notes.txt": "x"})
    shown = [diff_entry(file, sample.repository, sample.github.links) for file in changed_files(sample.pull)]
    sample.repository.push("schedule", by="writer", sha=good, force=True)
    sample.github.clock.tick()
    sample.github.faults.answer("GET /repos/*/*/pulls/*/files", 200, shown)


def _later_push(sample: Sample) -> None:
    _owned("* @owner\n", "owner")(sample)
    sample.repository.push("schedule", by="writer", files={"src/train.py": "import os\n"})
    sample.github.clock.tick()


def _by_a_tag(sample: Sample) -> None:
    """Give a tag the name of the base branch, with a file that names another owner."""
    _owned("* @owner\n", "other")(sample)
    sample.repository.tags["main"] = sample.repository.push("lax", by="writer", files={PLACE: "* @other\n"}).sha


def _on_the_head(sample: Sample) -> None:
    """Change CODEOWNERS in the pull request itself."""
    _owned("* @owner\n", "other", files={PLACE: "* @other\n", **CODE})(sample)


def _renamed_login(sample: Sample) -> None:
    """The owner's login has been given up, and who approved had taken it before and given it up too."""
    _owned("* @owner\n", "owner")(sample)
    sample.github.rename("owner", "owner-2")


def _case(name: str, reason: str, before: Callable[[Sample], None], *said: str, **fields: object) -> Case:
    defaults: dict[str, object] = {"inputs": {"require-code-owner": "true"}, "reply": said or None}
    return Case(f"code owner: {name}", reason, before=before, **{**defaults, **fields})  # type: ignore[arg-type]


MISSING, UNKNOWN = "not-approved-by-owner", "code-owners-unknown"
PY = "src/train.py: @owner"

CASES = [
    # Who
    _case("approved", "ok", _owned("* @owner\n", "owner")),
    _case("in other case", "ok", _owned("* @OWNER\n", "owner")),
    _case("one of two", "ok", _owned("* @other @owner\n", "owner")),
    _case("by somebody else", MISSING, _owned("* @owner\n", "other"), "does not count", PY),
    _case("by nobody", "not-approved", _owned("* @owner\n"), "Ask somebody else with the role"),
    _case("by its author", "not-approved", _owned("* @writer\n", "writer"), "somebody else"),
    _case("by its author, and by somebody else", MISSING, _owned("* @writer\n", "writer", "other"), "@writer"),
    _case("by who gives the command", MISSING, _owned("* @maintainer\n", "maintainer", "other"), "@maintainer"),
    _case("by who pushed last", MISSING, _owned("* @owner\n", "owner", "other", pusher="owner"), PY),
    _case("before the last push", "not-approved", _later_push, "exactly this commit"),
    _case("renamed", MISSING, _renamed_login, PY),
    _case(
        "without the role to be one",
        MISSING,
        lambda sample: (
            _owned("* @owner\n", "owner", "other")(sample),
            sample.repository.collaborator("owner", "triage"),
        )[0],
        PY,
        inputs={"require-code-owner": "true", "permission": "read"},
    ),
    _case("by an e-mail address alone", MISSING, _owned("* owner@example.com\n", "owner"), "owner@example.com"),
    _case("by an e-mail address or a user", "ok", _owned("* owner@example.com @owner\n", "owner")),
    _case(
        "nobody knows who pushed, one approved",
        MISSING,
        lambda sample: (
            _owned("* @owner @second\n", "owner", "other")(sample),
            sample.github.faults.answer("GET /repos/*/*/activity", 403),
        )[0],
        PY,
        inputs={"require-code-owner": "true", "head": "latest"},
    ),
    _case(
        "nobody knows who pushed, two approved",
        "ok",
        lambda sample: (
            _owned("* @owner @second\n", "owner", "second")(sample),
            sample.github.faults.answer("GET /repos/*/*/activity", 403),
        )[0],
        inputs={"require-code-owner": "true", "head": "latest"},
    ),
    # Teams
    _case("in the team", "ok", _team(_owned("* @Octo-Org/ML\n", "owner"), "owner"), app=APP_PERMISSIONS),
    _case(
        "not in the team", MISSING, _team(_owned("* @octo-org/ml\n", "other"), "owner"), "@octo-org/ml", app=APP_PERMISSIONS
    ),
    _case(
        "a team of another organisation",
        MISSING,
        _team(_owned("* @evil-org/ml\n", "owner"), "owner", team="evil-org/ml"),
        "@evil-org/ml",
        app=APP_PERMISSIONS,
    ),
    _case(
        "a team that the job may not see",
        "team-unknown",
        _team(_owned("* @octo-org/ml\n", "owner"), "owner"),
        "'members: read'",
        exit_code=3,
    ),
    _case("a team beside a user who approved", "ok", _owned("* @octo-org/ml @owner\n", "owner")),
    # Which files
    _case("of the last pattern", "ok", _owned("* @owner\n*.py @second\n", "second")),
    _case("of an earlier pattern", MISSING, _owned("*.py @owner\n/src/ @second\n", "owner"), "src/train.py: @second"),
    _case("of files without owners", "ok", _owned("* @owner\n/src/\n", "other")),
    _case("of files that no pattern matches", "ok", _owned("*.md @owner\n", "other")),
    _case(
        "of one of two files",
        MISSING,
        _owned("*.py @owner\n*.md @second\n", "owner", files={"a.py": "", "b.md": ""}),
        "b.md: @second",
    ),
    _case("of both files", "ok", _owned("*.py @owner\n*.md @second\n", "owner", "second", files={"a.py": "", "b.md": ""})),
    _case(
        "of a file that is removed",
        MISSING,
        _owned("", "other", base={PLACE: "*.py @owner\n", "old.py": "x"}, files={"old.py": None}),
        "old.py: @owner",
    ),
    _case(
        "of a file that is moved away",
        MISSING,
        _owned("", "other", base={PLACE: "/src/ @owner\n", "src/a.py": "x"}, files={"src/a.py": None, "free/a.py": "x"}),
        "src/a.py: @owner",
    ),
    _case("of the file itself", MISSING, _on_the_head, f"{PLACE}: @owner"),
    _case("more files than GitHub lists", UNKNOWN, _too_many, "3000 files or more", exit_code=4),
    _case("files of another head", UNKNOWN, _files_of_another_head, "changed while its files were listed", exit_code=4),
    # Which CODEOWNERS file
    _case("in the root", "ok", _owned("", "owner", base={"CODEOWNERS": "* @owner\n"})),
    _case("in docs", "ok", _owned("", "owner", base={"docs/CODEOWNERS": "* @owner\n"})),
    _case(
        "the first file counts", MISSING, _owned("", "second", base={PLACE: "* @owner\n", "CODEOWNERS": "* @second\n"}), PY
    ),
    _case("a tag with the name of the base branch", MISSING, _by_a_tag, PY),
    _case("no file", UNKNOWN, _owned("", "owner", base={"README.md": "x"}), "the branch main has no CODEOWNERS file"),
    _case("a line that GitHub does not know", UNKNOWN, _owned("* @owner\n!*.py @owner\n", "owner"), "line 2"),
    _case("a file of more than 1 MB", "ok", _owned(f"* @owner\n{'#' * 1_100_000}\n", "owner")),
    _case(
        "a file of 3 MB",
        UNKNOWN,
        _owned(f"* @owner\n{'#' * 3_200_000}\n", "owner"),
        "make .github/CODEOWNERS shorter",
        exit_code=4,
    ),
    _case(
        "a file that the token may not read",
        UNKNOWN,
        lambda sample: (
            _owned("* @owner\n", "owner")(sample),
            sample.github.faults.answer("GET /repos/*/*/contents/**", 403),
        )[0],
        "permissions: { contents: read }",
        exit_code=3,
    ),
]
