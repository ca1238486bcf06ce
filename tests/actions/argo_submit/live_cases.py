"""What users see of a workflow while it runs and when it ends: cases as data, for the stand-in and for the real cluster.

Each case is a task of one workflow, so that dozens of cases cost one run. `submission_cases` has those of the submission.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

TIME = "2026-01-01T00:00:00.000000000Z"


@dataclass(frozen=True)
class LogCase:
    """A container's shell script, and the lines that the job's log shows of it; `entry` describes its task further."""

    name: str
    script: str
    lines: Sequence[str]


@dataclass(frozen=True)
class EndCase:
    """A task that ends, and what `failed-nodes` says of it: nothing where it does not count as failed.

    `template` and `task` add fields to those that run the script; a task of `after` depends on another one.
    """

    name: str
    script: str
    failed: Mapping[str, Any] | None
    template: Mapping[str, Any] | None = None
    task: Mapping[str, Any] | None = None


def _python(program: str) -> str:
    return f"python3 -c {json.dumps(program)}"


def _printf(text: str) -> str:
    return f"printf '{text}'"


BAR = "import sys; [sys.stdout.write('\\r%3d%%|####      | %d/100' % (n, n)) for n in range(101)]; print()"
EMPTY = "(the container printed nothing)"

LOGS = [
    LogCase("one line", "echo hello", ["hello"]),
    LogCase("nothing", "true", [EMPTY]),
    LogCase("an empty line", "echo", [""]),
    LogCase("empty lines between", _printf(r"a\n\n\nb\n"), ["a", "", "", "b"]),
    LogCase("no end of the last line", _printf(r"a\nb"), ["a", "b"]),
    LogCase("both streams", "echo out; sleep 0.1; echo err >&2", ["out", "err"]),
    LogCase("the same line often", "for n in 1 2 3 4 5 6 7 8; do echo loss=0.5; done", ["loss=0.5"] * 8),
    LogCase("spaces at both ends", "echo '   a  b   '", ["   a  b   "]),
    LogCase("tabs", _printf(r"a\tb\n"), ["a\tb"]),
    LogCase("a timestamp of its own", f"echo '{TIME} epoch 1'", [f"{TIME} epoch 1"]),
    LogCase("two timestamps of its own", f"echo '{TIME} {TIME} a'", [f"{TIME} {TIME} a"]),
    LogCase("a timestamp alone", f"echo '{TIME}'", [TIME]),
    LogCase("a timestamp and a space", f"echo '{TIME} '", [f"{TIME} "]),
    LogCase("a zone of its own", "echo '2026-01-01T00:00:00+02:00 a'", ["2026-01-01T00:00:00+02:00 a"]),
    LogCase("a library's time", "echo '2026-01-01 12:00:00,123 INFO a'", ["2026-01-01 12:00:00,123 INFO a"]),
    LogCase("a date as first word", "echo '2026-01-01 a'", ["2026-01-01 a"]),
    LogCase("a first word that is no time", "echo 'epoch 1 of 3'", ["epoch 1 of 3"]),
    LogCase("a progress bar", _python(BAR), ["100%|####      | 100/100"]),
    LogCase("a progress bar that is wiped", _printf(r"\r 50%%\r100%%\r     \r\n"), ["100%"]),
    LogCase("a progress bar without end", _printf(r"\r 10%%\r 20%%"), [" 20%"]),
    LogCase("a progress bar after text", _printf(r"Downloading\r 10%%\r100%% done\nnext\n"), ["100% done", "next"]),
    LogCase("lines of Windows", _printf(r"a\r\nb\r\n"), ["a", "b"]),
    LogCase("carriage returns alone", _printf(r"\r\r\r\n"), [""]),
    LogCase("docker pull", _printf(r"a: Pulling\ra: Extracting\ra: Pull complete\n"), ["a: Pull complete"]),
    LogCase("binary", _python("import sys; sys.stdout.buffer.write(bytes(range(14, 32)) * 9 + b'\\n')"),
            ["(162 bytes that are no text)"]),
    LogCase("bytes that are no UTF-8", _printf(r"caf\351\n"), ["caf\ufffd"]),
    LogCase("text of the world", "echo 'Füße 火 🚀'", ["Füße 火 🚀"]),
    LogCase("a byte of nothing", _printf(r"a\000b\n"), ["ab"]),
    LogCase("a bell", _printf(r"a\007b\n"), ["ab"]),
    LogCase("colours", _printf(r"\033[31mred\033[0m\n"), ["\x1b[31mred\x1b[0m\x1b[0m"]),
    LogCase("a cleared screen", _printf(r"\033[2J\033[Hclean\n"), ["clean"]),
    LogCase("a title of the terminal", _printf(r"\033]0;title\007text\n"), ["text"]),
    LogCase("a cursor that moves up", _printf(r"\033[1Aup\n"), ["up"]),
    LogCase("a line of 65,536 bytes", _python("print('x' * 65536)"), ["x" * 65_536]),
    LogCase("a line of 65,537 bytes", _python("print('x' * 65537)"), ["x" * 65_536 + " … (a line of 65,537 bytes)"]),
    LogCase("a line of 2 MB", _python("print('x' * 2000000); print(1)"),
            ["x" * 65_536 + " … (a line of 2,000,000 bytes)", "1"]),
    LogCase("a line of 60,000 bytes", _python("print('x' * 60000)"), ["x" * 60_000]),
    LogCase("a line after a long one", _python("print('x' * 20000); print('after')"), ["x" * 20_000, "after"]),
    LogCase("two thousand lines", "seq 2000", [str(number) for number in range(1, 2001)]),
    LogCase("what it prints while it runs", "echo a; sleep 0.4; echo b; sleep 0.4; echo c", ["a", "b", "c"]),
    LogCase("percent signs", "echo '100%25 %0A'", ["100%25 %0A"]),
    LogCase("JSON", "echo '{\"loss\": 0.5, \"a\": [1]}'", ['{"loss": 0.5, "a": [1]}']),
    LogCase("Markdown", "echo '# **a** <b> | `c`'", ["# **a** <b> | `c`"]),
    LogCase("what looks like a prefix", "echo 'one line: a'", ["one line: a"]),
]  # fmt: skip


def _failed(code: str, *lines: str, **more: Any) -> dict[str, Any]:
    return {"exit-code": code, "last-lines": list(lines), **more}


RETRIED = {"retryStrategy": {"limit": "1"}}
MISSING = {"outputs": {"parameters": [{"name": "made", "valueFrom": {"path": "/tmp/never-made"}}]}}

ENDS = [
    EndCase("it succeeds", "true", None),
    EndCase("it fails", "exit 1", _failed("1")),
    EndCase("it fails with a reason", "echo the reason; exit 3", _failed("3", "the reason")),
    EndCase("its reason is on the other stream", "echo the reason >&2; exit 4", _failed("4", "the reason")),
    EndCase("it is killed", "echo soon; kill -9 $$", _failed("137", "soon")),
    EndCase("it ends by a signal", "kill -15 $$", _failed("143")),
    EndCase("an exit code of 255", "exit 255", _failed("255")),
    EndCase("forty lines", "seq 40; exit 1", _failed("1", *(str(number) for number in range(26, 41)))),
    EndCase("a last line without end", "printf 'a\\nb'; exit 1", _failed("1", "a", "b")),
    EndCase("a progress bar at the end", "printf '\\r 1%%\\r 2%%'; exit 1", _failed("1", " 2%")),
    EndCase("commands to the runner", "echo '::error::x'; echo '##[group]y'; exit 1",
            _failed("1", "::error::x", "##[group]y")),
    EndCase("a second attempt succeeds", "test {{retries}} -ge 1", None, RETRIED),
    EndCase("each attempt fails", "echo attempt {{retries}}; exit 5",
            _failed("5", "attempt 1", name="each-attempt-fails(1)"), RETRIED),
    EndCase("a failure that continueOn allows", "exit 1", None, task={"continueOn": {"failed": True}}),
    EndCase("a failure that another task handles", "exit 1", None),
    EndCase("the task that handles it", "true", None,
            task={"depends": "a-failure-that-another-task-handles.Failed"}),
    EndCase("a task after a failure", "true", None, task={"depends": "it-fails"}),
    EndCase("a task whose condition is false", "exit 1", None, task={"when": "1 == 2"}),
    EndCase("an output that is missing", "echo done", {"last-lines": ["done"]}, MISSING),
    EndCase("an item of a loop fails", "test {{inputs.parameters.item}} = a",
            _failed("1", name="an-item-of-a-loop-fails(1:b)"),
            {"inputs": {"parameters": [{"name": "item"}]}},
            {"withItems": ["a", "b"], "arguments": {"parameters": [{"name": "item", "value": "{{item}}"}]}}),
]  # fmt: skip


def key(name: str) -> str:
    """Return a case's name as that of a task."""
    return re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")


