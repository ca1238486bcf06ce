"""Tags that stay where they are: no branch goes back to an older commit, and no claim of a checkout moves a release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from mlops_actions.core.checkout import Checkout
from mlops_actions.core.outcome import Outcome
from mlops_sandbox.github import GitHubServer, Repository
from tests.actions.docker_publish.publisher import Publisher

UNKNOWN = "e" * 40


@dataclass
class Scene:
    """Three commits on `main`, a branch `feature` from the first one, and a publisher of any of them."""

    publisher: Publisher
    github: GitHubServer
    repository: Repository
    commits: dict[str, str]
    token: str

    def publish(
        self,
        commit: str,
        *,
        branch: str = "main",
        token: str | None = None,
        given: Mapping[str, str] | None = None,
        event_ref: str = "",
        event_commit: str = "",
        event: str = "push",
        tags: str = "branch, latest",
    ) -> Outcome:
        """Publish a commit of the scene, by default as a push of it to its branch."""
        sha = self.commits.get(commit, commit)
        self.publisher.checkout = Checkout(sha, branch, committed=1_700_000_000)
        inputs = {"tags": tags, "github-token": self.token if token is None else token, "skip-unchanged": "false"}
        return self.publisher.publish(
            inputs | dict(given or {}),
            event=event,
            environ={"GITHUB_API_URL": self.github.api_url},
            GITHUB_SHA=self.commits.get(event_commit, event_commit) or sha,
            GITHUB_REF=event_ref or f"refs/heads/{branch}",
        )

    def stands_for(self, tag: str, repository: str = "") -> str:
        """Name the commit of the image that has a tag, as its label tells it."""
        sha = self.publisher.labels(tag, repository).get("org.opencontainers.image.revision", "")
        return next((name for name, commit in self.commits.items() if commit == sha), sha)


@pytest.fixture
def scene(publisher: Publisher, github: GitHubServer) -> Scene:
    repository = github.repository("Octo/Digits")
    repository.collaborator("writer", "write")
    commits = {"first": repository.push("main", by="writer", message="first").sha}
    commits["feature"] = repository.push("feature", by="writer", message="feature").sha
    commits["second"] = repository.push("main", by="writer", message="second").sha
    commits["third"] = repository.push("main", by="writer", message="third").sha
    token = github.workflow_token(repository, {"contents": "read"}).value
    return Scene(publisher, github, repository, commits, token)


FORWARD = [
    # published before, published now, whether `latest` and `main` move
    ("first", "third", True),  # the newest commit
    ("third", "third", True),  # the same one again
    ("first", "second", True),  # newer than the image, though not the newest commit
    ("third", "second", False),
    ("second", "first", False),
    ("", "first", True),  # there is nothing to go back from
    (UNKNOWN, "third", True),  # the newest commit, whatever the image says
    (UNKNOWN, "second", False),
    ("feature", "second", False),
]


@pytest.mark.parametrize(("before", "now", "moves"), FORWARD)
def test_a_branch_s_tags_never_go_back(scene: Scene, before: str, now: str, moves: bool) -> None:
    if before:
        scene.publish(before, token="")
    outcome = scene.publish(now, tags="sha, branch, latest")
    assert scene.stands_for("latest") == scene.stands_for("main") == (now if moves else before)
    tags = outcome.outputs["tags"].split("\n")
    assert tags == [scene.commits[now][:12], *(["main", "latest"] if moves else [])]
    assert ("::notice::tag 'latest' stays where it is" in scene.publisher.log.getvalue()) is not moves
    # One question for the branch, at most one more for the image of both tags.
    assert len(scene.github.requests("GET /repos/*/*/compare/**")) <= 2


@pytest.mark.parametrize(
    ("before", "now", "moves"), [("first", "third", False), ("third", "third", True), ("", "first", True)]
)
def test_without_an_answer_of_github_a_tag_stays(scene: Scene, before: str, now: str, moves: bool) -> None:
    if before:
        scene.publish(before, token="")
    scene.publish(now, token="")
    assert scene.stands_for("latest") == (now if moves else before)
    assert ("there is no token to ask GitHub with" in scene.publisher.log.getvalue()) is not moves


def test_a_token_that_may_not_read_contents_is_told_its_remedy(scene: Scene) -> None:
    scene.repository.private = True
    scene.publish("first", token="")
    scene.publish("third", token=scene.github.workflow_token(scene.repository, {"metadata": "read"}).value)
    assert scene.stands_for("latest") == "first"
    assert "contents: read" in scene.publisher.log.getvalue()


def test_a_force_push_moves_the_branch_s_tags(scene: Scene) -> None:
    scene.publish("third")
    scene.commits["amended"] = scene.repository.push("main", by="writer", message="amended", force=True).sha
    scene.publish("amended")
    assert scene.stands_for("latest") == "amended"
    scene.publish("third")
    assert scene.stands_for("latest") == "amended"


def test_tags_of_the_commit_move_without_a_question(scene: Scene) -> None:
    for commit in ("third", "first"):
        scene.publish(commit, tags="sha, sha-long, date, snapshot, stable")
    assert scene.github.requests("GET /repos/**/compare/**") == []


@pytest.mark.parametrize(
    ("tags", "given", "tag"),
    [
        ("latest", {}, "latest"),
        ("main", {}, "main"),
        ("{{branch}}", {}, "main"),
        ("{host}/octo/digits:latest", {}, "latest"),
        ("latest", {"suffix": "-cuda"}, "latest-cuda"),
        ("branch", {"prefix": "gpu-"}, "gpu-main"),
    ],
)
def test_every_way_to_name_a_tag_of_the_branch_keeps_it_from_going_back(
    scene: Scene, tags: str, given: Mapping[str, str], tag: str
) -> None:
    for commit in ("third", "second"):
        scene.publish(commit, tags=tags.replace("{host}", scene.publisher.host), given=given)
    assert scene.stands_for(tag) == "third"


@pytest.mark.parametrize(
    ("tags", "given"), [("sha, branch, latest", {}), ("sha, branch", {"suffix": "-cuda"}), ("branch, latest", {})]
)
def test_the_image_that_a_newer_commit_reused_is_not_replaced_by_an_older_one(
    scene: Scene, tags: str, given: Mapping[str, str]
) -> None:
    """Its label names the commit that built it, which is older than both."""
    reusing = {"skip-unchanged": "true", **given}
    scene.publish("first", given=reusing, tags=tags)
    assert scene.publish("third", given=reusing, tags=tags).outputs["built"] == "false"
    (scene.publisher.workspace / "train.py").write_text("print('other')\n")
    scene.publish("second", given=reusing, tags=tags)
    assert scene.stands_for("main" + given.get("suffix", "")) == "first"
    reason = "as well, which is newer" if "sha" in tags else "without 'sha' in 'tags'"
    assert reason in scene.publisher.log.getvalue()


OLDER_NAMES: list[tuple[dict[str, str], str]] = [
    # inputs of the replaced actions, the tag that follows the branch
    ({"name": "ghcr.io/octo/digits"}, "latest"),
    ({"name": "ghcr.io/octo/digits", "tags": "latest,nightly"}, "latest"),
    ({"name": "ghcr.io/octo/digits", "tags": "main"}, "main"),
    ({"name": "ghcr.io/octo/digits:main"}, "main"),
    ({"image_name": "train", "registry": "{host}"}, "latest"),
    ({"image_name": "train", "registry": "{host}", "branch_tag": "true"}, "main"),
    ({"image_name": "train", "registry": "{host}", "tag": "main"}, "main"),
]


@pytest.mark.parametrize("knows", [True, False], ids=["GitHub answers", "no token"])
@pytest.mark.parametrize(("given", "tag"), OLDER_NAMES)
def test_the_tags_of_older_inputs_do_not_go_back_where_github_tells(
    scene: Scene, given: dict[str, str], tag: str, knows: bool
) -> None:
    """Without an answer they move, as the replaced actions' users know it."""
    token = None if knows else ""
    scene.publisher.docker.addresses["ghcr.io"] = scene.publisher.host
    older = {"tags": "", **{name: value.format(host=scene.publisher.host) for name, value in given.items()}}
    repository = "octo/digits/train" if "image_name" in given else ""
    for commit, expected in (("first", "first"), ("third", "third"), ("second", "third" if knows else "second")):
        scene.publish(commit, given=older, token=token)
        assert scene.stands_for(tag, repository) == expected


