"""Write the generated texts of a checkout: actions, their Dockerfiles, the workflows, the reference, blocks of pages."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from mlops_actions import reference
from mlops_actions.chatops.command_schema import COMMANDS_SCHEMA
from mlops_actions.chatops.reasons import REASONS
from mlops_actions.core import markdown, render, result_schema
from mlops_actions.core.declare import Action
from mlops_actions.core.statement_schema import PREDICATE_SCHEMA
from mlops_actions.pipeline import composite, reusable
from mlops_actions.starter import render as starter

ONE_STEP = Path("docs/guides/one-step.md")
REFERENCE = Path("docs/reference")
DOCTOR = Path("docs/doctor.md")
SCHEMAS = Path("docs/schemas")
DOCKERFILE = Path("Dockerfile.base")
ROOT_ACTION = Path("action.yml")
REUSABLE = Path(".github/workflows/pipeline.yml")
KEYLESS = Path(".github/workflows/pipeline-keyless.yml")
PAGES = ("README.md", "docs/**/*.md", "actions/*/README.md")
# A page shows a file of the examples between `<!-- file PATH -->` and `<!-- /file PATH -->`: what is shown is tested.
SHOWN_FILE = re.compile(r"^<!-- (file (examples/[\w./-]+)) -->$", re.MULTILINE)
_LANGUAGES = {".yml": "yaml", ".yaml": "yaml", ".py": "python"}


def generate(root: Path, actions: Sequence[Action], parser: argparse.ArgumentParser, *, write: bool) -> list[Path]:
    """Return the files that differ from the declarations; with `write`, rewrite them."""
    stale = []
    for path, text in _generated(root, actions, parser):
        file = root / path
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            stale.append(file)
            if write:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
    return stale


def _generated(root: Path, actions: Sequence[Action], parser: argparse.ArgumentParser) -> Iterator[tuple[Path, str]]:
    """Yield every generated file: its path in the checkout and its text."""
    yield ROOT_ACTION, composite.action_yml()
    yield REUSABLE, reusable.workflow()
    yield KEYLESS, reusable.workflow(keyless=True)
    stages = (root / DOCKERFILE).read_text(encoding="utf-8")
    for action in actions:
        yield DOCKERFILE.with_suffix(f".{action.name}"), dockerfile(stages, action.name)
        yield _folder(action) / "action.yml", render.action_yml(action)
        if action.result:
            schema = result_schema.result_schema(action)
            yield SCHEMAS / f"{action.name}.schema.json", result_schema.to_text(schema)
    yield REFERENCE / "command-line.md", reference.command_line(parser, [action.name for action in actions])
    yield REFERENCE / "exit-codes.md", reference.exit_codes()
    commands = {"$schema": result_schema.DIALECT, "$id": f"{result_schema.BASE}/commands.schema.json", **COMMANDS_SCHEMA}
    yield SCHEMAS / "commands.schema.json", result_schema.to_text(commands)
    predicate = {"$schema": result_schema.DIALECT, "$id": f"{result_schema.BASE}/predicate.json", **PREDICATE_SCHEMA}
    yield SCHEMAS / "predicate.json", result_schema.to_text(predicate)
    yield from _pages(root, actions)


def _folder(action: Action) -> Path:
    return Path("actions") / action.name


def _pages(root: Path, actions: Sequence[Action]) -> Iterator[tuple[Path, str]]:
    """Yield every page with its generated blocks, and with the files of the examples that it shows."""
    generated = {
        DOCTOR: {"mlops-doctor.yml": markdown.fence(starter.doctor_example(), "yaml")},
        ONE_STEP: {"inputs": composite.inputs_table(), "outputs": composite.outputs_table()},
        **{_folder(action) / "README.md": _blocks_of_action(action) for action in actions},
    }
    for path in sorted({page.relative_to(root) for pattern in PAGES for page in root.glob(pattern)} | set(generated)):
        text = (root / path).read_text(encoding="utf-8")
        for name, content in {**generated.get(path, {}), **_files_shown_by(text, root)}.items():
            text = render.replace_block(text, name, content)
        yield path, text


def _files_shown_by(text: str, root: Path) -> dict[str, str]:
    files = {name: root / path for name, path in SHOWN_FILE.findall(text)}
    return {
        name: markdown.fence(file.read_text(encoding="utf-8").rstrip(), _LANGUAGES[file.suffix])
        for name, file in files.items()
    }


def _blocks_of_action(action: Action) -> dict[str, str]:
    blocks = {"inputs": render.inputs_table(action), "outputs": render.outputs_table(action)}
    if action.name == "argo-submit":
        blocks["role"] = markdown.fence(starter.submitter_role(), "yaml")
    if action.name == "chatops":
        blocks["reasons"] = reasons_table()
    return blocks


def dockerfile(text: str, target: str) -> str:
    """Return the stages that one target of a Dockerfile needs, its own last: a runner can name a file alone."""
    head, *stages = text.split("\n\n")
    stage_of = {stage.rpartition("FROM ")[2].split("\n")[0].split()[2]: stage.strip() for stage in stages}
    needed = {target}
    for name, stage in reversed(stage_of.items()):
        if name in needed:
            needed.update(re.findall(r"(?:^FROM |--from=)(\S+)", stage, re.MULTILINE))
    arguments = [line for line in head.splitlines() if line.startswith("ARG ")]
    first = "\n".join(
        [f"# The stages of {DOCKERFILE} that {target} needs. Generated by `make docs`; edit that file.", *arguments]
    )
    return "\n\n".join([first, *(stage for name, stage in stage_of.items() if name in needed)]) + "\n"


def reasons_table() -> str:
    """List every reason code of chatops: when it arises and what the commenter sees."""
    silent = {"continue": "the requested feedback", "ignore": "nothing", "deny": "nothing; the job's log gives the reason"}
    rows = [
        (f"`{code}`", f"`{reason.kind}`", reason.when, f"“{reason.reply}”" if reason.reply else silent[reason.kind])
        for code, reason in REASONS.items()
    ]
    return markdown.table(("reason", "decision", "when it arises", "what the commenter sees"), rows)
