"""The challenges of a 401 answer, as registries send them."""

from __future__ import annotations

import pytest

from mlops_actions.boundary.registry.challenges import Challenge, parse

REALM = "https://auth.example/token"
BEARER = Challenge("bearer", {"realm": REALM, "service": "registry", "scope": "repository:a/b:pull,push"})
BASIC = Challenge("basic", {"realm": "Registry, of a team"})
BEARER_TEXT = f'Bearer realm="{REALM}",service="registry",scope="repository:a/b:pull,push"'
BASIC_TEXT = 'Basic realm="Registry, of a team"'


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([BEARER_TEXT], [BEARER]),
        ([BASIC_TEXT, BEARER_TEXT], [BASIC, BEARER]),
        ([f"{BASIC_TEXT}, {BEARER_TEXT}"], [BASIC, BEARER]),
        ([f"{BEARER_TEXT}, {BASIC_TEXT}"], [BEARER, BASIC]),
        ([f"{BEARER_TEXT},{BASIC_TEXT}"], [BEARER, BASIC]),
        ([f"Basic, {BEARER_TEXT}"], [Challenge("basic"), BEARER]),
        ([f"Negotiate, {BASIC_TEXT}"], [Challenge("negotiate"), BASIC]),
        (
            [f"bearer Realm={REALM}, SERVICE=registry"],
            [Challenge("bearer", {"realm": REALM, "service": "registry"})],
        ),
        (
            [f'Bearer realm = "{REALM}" , service=gcr.io'],
            [Challenge("bearer", {"realm": REALM, "service": "gcr.io"})],
        ),
        (['Basic realm="a \\"quoted\\" one, Bearer x=y"'], [Challenge("basic", {"realm": 'a "quoted" one, Bearer x=y'})]),
        (["Basic realm=/"], [Challenge("basic", {"realm": "/"})]),
        (['Bearer realm="one",realm="two"'], [Challenge("bearer", {"realm": "one"})]),
        (['realm="no scheme"'], []),
        (['Bearer realm="not ended'], [Challenge("bearer"), Challenge("realm"), Challenge("not"), Challenge("ended")]),
        ([""], []),
        ([], []),
    ],
)  # fmt: skip
def test_challenges_are_read_in_order(headers: list[str], expected: list[Challenge]) -> None:
    assert parse(headers) == expected


@pytest.mark.parametrize(
    "text", ['"' * 60_000, "a" * 60_000, 'a="' * 20_000, "a=" * 30_000, " =" * 30_000, 'a="\\' * 15_000]
)
def test_a_hostile_header_is_read_in_time(text: str) -> None:
    assert len(parse([f"Bearer {text}"])) < 60_001