def test_latest_of_an_older_input_goes_from_branch_to_branch_as_before(scene: Scene) -> None:
    for commit, branch in (("third", "main"), ("feature", "feature"), ("third", "main")):
        scene.publish(commit, branch=branch, given={"tags": "", "image_name": "train", "registry": scene.publisher.host})
        assert scene.stands_for("latest", "octo/digits/train") == commit


VARIANTS = [
    # branch, git tag of a release, its image's tag, whether the branch may have it
    ("1-cuda", "v1.2.3", "1-cuda", False),
    ("cpu-1", "v1.2.3", "cpu-1", False),
    ("cpu-v1.2", "v1.2.3", "cpu-v1.2", False),
    ("cpu-1.2.3", "1.2.3", "cpu-1.2.3", False),
    ("cpu-2026.11", "2026.11", "cpu-2026.11", False),
    ("12-fix-it", "v1.2.3", "12-fix-it", True),  # 1.2.3 is no release of 12
    ("release-1.3", "v1.2.3", "release-1.3", True),
    ("sweep-20261123", "v1.2.3", "sweep-20261123", True),
]


@pytest.mark.parametrize("reused", [False, True], ids=["the image names the release", "it was built for another branch"])
@pytest.mark.parametrize(("branch", "release", "tag", "moves"), VARIANTS)
def test_a_branch_called_like_the_variant_of_a_release_does_not_move_its_tag(
    scene: Scene, branch: str, release: str, tag: str, moves: bool, reused: bool
) -> None:
    """Another leg of the matrix has pushed the release under a suffix or prefix that this leg does not know."""
    scene.repository.tags[release] = scene.commits["first"]
    scene.publish(
        "first", given={"tags": tag, "labels": f"org.opencontainers.image.version={'main' if reused else release}"}
    )
    scene.commits["work"] = scene.repository.push(branch, by="writer").sha
    outcome = scene.publish("work", branch=branch, tags="branch")
    assert scene.stands_for(tag) == ("work" if moves and tag in outcome.outputs["tags"] else "first")
    assert moves == (tag in outcome.outputs["tags"].split())


