"""What the schema cannot say and Argo refuses is found before submission, with place and remedy."""

from __future__ import annotations

import pytest

from mlops_actions.argo_submit import schema
from mlops_actions.argo_submit.documents import parse
from mlops_actions.argo_submit.lint import workflow as lint
from mlops_actions.argo_submit.manifest import invalid, select, to_workflow

_HEAD = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {generateName: a-, labels: {team: ml}}\nspec:\n"
_ECHO = """\
  - name: echo
    inputs: {parameters: [{name: text}]}
    container: {image: x, command: [echo], args: ["{{inputs.parameters.text}}"]}
"""
_SAY = "arguments: {parameters: [{name: text, value: a}]}"


def _workflow(templates: str, spec: str = "") -> str:
    """Return a manifest whose first template is `main`; `{say}` stands for arguments of the template `echo`."""
    return f"{_HEAD}  entrypoint: main\n{spec}  templates:\n{_ECHO}{templates}".replace("{say}", _SAY)


def _steps(*groups: str, more: str = "") -> str:
    return _workflow("  - name: main\n" + more + "    steps:\n" + "".join(f"    - [{group}]\n" for group in groups))


def _dag(*tasks: str, more: str = "") -> str:
    return _workflow("  - name: main\n    dag:\n" + more + "      tasks:\n" + "".join(f"      - {task}\n" for task in tasks))


def _main(fields: str, spec: str = "") -> str:
    return _workflow("  - name: main\n" + "".join(f"    {line}\n" for line in fields.splitlines()), spec)


def _found(text: str) -> list[str]:
    document = select(parse(text, "wf.yaml"))
    workflow = to_workflow(document).workflow
    problems = lint.problems(workflow)
    return [invalid(document, workflow["spec"], [problem]).cause for problem in problems]


def _text(name: str, value: str, more: str) -> str:
    return f"{{name: {name}, template: echo, arguments: {{parameters: [{{name: text, value: '{value}'}}]}}, {more}}}"


_INPUT = "inputs: {{parameters: [{{name: a, {}: '{{{{workflow.nope}}}}'}}]}}"
_UNDEFINED = "uses a variable that nothing defines: '{{workflow.nope}}'"
_A, _B = "{name: a, template: echo, {say}}", "{name: b, template: echo, {say}}"


def _metric(fields: str) -> str:
    return _main(f"metrics: {{prometheus: [{{{fields}}}]}}\nsuspend: {{}}")


