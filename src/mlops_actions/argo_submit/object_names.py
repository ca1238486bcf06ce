"""The rules of Kubernetes for names, labels and annotations, as argo-submit checks them before anything is sent. Pure.

The API server refuses an object that breaks one of them, but it does not say which input or line gave the text.
https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ and .../labels/ are the source.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from mlops_actions.argo_submit import parameters

NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_VALUE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
# Argo writes a workflow's name into a label of its pods, which is why it may not be longer than a label's value.
MAX_NAME_LENGTH = 63
MAX_OBJECT_NAME_LENGTH = 253
MAX_LABEL_LENGTH = 63

# An exported workflow has this label, and a controller ignores the workflows that have it.
COMPLETED = "workflows.argoproj.io/completed"

NAME_RULE = f"use a-z, 0-9 and -, with a letter or digit at both ends, at most {MAX_NAME_LENGTH} characters"
NAMESPACE_RULE = f"{NAME_RULE}, no dots"
LABEL_RULE = (
    f"use letters, digits, '-', '_' and '.', with a letter or digit at both ends, at most {MAX_LABEL_LENGTH} characters"
)
KEY_RULE = f"a key is NAME or DOMAIN/NAME: {LABEL_RULE} in NAME, and a-z, 0-9, '-' and '.' in DOMAIN"


def is_name(text: str, *, longest: int = MAX_NAME_LENGTH) -> bool:
    """Tell whether an object may have this name."""
    return len(text) <= longest and NAME.fullmatch(text) is not None


def is_name_base(text: str) -> bool:
    """Tell whether the text may be a `generateName`: the server appends letters, and cuts one that is too long."""
    return len(text) < MAX_OBJECT_NAME_LENGTH and NAME.fullmatch(f"{text}x") is not None


def is_namespace(text: str) -> bool:
    """Tell whether a namespace may have this name."""
    return len(text) <= MAX_NAME_LENGTH and _NAMESPACE.fullmatch(text) is not None


def label_problems(labels: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield the key, the problem and the rule for each label that Kubernetes refuses."""
    yield from key_problems(labels)
    if COMPLETED in labels:
        yield COMPLETED, f"Argo never runs a workflow with the label '{COMPLETED}'", "remove it: Argo sets it at the end"
    for key, value in labels.items():
        if value and (len(value) > MAX_LABEL_LENGTH or not _LABEL_VALUE.fullmatch(value)):
            yield key, f"{value!r}, the value of '{key}', is no label value", f"{LABEL_RULE}; an annotation takes any text"


def key_problems(texts: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield the key, the problem and the rule for each key of labels or annotations that Kubernetes refuses."""
    for key in texts:
        domain, slash, name = key.rpartition("/")
        is_domain = is_name(domain.lower(), longest=MAX_OBJECT_NAME_LENGTH) if slash else True
        if not is_domain or len(name) > MAX_LABEL_LENGTH or not _LABEL_VALUE.fullmatch(name):
            yield key, f"{key!r} is no key of labels and annotations", KEY_RULE


def read_name(value: str) -> str:
    """Read the name of an object, as a label's value can hold it."""
    if not is_name(stripped := value.strip()):
        raise ValueError(f"must be a Kubernetes name, not {value!r}: {NAME_RULE}")
    return stripped


def read_namespace(value: str) -> str:
    """Read the name of a namespace."""
    if not is_namespace(stripped := value.strip()):
        raise ValueError(f"must be a Kubernetes name, not {value!r}: {NAMESPACE_RULE}")
    return stripped


def read_service_account(value: str) -> str:
    """Read the name of a service account."""
    if not is_name(stripped := value.strip(), longest=MAX_OBJECT_NAME_LENGTH):
        raise ValueError(f"must be a Kubernetes name, not {value!r}: use a-z, 0-9, - and ., letters or digits at both ends")
    return stripped


def read_name_base(value: str) -> str:
    """Read the start of a name."""
    if not is_name_base(stripped := value.strip()):
        raise ValueError(f"must be the start of a Kubernetes name, such as train-, not {value!r}: use a-z, 0-9 and -")
    return stripped


def _texts(problems: Callable[[Mapping[str, str]], Iterable[tuple[str, str, str]]]) -> Callable[[str], Mapping[str, str]]:
    """Make a parser of labels or annotations; `problems` yields what Kubernetes would refuse in them."""

    def parse(value: str) -> Mapping[str, str]:
        texts = parameters.parse(value)  # which keeps the notation: `1.10` and `on` are texts
        for _, problem, rule in problems(texts):
            raise ValueError(f"cannot be used, since {problem}: {rule}")
        return texts

    return parse


read_labels = _texts(label_problems)
read_annotations = _texts(key_problems)
