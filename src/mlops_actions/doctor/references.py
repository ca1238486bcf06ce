"""The checks of `uses:`: each names a commit or a release that exists, its tag still names it, and it is not outdated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from urllib.parse import quote

from mlops_actions.core import shell
from mlops_actions.core.concurrent import gather
from mlops_actions.core.errors import ActionError
from mlops_actions.doctor.checks import Checker, HealthCheck
from mlops_actions.doctor.ports import ApiAnswer, GitHubApi
from mlops_actions.doctor.scope import Scope

_CHECK = Checker("github")
_SHA = re.compile(r"[0-9a-f]{40}")
_VERSION = re.compile(r"v?([0-9]+(?:\.[0-9]+)*)")
_SUITE = "/mlops-actions"


def check(scope: Scope, api: GitHubApi) -> Iterator[HealthCheck]:
    """Ask for every reference, its tag and the newest release at once."""
    used = list(dict.fromkeys(_parts(uses) for uses in scope.workflow.uses if _is_elsewhere(uses)))
    tags = {(name, ref): scope.workflow.versions.get((name, ref), "") for name, ref in used}
    paths: list[str] = []
    for name, ref in used:
        paths += [_commit(name, ref), f"/repos/{name}/releases/latest"]
        paths += [_commit(name, tags[name, ref])] if tags[name, ref] else []
    results = gather({path: partial(api.get, path) for path in paths})
    answers: dict[str, ApiAnswer] = {}
    for path, answer in results.items():
        if isinstance(answer, ActionError):
            raise answer
        answers[path] = answer
    for name, ref in used:
        answer = answers[_commit(name, ref)]
        yield _existence(scope, name, ref, answer)
        if answer.status != 200:
            continue
        if tag := tags[name, ref]:
            yield _tag(scope, name, ref, tag, answers[_commit(name, tag)])
        yield from _release(scope, name, tag or ref, answers[f"/repos/{name}/releases/latest"])


def _is_elsewhere(uses: str) -> bool:
    return "@" in uses and not uses.startswith(("./", "$/", "docker://"))


def _parts(uses: str) -> tuple[str, str]:
    """Return repository and ref: an action can be in a folder."""
    path, _, ref = uses.partition("@")
    return "/".join(path.split("/")[:2]), ref


def _commit(name: str, ref: str) -> str:
    return f"/repos/{name}/commits/{quote(ref, safe='')}"


def _existence(scope: Scope, name: str, ref: str, answer: ApiAnswer) -> HealthCheck:
    asked = f"GET {_commit(name, ref)}"
    if answer.status == 200:
        return _CHECK.ok("action exists", asked, f"{name} has {ref[:12]}")
    remedy = scope.gh("release list", name)
    if answer.status == 422 or (answer.status == 404 and not scope.is_job):
        return _CHECK.fails("action exists", asked, f"{answer.message}: {name} has no {ref[:12]}", remedy=remedy)
    # A job's token sees no other private repository, though Actions may use it.
    return _CHECK.unknown("action exists", asked, answer.message, remedy=remedy)


def _tag(scope: Scope, name: str, ref: str, tag: str, answer: ApiAnswer) -> HealthCheck:
    asked = f"GET {_commit(name, tag)}"
    sha = str(answer.body.get("sha") or "") if answer.status == 200 else ""
    if sha == ref:
        return _CHECK.ok("action tag", asked, f"{name} {tag} is {ref[:12]}, as the comment says")
    text = f"is {sha[:12]}" if sha else "does not exist"
    return _CHECK.fails(
        "action tag",
        asked,
        f"the file pins {name} to {ref[:12]} as {tag}, but {tag} {text}: the tag was moved, or the comment is wrong",
        remedy=scope.gh_api(f"{shell.word(f'repos/{name}/commits/{tag}')} --jq .sha"),
    )


def _release(scope: Scope, name: str, ref: str, answer: ApiAnswer) -> Iterator[HealthCheck]:
    """Compare the version with the newest release; only an outdated suite is a fault, since its doctor may be newer."""
    asked = f"GET /repos/{name}/releases/latest"
    own = _VERSION.fullmatch(ref)
    newest = str(answer.body.get("tag_name") or "") if answer.status == 200 else ""
    released = _VERSION.fullmatch(newest)
    if not own or not released:
        return
    if _numbers(released[1], own[1]) <= _numbers(own[1], own[1]):
        yield _CHECK.ok("action release", asked, f"{name} {ref} is the newest" + ("" if ref == newest else f" ({newest})"))
    elif name.endswith(_SUITE):
        yield _CHECK.fails(
            "action release",
            asked,
            f"{name} {ref} is outdated: {newest} is the newest release",
            remedy=scope.gh(f"release view {shell.word(newest)}", name),
        )
    else:
        yield _CHECK.ok("action release", asked, f"{name} {ref} exists; {newest} is newer")


def _numbers(version: str, precision: str) -> tuple[int, ...]:
    """Return a version's numbers as far as the other names them: `v1` follows every release of it."""
    return tuple(int(number) for number in version.split("."))[: precision.count(".") + 1]
