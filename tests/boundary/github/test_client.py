"""The GitHub client: refusals, rate limits, faults, concurrency, the sticky comment, the App."""

from __future__ import annotations

import base64
import io
import os
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from mlops_actions.boundary.github import AppKey, GitHub, GitHubRefused, GitHubTransport, Pace, mint_token
from mlops_actions.boundary.github.shapes import Shape
from mlops_actions.boundary.runner import GitHubRunner
from mlops_actions.core.concurrent import gather
from mlops_actions.core.errors import BadInput, Refused, Unavailable
from mlops_sandbox.github import GitHubServer, Token
from tests.support.payloads import Sample, make_sample

REPOSITORY = "octo-org/digits"
WRITE = {"contents": "write", "issues": "write", "pull-requests": "write", "checks": "write", "deployments": "write"}


class Wired:
    """A repository on a server, with a client and its log."""

    def __init__(self, github: GitHubServer) -> None:
        self.sample: Sample = make_sample(github)
        self.github = github
        self.out = io.StringIO()
        self.log = GitHubRunner({}, self.out)

    def client(self, token: Token | str | None = None, **pace: Any) -> GitHub:
        token = token or self.github.workflow_token(self.sample.repository, WRITE)
        value = token if isinstance(token, str) else token.value
        transport = GitHubTransport(value, self.github.api_url, self.log, pace=Pace(**{"backoff": 0.0, **pace}))
        return GitHub(transport, REPOSITORY)


@pytest.fixture
def wired(github: GitHubServer) -> Wired:
    return Wired(github)


def refused(call: Callable[[], object]) -> GitHubRefused:
    with pytest.raises(GitHubRefused) as caught:
        call()
    return caught.value


# Refusals


def test_a_list_whose_last_page_is_never_reached_is_no_answer(wired: Wired) -> None:
    page = f"<{wired.github.api_url}/repos/{REPOSITORY}/issues/1/events?page=9>"
    links = {"Link": f'{page}; rel="next", {page}; rel="last"'}
    wired.github.faults.answer("GET /repos/*/*/issues/*/events", 200, [], headers=links)
    with pytest.raises(Unavailable, match="has no last page"):
        list(wired.client().events(1))


def test_a_wrong_token_is_refused(wired: Wired) -> None:
    error = refused(lambda: wired.client("ghs_wrong").pull_request(1))
    assert (error.status, error.exit_code) == (401, 3)
    assert "github-token" in error.remedy


def test_a_missing_permission_is_the_one_for_a_pull_request_not_the_first_that_github_names(wired: Wired) -> None:
    token = wired.github.workflow_token(wired.sample.repository, {"contents": "read"})
    error = refused(lambda: wired.client(token).comment(1, "x"))
    assert (error.status, error.exit_code) == (403, 3)
    assert error.remedy == "the token may not do this: give the job 'permissions: { pull-requests: write }'"


def test_a_missing_permission_is_named_without_a_header(wired: Wired) -> None:
    wired.github.faults.answer("POST /repos/*/*/check-runs", 403)
    error = refused(lambda: wired.client().create_check_run("a", "0" * 40, url="", title="t", summary="s"))
    assert "'permissions: { checks: write }'" in error.remedy


def test_a_missing_pull_request_is_refused(wired: Wired) -> None:
    error = refused(lambda: wired.client().pull_request(99))
    assert (error.status, error.exit_code) == (404, 3)
    assert "GET /repos/octo-org/digits/pulls/99" in error.cause


def test_a_validation_error_is_refused(wired: Wired) -> None:
    error = refused(lambda: wired.client().create_check_run("", "0" * 40, url="http://x", title="t", summary="s"))
    assert error.status == 422


# Limits and faults


@pytest.mark.parametrize("status", [403, 429])
def test_a_secondary_limit_is_waited_for_as_github_says(wired: Wired, status: int) -> None:
    wired.github.faults.secondary_rate_limit("GET /repos/*/*/pulls/1", retry_after=1, status=status)
    began = time.monotonic()
    assert wired.client().pull_request(1).number == 1
    assert time.monotonic() - began >= 1
    assert "rate limit: waiting 1 s" in wired.out.getvalue()


def test_a_limit_beyond_patience_is_not_waited_for(wired: Wired) -> None:
    wired.github.faults.secondary_rate_limit("GET /repos/*/*/pulls/1", retry_after=3600)
    with pytest.raises(Unavailable, match="3600 s more"):
        wired.client().pull_request(1)