def test_another_literal_goes_where_the_workflow_file_says(scene: Scene) -> None:
    for commit in ("third", "second"):
        scene.publish(commit, tags="stable")
    assert scene.stands_for("stable") == "second"


def test_an_image_that_is_tagged_again_does_not_go_back_either(scene: Scene) -> None:
    reusing = {"skip-unchanged": "true"}
    scene.publish("first", given=reusing)
    (scene.publisher.workspace / "train.py").write_text("print('other')\n")
    scene.publish("third", given=reusing)
    (scene.publisher.workspace / "train.py").write_text("print('training')\n")
    outcome = scene.publish("second", given=reusing)
    assert outcome.outputs["built"] == "false"
    assert scene.stands_for("latest") == "third"


def test_a_newer_commit_that_is_published_during_the_build_keeps_the_tags(scene: Scene) -> None:
    """The push of the older image took longer: what counts is the moment of tagging, and the first tag is the commit's."""
    scene.publish("third")
    outcome = scene.publish("second", tags="branch")
    assert outcome.outputs["tags"] == scene.commits["second"][:12]
    assert scene.stands_for("main") == "third"


CLAIMS = [
    # what is checked out, under which ref, in a run of which ref; the tags
    ("third", {"branch": "main"}, "refs/heads/other", ["main", "latest"]),
    ("first", {"branch": "main"}, "refs/heads/other", ["main", "latest"]),
    ("feature", {"branch": "feature"}, "refs/heads/main", ["feature"]),
    ("feature", {"branch": "main"}, "refs/heads/feature-2", []),
    (UNKNOWN, {"branch": "main"}, "refs/heads/other", []),
    (UNKNOWN, {"branch": "feature"}, "refs/heads/main", []),
    ("first", {"branch": "main", "given": {"ref": "refs/tags/v1.0.0"}}, "refs/heads/main", ["1.0.0", "1.0", "1", "latest"]),
    ("second", {"branch": "main", "given": {"ref": "refs/tags/v1.0.0"}}, "refs/heads/main", []),
    ("first", {"branch": "main", "given": {"ref": "refs/tags/v9.9.9"}}, "refs/heads/main", []),
    (UNKNOWN, {"branch": "main", "given": {"ref": "refs/tags/v1.0.0"}}, "refs/heads/main", []),
]


