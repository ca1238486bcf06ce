"""A build that fails ends the step with its cause, the Dockerfile's line and a remedy, and is not tried again."""

from __future__ import annotations

import pytest

from mlops_actions.core.errors import ActionError, Refused, Unavailable, WorkFailed
from tests.actions.docker_publish.publisher import Publisher

LOAD = "#2 [internal] load metadata for docker.io/nvidia/cuda:12"
HEAD = "unexpected status from HEAD request to https://registry-1.docker.io/v2/nvidia/cuda/manifests/12: "
COPY = "#4 [1/1] COPY train.py /train.py"
PROCESS = 'process "/bin/sh -c pip install torch" did not complete successfully: exit code: '


@pytest.mark.parametrize(
    ("lines", "error", "exit_code", "remedy"),
    [
        ([LOAD, f"#2 ERROR: {HEAD}429 Too Many Requests"], Unavailable, 4, "a login of docker.io in 'registries'"),
        ([LOAD, f"#2 ERROR: {HEAD}404 Not Found"], Refused, 3, "check name and tag of docker.io/nvidia/cuda:12"),
        ([COPY, "#4 ERROR: write /var/lib/docker/x: no space left on device"], WorkFailed, 1, "docker system prune"),
        (
            ["#5 [2/2] RUN pip install torch", "#5 9.1 Killed", f"#5 ERROR: {PROCESS}137"],
            WorkFailed,
            1,
            "MAX_JOBS, `make -j2`), or take a runner with more memory; its last lines: 9.1 Killed",
        ),
    ],
)
def test_a_failed_build_names_its_remedy(
    publisher: Publisher, lines: list[str], error: type[ActionError], exit_code: int, remedy: str
) -> None:
    failed = lines[-1].partition("ERROR: ")[2]
    publisher.docker.failures = [[*lines, f"ERROR: failed to build: failed to solve: {failed}"]]
    with pytest.raises(error) as raised:
        publisher.publish()
    assert raised.value.exit_code == exit_code
    assert failed in raised.value.cause
    assert remedy in raised.value.remedy
    assert len(publisher.docker.builds) == 1
    assert publisher.tags == {}
