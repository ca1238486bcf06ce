"""The rules on the page about retention: their form, and that they take the reusable tags and leave the others."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from mlops_actions.docker_publish.tags.reserved import is_reserved

PAGE = (Path(__file__).parents[3] / "docs" / "retention.md").read_text(encoding="utf-8")
CONTEXT = f"ctx-{'0a' * 32}"
REMOVED = (CONTEXT, "buildcache-pr-7")
LEFT = ("latest", "main", "1.2.3", "0123456789ab", "v1.2.3", "trainer-1.2.3", "ctx", "buildcache", "release-1")
BRACES = re.compile(r"\{([^}]*)\}")


def rule(name: str) -> Any:
    """The JSON below a mark."""
    return json.loads(PAGE.partition(f"<!-- {name} -->\n```json\n")[2].partition("\n```")[0])


def expired_by_ecr(tags: tuple[str, ...]) -> bool:
    """Whether an old image with these tags goes: the first rule that selects it decides (ECR's evaluation rules)."""
    for entry in sorted(rule("ecr")["rules"], key=lambda one: int(one["rulePriority"])):
        selection = entry["selection"]
        patterns = selection.get("tagPatternList", [])
        if selection["tagStatus"] == "tagged" and any(fnmatchcase(tag, pattern) for tag in tags for pattern in patterns):
            return bool(selection["countType"] == "sinceImagePushed")
    return False


def deleted_by_google(tags: tuple[str, ...]) -> bool:
    actions = {
        entry["action"]["type"]
        for entry in rule("gar")
        if any(tag.startswith(prefix) for tag in tags for prefix in entry["condition"]["tagPrefixes"])
    }
    return actions == {"Delete"}


@pytest.mark.parametrize("tag", REMOVED)
@pytest.mark.parametrize("removed", [expired_by_ecr, deleted_by_google])
def test_rules_that_remove_images_keep_those_in_use(tag: str, removed: Any) -> None:
    assert removed((tag,))
    assert removed((tag, "0123456789ab"))
    for kept in ("latest", "1.2.3"):
        assert not removed((tag, kept)), kept


@pytest.mark.parametrize("tag", LEFT)
@pytest.mark.parametrize("removed", [expired_by_ecr, deleted_by_google])
def test_rules_that_remove_images_leave_all_others(tag: str, removed: Any) -> None:
    assert not removed((tag,))


def test_ecr_s_rules_have_its_form() -> None:
    rules = rule("ecr")["rules"]
    assert len({entry["rulePriority"] for entry in rules}) == len(rules)
    for entry in rules:
        selection = entry["selection"]
        assert entry["action"] == {"type": "expire"}
        assert (selection["countType"] == "sinceImagePushed") == ("countUnit" in selection)
        assert (selection["tagStatus"] == "tagged") == ("tagPatternList" in selection)
        assert all(pattern.count("*") <= 4 for pattern in selection.get("tagPatternList", []))


def azure(tag: str) -> bool:
    return any(re.search(expression, tag) for expression in re.findall(r"--filter 'trainer:([^']+)'", PAGE))


def harbor(tag: str) -> bool:
    young, others = rule("harbor")["rules"]
    patterns = [BRACES.fullmatch(entry["tag_selectors"][0]["pattern"]) for entry in (young, others)]
    assert all(patterns)
    matches = [any(fnmatchcase(tag, part) for part in pattern[1].split(",")) for pattern in patterns if pattern]
    assert (young["tag_selectors"][0]["decoration"], others["tag_selectors"][0]["decoration"]) == ("matches", "excludes")
    assert (young["template"], others["template"]) == ("nDaysSinceLastPush", "always")
    return matches[0] and matches[1]


def gitlab(tag: str) -> bool:
    policy = rule("gitlab")["container_expiration_policy_attributes"]
    return bool(re.fullmatch(policy["name_regex"], tag)) and not re.fullmatch(policy["name_regex_keep"], tag)


def github(tag: str) -> bool:
    listed = re.search(r"delete-tags: (.+)", PAGE)
    assert listed
    return any(fnmatchcase(tag, pattern) for pattern in listed[1].split(","))


def elsewhere(tag: str) -> bool:
    expression = re.search(r"match `(\^.+\$)`", PAGE)
    assert expression
    return re.fullmatch(expression[1], tag) is not None


@pytest.mark.parametrize("registry", [azure, harbor, gitlab, github, elsewhere])
def test_rules_that_remove_tags(registry: Any) -> None:
    assert [tag for tag in (*REMOVED, *LEFT) if registry(tag)] == list(REMOVED)
    assert all(map(is_reserved, REMOVED))
