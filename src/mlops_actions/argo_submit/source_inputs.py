"""Which inputs name the workflow of a step, and what is wrong with them together. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlops_actions.core.errors import BadInput


def problems(sources: Sequence[tuple[str, object]]) -> Iterator[BadInput]:
    """Yield what is wrong with the inputs that say which workflow the step is about, pairs of an input and its value."""
    given = [name for name, value in sources if value]
    if len(given) != 1:
        *names, last = (f"'{name}'" for name, _ in sources)
        given_names = " and ".join(f"'{name}'" for name in given) or "none of them"
        yield BadInput(
            f"exactly one of {', '.join(names)} and {last} must be given; given: {given_names}",
            "give 'workflow' (a manifest), 'from' (a template in the cluster), or the name of a workflow that exists",
        )


def problems_of_attach(*, dry_run: bool, superseded: bool) -> Iterator[BadInput]:
    """Yield what has no meaning with `attach`."""
    if dry_run:
        yield BadInput("input 'dry-run' has no meaning with 'attach'", "leave one of them out")
    if superseded:
        yield BadInput("input 'superseded' has no meaning with 'attach': nothing is submitted", "leave it out")


def problems_of_names(
    name: str | None, generate_name: str | None, entrypoint: str | None, workflow_entrypoint: str | None
) -> Iterator[BadInput]:
    """Yield what is wrong with the names that replace those of the manifest."""
    if name and generate_name:
        yield BadInput("inputs 'name' and 'generate-name' exclude each other", "give one of them")
    if entrypoint and workflow_entrypoint and entrypoint != workflow_entrypoint:
        yield BadInput(
            "inputs 'entrypoint' and 'workflow-entrypoint' are two names of one input, and differ: "
            f"{entrypoint!r} and {workflow_entrypoint!r}",
            "give one of them",
        )
