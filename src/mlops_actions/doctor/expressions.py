"""Evaluate the expressions of a workflow file, as far as the values that they name are known here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum

EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
ALL_VARIABLES = "vars"  # in the context: it holds every variable of the repository
_LITERAL = re.compile(r"'((?:[^']|'')*)'")
_INDEX = re.compile(r"\[\s*'([\w-]+)'\s*\]")
_JOB_TOKEN = ("github.token", "secrets.github_token")
# What these hold is never the job's own token: it needs no secret, no step and no other job.
_OF_SOMEBODY_ELSE = ("secrets.", "steps.", "needs.")


class TokenOwner(Enum):
    """Whose token an input holds."""

    JOB = "the job's own"
    OTHER = "another one"
    UNKNOWN = "the job's own or another one"


def terms(expression: str) -> list[str]:
    """Return the alternatives of an expression: `secrets['X'] || github.token` has the terms `secrets.X`, `github.token`."""
    return [_INDEX.sub(r".\1", part.strip()) for part in expression.split("||")]


def evaluate(text: str, context: Mapping[str, str]) -> str | None:
    """Evaluate the expressions of a value by the context (`vars.X`, `github.actor`); None where only a job can."""
    known = True

    def replace(match: re.Match[str]) -> str:
        nonlocal known
        for term in terms(match[1]):
            literal = _LITERAL.fullmatch(term)
            if literal:
                return literal[1].replace("''", "'")
            if context.get(term):
                return context[term]
            if term in context:
                continue
            # Without the whole list, a variable that is not in the context may be set all the same.
            known = known and term.startswith("vars.") and ALL_VARIABLES in context
            if not known:
                return ""
        return ""

    result = EXPRESSION.sub(replace, text)
    return result if known else None


def environment(env: Mapping[str, str], context: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of `env:` as an expression names them, without those that only a job can evaluate."""
    values = {f"env.{name}": evaluate(text, context) for name, text in env.items()}
    return {name: value for name, value in values.items() if value is not None}


def token_owner(text: str, env: Mapping[str, str], context: Mapping[str, str]) -> TokenOwner:
    """Tell whose token an input holds; one that is not given, or is empty, has the job's own as its default.

    `env` holds the texts of the step's `env:`, of the job's and of the file's.
    """
    match = EXPRESSION.fullmatch(text.strip())
    if match is None:
        return TokenOwner.JOB if not text.strip() else TokenOwner.OTHER
    owners: set[TokenOwner] = set()  # of the terms before this one, which may be empty
    for term in terms(match[1]):
        name = term.partition(".")[2]
        if term.lower() in _JOB_TOKEN:
            owner = TokenOwner.JOB
        elif term.startswith("env.") and name in env:
            owner = token_owner(env[name], {}, context)
        elif term in context:
            if not context[term]:
                continue
            owner = TokenOwner.OTHER
        else:
            owners.add(TokenOwner.OTHER if term.startswith(_OF_SOMEBODY_ELSE) else TokenOwner.UNKNOWN)
            continue
        owners.add(owner)
        break
    return owners.pop() if len(owners) == 1 else TokenOwner.UNKNOWN if owners else TokenOwner.JOB
