"""Manifests and parameters with one mistake each, as data: what was given, and what must be said of it."""

from __future__ import annotations

from dataclasses import dataclass, field

FILE = "ci/train.yaml"
GOOD = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  generateName: train-
spec:
  entrypoint: main
  arguments:
    parameters:
    - {name: lr, value: "0.1"}
    - {name: data}
    - {name: size, value: small, enum: [small, large]}
  templates:
  - name: main
    container: {image: x, command: [echo]}
"""
CRON = """\
apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata: {name: nightly}
spec:
  schedules: ["0 0 * * *"]
  workflowSpec:
    entrypoint: main
    templates:
    - {name: main, container: {image: x, command: [echo]}}
"""
PARAMETERS = {"parameters": "data=digits"}
# Eight lists that stand for ten million values.
BOMB = "[" + ", ".join(["&a0 [x]", *(f"&a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 8))]) + "]"


@dataclass(frozen=True)
class Bad:
    """One mistake. `line`: where the annotation stands, 0 where the mistake is in no file."""

    name: str
    cause: str
    remedy: str
    manifest: str = GOOD
    line: int = 0
    inputs: dict[str, str] = field(default_factory=lambda: dict(PARAMETERS))
    files: dict[str, str] = field(default_factory=dict)


def edited(old: str, new: str, base: str = GOOD) -> str:
    """The good manifest with one text replaced."""
    assert old in base
    return base.replace(old, new, 1)


def spelled(name: str, old: str, new: str, line: int, cause: str, remedy: str, base: str = GOOD) -> Bad:
    """A mistake in the manifest."""
    return Bad(name, f"{FILE}:{line}: {cause}", remedy, edited(old, new, base), line)


def given(name: str, cause: str, remedy: str, /, parameters: str = "data=digits", **inputs: str) -> Bad:
    """A mistake in the inputs."""
    return Bad(name, cause, remedy, inputs={"parameters": parameters, **inputs})


YAML = [
    spelled("a tab", "  entrypoint", "\tentrypoint", 6, "not valid YAML", "correct the YAML at this line"),
    spelled("an open list", "command: [echo]", "command: [echo", 14, "not valid YAML", "correct the YAML"),
    spelled("an open quote", 'value: "0.1"', 'value: "0.1', 15, "not valid YAML", "correct the YAML"),
    spelled("a colon too many", "generateName: train-", "generateName: a: b", 4, "not valid YAML", "correct the YAML"),
    spelled("an unknown alias", "generateName: train-", "generateName: *base", 4, "not valid YAML", "correct the YAML"),
    spelled("a tag of Python", "train-", "!!python/name:os.system x", 4, "not valid YAML", "correct the YAML"),
    spelled(
        "a key twice", "  entrypoint: main", "  entrypoint: main\n  entrypoint: x", 7, "the key 'entrypoint' is", "keep one"
    ),
    spelled("a loop", "train-", "&a [*a]", 4, "not valid YAML: nested too deeply", "correct the YAML at this line"),
    spelled("bombs", "train-", BOMB, 1, "holds more than 200000 nodes", "remove the nested aliases"),
    Bad("nothing", "the manifest is empty", "give a manifest with a Workflow", "# nothing\n"),
    Bad("words", f"{FILE}:1: a str is not a Workflow", "'kind' must be one of Workflow, ", "just words\n", 1),
    Bad("a list", f"{FILE}:1: a list is not a Workflow", "'kind' must be one of", "- kind: Workflow\n", 1),
    Bad("two documents", f"{FILE}:16: several documents", "a file of its own", f"{GOOD}---\n{GOOD}", 16),
]
OBJECTS = [
    spelled("another kind", "kind: Workflow", "kind: Job", 2, "Job is not a Workflow", "'kind' must be one of"),
    spelled("a kind in lower case", "kind: Workflow", "kind: workflow", 2, "workflow is not a", "'kind' must be one of"),
    spelled("no kind", "kind: Workflow\n", "", 1, "a document without 'kind'", "'kind' must be one of"),
    spelled(
        "another group", "argoproj.io/v1alpha1", "batch/v1", 1, "apiVersion is 'batch/v1'", "write argoproj.io/v1alpha1"
    ),
    spelled("no version", "apiVersion: argoproj.io/v1alpha1\n", "", 1, "apiVersion is None", "write argoproj.io/v1alpha1"),
    spelled(
        "a name with capitals",
        "generateName: train-",
        "name: Train",
        4,
        "metadata.name is not a Kubernetes name",
        "a-z, 0-9",
    ),
    spelled("a name with a blank", "generateName: train-", "name: my train", 4, "metadata.name is no", "use a-z, 0-9"),
    spelled(
        "a number as name", "generateName: train-", "name: 7", 4, "metadata.name is not a Kubernetes name: 7", "use a-z"
    ),
    spelled("a base with a bar", "train-", "train_", 4, "metadata.generateName is not a Kubernetes name", "use a-z, 0-9"),
    spelled(
        "a label as number", "train-", "a-\n  labels: {team: 1}", 5, "metadata.labels must map to texts", "quote numbers"
    ),
    spelled("labels as list", "train-", "a-\n  labels: [a]", 5, "metadata.labels must map to texts", "quote numbers"),
    spelled("an annotation as truth", "train-", "a-\n  annotations: {on: yes}", 5, "metadata.annotations must", "quote"),
    Bad(
        "metadata as list",
        f"{FILE}:3: 'metadata' is missing or not a mapping",
        "give 'metadata' as a mapping",
        edited("metadata:\n  generateName: train-", "metadata: [a]"),
        3,
    ),
    Bad("no spec", f"{FILE}:1: 'spec' is missing", "give 'spec' as a mapping", GOOD.partition("spec:")[0], 1),
    Bad(
        "spec as text",
        f"{FILE}:5: 'spec' is missing or not a mapping",
        "as a mapping",
        GOOD.partition("spec:")[0] + "spec: x\n",
        5,
    ),
]
SPECS = [
    spelled(
        "an entrypoint that is none", "entrypoint: main", "entrypoint: mian", 6, "'entrypoint' names no", "name one of: main"
    ),
    spelled("no entrypoint", "  entrypoint: main\n", "", 5, "'entrypoint' is missing", "name one of: main"),
    spelled(
        "an exit handler that is none", "  templates:", "  onExit: bye\n  templates:", 12, "'onExit' names no", "name one of"
    ),
    spelled("no templates", GOOD[GOOD.index("  templates:") :], "", 6, "'entrypoint' names no", "(there are no templates)"),
    spelled(
        "templates as mapping",
        GOOD[GOOD.index("  templates:") :],
        "  templates: {main: {}}\n",
        12,
        "templates must be a list, not a mapping",
        "write a list",
    ),
    spelled(
        "a template as text",
        "  - name: main\n",
        "  - just\n  - name: main\n",
        13,
        'templates[0] must be a mapping, not the text "just"',
        "write",
    ),
    spelled(
        "a template without a name",
        "  - name: main\n",
        "  - suspend: {}\n  - name: main\n",
        13,
        "template 1 has no name",
        "'name: …'",
    ),
    spelled(
        "a template called on",
        "  - name: main\n",
        "  - name: on\n  - name: main\n",
        13,
        "template 1: name must be a text, not true",
        'quote it: "true"',
    ),
    spelled(
        "two templates of a name",
        "  - name: main\n",
        "  - name: main\n  - name: main\n",
        14,
        "two templates have the name 'main'",
        "rename",
    ),
    spelled(
        "arguments as list",
        "    parameters:\n",
        "  - parameters:\n",
        7,
        "arguments must be a mapping, not a list",
        "write a mapping",
    ),
    spelled(
        "a parameter without a name",
        "    - {name: data}\n",
        "    - {value: 1}\n",
        10,
        "parameter 2 has no name",
        "'name: …'",
    ),
    spelled(
        "a parameter called no",
        "    - {name: data}\n",
        "    - {name: no}\n",
        10,
        "arguments.parameters[1].name must be a text, not false",
        'quote it: "false"',
    ),
    spelled(
        "a parameter as text",
        "    - {name: data}\n",
        "    - data\n",
        10,
        "arguments.parameters[1] must be a mapping",
        "write a",
    ),
    spelled(
        "a parameter twice",
        "    - {name: data}\n",
        "    - {name: lr}\n",
        10,
        "the parameter 'lr' is declared twice",
        "keep one",
    ),
    spelled(
        "a cron workflow without a spec",
        "  workflowSpec:",
        "  workflow:",
        4,
        "a CronWorkflow needs 'spec.workflowSpec'",
        "as a mapping",
        CRON,
    ),
    spelled(
        "its entrypoint",
        "entrypoint: main",
        "entrypoint: x",
        7,
        "'entrypoint' names no template: 'x'",
        "name one of: main",
        CRON,
    ),
]
PARAMETER_TEXTS = [
    given("one that is not declared", "declares no parameter 'rate'", "it declares: lr, data, size", "data=a\nrate=1"),
    given("a misspelled one", "no parameter 'dta' (did you mean 'data'?)", "unknown-parameters: drop", "dta=digits"),
    given("another case", "declares no parameter 'Data'", "it declares", "data=a\nData=1"),
    given("one that is missing", "the workflow's parameter 'data' has no value", "data=…, or a default", "lr=1"),
    given("none at all", "the workflow's parameter 'data' has no value", "give it in 'parameters'", "{}"),
    given("null", "the workflow's parameter 'data' has no value", "give it in 'parameters'", "data: null"),
    given(
        "outside the enum", "parameter 'size' must be one of small, large, not 'huge'", "one of these", "data=a\nsize=huge"
    ),
    given("a tag", "parameter 'data' holds '{{', which Argo reads", "commit the text as a file", "data={{workflow.uid}}"),
    given("an expression", "parameter 'data' holds '{{'", "or give it in base64", '{"data": "a{{=sprig.env(\'X\')}}"}'),
    given("a list", "input 'parameters' must be a YAML or JSON mapping", "correct 'parameters'", "[1, 2]"),
    given("words", "input 'parameters' must be a YAML or JSON mapping", "correct 'parameters'", "just words"),
    given("no YAML", "input 'parameters' ", "correct 'parameters'", "a: b: c"),
    given("a line twice", "input 'parameters' ", "correct 'parameters'", "data=1\ndata=2"),
    given(
        "a line without a value",
        "input 'parameters' must give each parameter a value: 'lr' has no '='",
        "correct 'parameters'",
        "data=1\nlr",
    ),
    given("keys that are lists", "input 'parameters' is not valid YAML (line 1, column 2)", "correct", "{[1]: 2}"),
    given(
        "no file",
        "input 'parameter-file' names no file in the workspace: 'p.yaml'",
        "the path of one",
        parameter_file="p.yaml",
    ),
    given("a file outside", "'../p.yaml' leads out of the workspace", "inside of it", parameter_file="../p.yaml"),
    Bad(
        "two files",
        "input 'parameter-file' names several files",
        "one YAML or JSON file",
        inputs={"parameter_file": "p/*.yaml"},
        files={"p/a.yaml": "data: a", "p/b.yaml": "data: b"},
    ),
    Bad(
        "a file that is a list",
        "the parameter file 'p.yaml' must be a YAML or JSON mapping",
        "correct the file",
        inputs={"parameter_file": "p.yaml"},
        files={"p.yaml": "- data\n"},
    ),
    Bad(
        "a file with an unknown one",
        "declares no parameter 'rate'",
        "it declares",
        inputs={"parameter_file": "p.yaml"},
        files={"p.yaml": "data: a\nrate: 1\n"},
    ),
]
INPUTS = [
    given("a name with capitals", "input 'name' must be a Kubernetes name", "correct 'name'", name="Train"),
    given("a name that is too long", "input 'name' must be a Kubernetes name", "correct 'name'", name="a" * 64),
    given("a base that is none", "input 'generate-name' must be the start", "correct", generate_name="-a"),
    given("a namespace that is none", "input 'namespace' must be a Kubernetes name", "correct", namespace="a/b"),
    given("labels as list", "input 'labels' ", "correct 'labels'", labels="[a]"),
    given(
        "another entrypoint", "input 'entrypoint' names no template: 'evaluate'", "give one of main", entrypoint="evaluate"
    ),
    given("a priority in words", "input 'priority' must be a whole number", "correct 'priority'", priority="high"),
    given("an image with a blank", "input 'image' must be an image reference", "correct 'image'", image="a b"),
    given("a short commit", "input 'sha' must be a full commit SHA", "correct 'sha'", sha="abc1234"),
    given("pull request zero", "input 'pr-number' must be at least 1", "correct 'pr-number'", pr_number="0"),
    given("an unknown source", "input 'from' must be one of workflowtemplate/NAME", "correct 'from'", from_="pod/x"),
    given(
        "two sources",
        "exactly one of 'workflow', 'from', 'attach', 'retry', 'resume', 'stop' and 'terminate'",
        "give 'workflow'",
        attach="x",
    ),
    Bad(
        "an image that contradicts",
        "parameter 'image' contradicts input 'image'",
        ": this action sets it",
        edited("{name: data}", "{name: data, value: x}\n    - {name: image, value: ''}"),
        inputs={"parameters": "image=evil", "image": "good@sha256:" + "0" * 64},
    ),
]
CASES = [*YAML, *OBJECTS, *SPECS, *PARAMETER_TEXTS, *INPUTS]