def test_an_exhausted_limit_is_waited_for_until_its_reset(wired: Wired) -> None:
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(time.time()) + 3600)}
    body = {"message": "API rate limit exceeded for installation."}
    wired.github.faults.answer("GET /repos/*/*/pulls/1", 403, body, headers=headers, times=1)
    with pytest.raises(Unavailable, match="holds 'GET"):
        wired.client().pull_request(1)


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_server_error_is_tried_again(wired: Wired, status: int) -> None:
    wired.github.faults.answer("GET /repos/*/*/pulls/1", status, times=2)
    assert wired.client().pull_request(1).number == 1
    assert len(wired.github.exchanges) == 3


def test_a_server_error_that_stays_is_unavailable(wired: Wired) -> None:
    wired.github.faults.answer("GET /repos/*/*/pulls/1", 500)
    with pytest.raises(Unavailable, match="answered 500"):
        wired.client().pull_request(1)
    assert len(wired.github.exchanges) == 4


def test_a_closed_connection_is_tried_again(wired: Wired) -> None:
    wired.github.faults.close("GET /repos/*/*/pulls/1", times=1)
    assert wired.client().pull_request(1).number == 1


def test_a_request_that_must_not_repeat_is_sent_once(wired: Wired) -> None:
    wired.github.faults.close("POST /repos/*/*/issues/1/comments")
    with pytest.raises(Unavailable):
        wired.client().comment(1, "x")
    assert len(wired.github.exchanges) == 1


def test_a_repeatable_request_is_sent_again(wired: Wired) -> None:
    wired.github.faults.answer("POST /repos/*/*/issues/1/labels", 502, times=1)
    wired.client().add_labels(1, ["a"])
    assert wired.sample.pull.label_names == ["a"]


def test_a_silent_server_is_unavailable(wired: Wired) -> None:
    wired.github.faults.stall("GET /repos/*/*/pulls/1")
    with pytest.raises(Unavailable, match="no answer from"):
        wired.client(timeout=1, attempts=1).pull_request(1)


def test_a_renamed_repository_is_followed_to_its_new_address(wired: Wired) -> None:
    moved = {"Location": f"{wired.github.api_url}/repos/{REPOSITORY}/pulls/1"}
    wired.github.faults.answer("GET /repos/octo-org/digits/pulls/1", 301, headers=moved, times=1)
    assert wired.client().pull_request(1).number == 1


def test_another_pull_request_than_the_one_that_was_asked_for_is_no_answer(wired: Wired) -> None:
    moved = {"Location": f"{wired.github.api_url}/repos/{REPOSITORY}/pulls/1"}
    wired.github.faults.answer("GET /repos/octo-org/digits/pulls/7", 301, headers=moved)
    with pytest.raises(Unavailable, match="it is about the pull request 1"):
        wired.client().pull_request(7)


def test_the_token_goes_to_no_other_address(wired: Wired) -> None:
    moved = {"Location": "http://127.0.0.1:9/repos/octo-org/digits/pulls/1"}
    wired.github.faults.answer("GET /repos/*/*/pulls/1", 302, headers=moved)
    with pytest.raises(Unavailable, match=r"another address, http://127\.0\.0\.1:9"):
        wired.client().pull_request(1)


def test_endless_redirects_are_unavailable(wired: Wired) -> None:
    moved = {"Location": f"{wired.github.api_url}/repos/{REPOSITORY}/pulls/1"}
    wired.github.faults.answer("GET /repos/*/*/pulls/1", 307, headers=moved)
    with pytest.raises(Unavailable, match="307 to 'GET /repos/octo-org/digits/pulls/1', a redirect that leads nowhere"):
        wired.client().pull_request(1)


def test_a_closed_port_is_unavailable(wired: Wired) -> None:
    client = GitHub(GitHubTransport("t", "http://127.0.0.1:9", wired.log, pace=Pace(attempts=2, backoff=0.0)), REPOSITORY)
    with pytest.raises(Unavailable, match=r"no answer from http://127\.0\.0\.1:9"):
        client.pull_request(1)


def test_an_answer_that_is_not_json_is_unavailable(wired: Wired) -> None:
    wired.github.faults.answer("GET /repos/*/*/pulls/1", 200, "<html>Sign in</html>")
    with pytest.raises(Unavailable, match="is not GitHub's: it is not JSON"):
        wired.client().pull_request(1)
    wired.github.faults.answer("GET /repos/*/*/pulls/1", 200, {"hello": "world"})
    with pytest.raises(Unavailable, match="not of GitHub's form"):
        wired.client().pull_request(1)


