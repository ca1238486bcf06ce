"""The pages that a browser opens: the form to comment, whether a page is old, workflow runs, addresses without a page."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import requests

from mlops_sandbox.github import Delivery
from mlops_sandbox.github.discussion import MAX_BODY_LENGTH, Comment
from tests.support.payloads import Sample, make_sample

ATTACK = "<img src=x onerror=attack()>"


@pytest.fixture
def sample() -> Iterator[Sample]:
    sample = make_sample()
    with sample.github.serve():
        yield sample


def page(sample: Sample) -> str:
    return f"{sample.github.origin}/{sample.pull.repository.full_name}/pull/{sample.pull.number}"


def send(sample: Sample, *, by: str = "writer", body: str = "/train lr=1", **headers: str) -> requests.Response:
    """Send the form as a browser does."""
    sent = {"Origin": sample.github.origin, **headers}
    return requests.post(page(sample), data={"by": by, "body": body}, headers=sent, allow_redirects=False, timeout=10)


def test_there_is_no_form_unless_it_is_opened(sample: Sample) -> None:
    assert "<form" not in requests.get(page(sample), timeout=10).text
    before = len(sample.pull.comments)
    assert send(sample).status_code == 404
    assert len(sample.pull.comments) == before


def test_a_comment_of_the_form_is_that_of_a_person_and_starts_workflows(sample: Sample) -> None:
    seen: list[Delivery[Comment]] = []
    sample.github.open_form(["writer", "outsider"])
    sample.github.observers.append(seen.append)
    answer = send(sample, by="outsider", body="/train lr=1")
    (delivery,) = seen
    comment = delivery.subject
    assert (answer.status_code, delivery.event, delivery.action, delivery.starts_workflows) == (
        303, "issue_comment", "created", True,
    )  # fmt: skip
    assert answer.headers["location"].endswith(f"#issuecomment-{comment.id}")
    assert (comment.user.login, comment.body) == ("outsider", "/train lr=1")
    assert f'id="issuecomment-{comment.id}"' in requests.get(page(sample), timeout=10).text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://evil.example", "Host": "evil.example"},  # a name that leads to 127.0.0.1
        {"Origin": "http://127.0.0.1:1@evil.example", "Host": "127.0.0.1:1@evil.example"},
        {"Origin": "http://[", "Host": "["},
    ],
    ids=["another site", "a sandboxed frame", "no origin", "another port", "DNS rebinding", "a user", "no host"],
)
def test_another_site_cannot_send_the_form(sample: Sample, headers: dict[str, str]) -> None:
    sample.github.open_form(["writer"])
    before = len(sample.pull.comments)
    assert send(sample, **headers).status_code == 403
    assert len(sample.pull.comments) == before


@pytest.mark.parametrize(
    ("by", "body"),
    [
        ("somebody-else", "/train"),
        ("github-actions[bot]", "/train"),
        ("writer", ""),
        ("writer", " \r\n"),
        ("writer", "x" * (MAX_BODY_LENGTH + 1)),
    ],
)
def test_the_form_takes_what_it_offers_and_what_github_would_take(sample: Sample, by: str, body: str) -> None:
    sample.github.open_form(["writer"])
    before = len(sample.pull.comments)
    assert send(sample, by=by, body=body).status_code == 422
    assert len(sample.pull.comments) == before


def test_more_fields_than_the_form_has_are_refused(sample: Sample) -> None:
    sample.github.open_form(["writer"])
    fields = [("by", "writer"), ("body", "/train"), *(("more", str(number)) for number in range(9))]
    headers = {"Origin": sample.github.origin}
    assert requests.post(page(sample), data=fields, headers=headers, timeout=10).status_code == 422


def test_the_version_changes_with_what_the_page_shows(sample: Sample) -> None:
    def version() -> str:
        return requests.get(f"{page(sample)}.version", timeout=10).text

    sample.github.open_form(["writer"])
    first = version()
    assert version() == first
    assert f'data-version="{first}"' in requests.get(page(sample), timeout=10).text
    sample.pull.comment("/train", by="writer")
    assert version() != first


def test_the_page_with_a_form_allows_only_its_own_script_and_server(sample: Sample) -> None:
    sample.github.open_form([ATTACK])
    text = requests.get(page(sample), timeout=10).text
    policy = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    assert len(policy) == 1
    assert "form-action 'self'" in policy[0].replace("&#39;", "'")
    assert "connect-src 'self'" in policy[0].replace("&#39;", "'")
    assert ATTACK not in text


def test_a_workflow_run_has_a_page_with_the_summaries_of_its_jobs(sample: Sample) -> None:
    repository = sample.pull.repository
    run = repository.workflow_run(sample.pull.head_sha, by="writer", name="MLOps", event="issue_comment")
    job = repository.workflow_job(run, "Train", "in_progress")
    job.summary = f"### Trained {ATTACK}"
    job.complete("success", sample.github.clock.now())
    text = requests.get(f"{sample.github.origin}/{repository.full_name}/actions/runs/{run.id}", timeout=10).text
    assert "MLOps" in text
    assert "<h3>Trained" in text
    assert "onerror" not in text


def test_an_address_without_a_page_says_so_and_leads_to_the_pull_request(sample: Sample) -> None:
    answer = requests.get(f"{sample.github.origin}/{sample.pull.repository.full_name}/commit/{ATTACK}", timeout=10)
    assert answer.status_code == 404
    assert f'href="/{sample.pull.repository.full_name}/pull/{sample.pull.number}"' in answer.text
    assert ATTACK not in answer.text
