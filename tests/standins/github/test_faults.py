"""Rate limits and faults on demand."""

from __future__ import annotations

import time

import pytest
import requests

from tests.standins.github.conftest import Client
from tests.support.payloads import Sample


def test_every_response_has_rate_limit_headers(sample: Sample, call: Client) -> None:
    headers = call("GET {repo}").headers
    assert (headers["X-RateLimit-Limit"], headers["X-RateLimit-Remaining"]) == ("1000", "999")
    assert call("GET /rate_limit").json()["resources"]["core"]["remaining"] == 999
    assert Client(sample.github, None)("GET {repo}").headers["X-RateLimit-Limit"] == "60"


def test_an_exhausted_hourly_limit_is_refused(sample: Sample, call: Client) -> None:
    assert not isinstance(call.token, str)
    sample.github.limits.exhaust(call.token, reset_in=30)
    refused = call("GET {repo}")
    assert refused.status_code == 403
    assert refused.json()["message"].startswith("API rate limit exceeded")
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert 0 < int(refused.headers["X-RateLimit-Reset"]) - time.time() <= 30
    assert Client(sample.github, sample.github.user_token("writer"))("GET {repo}").status_code == 200


def test_too_much_content_a_minute_is_refused(sample: Sample, call: Client) -> None:
    sample.github.limits.content_per_minute = 2
    route = f"POST {{repo}}/issues/{sample.pull.number}/comments"
    statuses = [call(route, {"body": str(number)}).status_code for number in range(3)]
    assert statuses == [201, 201, 403]
    assert sample.github.exchanges[-1].response_headers["Retry-After"] == "60"
    assert call("GET {repo}").status_code == 200


def test_a_secondary_rate_limit_applies_once(sample: Sample, call: Client) -> None:
    sample.github.faults.secondary_rate_limit("GET /repos/*/*", retry_after=7, status=429)
    first = call("GET {repo}")
    assert (first.status_code, first.headers["Retry-After"]) == (429, "7")
    assert call("GET {repo}").status_code == 200
    assert [exchange.injected for exchange in sample.github.requests("GET /repos/*/*")] == [True, False]


@pytest.mark.parametrize("status", [401, 403, 404, 409, 422, 429, 500, 502, 503])
def test_an_injected_status_changes_nothing(sample: Sample, call: Client, status: int) -> None:
    sample.github.faults.answer("POST /repos/*/*/issues/*/comments", status, times=1, skip=1)
    route = f"POST {{repo}}/issues/{sample.pull.number}/comments"
    assert [call(route, {"body": "x"}).status_code for _ in range(3)] == [201, status, 201]
    assert len(sample.pull.comments) == 2


def test_a_fault_closes_the_connection(sample: Sample, call: Client) -> None:
    sample.github.faults.close("* /**", times=1)
    with pytest.raises(requests.ConnectionError):
        call("GET {repo}")
    assert sample.github.exchanges[-1].status == 0
    assert call("GET {repo}").status_code == 200


def test_a_stall_ends_when_the_client_disconnects(sample: Sample, call: Client) -> None:
    sample.github.faults.stall("GET /repos/*/*")
    assert not isinstance(call.token, str | None)
    with pytest.raises(requests.ReadTimeout):
        requests.get(
            f"{sample.github.api_url}/repos/octo-org/digits",
            headers={"Authorization": f"token {call.token.value}"},
            timeout=(5, 0.2),
        )
    sample.github.faults.clear()
    assert call("GET {repo}").status_code == 200


@pytest.mark.parametrize("silent", [True, False])
def test_a_lost_response_keeps_its_effect(sample: Sample, call: Client, silent: bool) -> None:
    route = "POST /repos/*/*/issues/*/comments"
    if silent:
        sample.github.faults.stall(route, seconds=0.05, done=True)
    else:
        sample.github.faults.close(route, done=True)
    with pytest.raises(requests.ConnectionError):
        call(f"POST {{repo}}/issues/{sample.pull.number}/comments", {"body": "x"})
    assert [comment.body for comment in sample.pull.comments] == ["x"]
    assert (sample.github.exchanges[-1].status, sample.github.exchanges[-1].injected) == (0, True)


def test_a_delayed_response_is_the_usual_one(sample: Sample, call: Client) -> None:
    sample.github.faults.delay("GET /repos/*/*", 0.05)
    assert call("GET {repo}").json()["full_name"] == "octo-org/digits"
    assert sample.github.exchanges[-1].injected is False


def test_exchanges_are_recorded(sample: Sample, call: Client) -> None:
    call(f"POST {{repo}}/issues/{sample.pull.number}/comments", {"body": "x"})
    call("GET {repo}")
    (write,) = sample.github.writes
    assert str(write) == f"POST /repos/octo-org/digits/issues/{sample.pull.number}/comments → 201"
    assert (write.body, write.actor) == ({"body": "x"}, "github-actions[bot]")
    assert write.route == "/repos/{owner}/{repo}/issues/{number:int}/comments"
    assert call("GET /nothing/here").status_code == 404
