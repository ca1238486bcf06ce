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


WITHOUT_EFFECT = [
    "--compress", "--rm", "--rm=true", "--force-rm=false", "--progress=plain", "--progress plain", "--progress tty",
    "--quiet", "-q", "--quiet=true", "--debug", "-D", "--memory 4g", "-m 4g", "--memory-swap=-1", "--cpu-shares=512",
    "--cpuset-cpus 0,1",
]  # fmt: skip


@pytest.mark.parametrize("text", WITHOUT_EFFECT)
def test_options_that_change_nothing_are_left_out_and_said(text: str) -> None:
    arguments, (note,) = options.parse(f"--no-cache {text} --pull")
    assert arguments == ("--no-cache", "--pull")
    assert text.replace("=", " ").split()[0] in note
    assert options.that_change_the_image(f"--network=none {text}") == ("--network=none",)


@pytest.mark.parametrize(
    "text",
    [
        "--output=type=local,dest=/", "-o x", "--push", "--load", "--allow security.insecure", "--metadata-file=/x",
        "--iidfile x",
        "--builder x", "--secret id=x,src=/etc/shadow", "--ssh default", "--cache-to type=local,dest=/", "-f /etc/passwd",
        "--build-context x=/etc", "--build-context x=../..", "--network=container:x", "--cgroup-parent x", "/etc", "--", "-",
        "--add-host --push", "--shm-size", "--target --push", "--build-arg",
        "--build-arg 1=x", "--build-arg=--push", "--label x=y", "'--no-cache --push'", "--no-cache=x", "'unbalanced",
        "--progress", "--progress=", "--progress --push", "--progress=/etc/passwd", "--quiet=maybe", "--memory",
        "--memory --push",
        "--rm=/", "--squash", "--security-opt seccomp=x", "-qo /", "--progress-file=x",
    ],
)  # fmt: skip
def test_every_other_option_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="build-options"):
        options.parse(text)