REFUSED: dict[str, tuple[str, str]] = {
    # metrics
    "a metric with a minus": (_metric("name: a-b, help: c, gauge: {value: '1'}"), "is not a name for a metric: 'a-b'"),
    "a metric that begins with a digit": (_metric("name: 1a, help: c, gauge: {value: '1'}"), "for a metric: '1a'"),
    "a metric without a name": (_metric("help: c, gauge: {value: '1'}"), "is not a name for a metric: ''"),
    "a metric without help": (_metric("name: a, gauge: {value: '1'}"), "prometheus[0] gives metric 'a' no help"),
    "a label with a dot": (
        _metric("name: a, help: c, labels: [{key: x.z, value: d}], gauge: {value: '1'}"),
        "labels[0].key is not a name for a metric's label: 'x.z'",
    ),
    "a gauge without a value": (_metric("name: a, help: c, gauge: {realtime: true}"), "gauge has no value"),
    "a counter without a value": (_metric("name: a, help: c, counter: {value: ''}"), "counter has no value"),
    "a histogram without a value": (_metric("name: a, help: c, histogram: {buckets: [1]}"), "histogram has no value"),
    "a real-time gauge of resources": (
        _metric("name: a, help: c, gauge: {realtime: true, value: '{{resourcesDuration.cpu}}'}"),
        "gauge.value is not known in real time",
    ),
    "a strategy of podGC": (_main("suspend: {}", "  podGC: {strategy: OnSuccess}\n"), "podGC.strategy is not one of OnPod"),
    "a deadline with a unit": (
        _main("container: {image: x}\nactiveDeadlineSeconds: 5m"),
        "template 'main': activeDeadlineSeconds is not a number of seconds: '5m'",
    ),
    "a deadline below zero": (_main("container: {image: x}\nactiveDeadlineSeconds: -5"), "is not a number of seconds: '-5'"),
    "a deadline beyond all time": (
        _main(f"container: {{image: x}}\nactiveDeadlineSeconds: '{'9' * 20}'"),
        "is not a number of seconds: '999",
    ),
    "an artifact of Git without its repository": (
        _main("container: {image: x}\ninputs: {artifacts: [{name: a, path: /a, git: {}}]}"),
        "inputs.artifacts[0].git has no 'repo'",
    ),
    "an archive in Git without its repository": (
        _main("container: {image: x}\narchiveLocation: {git: {repo: ''}}"),
        "archiveLocation.git has no 'repo'",
    ),
    # templates
    "a template without a type": (_main("inputs: {}"), "template 'main' has no type"),
    "a template of two types": (_main("suspend: {}\nhttp: {url: x}"), "template 'main' has several types: suspend, http"),
    "a template with a space": (
        _workflow("  - {name: main, suspend: {}}\n  - {name: a b, suspend: {}}\n"),
        "is not a name for Argo: 'a b'",
    ),
    "a step that runs nothing": (_steps("{name: a}"), "steps[0][0] names no template"),
    "a step that runs a missing template": (
        _steps("{name: a, template: ecko, {say}}"),
        "names no template: 'ecko' (did you mean 'echo'?)",
    ),
    "a step with template and reference": (
        _steps("{name: a, template: echo, templateRef: {name: t, template: e}, {say}}"),
        "stands beside 'templateRef'",
    ),
    "a reference without a template": (_steps("{name: a, templateRef: {name: t}}"), "templateRef has no 'template'"),
    "an inline template without a type": (_steps("{name: a, inline: {inputs: {}}}"), "steps[0][0].inline has no type"),
    # names
    "a step without a name": (_steps("{template: echo, {say}}"), "is a step without a name"),
    "two steps of one name": (_steps(_A, _A), "steps[1][0].name is given twice: 'a'"),
    "a step with an underscore": (_steps("{name: a_b, template: echo, {say}}"), "is not a name for Argo: 'a_b'"),
    "a step that is named after its item": (_steps('{name: "a-{{item}}", template: echo, {say}}'), "is not a name for Argo"),
    "a parameter with a dot": (
        _main("inputs: {parameters: [{name: a.b, value: c}]}\nsuspend: {}"),
        "is not a name for Argo: 'a.b'",
    ),
    "an input whose name holds a variable": (
        _main('inputs: {parameters: [{name: "{{pod.name}}", value: c}]}\nsuspend: {}'),
        "is not a name for Argo",
    ),
    "two inputs of one name": (
        _main("inputs: {parameters: [{name: a, value: c}, {name: a, value: d}]}\nsuspend: {}"),
        "is given twice: 'a'",
    ),
    # arguments
    "a step without a required argument": (
        _steps("{name: a, template: echo}"),
        "steps[0][0] gives no value for the input 'text' of template 'echo'",
    ),
    "an argument without a value": (
        _steps("{name: a, template: echo, arguments: {parameters: [{name: text}]}}"),
        "gives parameter 'text' no value",
    ),
    "an argument from a path": (
        _steps("{name: a, template: echo, arguments: {parameters: [{name: text, valueFrom: {path: /a}}]}}"),
        "valueFrom needs configMapKeyRef, event or supplied",
    ),
    "an artifact from nowhere": (
        _steps("{name: a, template: echo, arguments: {parameters: [{name: text, value: a}], artifacts: [{name: d}]}}"),
        "has neither 'from' nor a location nor a key",
    ),
    "an entrypoint whose input nobody gives": (
        _main("inputs: {parameters: [{name: lr}]}\nsuspend: {}"),
        "entrypoint gives no value for the input 'lr' of template 'main'",
    ),
    "an artifact that nobody gives": (
        _main("inputs: {artifacts: [{name: data, path: /d}]}\ncontainer: {image: x}"),
        "gives no artifact for the input 'data'",
    ),
    "an empty list of choices": (
        _main("suspend: {}", "  arguments: {parameters: [{name: a, value: b, enum: []}]}\n"),
        "enum is empty",
    ),
    # variables
    "a variable in a default": (
        _workflow(
            f"  - {{name: main, suspend: {{}}}}\n  - {{name: b, {_INPUT.format('default')}, container: {{image: x}}}}\n"
        ),
        f"template 'b': inputs.parameters[0].default {_UNDEFINED}",
    ),
    "a variable in an artifact's path": (
        _main("inputs: {artifacts: [{name: a, path: '/{{workflow.nope}}', raw: {data: b}}]}\ncontainer: {image: x}"),
        f"inputs.artifacts[0].path {_UNDEFINED}",
    ),
    "a variable in the first template's input": (
        _main(_INPUT.format("value") + "\ncontainer: {image: x}"),
        f"template 'main': inputs.parameters[0].value {_UNDEFINED}",
    ),
    "a variable in the first template's artifact": (
        _main("inputs: {artifacts: [{name: a, path: /a, s3: {key: '{{workflow.nope}}'}}]}\ncontainer: {image: x}"),
        f"inputs.artifacts[0].s3.key {_UNDEFINED}",
    ),
    "a variable in what the workflow gives its first template": (
        _main(
            "inputs: {parameters: [{name: a}]}\nsuspend: {}",
            "  arguments: {parameters: [{name: a, value: '{{workflow.nope}}'}]}\n",
        ),
        f"arguments.parameters[0].value {_UNDEFINED}",
    ),
    "a variable in an exit handler's input": (
        _workflow(
            f"  - {{name: main, suspend: {{}}}}\n  - {{name: b, {_INPUT.format('value')}, suspend: {{}}}}\n", "  onExit: b\n"
        ),
        f"template 'b': inputs.parameters[0].value {_UNDEFINED}",
    ),
    "a variable of an unknown step": (
        _steps(
            _A, "{name: b, template: echo, arguments: {parameters: [{name: text, value: '{{steps.c.outputs.result}}'}]}}"
        ),
        "uses a variable that nothing defines: '{{steps.c.outputs.result}}'",
    ),
    "a variable of a later step": (
        _steps(
            "{name: a, template: echo, arguments: {parameters: [{name: text, value: '{{steps.b.outputs.result}}'}]}}", _B
        ),
        "uses a variable that nothing defines: '{{steps.b.outputs.result}}'",
    ),
    "an unknown parameter of the workflow": (
        _main("container: {image: x, args: ['{{workflow.parameters.lr}}']}"),
        "nothing defines: '{{workflow.parameters.lr}}'",
    ),
    "a typing mistake in an input": (
        _main(
            "inputs: {parameters: [{name: epochs, value: 1}]}\ncontainer: {image: x, args: ['{{inputs.parameters.epoch}}']}"
        ),
        "(did you mean 'inputs.parameters.epochs'?)",
    ),
    "a variable of a step in a container": (
        _main("container: {image: x, args: ['{{steps.a.outputs.result}}']}"),
        "nothing defines: '{{steps.a.outputs.result}}'",
    ),
    "an item without items": (
        _steps("{name: a, template: echo, arguments: {parameters: [{name: text, value: '{{item.x}}'}]}}"),
        "'{{item.x}}'",
    ),
    "an output that a template lacks": (
        _steps(
            _A,
            "{name: b, template: echo, arguments: {parameters: [{name: text, value: '{{steps.a.outputs.parameters.z}}'}]}}",
        ),
        "'{{steps.a.outputs.parameters.z}}'",
    ),
    "failures without an exit handler": (
        _main("container: {image: x, args: ['{{workflow.failures}}']}"),
        "'{{workflow.failures}}'",
    ),
    # DAGs
    "a DAG without tasks": (_main("dag: {tasks: []}"), "dag has no tasks"),
    "a dependency that is missing": (
        _dag("{name: a, template: echo, {say}, dependencies: [z]}"),
        "dependencies names no task: 'z'",
    ),
    "a cycle": (
        _dag("{name: a, template: echo, {say}, dependencies: [b]}", "{name: b, template: echo, {say}, depends: a}"),
        "a → b → a",
    ),
    "a task that waits for itself": (_dag("{name: a, template: echo, {say}, dependencies: [a]}"), "a → a"),
    "depends beside dependencies": (
        _dag(_A, "{name: b, template: echo, {say}, depends: a}", "{name: c, template: echo, {say}, dependencies: [a]}"),
        "dependencies stands in a DAG with 'depends'",
    ),
    "an unknown result": (
        _dag(_A, "{name: b, template: echo, {say}, depends: a.Won}"),
        "asks for an unknown result: 'a.Won'",
    ),
    "results of items without items": (
        _dag(_A, "{name: b, template: echo, {say}, depends: a.AnySucceeded}"),
        "asks for results of items, and task 'a' has none",
    ),
    "a target that is missing": (_dag(_A, more="      target: z\n"), "dag.target names no task: 'z'"),
    "a task that begins with a digit": (
        _dag(_A, "{name: 1b, template: echo, {say}, dependencies: [a]}"),
        "begins with a digit",
    ),
    "an argument of a task that is not waited for": (
        _dag(_A, "{name: b, template: echo, arguments: {parameters: [{name: text, value: '{{tasks.a.outputs.result}}'}]}}"),
        "uses task 'a', which this task does not wait for",
    ),
    # what each type needs
    "a container without an image": (_main("container: {command: [a]}"), "container has no image"),
    "two mounts at one path": (
        _main("container: {image: x, volumeMounts: [{name: a, mountPath: /m}, {name: b, mountPath: /m}]}"),
        "uses the path '/m'",
    ),
    "an artifact without a path": (
        _main("container: {image: x}\noutputs: {artifacts: [{name: m}]}"),
        "gives artifact 'm' no path",
    ),
    "an output without a source": (
        _main("container: {image: x}\noutputs: {parameters: [{name: m}]}"),
        "gives output 'm' no value",
    ),
    "an output of steps from a path": (
        _workflow(
            "  - name: main\n    steps: [[" + _A + "]]\n    outputs: {parameters: [{name: m, valueFrom: {path: /m}}]}\n"
        ),
        "needs parameter or expression in a template with steps",
    ),
    "a container set in a circle": (
        _main(
            "containerSet: {containers: [{name: a, image: x, dependencies: [b]}, {name: b, image: x, dependencies: [a]}]}"
        ),
        "has containers that wait for each other: a → b → a",
    ),
    "an action that Kubernetes lacks": (
        _main("resource: {action: make, manifest: a}"),
        "action is not one of apply, create",
    ),
    "a resource without a manifest": (_main("resource: {action: create}"), "has neither 'manifest' nor 'manifestFrom'"),
    "a retry policy that does not exist": (
        _main("suspend: {}\nretryStrategy: {retryPolicy: Never}"),
        "is not one of Always, OnError, OnFailure, OnTransientError",
    ),
    "a timeout without a unit": (_main("container: {image: x}\ntimeout: '60'"), "timeout has no unit: '60'"),
    "a deadline of steps": (_steps(_A, more="    activeDeadlineSeconds: 5\n"), "has no meaning in a template with steps"),
    "a hook without an expression": (
        _main("suspend: {}", "  hooks: {running: {template: echo}}\n"),
        "hooks.running has no expression",
    ),
    "items from two sources": (
        _steps("{name: a, template: echo, {say}, withItems: [1], withParam: '[1]'}"),
        "has withItems and withParam",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_argo_refuses_is_found(name: str) -> None:
    text, cause = REFUSED[name]
    found = _found(text)
    assert any(cause in problem for problem in found), found
    assert all(problem.startswith("wf.yaml:") for problem in found)


ACCEPTED: dict[str, str] = {
    "a variable in an input that every call gives": _workflow(
        f"  - {{name: main, steps: [[{_A}]]}}\n  - {{name: b, {_INPUT.format('value')}, container: {{image: x}}}}\n"
    ),
    "a variable in an input that the workflow gives": _main(
        _INPUT.format("value") + "\nsuspend: {}", "  arguments: {parameters: [{name: a, value: b}]}\n"
    ),
    "a variable in the inputs of the first template's steps": _steps(_A, more=f"    {_INPUT.format('value')}\n"),
    **{
        f"a deadline of {seconds}": _main(f"container: {{image: x}}\nactiveDeadlineSeconds: {seconds}")
        for seconds in ("5", "'5'", "'+5'", "0", "'{{workflow.name}}'")
    },
    "an output whose name holds a variable": _main(
        'outputs: {parameters: [{name: "of-{{pod.name}}", valueFrom: {path: /a}}]}\ncontainer: {image: x, command: [x]}'
    ),
    "a step whose name holds an input": _steps(
        '{name: "a-{{inputs.parameters.kind}}", template: echo, {say}}',
        more="    inputs: {parameters: [{name: kind, value: b}]}\n",
    ),
    "a task whose name holds a parameter of the workflow": _dag(
        '{name: "{{workflow.parameters.kind}}", template: echo, {say}}'
    ).replace("spec:\n", "spec:\n  arguments: {parameters: [{name: kind, value: b}]}\n"),
    "metrics": _metric(
        "name: a_B1, help: c, labels: [{key: k, value: '{{status}}'}], gauge: {value: '{{duration}}', realtime: true}"
    ),
    "a counter": _metric("name: a, help: c, counter: {value: '1'}"),
    "a strategy of podGC": _main("suspend: {}", "  podGC: {strategy: OnPodSuccess}\n"),
    "steps that use each other": _steps(
        _A, "{name: b, template: echo, arguments: {parameters: [{name: text, value: '{{steps.a.outputs.result}}'}]}}"
    ),
    "a step beside another": _steps(_A + ", " + _B),
    "a template of the cluster": _steps(
        "{name: a, templateRef: {name: t, template: e}}",
        "{name: b, template: echo, arguments: {parameters: [{name: text, value: '{{steps.a.outputs.parameters.any}}'}]}}",
    ),
    "a template chosen while it runs": _steps("{name: a, template: '{{workflow.labels.team}}'}"),
    "items of every form": _steps(
        _text("a", "{{item.x}}", "withItems: [{x: 1}]"),
        _text("b", "{{item.y}}", "withParam: '{{workflow.labels.team}}'"),
        _text("c", "{{item}}", "withSequence: {count: 3}"),
    ),
    "a DAG with results": _dag(
        _A,
        "{name: b, template: echo, {say}, depends: 'a.Succeeded && !a.Skipped'}",
        "{name: c, template: echo, {say}, depends: a}",
    ),
    "an argument of an ancestor": _dag(
        _A,
        "{name: b, template: echo, {say}, dependencies: [a]}",
        _text("c", "{{tasks.a.outputs.result}}", "dependencies: [b]"),
    ),
    "expressions": _main(
        "container: {image: x, args: ['{{=nonsense.at.all}}', '{{= inputs.parameters.nope }}', '{{other.text}}']}"
    ),
    "variables that Argo sets": _main(
        "container: {image: x, args: ['{{workflow.uid}} {{pod.name}} {{workflow.labels.team}} {{workflow.duration}}']}"
    ),
    "a global output": _workflow(
        "  - name: main\n    steps: [[{name: a, template: made}], [{name: b, template: echo, arguments: {parameters: "
        "[{name: text, value: '{{workflow.outputs.parameters.best}}'}]}}]]\n"
        "  - name: made\n    container: {image: x}\n"
        "    outputs: {parameters: [{name: o, globalName: best, valueFrom: {path: /o}}]}\n"
    ),
    "an image by default": _main("container: {command: [a]}", "  templateDefaults: {container: {image: x}}\n"),
    "a template that calls itself": _steps("{name: a, template: main, when: '{{workflow.labels.team}} == b'}"),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_argo_takes_is_not_refused(name: str) -> None:
    assert _found(ACCEPTED[name]) == []


def test_a_reference_to_a_template_of_the_cluster_is_checked_for_its_arguments_alone() -> None:
    text = _HEAD + "  workflowTemplateRef: {name: t}\n  arguments: {parameters: [{name: a}]}\n"
    assert _found(text) == []
    assert schema.problems({"workflowTemplateRef": {"name": "t"}}, "4.0") == []


def test_a_long_chain_of_tasks_and_many_mistakes_end_soon() -> None:
    """A pull request's manifest is hostile: the work must not grow with the square of its tasks."""
    tasks = ["{name: t0, template: echo, {say}}"]
    tasks += [f"{{name: t{n}, template: echo, {{say}}, dependencies: [t{n - 1}]}}" for n in range(1, 3000)]
    assert _found(_dag(*tasks)) == []
    wrong = (f"{{name: s{n}, template: echo, {{say}}, when: '{{{{steps.q{n}.id}}}}'}}" for n in range(1000))
    assert len(_found(_steps(*wrong))) == lint.MAX_PROBLEMS
