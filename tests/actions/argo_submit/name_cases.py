"""Names, labels and annotations that Kubernetes refuses, as data: what was given, and what must be said of it."""

from __future__ import annotations

from tests.actions.argo_submit.bad_cases import CRON, FILE, Bad, edited, given, spelled

_LABELS = "metadata:\n  generateName: train-\n"
_LONG = "a" * 64


def labelled(name: str, entry: str, line: int, cause: str, remedy: str) -> Bad:
    field = entry.partition(":")[0]
    cause = f"metadata.{field}{'' if field == 'namespace' else ':'} {cause}"
    return spelled(name, _LABELS, f"{_LABELS}  {entry}\n", line, cause, remedy)


IN_MANIFEST = [
    spelled(
        "finalizers as text", "train-", "a-\n  finalizers: hold", 5, "metadata.finalizers must be a list, not", "list"
    ),
    spelled("an owner", "train-", "a-\n  ownerReferences: [{uid: 1}]", 5, "metadata.ownerReferences[0].uid", "quote it"),
    spelled(
        "an owner's field", "train-", "a-\n  ownerReferences: [{uuid: a}]", 5, "metadata.ownerReferences[0] has", "correct"
    ),
    labelled("a branch as label", "labels: {branch: feature/x}", 5, "'feature/x', the value of", "annotation"),
    labelled("a label with a blank", "labels: {team: a b}", 5, "'a b', the value of 'team', is no label value", "63"),
    labelled("a label that ends in a dot", "labels: {team: a.}", 5, "'a.', the value of 'team'", "letter or digit at both"),
    labelled("a label that is too long", f"labels: {{team: {_LONG}}}", 5, f"'{_LONG}', the value", "at most 63"),
    labelled(
        "an exported workflow", "labels: {workflows.argoproj.io/completed: 'true'}", 5, "Argo never runs a", "remove"
    ),
    labelled("a label's key with a blank", "labels: {a b: x}", 5, "'a b' is no key of labels and annotations", "NAME or"),
    labelled("a label's empty key", 'labels: {"": x}', 5, "'' is no key of labels", "a key is NAME or DOMAIN/NAME"),
    labelled("a key with two slashes", "labels: {a/b/c: x}", 5, "'a/b/c' is no key", "DOMAIN/NAME"),
    labelled("a key with a bad domain", "labels: {_a.test/b: x}", 5, "'_a.test/b' is no key", "in DOMAIN"),
    labelled("a key without a name", "labels: {a.test/: x}", 5, "'a.test/' is no key", "DOMAIN/NAME"),
    labelled("a key that is too long", f"labels: {{{_LONG}: x}}", 5, f"'{_LONG}' is no key", "at most 63"),
    labelled("an annotation's key", "annotations: {my note: x}", 5, "'my note' is no key", "NAME or"),
    labelled("a namespace with a dot", "namespace: a.b", 5, "is not a Kubernetes name: 'a.b'", "no dots"),
    labelled("a namespace in capitals", "namespace: Team", 5, "is not a Kubernetes name", "a-z"),
    labelled("a number as namespace", "namespace: 7", 5, "is not a Kubernetes name: 7", "a-z, 0-9"),
    spelled("a name over 63", "generateName: train-", f"name: {_LONG}", 4, "metadata.name is not a", "at most 63"),
    spelled("a cron workflow's name", "name: nightly", "name: Night Run", 3, "metadata.name is not a Kube", "use a-z", CRON),
    Bad(
        "a template's name",
        f"{FILE}:4: metadata.name is not a Kubernetes name: 'Train_It'",
        "use a-z, 0-9 and -",
        edited("generateName: train-", "name: Train_It").replace("kind: Workflow", "kind: WorkflowTemplate"),
        4,
    ),
]  # fmt: skip
IN_INPUTS = [
    given("Argo's label", "since Argo never runs", "correct 'labels'", labels="workflows.argoproj.io/completed=true"),
    given("a branch in labels", "input 'labels' cannot be used, since 'feature/x',", "correct", labels="b=feature/x"),
    given("a key in labels", "input 'labels' cannot be used, since 'a b' is no", "correct 'labels'", labels='{"a b": x}'),
    given("a key in annotations", "input 'annotations' cannot be used, since 'a b'", "correct", annotations='{"a b": x}'),
    given("a namespace in inputs", "input 'namespace' must be a Kubernetes name, not 'a.b'", "correct", namespace="a.b"),
    given("an account", "input 'service-account' must be a Kubernetes name", "correct", service_account="Runner Account"),
    given("a long base", "input 'generate-name' must be the start of", "correct", generate_name="a" * 260),
    given("a long annotation", "the annotations take ", "shorten it, or pass", annotations=f"note={'x' * 262_200}"),
]  # fmt: skip
CASES = [*IN_MANIFEST, *IN_INPUTS]