def workflow(cases: Iterable[LogCase | EndCase], *, image: str) -> str:
    """Return the workflow whose tasks are the cases."""
    templates: list[dict[str, Any]] = []
    tasks = []
    for case in cases:
        container = {"image": image, "command": ["sh", "-c", case.script]}
        more, task = (case.template, case.task) if isinstance(case, EndCase) else (None, None)
        templates.append({"name": key(case.name), "container": container, **(more or {})})
        tasks.append({"name": key(case.name), "template": key(case.name), **(task or {})})
    # With `depends`, `continueOn` is not allowed: Argo then takes what it says from the condition.
    allowed = [task for task in tasks if "continueOn" in task]
    tasks = [task for task in tasks if "continueOn" not in task]
    if allowed:
        tasks.append({"name": "allowed", "template": "allowed"})
        steps = [[{**task} for task in allowed]]
        templates.append({"name": "allowed", "steps": steps})
    templates.insert(0, {"name": "main", "dag": {"failFast": False, "tasks": tasks}})
    spec = {"entrypoint": "main", "templates": templates}
    document = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": "cases-"},
        "spec": spec,
    }
    return yaml.safe_dump(document, allow_unicode=True)


def shown(log: str) -> dict[str, list[str]]:
    """Return the lines that a job's log shows of each node, also where several share a group."""
    lines: dict[str, list[str]] = {}
    group = ""
    for line in log.split("\n"):
        if line.startswith("::group::"):
            group = line.removeprefix("::group::").removesuffix(" (continued)")
            if group.startswith("Log of "):
                lines.setdefault(group.removeprefix("Log of "), [])
        elif line == "::endgroup::":
            group = ""
        elif group.startswith("Log of "):
            lines[group.removeprefix("Log of ")].append(line)
        elif group:
            name, _, text = line.partition(": ")
            lines.setdefault(name, []).append(text)
    return lines


def assert_shown(log: str) -> None:
    """Assert that a job's log shows each log as its case says."""
    found = shown(log)
    wrong = {case.name: found.get(key(case.name)) for case in LOGS if found.get(key(case.name)) != list(case.lines)}
    assert not wrong, {name: [line[-200:] for line in lines or ()] for name, lines in wrong.items()}


def assert_failed(failed: Sequence[Mapping[str, Any]]) -> None:
    """Assert that `failed-nodes` says of each case what it should, and names no other node."""
    by_name = {str(node["name"]): node for node in failed}
    expected = {str(case.failed.get("name", key(case.name))): case.failed for case in ENDS if case.failed is not None}
    assert sorted(by_name) == sorted(expected)
    for name, fields in expected.items():
        assert {field: by_name[name][field] for field in fields} == dict(fields), name
