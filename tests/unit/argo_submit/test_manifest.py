"""Manifests: the document that is run, the workflow that is submitted, mistakes and their lines."""

from __future__ import annotations

import pytest

from mlops_actions.argo_submit.documents import InvalidManifest, parse
from mlops_actions.argo_submit.manifest import Overrides, from_template, select, to_workflow, with_overrides
from mlops_actions.core.errors import BadInput

HEAD = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\n"
PLAIN = HEAD + "metadata: {generateName: a-}\nspec:\n  entrypoint: main\n  templates:\n  - {name: main, suspend: {}}\n"


def load(text: str) -> dict[str, object]:
    return to_workflow(select(parse(text, "ci/wf.yaml"))).workflow


def test_a_workflow_is_read_without_the_fields_that_the_server_sets() -> None:
    submitted = load(
        PLAIN.replace("generateName: a-", "generateName: a-, uid: u, resourceVersion: '1'") + "status: {phase: x}"
    )
    assert submitted["metadata"] == {"generateName": "a-"}
    assert "status" not in submitted


def test_a_workflow_template_is_run_by_its_spec() -> None:
    submitted = load(PLAIN.replace("kind: Workflow", "kind: WorkflowTemplate").replace("generateName: a-", "name: base"))
    assert submitted["kind"] == "Workflow"
    assert submitted["metadata"] == {"generateName": "base-"}


def test_a_cron_workflow_is_run_by_its_workflow_spec() -> None:
    submitted = load(
        "apiVersion: argoproj.io/v1alpha1\nkind: CronWorkflow\nmetadata: {name: nightly}\nspec:\n"
        "  schedules: ['0 0 * * *']\n  workflowMetadata: {labels: {team: ml}}\n"
        "  workflowSpec: {entrypoint: main, templates: [{name: main, suspend: {}}]}\n"
    )
    assert submitted["metadata"] == {
        "generateName": "nightly-",
        "annotations": {},
        "labels": {"team": "ml", "workflows.argoproj.io/cron-workflow": "nightly"},
    }
    assert submitted["spec"] == {"entrypoint": "main", "templates": [{"name": "main", "suspend": {}}]}


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("a: [1", 1, "not valid YAML"),
        ("a: 1\n\tb: 2\n", 2, "not valid YAML"),
        ("- a\n- b\n", 1, "a list is not a Workflow"),
        ("just words", 1, "a str is not a Workflow"),
        ("apiVersion: v1\nkind: ConfigMap\n", 2, "ConfigMap is not a Workflow"),
        ("apiVersion: v1\n", 1, "a document without 'kind' is not a Workflow"),
        ("apiVersion: argoproj.io/v2\nkind: Workflow\n", 1, "apiVersion is 'argoproj.io/v2'"),
        (PLAIN + "---\n" + PLAIN, 9, "several documents"),
        (HEAD + "metadata: {}\n", 1, "'spec' is missing"),
        (HEAD + "metadata: []\nspec: []\n", 4, "'spec' is missing or not a mapping"),
        (PLAIN.replace("entrypoint: main", "entrypoint: mein"), 5, "'entrypoint' names no template: 'mein'"),
        (PLAIN.replace("  entrypoint: main\n", ""), 4, "'entrypoint' is missing"),
        (PLAIN + "  onExit: bye\n", 8, "'onExit' names no template: 'bye'"),
        (PLAIN + "  - {name: main, suspend: {}}\n", 8, "two templates have the name 'main'"),
        (PLAIN + "  - {suspend: {}}\n", 8, "template 2 has no name"),
        (PLAIN + "  - {name: on, suspend: {}}\n", 8, "template 2: name must be a text, not true"),
        (PLAIN + "  arguments:\n    parameters:\n    - {name: on}\n", 10, "parameters[0].name must be a text"),
        (PLAIN + "  arguments:\n    parameters:\n    - {value: a}\n", 10, "parameter 1 has no name"),
        (PLAIN + "  - \n", 8, "template 2 has no name"),
        (PLAIN + "  arguments:\n    parameters:\n    - {name: a}\n    - {name: a}\n", 11, "'a' is declared twice"),
        (PLAIN + "  arguments: [a]\n", 8, "arguments must be a mapping, not a list"),
        (PLAIN + "  entrypoint: main\n", 8, "the key 'entrypoint' is given twice"),
        (PLAIN.replace("generateName: a-", "name: Not_Valid"), 3, "metadata.name is not a Kubernetes name"),
        (PLAIN.replace("generateName: a-", "name: a, labels: {v: 1}"), 3, "metadata.labels must map to texts"),
        ("a: !!python/object/apply:os.system [id]\n", 1, "not valid YAML"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(text: str, line: int, problem: str) -> None:
    with pytest.raises(InvalidManifest) as caught:
        load(text)
    assert problem in caught.value.cause
    assert (caught.value.location.file, caught.value.location.line) == ("ci/wf.yaml", line)
    assert caught.value.remedy


def test_an_empty_manifest_is_an_error() -> None:
    with pytest.raises(BadInput, match="the manifest is empty"):
        load("---\n# nothing\n---\n")


def test_aliases_cannot_expand_beyond_the_limit() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(InvalidManifest, match="holds more than"):
        parse("\n".join(lines), "bomb.yaml")


def test_a_recursive_alias_is_refused() -> None:
    with pytest.raises(InvalidManifest, match=r"loop\.yaml:1: not valid YAML: nested too deeply"):
        parse("a: &a [*a]", "loop.yaml")


def test_overrides_replace_values_of_the_manifest() -> None:
    submitted = with_overrides(
        load(PLAIN),
        Overrides(
            namespace="ml",
            name="mine",
            labels={"a": "1"},
            annotations={"b": "2"},
            service_account="runner",
            priority=3,
        ),
    )
    assert submitted["metadata"] == {"namespace": "ml", "name": "mine", "labels": {"a": "1"}, "annotations": {"b": "2"}}
    assert (submitted["spec"]["serviceAccountName"], submitted["spec"]["priority"]) == ("runner", 3)


def test_an_entrypoint_without_a_template_is_an_error() -> None:
    with pytest.raises(BadInput, match="input 'entrypoint' names no template: 'other'"):
        with_overrides(load(PLAIN), Overrides(entrypoint="other"))


def test_a_template_of_the_cluster_is_referred_to() -> None:
    template = {"metadata": {"name": "base"}, "spec": {"arguments": {"parameters": [{"name": "a", "value": "1"}]}}}
    submitted = from_template("clusterworkflowtemplate", template)
    assert submitted["spec"] == {
        "workflowTemplateRef": {"name": "base", "clusterScope": True},
        "arguments": {"parameters": [{"name": "a", "value": "1"}]},
    }
    assert submitted["metadata"]["labels"] == {"workflows.argoproj.io/cluster-workflow-template": "base"}
