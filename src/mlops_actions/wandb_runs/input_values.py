"""The values of this action's inputs, from text. Each function raises ValueError: the end of a sentence about the input."""

from __future__ import annotations

import re

from mlops_actions.core import gates as gate_grammar
from mlops_actions.core.gates import Gate
from mlops_actions.core.json_text import parse_json
from mlops_actions.core.parsers import items, lines
from mlops_actions.core.types import Json
from mlops_actions.wandb_runs.metrics import grammar as metric_grammar
from mlops_actions.wandb_runs.metrics.metric import Metric
from mlops_actions.wandb_runs.verdict import requirements


def project(value: str) -> str:
    """Return `entity/project` without slashes around it."""
    path = value.strip().strip("/")
    entity, slash, name = path.partition("/")
    if not (entity and slash and name) or "/" in name or any(character.isspace() for character in entity):
        raise ValueError(f"must be entity/project, not {value!r}")
    return path


def page(value: str) -> str:
    """Return an http(s) address."""
    address = value.strip()
    if not re.fullmatch(r"https?://[^\s/@]+(/\S*)?", address):
        raise ValueError(f"must be an http(s) address, not {value!r}")
    return address


def metrics_of(value: str) -> tuple[Metric, ...]:
    """Return the metrics to show."""
    return metric_grammar.parse(items(value))


def legacy_metrics(value: str) -> tuple[Metric, ...]:
    """Return metrics whose names hold no directions and units."""
    return metric_grammar.parse_plain(items(value))


def select_by(value: str) -> Metric:
    """Return the one metric that chooses the candidate."""
    metric = metric_grammar.parse_one(value)
    if metric.is_pattern:
        raise ValueError(f"must name one metric, not the pattern {metric.name!r}")
    return metric


def gates_of(value: str) -> tuple[Gate, ...]:
    """Return the gates, one a line."""
    return gate_grammar.parse(lines(value))


def require(value: str) -> tuple[str, ...]:
    """Return the names of requirements."""
    return requirements.parse(items(value))


def tracker_filter(value: str) -> Json:
    """Parse the tracker's filter language only as far as JSON: the adapter passes it on."""
    try:
        document = parse_json(value)
    except ValueError as error:
        raise ValueError(f"is not valid JSON: {error}") from None
    if not isinstance(document, dict) or not document:
        raise ValueError('must be a JSON object that is not empty, such as {"config.lr": {"$lt": 0.1}}')
    return document


def debug(value: str) -> bool:
    """Accept any text but `false`: the replaced action's users wrote `true`, `1`, `yes`."""
    return value.strip().lower() != "false"


def unique(value: str) -> tuple[str, ...]:
    """Return the items of a list, each once."""
    return tuple(dict.fromkeys(items(value)))
