"""`resume`, `stop` and `terminate`: what they do, that they may be repeated, and whose workflows they act on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlops_actions.core import provenance
from mlops_sandbox.cluster import CONTINUER, SUBMITTER, Cluster, LocalImage, ProcessExecutor, argo_control, rule
from mlops_sandbox.cluster.resources import WORKFLOWS
from mlops_sandbox.host import Host
from tests.actions.argo_submit.apis import APIS, ARGO_SERVER, application_of, environ_for
from tests.actions.argo_submit.job import SHA, Job
from tests.actions.argo_submit.scripted import Scripted
from tests.support.shared_host import SharedHost
from tests.support.step import REPOSITORY

PAGE = f"https://github.com/{REPOSITORY}/actions/runs/42"
OTHER_SHA = "f" * 40
WAITING = {"w": {"id": "w", "name": "w", "displayName": "w", "type": "Suspend", "phase": "Running"}}


@pytest.fixture(params=APIS)
def api(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def cluster() -> Any:
    """A cluster without a controller: the objects stay as they are put."""
    with Cluster() as running:
        yield running


@pytest.fixture(autouse=True)
def _all_rights(job: Job, cluster: Cluster, host: Host, api: str) -> None:
    token = cluster.add_user("ci", (*SUBMITTER, *(CONTINUER if api == ARGO_SERVER else ())))
    job.environ |= environ_for(api, cluster, host.url, job.directory, token=token)


def put(
    cluster: Cluster,
    name: str = "w",
    *,
    pull_request: str = "7",
    repository: str = REPOSITORY,
    run: str = PAGE,
    sha: str = SHA,
    phase: str = "Running",
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    spec: dict[str, Any] | None = None,
    nodes: dict[str, Any] | None = None,
) -> None:
    """Put a workflow as this suite submits it, or nearly so."""
    texts = {provenance.REPOSITORY: repository, provenance.PULL_REQUEST: pull_request, provenance.SHA: sha}
    given = provenance.labels(texts)
    if phase in ("Succeeded", "Failed", "Error"):
        given["workflows.argoproj.io/completed"] = "true"
    metadata = {
        "name": name,
        "labels": given if labels is None else labels,
        "annotations": {**texts, provenance.RUN: run} if annotations is None else annotations,
    }
    status = {"phase": phase, "nodes": nodes or {}}
    cluster.store.create(WORKFLOWS, "default", {"metadata": metadata, "spec": spec or {}, "status": status})


def shutdown(cluster: Cluster, name: str = "w") -> str:
    return str(cluster.store.get(WORKFLOWS, "default", name)["spec"].get("shutdown", ""))


def on_pull_request(job: Job, number: int = 7) -> None:
    job.environ["GITHUB_EVENT_NAME"] = "workflow_dispatch"
    (job.directory / "event.json").write_text(json.dumps({"inputs": {"pr-number": number}}))


@pytest.mark.parametrize(("verb", "strategy"), [("stop", "Stop"), ("terminate", "Terminate")])
def test_a_running_workflow_is_ended_once(job: Job, cluster: Cluster, verb: str, strategy: str) -> None:
    put(cluster)
    on_pull_request(job)
    assert job.run(**{verb: "w"}) == 0
    assert shutdown(cluster) == strategy
    assert f"::notice title=argo-submit::asked Argo to {verb} the workflow 'w'" in job.log
    assert json.loads(job.outputs["stopped"]) == ["w"]
    assert (job.outputs["workflow-name"], job.outputs["phase"], job.result["sha"]) == ("w", "Running", SHA)
    assert job.run(**{verb: "w"}) == 0
    assert f"workflow 'w' is being ended already (shutdown: {strategy})" in job.log
    assert job.result["stopped"] == []


def test_a_workflow_that_is_stopped_can_be_terminated_but_not_the_reverse(job: Job, cluster: Cluster) -> None:
    put(cluster, spec={"shutdown": "Stop"})
    assert job.run(terminate="w") == 0
    assert shutdown(cluster) == "Terminate"
    assert job.run(stop="w") == 0
    assert shutdown(cluster) == "Terminate"


@pytest.mark.parametrize("verb", ["stop", "terminate", "resume"])
@pytest.mark.parametrize("phase", ["Succeeded", "Failed", "Error"])
def test_an_ended_workflow_is_left_as_it_is(job: Job, cluster: Cluster, verb: str, phase: str) -> None:
    put(cluster, phase=phase)
    assert job.run(**{verb: "w"}) == 0
    assert f"workflow 'w' has ended already ({phase}): there is nothing to {verb}" in job.log
    assert job.outputs["phase"] == phase
    assert not shutdown(cluster)


def test_a_workflow_that_this_action_submitted_can_be_stopped_by_a_later_step(job: Job, cluster: Cluster) -> None:
    on_pull_request(job)
    text = "{apiVersion: argoproj.io/v1alpha1, kind: Workflow, metadata: {name: own}, spec: {entrypoint: a, templates: "
    assert job.run(workflow=text + "[{name: a, suspend: {}}]}}", wait="false", idempotency="none") == 0
    assert job.run(stop="own") == 0
    assert shutdown(cluster, "own") == "Stop"


def test_a_manifest_cannot_say_which_pull_request_it_is_of(job: Job, cluster: Cluster) -> None:
    claims = f"{{{provenance.PULL_REQUEST}: '8', {provenance.ACTOR}: somebody, kept: x}}"
    text = f"""{{apiVersion: argoproj.io/v1alpha1, kind: Workflow, metadata: {{name: w, labels: {claims},
      annotations: {claims}}}, spec: {{entrypoint: a, templates: [{{name: a, suspend: {{}}}}]}}}}"""
    assert job.run(workflow=text, wait="false", idempotency="none") == 0, job.log
    metadata = cluster.store.get(WORKFLOWS, "default", "w")["metadata"]
    assert provenance.PULL_REQUEST not in {**metadata["labels"], **metadata["annotations"]}
    assert (metadata["labels"]["kept"], metadata["annotations"][provenance.ACTOR]) == ("x", "writer")


@pytest.mark.parametrize("verb", ["stop", "terminate", "resume"])
def test_a_workflow_that_does_not_exist_is_named_with_its_namespace(job: Job, verb: str) -> None:
    assert job.run(**{verb: "none"}, namespace="default") == 3
    assert "there is no workflow 'none' in the namespace 'default'" in job.error


STRANGERS: list[tuple[str, dict[str, Any], str]] = [
    ("another pull request", {"pull_request": "70"}, "was submitted for pull request '70', not for #7"),
    ("no pull request", {"pull_request": ""}, "was submitted for no pull request, not for #7"),
    ("another repository", {"repository": "octo-org/other"}, "was submitted by the repository 'octo-org/other'"),
    # Its label is equal, since `/` and `.` become `-` there.
    ("a repository of the same label", {"repository": "octo/org-digits"}, "by the repository 'octo/org-digits'"),
    ("the same name on another server", {"run": PAGE.replace("github.com", "github.test")}, "submitted by the repository"),
    ("a hand", {"labels": {}, "annotations": {}}, "was not submitted by this action"),
    ("a hand that copied the labels", {"annotations": {}}, "was not submitted by this action"),
    ("a hand that pressed Resubmit", {"labels": {
        "workflows.argoproj.io/resubmitted-from-workflow": "w0", **provenance.labels(
            {provenance.REPOSITORY: REPOSITORY, provenance.PULL_REQUEST: "7"})}}, "is a copy that somebody submitted again"),
]  # fmt: skip


@pytest.mark.parametrize(("facts", "reason"), [one[1:] for one in STRANGERS], ids=[one[0] for one in STRANGERS])
def test_workflows_of_others_are_never_touched(job: Job, cluster: Cluster, facts: dict[str, Any], reason: str) -> None:
    put(cluster, nodes=WAITING, **facts)
    put(cluster, "own", nodes=WAITING)
    before = cluster.store.get(WORKFLOWS, "default", "w")
    on_pull_request(job)
    for verb in ("stop", "terminate", "resume"):
        assert job.run(**{verb: "w"}) == 3
        assert reason in job.error
        assert f"so this step does not {verb} it" in job.error
    assert job.run(stop="pull-request") == 0
    assert json.loads(job.outputs["stopped"]) == ["own"]
    assert cluster.store.get(WORKFLOWS, "default", "w") == before


def test_without_a_pull_request_the_repository_decides(job: Job, cluster: Cluster) -> None:
    put(cluster, "of-pr")
    put(cluster, "of-none", pull_request="")
    put(cluster, "of-other", repository="octo-org/other")
    assert job.run(stop="of-pr") == 0
    assert job.run(stop="of-none") == 0
    assert job.run(stop="of-other") == 3


def test_all_running_workflows_of_the_pull_request_are_stopped_and_named(job: Job, cluster: Cluster) -> None:
    put(cluster, "first")
    put(cluster, "second", sha=OTHER_SHA, phase="")
    put(cluster, "over", phase="Succeeded")
    put(cluster, "of-another", pull_request="8")
    on_pull_request(job)
    assert job.run(stop="pull-request") == 0
    assert json.loads(job.outputs["stopped"]) == job.result["stopped"] == ["first", "second"]
    assert [shutdown(cluster, name) for name in ("first", "second", "over", "of-another")] == ["Stop", "Stop", "", ""]
    assert "stopped 2 workflows of pull request #7 (all of it; namespace 'default')" in job.log
    assert f"  ■ first ({SHA[:7]})\n  ■ second (fffffff)" in job.log
    assert "| `second` | `fffffff` | asked to stop |" in job.summary
    assert job.result["pr-number"] == 7
    assert job.run(terminate="pull-request") == 0
    assert shutdown(cluster, "first") == "Terminate"


def test_nothing_to_stop_is_success(job: Job) -> None:
    on_pull_request(job)
    assert job.run(stop="pull-request") == 0
    assert "stopped 0 workflows of pull request #7" in job.log
    assert job.result["stopped"] == []


def test_an_event_without_a_pull_request_stops_nothing(job: Job, cluster: Cluster) -> None:
    put(cluster)
    assert job.run(stop="pull-request") == 2
    assert "the event belongs to no pull request" in job.error
    assert job.run(stop="pull-request", pr_number="7") == 0
    assert shutdown(cluster) == "Stop"


def test_many_workflows_are_found_on_all_pages(job: Job, cluster: Cluster) -> None:
    names = [f"w-{number:03}" for number in range(260)]
    for name in names:
        put(cluster, name)
    on_pull_request(job)
    assert job.run(stop="pull-request") == 0
    assert json.loads(job.outputs["stopped"]) == names
    assert "… and 210 more, which the log names" in job.summary


def test_what_may_not_be_stopped_is_named_and_fails_the_step(job: Job, cluster: Cluster, host: Host, api: str) -> None:
    put(cluster)
    token = cluster.add_user("ci", [rule("workflows", "get list")])
    job.environ |= environ_for(api, cluster, host.url, job.directory, token=token)
    on_pull_request(job)
    assert job.run(stop="pull-request") == 3
    job.assert_missing_right("patch", "workflows")
    assert "  ✖ w: " in job.log
    assert "; 1 could not be stopped" in job.summary
    assert job.result["stopped"] == []


def test_the_right_to_list_is_named(job: Job, cluster: Cluster, host: Host, api: str) -> None:
    token = cluster.add_user("ci", [rule("workflows", "get patch")])
    job.environ |= environ_for(api, cluster, host.url, job.directory, token=token)
    on_pull_request(job)
    assert job.run(stop="pull-request") == 3
    assert "may not list workflows in the namespace 'default' (403)" in job.error
    assert '- {apiGroups: ["argoproj.io"], resources: ["workflows"], verbs: ["list"]}' in job.error


SUSPENSIONS: list[tuple[str, dict[str, Any]]] = [
    ("the whole workflow", {"spec": {"suspend": True}}),
    ("a suspend node", {"nodes": WAITING}),
    ("both", {"spec": {"suspend": True}, "nodes": WAITING}),
]


@pytest.mark.parametrize("facts", [one[1] for one in SUSPENSIONS], ids=[one[0] for one in SUSPENSIONS])
def test_a_suspended_workflow_is_resumed_once(job: Job, cluster: Cluster, facts: dict[str, Any]) -> None:
    put(cluster, **facts)
    assert job.run(resume="w") == 0
    assert "::notice title=argo-submit::resumed the workflow 'w'" in job.log
    resumed = cluster.store.get(WORKFLOWS, "default", "w")
    assert not resumed["spec"].get("suspend")
    assert {node["phase"] for node in resumed["status"]["nodes"].values()} <= {"Succeeded"}
    assert all(node["finishedAt"].endswith("Z") for node in resumed["status"]["nodes"].values())
    assert job.run(resume="w") == 0
    assert "workflow 'w' is not suspended: there is nothing to resume" in job.log
    assert cluster.store.get(WORKFLOWS, "default", "w") == resumed


def test_the_right_to_resume_is_named(job: Job, cluster: Cluster, host: Host, api: str) -> None:
    put(cluster, nodes=WAITING)
    job.environ |= environ_for(
        api, cluster, host.url, job.directory, token=cluster.add_user("ci", [rule("workflows", "get")])
    )
    assert job.run(resume="w") == 3
    job.assert_missing_right("update" if api == ARGO_SERVER else "patch", "workflows")


def waiting_for(**source: str) -> dict[str, Any]:
    parameters = [{"name": "kept", "value": "1"}, {"name": "answer", "valueFrom": {"supplied": {}, **source}}]
    return {"w": {**WAITING["w"], "outputs": {"parameters": parameters, "exitCode": "0"}}}


def test_an_output_parameter_of_a_suspend_node_gets_its_default(job: Job, cluster: Cluster) -> None:
    put(cluster, nodes=waiting_for(default="no"))
    assert job.run(resume="w") == 0
    outputs = cluster.store.get(WORKFLOWS, "default", "w")["status"]["nodes"]["w"]["outputs"]
    assert outputs == {"parameters": [{"name": "kept", "value": "1"}, {"name": "answer", "value": "no"}], "exitCode": "0"}


def test_a_suspend_node_that_waits_for_a_value_is_not_resumed(job: Job, cluster: Cluster) -> None:
    put(cluster, nodes=waiting_for())
    assert job.run(resume="w") == 2
    assert "'w' waits for a value of its output parameter 'answer'" in job.error
    assert "'output-parameters: answer=VALUE' with 'node-field-selector: id=w'" in job.error


def suspend_node(name: str, *asked: dict[str, Any], template: str = "hold", **fields: Any) -> dict[str, Any]:
    """A suspend node that waits, and its output parameters."""
    parameters = [{"name": one["name"], "valueFrom": {"supplied": {}}} | one for one in asked]
    outputs = {"outputs": {"parameters": parameters}} if parameters else {}
    node = {**WAITING["w"], "id": f"w-{name}", "name": f"w.{name}", "displayName": name, "templateName": template}
    return {f"w-{name}": {**node, **outputs, **fields}}


ANSWER = {"name": "answer", "enum": ["yes", "no"], "globalName": "said"}
DEFAULTED = {"name": "who", "valueFrom": {"supplied": {}, "default": "nobody"}}
SEVERAL = {
    **suspend_node("approve", ANSWER, DEFAULTED, template="ask"),
    **suspend_node("plain", inputs={"parameters": [{"name": "of", "value": "a,b"}]}),
    **suspend_node("done", phase="Succeeded"),
    "w-pod": {"id": "w-pod", "name": "w.pod", "displayName": "pod", "type": "Pod", "phase": "Running"},
}
# The inputs beside `resume`, and the nodes that are resumed with the values of their output parameters.
RESUMED: list[tuple[dict[str, str], dict[str, dict[str, str]]]] = [
    ({"node_field_selector": "displayName=plain"}, {"plain": {}}),
    ({"node_field_selector": r"inputs.parameters.of.value=a\,b"}, {"plain": {}}),
    ({"node_field_selector": "templateName!=ask,phase=Running"}, {"plain": {}}),
    ({"node_field_selector": "id=w-approve", "output_parameters": "answer=yes"},
     {"approve": {"answer": "yes", "who": "nobody"}}),
    ({"node_field_selector": "name=w.approve", "output_parameters": '{"answer": "no", "who": "me, and = you"}'},
     {"approve": {"answer": "no", "who": "me, and = you"}}),
    ({"node_field_selector": "displayName=done"}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("inputs", "resumed"), RESUMED)
def test_only_the_selected_suspend_nodes_go_on_with_their_values(
    job: Job, cluster: Cluster, inputs: dict[str, str], resumed: dict[str, dict[str, str]]
) -> None:
    put(cluster, nodes=SEVERAL, spec={"suspend": True})
    assert job.run(resume="w", **inputs) == 0, job.log
    workflow = cluster.store.get(WORKFLOWS, "default", "w")
    assert workflow["spec"]["suspend"] is True
    for key, before in SEVERAL.items():
        node, name = workflow["status"]["nodes"][key], before["displayName"]
        assert node["phase"] == ("Succeeded" if name in resumed else before["phase"])
        if name not in resumed:
            assert node == before
            continue
        parameters = (node.get("outputs") or {}).get("parameters") or []
        assert {one["name"]: one["value"] for one in parameters} == resumed[name]
        assert not any("valueFrom" in one for one in parameters)
    exported = {one["name"]: one["value"] for one in (workflow["status"].get("outputs") or {}).get("parameters") or []}
    assert exported == ({"said": resumed["approve"]["answer"]} if "approve" in resumed else {})
    names = ", ".join(f"'{name}'" for name in resumed)
    note = f"resumed {names} of the workflow 'w'" if resumed else "has ended already: there is nothing to resume"
    assert note in job.log
    again = cluster.store.get(WORKFLOWS, "default", "w")
    assert job.run(resume="w", **inputs) == 0, job.log
    assert cluster.store.get(WORKFLOWS, "default", "w") == again


def test_the_value_of_the_only_node_that_waits_needs_no_selector(job: Job, cluster: Cluster) -> None:
    put(cluster, nodes=suspend_node("approve", ANSWER), spec={"suspend": True})
    assert job.run(resume="w", output_parameters="answer=yes", node_message="approved by octocat") == 0, job.log
    workflow = cluster.store.get(WORKFLOWS, "default", "w")
    assert not workflow["spec"].get("suspend")
    node = workflow["status"]["nodes"]["w-approve"]
    assert (node["phase"], node["message"]) == ("Succeeded", "approved by octocat")
    assert node["outputs"]["parameters"][0]["value"] == "yes"


UNFIT: list[tuple[dict[str, str], str, str]] = [
    ({"node_field_selector": "displayName=aprove"}, "no node of workflow 'w' that waits is selected", "displayName=plain"),
    ({"node_field_selector": "displayName=pod"}, "no node of workflow 'w' that waits is selected", "displayName=approve"),
    ({"output_parameters": "answer=yes"}, "'output-parameters' is for one node, and 2 nodes", "displayName=approve"),
    ({"node_field_selector": "displayName=approve", "output_parameters": "anser=yes"},
     "'approve' asks for no value of an output parameter 'anser' (did you mean 'answer'?)", "it asks for: answer, who"),
    ({"node_field_selector": "displayName=approve", "output_parameters": "answer=maybe"},
     "output parameter 'answer' of 'approve' must be one of yes, no, not 'maybe'", "'output-parameters'"),
    ({"node_field_selector": "displayName=approve"},
     "'approve' waits for a value of its output parameter 'answer'", "output-parameters: answer=VALUE"),
    ({"node_field_selector": "displayName=plain", "output_parameters": "answer=yes"},
     "'plain' asks for no value of an output parameter 'answer'", "it asks for none"),
    ({"output_parameters": "answer={{workflow.name}}"}, "input 'output-parameters' must not hold '{{'", ""),
    ({"output_parameters": "answer"}, "input 'output-parameters' ", ""),
    ({"node_field_selector": "colour=red"}, "input 'node-field-selector' must be FIELD=VALUE", ""),
]  # fmt: skip


@pytest.mark.parametrize(("inputs", "cause", "remedy"), UNFIT)
def test_what_does_not_fit_the_suspend_nodes_changes_nothing(
    job: Job, cluster: Cluster, inputs: dict[str, str], cause: str, remedy: str
) -> None:
    put(cluster, nodes=SEVERAL)
    before = cluster.store.get(WORKFLOWS, "default", "w")
    assert job.run(resume="w", **inputs) == 2, job.log
    assert cause in job.error
    assert remedy in job.error.partition("\n")[2]
    assert cluster.store.get(WORKFLOWS, "default", "w") == before


@pytest.mark.parametrize("api", [ARGO_SERVER])
@pytest.mark.parametrize(
    ("by", "answer", "code"), [("this step", "yes", 0), ("somebody else", "yes", 0), ("somebody else", "no", 3)]
)
def test_a_node_whose_resumption_is_not_answered_is_looked_at(
    job: Job, cluster: Cluster, cluster_host: SharedHost, by: str, answer: str, code: int
) -> None:
    """The answer is lost, or somebody else is faster, with the same value or with another one."""
    put(cluster, nodes=SEVERAL)
    values = argo_control.NodeValues("Succeeded", "", {"answer": answer, "who": "nobody"})

    def resume_it() -> None:
        def edit(one: dict[str, Any]) -> dict[str, Any]:
            return argo_control.updated_nodes(one, "id=w-approve", values)

        cluster.store.change(WORKFLOWS, "default", "w", edit)

    script = cluster_host.application = Scripted(application_of(ARGO_SERVER, cluster))
    if by == "this step":
        script.before_the_answer("PUT", "/set?", lambda: 503)
    else:
        script.at("PUT", "/set?", resume_it)
    assert job.run(resume="w", node_field_selector="id=w-approve", output_parameters="answer=yes") == code, job.log
    if code:
        assert "'approve' of the workflow 'w' ended before this step could resume it" in job.error


def test_the_right_to_resume_one_node_is_named(job: Job, cluster: Cluster, host: Host, api: str) -> None:
    put(cluster, nodes=SEVERAL)
    token = cluster.add_user("ci", [rule("workflows", "get")])
    job.environ |= environ_for(api, cluster, host.url, job.directory, token=token)
    assert job.run(resume="w", node_field_selector="id=w-plain") == 3
    job.assert_missing_right("update" if api == ARGO_SERVER else "patch", "workflows")


def test_a_resumed_workflow_is_followed_to_its_end_where_the_step_waits(job: Job, api: str) -> None:
    text = """{apiVersion: argoproj.io/v1alpha1, kind: Workflow, metadata: {name: w}, spec: {entrypoint: a, templates: [
      {name: a, suspend: {}, outputs: {parameters: [{name: answer, valueFrom: {supplied: {}, default: "no"}}]}}]}}"""
    with Cluster(ProcessExecutor({"": LocalImage()})) as cluster, Host(application_of(api, cluster)) as running:
        job.environ |= environ_for(api, cluster, running.url, job.directory, token=cluster.admin_token)
        assert job.run(workflow=text, idempotency="none", timeout="1") == 5
        assert job.run(resume="w", wait="true") == 0
        assert json.loads(job.outputs["outputs"]) == {"answer": "no"}
        assert job.run(workflow=text.replace("name: w}", "name: w2}"), idempotency="none", wait="false") == 0
        assert job.run(stop="w2", wait="true") == 0  # it ends as it was asked to
        assert job.outputs["phase"] == "Failed"


@pytest.mark.parametrize(
    ("inputs", "cause"),
    [
        ({"stop": "w", "terminate": "w"}, "given: 'stop' and 'terminate'"),
        ({"stop": "w", "attach": "w", "workflow": "x"}, "given: 'workflow' and 'attach' and 'stop'"),
        ({"stop": "w", "dry_run": "true"}, "'dry-run' cannot be combined with 'stop'"),
        ({"resume": "w", "image": "x", "labels": "a=b"}, "'image' and 'labels' cannot be combined with 'resume'"),
        ({"stop": "w", "node_field_selector": "id=w"}, "'node-field-selector' has no meaning without 'resume'"),
        ({"attach": "w", "output_parameters": "a=b"}, "'output-parameters' has no meaning without 'resume'"),
        ({"retry": "w", "node_message": "hello"}, "'node-message' has no meaning without 'resume'"),
        ({"stop": "pull-request", "wait": "true"}, "'wait' has no meaning with 'stop: pull-request'"),
        ({"stop": "Not A Name"}, "input 'stop'"),
    ],
)
def test_wrong_combinations_are_refused(job: Job, inputs: dict[str, str], cause: str) -> None:
    assert job.run(**inputs) == 2
    assert cause in job.error
