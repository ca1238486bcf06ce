"""Write the generated texts of a checkout: `action.yml` files, the reusable workflow, and the marked blocks of READMEs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from mlops_actions.chatops.command_schema import COMMANDS_SCHEMA
from mlops_actions.chatops.reasons import REASONS
from mlops_actions.core import markdown, render, result_schema
from mlops_actions.core.declare import Action
from mlops_actions.core.statement_schema import PREDICATE_SCHEMA
from mlops_actions.pipeline import composite, reusable
from mlops_actions.starter import render as starter

README = Path("README.md")
DOCTOR = Path("docs/doctor.md")
SCHEMAS = Path("docs/schemas")
ROOT_ACTION = Path("action.yml")
REUSABLE = Path(".github/workflows/pipeline.yml")
# Shown in the README: the name of a block, and the workflow file that it holds.
EXAMPLES = {
    "example workflow": Path("examples/digits/.github/workflows/mlops.yml"),
    "caller": Path("examples/reusable/.github/workflows/mlops.yml"),
}


def generate(root: Path, actions: Sequence[Action], *, write: bool) -> list[Path]:
    """Return the files that differ from the declarations; with `write`, rewrite them."""
    stale = []
    for path, text in _generated(root, actions):
        file = root / path
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            stale.append(file)
            if write:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
    return stale


def _generated(root: Path, actions: Sequence[Action]) -> Iterator[tuple[Path, str]]:
    """Yield every generated file: its path in the checkout and its text."""
    yield ROOT_ACTION, composite.action_yml()
    yield REUSABLE, reusable.workflow()
    for action in actions:
        yield _folder(action) / "action.yml", render.action_yml(action)
        yield _with_blocks(root, _folder(action) / "README.md", _blocks_of_action(action))
        if action.result:
            schema = result_schema.result_schema(action)
            yield SCHEMAS / f"{action.name}.schema.json", result_schema.to_text(schema)
    commands = {"$schema": result_schema.DIALECT, "$id": f"{result_schema.BASE}/commands.schema.json", **COMMANDS_SCHEMA}
    yield SCHEMAS / "commands.schema.json", result_schema.to_text(commands)
    predicate = {"$schema": result_schema.DIALECT, "$id": f"{result_schema.BASE}/predicate.json", **PREDICATE_SCHEMA}
    yield SCHEMAS / "predicate.json", result_schema.to_text(predicate)
    yield _with_blocks(root, DOCTOR, {"mlops-doctor.yml": markdown.fence(starter.doctor_example(), "yaml")})
    yield _with_blocks(root, README, _blocks_of_readme(root, actions))


def _folder(action: Action) -> Path:
    return Path("actions") / action.name


def _with_blocks(root: Path, path: Path, blocks: dict[str, str]) -> tuple[Path, str]:
    text = (root / path).read_text(encoding="utf-8")
    for name, content in blocks.items():
        text = render.replace_block(text, name, content)
    return path, text


def _blocks_of_action(action: Action) -> dict[str, str]:
    blocks = {"inputs": render.inputs_table(action), "outputs": render.outputs_table(action)}
    if action.name == "argo-submit":
        blocks["role"] = markdown.fence(starter.submitter_role(), "yaml")
    if action.name == "chatops":
        blocks["reasons"] = reasons_table()
    return blocks


def _blocks_of_readme(root: Path, actions: Sequence[Action]) -> dict[str, str]:
    blocks = {"pipeline inputs": composite.inputs_table(), "pipeline outputs": composite.outputs_table()}
    for name, path in EXAMPLES.items():
        blocks[name] = markdown.fence((root / path).read_text(encoding="utf-8").rstrip(), "yaml")
    for action in actions:
        blocks[f"{action.name} inputs"] = render.inputs_table(action)
        blocks[f"{action.name} outputs"] = render.outputs_table(action)
    return blocks


def reasons_table() -> str:
    """List every reason code of chatops: when it arises and what the commenter sees."""
    silent = {"continue": "the requested feedback", "ignore": "nothing", "deny": "nothing; the job's log gives the reason"}
    rows = [
        (f"`{code}`", f"`{reason.kind}`", reason.when, f"“{reason.reply}”" if reason.reply else silent[reason.kind])
        for code, reason in REASONS.items()
    ]
    return markdown.table(("reason", "decision", "when it arises", "what the commenter sees"), rows)
