"""The commands as somebody runs them after a plain `pip install`, and what each must say of the packages that it lacks."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mlops_actions.core.statement import PREDICATE_TYPE, STATEMENT_TYPE
from tests.support.payloads import make_sample

WORKFLOW = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: a-}
spec: {entrypoint: a, templates: [{name: a, container: {image: b}}]}
"""
KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: a
clusters: [{name: a, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: a, user: {token: b}}]
contexts: [{name: a, context: {cluster: a, user: a}}]
"""


@dataclass(frozen=True)
class Use:
    """One use of a command: its arguments and variables, its exit code, and the extras that it must name."""

    arguments: tuple[str, ...]
    exit_code: int
    extras: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)

    def is_right(self, exit_code: int, output: str, errors: str) -> bool:
        """Tell whether the command worked, or named in one line what to install."""
        lines = [line for line in (output + errors).splitlines() if "not installed" in line]
        is_one_line = (
            len(lines) == 1
            and bool(re.search(r"the package '\w+'", lines[0]))
            and bool(re.search(rf"pip install .*\[{','.join(self.extras)}\]", lines[0]))
        )
        return exit_code == self.exit_code and "Traceback" not in errors and (is_one_line if self.extras else not lines)


def uses(folder: Path, root: Path) -> dict[str, Use]:
    """Return a use of every command that goes as far as its packages; `root` is the checkout of the suite."""
    sample = make_sample()
    event = folder / "event.json"
    event.write_text(json.dumps(sample.pull.comment("/train", by="writer").payload))
    statement = folder / "statement.json"
    statement.write_text(json.dumps(_STATEMENT))
    runner = {
        "GITHUB_EVENT_PATH": str(event), "GITHUB_EVENT_NAME": "issue_comment", "GITHUB_REPOSITORY": "octo-org/digits",
        "GITHUB_WORKSPACE": str(folder), "GITHUB_API_URL": "http://127.0.0.1:1", "INPUT_GITHUB-TOKEN": "t",
    }  # fmt: skip
    project = ("--project", "octo/digits", "--directory", str(folder))
    return {
        "init": Use(("init", *project), 0),
        "docs": Use(("docs", "--check", "--root", str(root)), 0),
        "doctor": Use(
            ("doctor", "--workflow", str(root / "examples/digits/.github/workflows/mlops.yml")),
            2, ("chatops", "docker", "argo", "wandb"), {"GITHUB_REPOSITORY": "octo-org/digits"},
        ),
        "verify": Use(("verify", str(statement)), 2, ("docker", "wandb")),
        "demo": Use(("demo",), 2, ("sandbox", "chatops", "docker", "argo", "wandb")),
        "sandbox": Use(("sandbox",), 2, ("sandbox", "chatops", "docker", "argo", "wandb")),
        "chatops": Use(("chatops",), 2, ("chatops",), {**runner, "INPUT_COMMANDS": "/train"}),
        "docker-publish": Use(("docker-publish",), 2, ("docker",), {**runner, "INPUT_IMAGE": "digits"}),
        "argo-submit": Use(
            ("argo-submit",), 2, ("argo",),
            {**runner, "INPUT_WORKFLOW": WORKFLOW, "INPUT_KUBECONFIG": base64.b64encode(KUBECONFIG.encode()).decode()},
        ),
        "wandb-runs": Use(
            ("wandb-runs",), 2, ("wandb",), {**runner, "INPUT_PROJECT": "octo/digits", "INPUT_API-KEY": "k" * 40}
        ),
    }  # fmt: skip


_STATEMENT = {
    "_type": STATEMENT_TYPE,
    "subject": [{"name": "x", "digest": {"sha256": "1" * 64}}],
    "predicateType": PREDICATE_TYPE,
    "predicate": {
        "commit": {"repository": "https://github.com/octo-org/digits", "sha": "a" * 40},
        "tracker": {"server": "https://wandb.ai", "project": "octo/digits"},
        "runs": [{"id": "c1", "commit": "a" * 40, "metrics": {}}],
    },
}
