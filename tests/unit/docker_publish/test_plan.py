"""The command line of one build."""

from __future__ import annotations

import pytest

from mlops_actions.core.errors import BadInput
from mlops_actions.docker_publish.build import plan
from tests.support.docker_publish import make_inputs


@pytest.mark.parametrize("key", ["PATH", "DOCKER_HOST", "DOCKER_CONFIG", "LD_PRELOAD", "BUILDX_BUILDER"])
def test_a_build_argument_cannot_redirect_docker(key: str) -> None:
    with pytest.raises(BadInput, match=f"sets {key}"):
        plan.build_arguments(make_inputs(image="a", build_args=f"{key}=x"), {})


def test_a_missing_secret_is_an_error() -> None:
    with pytest.raises(BadInput, match="entry 1 of input 'secrets'") as error:
        plan.secret_values(make_inputs(image="a", secrets="TOKEN"), {})
    assert "'env:'" in error.value.remedy
    assert "TOKEN" not in str(error.value)
