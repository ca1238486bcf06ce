"""Follow the remedies of doctor that are commands of `gh` or edits of the workflow file, as a person would.

Requests go to the stand-in's API with an administrator's token. What has no API there, such as a secret's value, which `gh`
encrypts, is set in the stand-in itself.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable
from typing import Any

import urllib3
import yaml

from tests.actions.doctor.world import WORKFLOW, World

# What only a job can follow, and what only a person at a terminal can.
TO_A_JOB = r"(re-run|run) the job|this step|'env:'|\$\{\{ secrets|github-token"
TO_A_PERSON = r"gh auth|docker login|wandb login|gcloud auth|argo auth|kubectl auth whoami|\bexport \b"
_FALSE_TRUE = {"false": False, "true": True}
_VALUES = {"WANDB_PROJECT": "sandbox/digits"}
_PERMISSIONS = re.compile(r"add to jobs\.([\w-]+)\.permissions: (\{.*\})")
_JOB_KEY = re.compile(r"add to jobs\.([\w-]+): (\w+: \S+)")


def follow(world: World, remedy: str) -> None:
    """Carry out a remedy; raises AssertionError where the stand-in refuses it."""
    if match := _PERMISSIONS.fullmatch(remedy):
        lines = [f"      {name}: {level}\n" for name, level in yaml.safe_load(match[2]).items()]
        for line in lines:
            _drop(world, line.partition(":")[0] + ":")
        world.replace("    permissions:\n", f"    permissions:\n{''.join(lines)}")
    elif match := _JOB_KEY.fullmatch(remedy):
        world.replace(f"\n  {match[1]}:\n", f"\n  {match[1]}:\n    {match[2]}\n")
    else:
        for line in remedy.splitlines():
            _run(world, shlex.split(line.rpartition(" | ")[2]))  # behind what writes a secret in one line


def _drop(world: World, start: str) -> None:
    """Drop the line of a permission at another level: a key may stand there once."""
    kept = [line for line in world.files[WORKFLOW].splitlines(keepends=True) if not line.startswith(start)]
    world.write(WORKFLOW, "".join(kept))


def _run(world: World, words: list[str]) -> None:
    if words[1] == "api":
        _api(world, words[2:])
        return
    (command, name), repository = (words[1:3], words[3]), words[words.index("-R") + 1]
    if command == ["label", "create"]:
        _send(world, "POST", f"repos/{repository}/labels", {"name": name})
    elif command == ["workflow", "enable"]:
        _send(world, "PUT", f"repos/{repository}/actions/workflows/{name}/enable", None)
    elif command == ["variable", "set"]:
        _send(world, "POST", f"repos/{repository}/actions/variables", {"name": name, "value": _VALUES[name]})
    else:
        world.settings.secrets.add(name)  # `gh secret set` encrypts a value, and the stand-in holds names only


def _api(world: World, words: list[str]) -> None:
    """Run `gh api -X METHOD PATH -f text=… -F typed=…`, or with `--input - <<< JSON`."""
    method, path, rest = words[1], words[2], words[3:]
    body: dict[str, Any] = {}
    if rest[:3] == ["--input", "-", "<<<"]:
        body = json.loads(rest[3])
    else:
        for flag, pair in _pairs(rest):
            name, _, value = pair.partition("=")
            if name.endswith("[]"):
                body.setdefault(name.removesuffix("[]"), []).append(value)
            else:
                body[name] = _FALSE_TRUE.get(value, value) if flag == "-F" else value
    _send(world, method, path, body)


def _pairs(words: list[str]) -> Iterable[tuple[str, str]]:
    return zip(words[::2], words[1::2], strict=True)


def _send(world: World, method: str, path: str, body: dict[str, Any] | None) -> None:
    token = world.github.user_token("maintainer").value
    headers = {"Authorization": f"token {token}", "User-Agent": "gh", "Content-Type": "application/json"}
    content = None if body is None else json.dumps(body)
    answer = urllib3.request(method, f"{world.github.api_url}/{path}", headers=headers, body=content)
    assert answer.status < 300, f"{method} {path}: {answer.status} {answer.data.decode()}"