def test_concurrent_requests_do_not_mix(wired: Wired) -> None:
    logins = [f"user{number}" for number in range(24)]
    for login in logins:
        wired.sample.repository.collaborator(login)
    client = wired.client()

    def login_of(login: str) -> str:
        return str(client.permission(login)["user"]["login"])

    found = gather({login: partial(login_of, login) for login in logins})
    assert found == {login: login for login in logins}


# The sticky comment


def test_a_sticky_comment_is_written_once_and_then_kept_up_to_date(wired: Wired) -> None:
    client = wired.client()
    first = client.upsert_comment(1, "mlops", "started")
    second = client.upsert_comment(1, "mlops", "done")
    (comment,) = wired.sample.pull.comments
    assert first == second
    assert first.endswith(f"/octo-org/digits/pull/1#issuecomment-{comment.id}")
    assert comment.body == "<!-- mlops-actions:mlops -->\ndone"


def test_a_sticky_comment_is_found_behind_hundreds_of_comments(wired: Wired) -> None:
    for number in range(230):
        wired.sample.pull.comment(f"remark {number}", by="writer")
    client = wired.client()
    client.upsert_comment(1, "mlops", "started")
    client.upsert_comment(1, "mlops", "done")
    assert len(wired.sample.pull.comments) == 231
    assert wired.sample.pull.comments[-1].body.endswith("done")


def test_a_strangers_marker_is_left_alone(wired: Wired) -> None:
    wired.sample.pull.comment("<!-- mlops-actions:mlops -->\nmine", by="outsider")
    client = wired.client()
    client.upsert_comment(1, "mlops", "started")
    client.upsert_comment(1, "mlops", "done")
    assert [comment.user.login for comment in wired.sample.pull.comments] == ["outsider", "github-actions[bot]"]
    assert [comment.body.split("\n")[1] for comment in wired.sample.pull.comments] == ["mine", "done"]


def test_an_own_comment_that_only_quotes_the_marker_is_left_alone(wired: Wired) -> None:
    client = wired.client()
    client.comment(1, "> <!-- mlops-actions:mlops -->")
    client.upsert_comment(1, "mlops", "started")
    assert len(wired.sample.pull.comments) == 2


def test_tags_do_not_mix_and_cannot_end_the_marker(wired: Wired) -> None:
    client = wired.client()
    for tag in ("a", "a b", "--><b>", "a"):
        client.upsert_comment(1, tag, "x")
    assert len(wired.sample.pull.comments) == 3
    assert all(comment.body.count("-->") == 1 for comment in wired.sample.pull.comments)


def test_a_users_token_knows_its_own_comment(wired: Wired) -> None:
    client = wired.client(wired.github.user_token("maintainer"))
    client.upsert_comment(1, "mlops", "started")
    client.upsert_comment(1, "mlops", "done")
    (comment,) = wired.sample.pull.comments
    assert (comment.user.login, comment.body.split("\n")[1]) == ("maintainer", "done")


def test_an_installations_token_knows_its_own_comment(wired: Wired) -> None:
    app = wired.github.register_app("ml-bot", permissions={"issues": "write"}, repositories=[wired.sample.repository])
    token = wired.github.installation_token(app.installations[0], {"issues": "write", "pull_requests": "write"}, None)
    for text in ("started", "done"):
        wired.client(token).upsert_comment(1, "mlops", text)
    (comment,) = wired.sample.pull.comments
    assert (comment.user.login, comment.body.split("\n")[1]) == ("ml-bot[bot]", "done")


def test_a_long_comment_is_cut_to_githubs_limit(wired: Wired) -> None:
    wired.client().upsert_comment(1, "mlops", "line\n" * 20_000)
    (comment,) = wired.sample.pull.comments
    assert len(comment.body) <= 65_536
    assert "Cut here" in comment.body


class TransportWithHook(GitHubTransport):
    """A transport that calls a hook once, before the first request with a given method."""

    hook: tuple[str, Callable[[], object]] | None = None

    def send(self, method: str, path: str, shape: Shape, **options: Any) -> tuple[Any, Any]:
        if self.hook and self.hook[0] == method:
            hook, self.hook = self.hook[1], None
            hook()
        return super().send(method, path, shape, **options)


def interrupted(wired: Wired, verb: str, hook: Callable[[], object], run_id: str = "") -> GitHub:
    token = wired.github.workflow_token(wired.sample.repository, WRITE)
    transport = TransportWithHook(token.value, wired.github.api_url, wired.log, pace=Pace(backoff=0.0))
    transport.hook = (verb, hook)
    return GitHub(transport, REPOSITORY, run_id=run_id)