@pytest.mark.parametrize(("commit", "claim", "event_ref", "expected"), CLAIMS)
@pytest.mark.parametrize("event", ["workflow_dispatch", "repository_dispatch", "schedule"])
def test_what_a_checkout_or_an_input_claims_is_believed_where_github_confirms_it(
    scene: Scene, commit: str, claim: Mapping[str, str], event_ref: str, expected: list[str], event: str
) -> None:
    scene.repository.release("v1.0.0", sha=scene.commits["first"])
    tags = "branch, semver, latest"
    outcome = scene.publish(commit, **claim, event=event, event_ref=event_ref, event_commit="third", tags=tags)  # type: ignore[arg-type]
    sha = scene.commits.get(commit, commit)
    assert outcome.outputs["tags"].split("\n") == (expected or [sha[:12]])
    assert set(scene.publisher.tags) == set(expected or [sha[:12]]) | ({sha[:12]} & set(scene.publisher.tags))


LITERALS = [
    # what is checked out, under which branch (none: a detached commit); whether a literal of the workflow file moves
    ("first", "", True),
    ("third", "", True),
    ("feature", "", False),  # it may be a pull request's
    (UNKNOWN, "", False),
    ("first", "main", True),
    ("feature", "main", False),
]


@pytest.mark.parametrize(("commit", "branch", "moves"), LITERALS)
@pytest.mark.parametrize("event", ["workflow_dispatch", "repository_dispatch", "deployment", "schedule"])
def test_a_literal_moves_to_a_commit_that_is_not_the_event_s_where_github_knows_it_to_be_merged(
    scene: Scene, commit: str, branch: str, moves: bool, event: str
) -> None:
    outcome = scene.publish(
        commit, branch=branch, tags="sha, stable", event_ref="refs/heads/main", event_commit="second", event=event
    )
    tag = scene.commits.get(commit, commit)[:12]
    assert outcome.outputs["tags"].split("\n") == ([tag, "stable"] if moves else [tag])
    assert ("stable" in scene.publisher.tags) is moves
    assert ("does not confirm that" in scene.publisher.summary) is not moves


def test_an_unanswered_question_about_a_claim_moves_nothing(scene: Scene) -> None:
    scene.github.faults.answer("GET /repos/**", 503)
    outcome = scene.publish("feature", branch="feature", event_ref="refs/heads/main", event_commit="third")
    assert outcome.outputs["tags"] == scene.commits["feature"][:12]
    assert "does not confirm that" in scene.publisher.summary


@pytest.mark.parametrize(("one", "other"), [("a/b", "a-b"), ("a-b", "a/b"), ("a/b", "a+b"), ("x/y/z", "x-y/z")])
def test_branches_whose_names_give_one_tag_do_not_overwrite_each_other(scene: Scene, one: str, other: str) -> None:
    scene.publish("first", branch=one, tags="branch")
    outcome = scene.publish("third", branch=other, tags="branch")
    tag = one.replace("/", "-")
    assert scene.stands_for(tag) == "first"
    assert outcome.outputs["tags"] == scene.commits["third"][:12]
    assert f"it belongs to '{one}', whose name gives the same tag as '{other}'" in scene.publisher.log.getvalue()


@pytest.mark.parametrize(
    ("exists", "answers", "moves"), [(["x/y"], True, True), (["x/y", "x+y"], True, False), (["x/y", "x+y"], False, False)]
)
def test_a_changed_name_whose_image_was_reused_asks_github_for_other_branches(
    scene: Scene, exists: list[str], answers: bool, moves: bool
) -> None:
    """The image of the tag was built on `main`, so that its label names neither branch."""
    for branch in exists:
        scene.repository.push(branch, by="writer")
    reusing = {"skip-unchanged": "true"}
    scene.publish("first", given=reusing)
    scene.publish("first", branch=exists[-1], tags="branch", given=reusing)
    assert scene.stands_for("x-y") == "first"
    scene.commits["newest"] = scene.repository.push("x/y", by="writer").sha
    (scene.publisher.workspace / "train.py").write_text("print('other')\n")
    token = scene.token if answers else ""
    scene.publish("newest", branch="x/y", tags="branch", given=reusing, token=token)
    assert scene.stands_for("x-y") == ("newest" if moves else "first")


