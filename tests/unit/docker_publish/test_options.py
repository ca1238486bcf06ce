"""Further options of `docker buildx build`: which are allowed."""

from __future__ import annotations

import pytest

from mlops_actions.core.errors import BadInput
from mlops_actions.docker_publish.build import options


def test_harmless_options_are_passed_on() -> None:
    text = (
        "--no-cache --pull=true --add-host a:1.2.3.4 --shm-size=1g --network none --build-context x=docker-image://alpine:3"
    )
    expected = (
        "--no-cache", "--pull=true", "--add-host=a:1.2.3.4", "--shm-size=1g", "--network=none",
        "--build-context=x=docker-image://alpine:3",
    )  # fmt: skip
    assert options.parse(text) == (expected, ())
    assert options.parse("--target train --build-arg A=1") == (("--target=train",), ())
    assert options.parse("--compress --rm")[0] == ()
    assert len(options.parse("--compress --rm")[1]) == 2


@pytest.mark.parametrize(
    "text",
    [
        "--output=type=local,dest=/", "-o x", "--push", "--load", "--allow security.insecure", "--metadata-file=/x",
        "--iidfile x",
        "--builder x", "--secret id=x,src=/etc/shadow", "--ssh default", "--cache-to type=local,dest=/", "-f /etc/passwd",
        "--build-context x=/etc", "--build-context x=../..", "--network=container:x", "--cgroup-parent x", "/etc", "--", "-",
        "--add-host --push", "--shm-size", "--target --push", "--build-arg",
        "--build-arg 1=x", "--build-arg=--push", "--label x=y", "'--no-cache --push'", "--no-cache=x", "'unbalanced",
    ],
)  # fmt: skip
def test_every_other_option_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="build-options"):
        options.parse(text)