def test_a_comment_that_is_deleted_between_find_and_update_is_written_anew(wired: Wired) -> None:
    wired.client().upsert_comment(1, "mlops", "started")
    (before,) = wired.sample.pull.comments
    client = interrupted(wired, "PATCH", lambda: wired.sample.pull.delete_comment(before))
    address = client.upsert_comment(1, "mlops", "done")
    (comment,) = wired.sample.pull.comments
    assert comment.id != before.id
    assert address.endswith(f"#issuecomment-{comment.id}")
    assert comment.body.endswith("done")


def test_of_two_jobs_that_comment_at_once_one_comment_remains_with_both_reports(wired: Wired) -> None:
    token = wired.github.workflow_token(wired.sample.repository, WRITE).value
    other = GitHub(GitHubTransport(token, wired.github.api_url, wired.log), REPOSITORY, run_id="1")
    client = interrupted(wired, "POST", lambda: other.upsert_comment(1, "mlops", "### first", keep=True), run_id="2")
    address = client.upsert_comment(1, "mlops", "### second", keep=True)
    (comment,) = wired.sample.pull.comments
    assert address.endswith(f"#issuecomment-{comment.id}")
    assert "### second" in comment.body.partition("<details")[0]
    assert "### first" in comment.body.partition("<details")[2]


def test_a_duplicate_of_a_killed_job_is_deleted(wired: Wired) -> None:
    client = wired.client()
    for _ in range(3):
        client.comment(1, "<!-- mlops-actions:mlops -->\nstarted")
    oldest = wired.sample.pull.comments[0]
    client.upsert_comment(1, "mlops", "done")
    assert [(comment.id, comment.body.split("\n")[1]) for comment in wired.sample.pull.comments] == [(oldest.id, "done")]


def test_however_two_jobs_interleave_one_comment_remains(wired: Wired) -> None:
    for attempt in range(8):
        clients = [wired.client(), wired.client()]
        start = threading.Barrier(len(clients))

        def write(client: GitHub, start: threading.Barrier = start, tag: str = f"tag{attempt}") -> str:
            start.wait()
            return client.upsert_comment(1, tag, "done")

        with ThreadPoolExecutor() as pool:
            addresses = set(pool.map(write, clients))
        assert len(addresses) == 1
    assert len(wired.sample.pull.comments) == 8


# The App

ISSUES = {"issues": "write"}


@pytest.fixture
def app_key(wired: Wired) -> AppKey:
    app = wired.github.register_app(
        "ml-bot", permissions={"issues": "write", "checks": "read"}, repositories=[wired.sample.repository]
    )
    return AppKey(str(app.id), app.private_key)


def test_an_apps_token_is_for_one_repository_narrowed_and_masked(wired: Wired, app_key: AppKey) -> None:
    wanted = {"issues": "write", "deployments": "write"}
    made = mint_token(app_key, wired.github.api_url, REPOSITORY, wired.log, wanted)
    token = wired.github.tokens[made.token]
    assert token.permissions == {"issues": "write"}
    assert token.repositories == frozenset({REPOSITORY})
    assert made.login == "ml-bot[bot]"
    assert f"::add-mask::{made.token}" in wired.out.getvalue()
    assert made.token not in repr(made)
    assert "PRIVATE" not in repr(app_key)


def test_a_key_may_be_written_as_secrets_hold_it(wired: Wired, app_key: AppKey) -> None:
    pem = app_key.private_key
    for written in (base64.b64encode(pem.encode()).decode(), pem.replace("\n", "\\n"), f"\n{pem}\n\n"):
        assert mint_token(AppKey(app_key.app_id, written), wired.github.api_url, REPOSITORY, wired.log, ISSUES).token


def pem(key: Any, form: PrivateFormat = PrivateFormat.PKCS8, password: str = "") -> str:
    encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return str(key.private_bytes(Encoding.PEM, form, encryption).decode())


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_both_forms_of_an_rsa_key_sign(form: PrivateFormat) -> None:
    key = rsa.generate_private_key(65537, 2048)
    token = AppKey("17", pem(key, form)).signed()
    claims = jwt.decode(token, key.public_key(), algorithms=["RS256"])
    assert claims["iss"] == "17"
    assert 300 < claims["exp"] - claims["iat"] <= 600, "GitHub allows ten minutes"


