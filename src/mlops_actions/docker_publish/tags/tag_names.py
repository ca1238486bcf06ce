"""What a tag may look like, and what the tags of this action look like, so that no branch takes one of them. Pure."""

from __future__ import annotations

import re

from mlops_actions.docker_publish.tags import versions

MAX_LENGTH = 128  # characters (OCI distribution specification: tag grammar)
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")
_OF_A_COMMIT = re.compile(r"[0-9a-f]{12}|[0-9a-f]{40}|[0-9]{14}[0-9a-f]{6}")
_OF_A_PULL_REQUEST = re.compile(r"pr-[0-9]+", re.IGNORECASE)
_OF_A_DAY = re.compile(r"[0-9]{8}")
_LATEST = re.compile(r"latest([._-].*)?|.*[._-]latest", re.IGNORECASE)


def is_tag(text: str) -> bool:
    """Tell whether a text is a tag as it stands."""
    return re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", text) is not None


def problem(text: str) -> str:
    """Return why a text cannot be a tag, for a sentence after "it"; empty where it can."""
    if is_tag(text):
        return ""
    if len(text) > MAX_LENGTH:
        return f"has {len(text)} characters, and a tag at most {MAX_LENGTH}"
    if unsafe := _UNSAFE.search(text):
        return f"holds {unsafe[0][:20]!r}, and a tag takes letters, digits, '_', '.' and '-'"
    return "begins with '.' or '-', and a tag with a letter, a digit or '_'"


def made_valid(text: str) -> str:
    """Replace what a tag cannot hold by `-` and cut it to 128 characters; empty where nothing is left."""
    return text if is_tag(text) else _UNSAFE.sub("-", text).lstrip(".-")[:MAX_LENGTH].rstrip("-")


def owner(tag: str) -> str:
    """Name what a tag of this form stands for (a release, a commit, …); empty for a form that a branch may have."""
    if _LATEST.fullmatch(tag):
        return "the newest image"
    if versions.looks_like_one(tag):
        return "a release"
    if _OF_A_COMMIT.fullmatch(tag):
        return "a commit"
    if _OF_A_PULL_REQUEST.fullmatch(tag):
        return "a pull request"
    return "a day" if _OF_A_DAY.fullmatch(tag) else ""
