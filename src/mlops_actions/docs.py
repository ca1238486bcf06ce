"""Write every generated text of a checkout: `action.yml` files, and what stands between marks in the READMEs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mlops_actions.chatops.reasons import REASONS
from mlops_actions.core import markdown, render, result_schema
from mlops_actions.core.declare import Action
from mlops_actions.pipeline import composite, reusable
from mlops_actions.starter import render as starter

EXAMPLE = Path("examples/digits/.github/workflows/mlops.yml")
CALLER = Path("examples/reusable/.github/workflows/mlops.yml")
SCHEMAS = Path("docs/schemas")
REUSABLE = Path(".github/workflows/pipeline.yml")


def generate(root: Path, actions: Sequence[Action], *, write: bool) -> list[Path]:
    """Return the files whose text differs from the declarations, having written them where `write` says so."""
    wanted: dict[Path, str] = {}
    readme = root / "README.md"
    wanted[readme] = readme.read_text(encoding="utf-8")
    for name, path in (("example workflow", EXAMPLE), ("caller", CALLER)):
        example = markdown.fence((root / path).read_text(encoding="utf-8").rstrip(), "yaml")
        wanted[readme] = render.replace_block(wanted[readme], name, example)
    wanted[readme] = render.replace_block(wanted[readme], "pipeline inputs", composite.inputs_table())
    wanted[readme] = render.replace_block(wanted[readme], "pipeline outputs", composite.outputs_table())
    wanted[root / "action.yml"] = composite.action_yml()
    wanted[root / REUSABLE] = reusable.workflow()
    for action in actions:
        if action.result:
            schema = result_schema.result_schema(action)
            wanted[root / SCHEMAS / f"{action.name}.schema.json"] = result_schema.written(schema)
        folder = root / "actions" / action.name
        wanted[folder / "action.yml"] = render.action_yml(action)
        inputs, outputs = render.inputs_table(action), render.outputs_table(action)
        own = (folder / "README.md").read_text(encoding="utf-8")
        wanted[folder / "README.md"] = render.replace_block(render.replace_block(own, "inputs", inputs), "outputs", outputs)
        wanted[readme] = render.replace_block(wanted[readme], f"{action.name} inputs", inputs)
        wanted[readme] = render.replace_block(wanted[readme], f"{action.name} outputs", outputs)
    submit = root / "actions" / "argo-submit" / "README.md"
    wanted[submit] = render.replace_block(wanted[submit], "role", markdown.fence(starter.submitter_role(), "yaml"))
    chatops = root / "actions" / "chatops" / "README.md"
    wanted[chatops] = render.replace_block(wanted[chatops], "reasons", reasons_table())
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if write:
        for path in stale:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[path], encoding="utf-8")
    return stale


def reasons_table() -> str:
    """Tell of every reason code of chatops when it arises and what the commenter sees."""
    silent = {"continue": "the signs that are asked for", "ignore": "nothing", "deny": "nothing; the job's log says it"}
    rows = [
        (f"`{code}`", f"`{reason.decision}`", reason.when, f"“{reason.says}”" if reason.says else silent[reason.decision])
        for code, reason in REASONS.items()
    ]
    return markdown.table(("reason", "decision", "when it arises", "what the commenter sees"), rows)