OTHER_KEYS = {
    "no PEM": "nonsense",
    "no key in PEM": "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----",
    "empty": "",
    "a public key": rsa.generate_private_key(65537, 2048)
    .public_key()
    .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    .decode(),
    "an elliptic curve": pem(ec.generate_private_key(ec.SECP256R1())),
    "an elliptic curve with signatures as long as an RSA key's": pem(ec.generate_private_key(ec.SECP521R1())),
    "an RSA key for another padding": subprocess.run(
        ["openssl", "genpkey", "-algorithm", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"],
        stdout=subprocess.PIPE,
        check=True,
    ).stdout.decode(),
    "Ed25519": pem(ed25519.Ed25519PrivateKey.generate()),
    "encrypted": pem(rsa.generate_private_key(65537, 2048), password="secret"),
    "too long": "-----BEGIN RSA PRIVATE KEY-----\n" + "A" * 100_000,
}


@pytest.mark.parametrize("key", OTHER_KEYS.values(), ids=OTHER_KEYS)
def test_a_malformed_key_is_bad_input(wired: Wired, app_key: AppKey, key: str) -> None:
    before = os.listdir("/proc/self/fd")  # noqa: PTH208 - names
    with pytest.raises(BadInput, match="app-private-key"):
        AppKey(app_key.app_id, key).signed()
    assert os.listdir("/proc/self/fd") == before  # noqa: PTH208
    with pytest.raises(BadInput, match="app-private-key"):
        mint_token(AppKey(app_key.app_id, key), wired.github.api_url, REPOSITORY, wired.log, ISSUES)


def test_without_openssl_the_remedy_names_it(app_key: AppKey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(BadInput, match="openssl is not installed here") as refused:
        app_key.signed()
    assert refused.value.remedy == "install it (Debian: openssl)"


def test_the_key_of_another_app_is_refused(wired: Wired, app_key: AppKey) -> None:
    with pytest.raises(Refused) as caught:
        mint_token(AppKey("1", app_key.private_key), wired.github.api_url, REPOSITORY, wired.log, ISSUES)
    assert "belong together" in caught.value.remedy


def test_an_app_that_is_not_installed_is_refused(wired: Wired, app_key: AppKey) -> None:
    wired.github.repository("other/place")
    with pytest.raises(Refused) as caught:
        mint_token(app_key, wired.github.api_url, "other/place", wired.log, ISSUES)
    assert "install the App" in caught.value.remedy


# The pull request of a commit


def test_a_commit_s_open_pull_request_is_found(wired: Wired) -> None:
    pull = wired.sample.pull
    assert wired.client().pull_request_of_commit(pull.head_sha) == pull.number


def test_a_commit_that_is_no_longer_the_head_has_no_pull_request(wired: Wired) -> None:
    pull = wired.sample.pull
    before = pull.head_sha
    pull.push(by="writer")
    assert wired.client().pull_request_of_commit(before) is None


def test_a_commit_of_a_closed_pull_request_has_none(wired: Wired) -> None:
    pull = wired.sample.pull
    pull.close(by="writer")
    assert wired.client().pull_request_of_commit(pull.head_sha) is None


def test_a_commit_of_two_pull_requests_has_none(wired: Wired) -> None:
    first = wired.sample.pull
    wired.sample.repository.branches["second"] = first.head_sha
    wired.sample.repository.open_pull_request(by="writer", head="second")
    assert wired.client().pull_request_of_commit(first.head_sha) is None


def test_a_commit_of_a_fork_is_found_by_its_branch_alone(wired: Wired) -> None:
    """GitHub does not find a commit that only a fork has."""
    fork = wired.github.fork(wired.sample.repository, by="outsider")
    pull = wired.sample.repository.open_pull_request(by="outsider", fork=fork, head="topic")
    client = wired.client()
    assert client.pull_request_of_commit(pull.head_sha) is None
    assert client.pull_request_of_commit(pull.head_sha, "outsider:topic") == pull.number


WRONG_HEADS = ["outsider:other", "writer:topic", "nobody:topic", "topic", ":"]


@pytest.mark.parametrize("head", WRONG_HEADS)
def test_another_branch_finds_no_pull_request_of_a_fork(wired: Wired, head: str) -> None:
    fork = wired.github.fork(wired.sample.repository, by="outsider")
    pull = wired.sample.repository.open_pull_request(by="outsider", fork=fork, head="topic")
    assert wired.client().pull_request_of_commit(pull.head_sha, head) is None


def test_a_branch_whose_head_is_another_commit_now_finds_no_pull_request(wired: Wired) -> None:
    fork = wired.github.fork(wired.sample.repository, by="outsider")
    pull = wired.sample.repository.open_pull_request(by="outsider", fork=fork, head="topic")
    before = pull.head_sha
    pull.push(by="outsider")
    assert wired.client().pull_request_of_commit(before, "outsider:topic") is None
