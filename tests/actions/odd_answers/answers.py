"""The odd answers: any server, proxy or captive portal between an action and a service may send them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from tests.support.interceptor import MOVED, Answer, Change

ELSEWHERE = "http://127.0.0.1:9"  # nobody listens there
_MISSING = object()


def _body(body: bytes, media_type: str = "application/json; charset=utf-8") -> Change:
    return lambda true: true.with_body(body, media_type)


def _empty(status: int) -> Change:
    return lambda true: true.with_body(b"", status=status)


def _cut_off(true: Answer) -> Answer:
    return true.with_body(true.body[: len(true.body) // 2], status=true.status)


def _no_utf8(true: Answer) -> Answer:
    return true.with_body(true.body.replace(b'"', b'"\xff', 1), status=true.status)


def _html_of_the_same_text(true: Answer) -> Answer:
    return true.with_body(true.body, "text/html; charset=utf-8", true.status)


def _repeated_names(true: Answer, *, last_is_true: bool) -> Answer:
    """Write every name of every object twice, with its value and with null."""

    def write(value: Any) -> str:
        if isinstance(value, list):
            return f"[{','.join(map(write, value))}]"
        if not isinstance(value, dict):
            return json.dumps(value)
        pairs = []
        for name, inner in value.items():
            texts = [write(inner), "null"]
            pairs += [f"{json.dumps(name)}:{text}" for text in (reversed(texts) if last_is_true else texts)]
        return f"{{{','.join(pairs)}}}"

    return true.with_body(write(json.loads(true.body)).encode(), status=true.status)


def _redirect(status: int, location: Callable[[Answer], str]) -> Change:
    def change(true: Answer) -> Answer:
        answer = true.with_body(b"", "text/html", status)
        return Answer(status, {**answer.headers, "location": location(true)}, b"", true.origin, true.path)

    return change


def _moved(true: Answer) -> str:
    return f"{true.origin}{true.path}{'&' if '?' in true.path else '?'}{MOVED}"


_DEEP = 100_000

# The service says the same in another way: the action goes on as usual.
AS_USUAL: Mapping[str, Change] = {
    "names twice, the last one true": partial(_repeated_names, last_is_true=True),
    **{f"{status} to the same host": _redirect(status, _moved) for status in (301, 307, 308)},
}
# An answer without a body: odd where there should be one.
NO_CONTENT: Mapping[str, Change] = {
    "204": _empty(204),
    "empty": _empty(200),
    "null": _body(b"null"),
}
# Derived from the body of the true answer.
OF_THE_BODY: Mapping[str, Change] = {
    "cut off": _cut_off,
    "no UTF-8": _no_utf8,
    "as HTML": _html_of_the_same_text,
    "names twice, the last one null": partial(_repeated_names, last_is_true=False),
}
ODD: Mapping[str, Change] = {
    "a list": _body(b"[1]"),
    "a text": _body(b'"all is well"'),
    "true": _body(b"true"),
    "a page": _body(b"<!doctype html><title>Sign in</title>", "text/html; charset=utf-8"),
    "a page as JSON": _body(b"<!doctype html><title>Sign in</title>"),
    "an empty object": _body(b"{}"),
    "a list of empty objects": _body(b"[{}]"),
    "lists without end": _body(b"[" * _DEEP + b"]" * _DEEP),
    "objects without end": _body(b'{"id":' * _DEEP + b"1" + b"}" * _DEEP),
    "NaN": _body(b'{"id": NaN}'),
    "1e999": _body(b'{"id": 1e999}'),
    "a number of 5,000 digits": _body(b'{"id": ' + b"9" * 5000 + b"}"),
    "a number of 400 digits": _body(b'{"id": ' + b"9" * 400 + b"}"),
    **{f"{status} to another host": _redirect(status, lambda true: f"{ELSEWHERE}{true.path}") for status in (301, 307, 308)},
    "301 to itself": _redirect(301, lambda true: f"{true.origin}{true.path}"),
    "307 without an address": _redirect(307, lambda true: ""),
    "308 to no address": _redirect(308, lambda true: "http://["),
    "403 nested without end": lambda true: true.with_body(b"[" * _DEEP, status=403),
    "404 nested without end": lambda true: true.with_body(b"[" * _DEEP, status=404),
}

_WRONG: Mapping[type, tuple[Any, ...]] = {
    str: (5, ["text"], {}),
    int: ("7", True, 10**30),
    bool: ("false", {}),
    list: ({}, "text", [None]),
    dict: ([], "text"),
    type(None): (True, []),
}


def wrong_values(path: str, true: bytes) -> Iterator[tuple[str, Change]]:
    """Yield answers in which one field is missing, null or of another type; `[]` in a path stands for all items."""
    for value in (_MISSING, None, *_WRONG[type(_first(json.loads(true), path.split(".")))]):
        shown = "missing" if value is _MISSING else json.dumps(value)
        yield f"{path} is {shown}", partial(_with_value, path=path, value=value)


def without_other_fields(paths: tuple[str, ...]) -> Change:
    """Return the true answer without the fields that are not listed."""
    tree: dict[str, Any] = {}
    for path in paths:
        node = tree
        for step in path.split("."):
            node = node.setdefault(step, {})

    def pruned(value: Any, node: Mapping[str, Any]) -> Any:
        if isinstance(value, list) and "[]" in node:
            return [pruned(item, node["[]"]) for item in value]
        if isinstance(value, dict) and node:
            return {name: pruned(value[name], inner) for name, inner in node.items() if name in value}
        return value

    return lambda true: true.with_body(json.dumps(pruned(json.loads(true.body), tree)).encode(), status=true.status)


def _first(value: Any, steps: list[str]) -> Any:
    for step in steps:
        assert value, steps
        value = value[0] if step == "[]" else value[step]
    return value


def _with_value(true: Answer, path: str, value: Any) -> Answer:
    document = json.loads(true.body)
    root = {"": document}
    _set(root, ["", *path.split(".")], value)
    return true.with_body(json.dumps(root[""]).encode(), status=true.status)


def _set(node: Any, steps: list[str], value: Any) -> None:
    step, *rest = steps
    keys = list(range(len(node))) if step == "[]" else [step]
    for key in keys:
        if step != "[]" and step not in node:
            return  # the answer to another question of the same route
        if rest:
            _set(node[key], rest, value)
        elif value is _MISSING:
            node.pop(key, None)
        else:
            node[key] = value
