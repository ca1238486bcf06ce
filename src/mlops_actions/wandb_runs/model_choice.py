"""Which of the models that a run logged is attested and promoted: the one that is left by `model`, never a guess. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mlops_actions.core.errors import Refused
from mlops_actions.core.runs import Artifact, LoggedModel

_SHOWN = 5  # models that a message names


@dataclass(frozen=True)
class ModelSelector:
    """The input `model`: patterns of a name and of an alias or version (empty: any); both empty: the run's only model."""

    name: str = ""
    alias: str = ""

    def __str__(self) -> str:
        return f"{self.name or '*'}:{self.alias}" if self.alias else self.name

    def matches(self, model: LoggedModel) -> bool:
        """Return whether name and alias (or `v3`) of a model match."""
        words = (*model.aliases, f"v{model.artifact.version}")
        named = not self.name or fnmatchcase(model.artifact.name, self.name)
        return named and (not self.alias or any(fnmatchcase(word, self.alias) for word in words))


def parse(value: str) -> ModelSelector:
    """Parse `NAME`, `NAME:ALIAS` or `:ALIAS`; `*` stands for any text. Raises ValueError."""
    name, colon, alias = value.strip().partition(":")
    if not (name or alias) or (colon and not alias) or ":" in alias or "/" in value:
        raise ValueError(f"must be NAME, NAME:ALIAS or :ALIAS of a model artifact, not {value!r}")
    return ModelSelector(name, alias)


def choose(models: Sequence[LoggedModel], selector: ModelSelector | None, run_id: str) -> Artifact | None:
    """Return the chosen model; None where the run logged none and none was asked for. Raises Refused.

    A name chooses its newest version, since the user named it. Without a selector several versions are refused as several
    names are: which checkpoint the metrics belong to is nothing that an order tells.
    """
    if selector is None:
        if len(models) > 1:
            raise _ambiguous(models, f"run {run_id} logged {len(models)} model artifacts")
        return models[0].artifact if models else None
    matching = [model for model in models if selector.matches(model)]
    if not matching:
        logged = f"it logged {_listed(models)}" if models else "it logged no artifact of type 'model'"
        raise Refused(f"run {run_id} logged no model '{selector}': {logged}", "correct 'model', or log that model")
    if len({model.artifact.name for model in matching}) > 1:
        raise _ambiguous(matching, f"'model: {selector}' matches {len(matching)} models of run {run_id}")
    newest = max(matching, key=lambda model: model.artifact.version)
    if selector.alias and len(matching) > 1:
        raise _ambiguous(matching, f"'model: {selector}' matches {len(matching)} versions that run {run_id} logged")
    return newest.artifact


def _ambiguous(models: Sequence[LoggedModel], what: str) -> Refused:
    example = models[0].artifact.name
    return Refused(
        f"{what}: {_listed(models)}",
        f"name one in 'model', such as 'model: {example}' (its newest version) or 'model: {example}:ALIAS'",
    )


def _listed(models: Sequence[LoggedModel]) -> str:
    names = [
        f"{model.artifact.label} ({', '.join(model.aliases)})" if model.aliases else model.artifact.label
        for model in models[:_SHOWN]
    ]
    return ", ".join(names) + (f" and {len(models) - _SHOWN} more" if len(models) > _SHOWN else "")