PERSON = {"login": "mona", "type": "User"}
OWN, FORK = {"full_name": "Octo/Digits", "id": 1}, {"full_name": "mona/digits", "id": 2}
PULL_REQUEST = {
    "number": 7,
    "state": "open",
    "user": PERSON,
    "head": {"ref": "main", "sha": UNKNOWN, "repo": OWN},
    "base": {"ref": "main", "sha": UNKNOWN, "repo": OWN},
}
COMMENT = {"id": 1, "body": "/train", "user": PERSON}
RUN = {"head_sha": UNKNOWN, "event": "pull_request", "pull_requests": [], "head_repository": FORK}
QUEUE = f"refs/heads/gh-readonly-queue/main/pr-7-{UNKNOWN}"

# Each event by which the code of a pull request reaches a workflow, with the ref of the run; whether it tells the number.
EVENTS: list[tuple[str, dict[str, object], str, bool]] = [
    ("pull_request", {"pull_request": PULL_REQUEST}, "refs/pull/7/merge", True),
    ("pull_request_target", {"pull_request": PULL_REQUEST}, "refs/heads/main", True),
    ("issue_comment", {"issue": {"number": 7, "pull_request": {}}, "comment": COMMENT}, "refs/heads/main", True),
    ("pull_request_review", {"pull_request": PULL_REQUEST, "review": COMMENT}, "refs/pull/7/merge", True),
    ("pull_request_review_comment", {"pull_request": PULL_REQUEST, "comment": COMMENT}, "refs/pull/7/merge", True),
    ("workflow_run", {"workflow_run": RUN}, "refs/heads/main", False),
    ("workflow_run", {"workflow_run": RUN | {"event": "push"}}, "refs/heads/main", False),
    ("workflow_run", {"workflow_run": RUN | {"head_repository": OWN}}, "refs/heads/main", False),
    ("workflow_run", {"workflow_run": RUN | {"pull_requests": [{"number": 7}]}}, "refs/heads/main", True),
    ("check_suite", {"check_suite": {"head_sha": UNKNOWN, "pull_requests": [{"number": 7}]}}, "refs/heads/main", True),
    ("workflow_dispatch", {"inputs": {"pr-number": "7"}}, "refs/heads/main", True),
    ("repository_dispatch", {"client_payload": {"pr-number": 7}}, "refs/heads/main", True),
    ("merge_group", {"merge_group": {"head_ref": QUEUE}}, QUEUE, True),
    ("push", {}, QUEUE, False),
    ("push", {}, "refs/pull/7/head", True),
]


@pytest.mark.parametrize("is_own_commit", [True, False], ids=["of the event", "checked out"])
@pytest.mark.parametrize(("event", "payload", "ref", "has_number"), EVENTS)
def test_the_code_of_a_pull_request_moves_its_own_tags_alone(
    publisher: Publisher, event: str, payload: dict[str, object], ref: str, has_number: bool, is_own_commit: bool
) -> None:
    publisher.checkout = Checkout(UNKNOWN, "" if ref == QUEUE or "pull" in ref else "main", committed=1_700_000_000)
    tags = "sha\npr\nbranch\ntag\nsemver\nv*\nlatest\ndate\nstable\n{{branch}}-x\n{{date}}-x\nv{{major}}"
    outcome = publisher.publish(
        {"tags": tags},
        event=event,
        payload={"repository": OWN | {"default_branch": "main"}, "sender": PERSON, **payload},
        GITHUB_REF=ref,
        GITHUB_SHA=UNKNOWN if is_own_commit else "d" * 40,
    )
    own = {UNKNOWN[:12], *(["pr-7"] if has_number else [])}
    assert set(outcome.outputs["tags"].split("\n")) == own
    assert {tag for tag in publisher.tags if not tag.startswith("ctx-")} == own
    assert "::notice::no tag 'stable': the code of a pull request" in publisher.log.getvalue()
