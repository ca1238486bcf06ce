"""What argo-submit relies on of the Argo Server's API."""

from __future__ import annotations

from datetime import datetime

import pytest

from mlops_actions.core.types import Json
from tests.standins.argo_server.client import EVENTS, WORKFLOWS, ArgoApi, watching

SUSPENDED: Json = {"entrypoint": "main", "templates": [{"name": "main", "suspend": {}}]}


def refusal(body: Json, code: int) -> str:
    assert body["code"] == code, body
    return str(body["message"])


def stream_refusal(body: Json, code: int, http: int) -> str:
    assert (body["error"]["grpc_code"], body["error"]["http_code"]) == (code, http), body
    return str(body["error"]["message"])


def test_a_workflow_is_created_once(api: ArgoApi) -> None:
    workflow = api.workflow(SUSPENDED, annotations={"kept": "as it is"})
    created = api.create(workflow)
    assert created.status_code == 200
    assert created.json()["metadata"]["annotations"]["kept"] == "as it is"
    again = api.create(workflow)
    assert again.status_code == 409
    assert refusal(again.json(), 6).endswith(f'"{workflow["metadata"]["name"]}" already exists')


def test_a_dry_run_returns_a_name_and_stores_nothing(api: ArgoApi) -> None:
    workflow = api.workflow(SUSPENDED)
    workflow["metadata"] |= {"name": "", "generateName": "dry-"}
    answer = api.create(workflow, serverDryRun=True)
    assert answer.status_code == 200
    name = answer.json()["metadata"]["name"]
    assert name.startswith("dry-")
    assert api.request("GET", f"{WORKFLOWS}/{name}").status_code == 404


def test_an_invalid_workflow_is_refused_before_the_kubernetes_api(api: ArgoApi) -> None:
    answer = api.create(api.workflow({**SUSPENDED, "entrypoint": "other"}))
    assert answer.status_code == 400
    assert refusal(answer.json(), 3) == "template name 'other' undefined"


def test_an_object_that_kubernetes_refuses_is_an_invalid_argument(api: ArgoApi) -> None:
    answer = api.create(api.workflow(SUSPENDED, labels={"not a key": "x"}))
    assert answer.status_code == 400
    assert "metadata.labels: Invalid value" in refusal(answer.json(), 3)


def test_a_missing_workflow_is_not_found(api: ArgoApi) -> None:
    answer = api.request("GET", f"{WORKFLOWS}/none")
    assert answer.status_code == 404
    assert refusal(answer.json(), 5) == 'workflows.argoproj.io "none" not found'
    answer = api.request("GET", EVENTS, params=watching("none"))
    assert answer.status_code == 404
    assert stream_refusal(answer.json(), 5, 404) == 'workflows.argoproj.io "none" not found'


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/api/v1/workflow-templates/default/none", "workflowtemplates"),
        ("/api/v1/cluster-workflow-templates/none", "clusterworkflowtemplates"),
        ("/api/v1/cron-workflows/default/none", "cronworkflows"),
    ],
)
def test_a_missing_template_is_not_found(api: ArgoApi, path: str, resource: str) -> None:
    answer = api.request("GET", path)
    assert answer.status_code == 404
    assert refusal(answer.json(), 5) == f'{resource}.argoproj.io "none" not found'


@pytest.mark.parametrize("authorization", ["", "token"])
def test_a_token_without_its_scheme_is_refused(api: ArgoApi, authorization: str) -> None:
    answer = api.request("GET", f"{WORKFLOWS}/none", authorization=authorization and api.token)
    assert answer.status_code == 401
    refusal(answer.json(), 16)


def test_a_wrong_token(api: ArgoApi) -> None:
    answer = api.request("GET", f"{WORKFLOWS}/none", authorization="Bearer nonsense")
    assert answer.status_code == 401
    assert refusal(answer.json(), 16) == "Unauthorized"


def test_a_missing_permission_is_refused_with_kubernetes_message(api: ArgoApi) -> None:
    reader = f"Bearer {api.reader_token}"
    body = {"namespace": "default", "workflow": api.workflow(SUSPENDED)}
    answer = api.request("POST", WORKFLOWS, authorization=reader, json=body)
    assert answer.status_code == 403
    assert 'User "reader" cannot create resource "workflows" in API group "argoproj.io"' in refusal(answer.json(), 7)
    name = api.submitted(SUSPENDED)
    answer = api.request("GET", EVENTS, authorization=reader, params=watching(name))
    assert answer.status_code == 403
    assert 'cannot watch resource "workflows"' in stream_refusal(answer.json(), 7, 403)
    answer = api.request("GET", f"{WORKFLOWS}/{name}/log", authorization=reader)
    assert answer.status_code == 403
    assert 'cannot watch resource "pods" in API group ""' in stream_refusal(answer.json(), 7, 403)


def test_a_watch_starts_with_the_current_workflow_and_contains_the_requested_fields(api: ArgoApi) -> None:
    name = api.submitted(SUSPENDED)
    first = api.lines(EVENTS, until=name, **watching(name))[0]["result"]
    assert first["type"] == "ADDED"
    assert first["object"]["metadata"]["name"] == name
    assert not (first["object"].get("spec") or {}).get("templates")
    assert "nodes" not in (first["object"].get("status") or {})


def test_a_watch_ends_with_an_error_at_its_timeout(api: ArgoApi) -> None:
    name = api.submitted(SUSPENDED)
    *events, last = api.lines(EVENTS, **watching(name, 1))
    assert events
    assert stream_refusal(last, 8, 429) == "EOF"


def test_requested_fields_are_paths_in_the_whole_answer(api: ArgoApi) -> None:
    """The same holds for a refusal: without `error` in the fields the answer is empty."""
    answer = api.request("GET", EVENTS, params={**watching("none"), "fields": "result.object.metadata"})
    assert answer.status_code == 404
    assert answer.json() == {}
    name = api.submitted(SUSPENDED)
    *_, last = api.lines(EVENTS, **watching(name, 1) | {"fields": "result.object.metadata"})
    assert last == {}


def test_the_labels_show_the_end_of_a_workflow(api: ArgoApi) -> None:
    done = api.ended(api.submitted(api.container("true")))
    assert done["status"]["phase"] == "Succeeded"
    assert done["metadata"]["labels"]["workflows.argoproj.io/completed"] == "true"


def test_the_log_of_a_node_is_found_by_the_name_of_its_pod(api: ArgoApi) -> None:
    spec = api.container("echo one; echo two")
    task = {"name": "a", "template": "main"}
    spec |= {"entrypoint": "dag", "templates": [*spec["templates"], {"name": "dag", "dag": {"tasks": [task]}}]}
    done = api.ended(api.submitted(spec))
    name = done["metadata"]["name"]
    [node] = [node for node in done["status"]["nodes"].values() if node["type"] == "Pod"]
    pod = f"{name}-main-{node['id'].rpartition('-')[2]}"
    lines = api.lines(
        f"{WORKFLOWS}/{name}/log", **{"podName": pod, "logOptions.container": "main", "logOptions.timestamps": "true"}
    )
    stamped = [line["result"]["content"].split(" ", 1) for line in lines]
    assert [text for _, text in stamped] == ["one", "two"]
    assert all(datetime.fromisoformat(stamp[:19]) for stamp, _ in stamped)
    assert {line["result"]["podName"] for line in lines} == {pod}


@pytest.mark.parametrize("query", [{"podName": "none"}, {"logOptions.container": "none"}])
def test_a_missing_log_is_empty(api: ArgoApi, query: dict[str, str]) -> None:
    done = api.ended(api.submitted(api.container("echo one")))
    assert api.lines(f"{WORKFLOWS}/{done['metadata']['name']}/log", **{"logOptions.container": "main", **query}) == []


def test_a_followed_log_ends_with_the_workflow(api: ArgoApi) -> None:
    # Argo's server shows nothing of a workflow that ends before it has seen the pod.
    name = api.submitted(api.container("echo one; sleep 5; echo two"))
    api.until_node(name, "Pod")
    lines = api.lines(f"{WORKFLOWS}/{name}/log", **{"logOptions.container": "main", "logOptions.follow": "true"})
    assert [line["result"]["content"] for line in lines] == ["one", "two"]


@pytest.mark.parametrize(("verb", "strategy"), [("stop", "Stop"), ("terminate", "Terminate")])
def test_stop_and_terminate_shut_a_workflow_down(api: ArgoApi, verb: str, strategy: str) -> None:
    name = api.submitted(SUSPENDED)
    body = {"namespace": "default", "name": name}
    answer = api.request("PUT", f"{WORKFLOWS}/{name}/{verb}", json=body)
    assert answer.status_code == 200
    assert answer.json()["spec"]["shutdown"] == strategy
    api.ended(name)
    again = api.request("PUT", f"{WORKFLOWS}/{name}/{verb}", json=body)
    assert again.status_code == 500
    assert refusal(again.json(), 13).startswith("cannot shutdown a completed workflow")


def shut(api: ArgoApi, name: str, verb: str) -> tuple[int, Json]:
    answer = api.request("PUT", f"{WORKFLOWS}/{name}/{verb}", json={"namespace": "default", "name": name})
    return answer.status_code, dict(answer.json())


def test_a_list_holds_the_selected_workflows_and_fields(api: ArgoApi) -> None:
    mine = api.workflow(SUSPENDED, labels={"mine": "yes"}, annotations={"kept": "as it is"})
    assert api.create(mine).status_code == 200
    query = {
        "listOptions.labelSelector": "mine=yes,workflows.argoproj.io/completed!=true",
        "listOptions.limit": "100",
        "fields": "metadata,items.metadata,code,message",
    }
    [listed] = [one for one in api.get(WORKFLOWS, **query)["items"] if one["metadata"]["name"] == mine["metadata"]["name"]]
    assert listed["metadata"]["annotations"]["kept"] == "as it is"
    assert not (listed.get("spec") or {}).get("templates")
    assert not api.get(WORKFLOWS, **{**query, "listOptions.labelSelector": "mine=no"}).get("items")


def test_a_suspended_workflow_is_resumed_and_one_that_is_not_stays_as_it_is(api: ArgoApi) -> None:
    name = api.submitted(SUSPENDED)
    api.until_node(name, "Suspend")
    code, answer = shut(api, name, "resume")
    assert code == 200
    assert answer["metadata"]["name"] == name
    done = api.ended(name)
    assert done["status"]["phase"] == "Succeeded"
    assert shut(api, name, "resume")[0] == 200


def test_a_suspend_node_that_waits_for_a_value_is_not_resumed(api: ArgoApi) -> None:
    outputs = {"parameters": [{"name": "answer", "valueFrom": {"supplied": {}}}]}
    name = api.submitted({"entrypoint": "main", "templates": [{"name": "main", "suspend": {}, "outputs": outputs}]})
    api.until_node(name, "Suspend")
    code, answer = shut(api, name, "resume")
    assert code == 500
    problem = "raw output parameter 'answer' has not been set and does not have a default value"
    assert refusal(answer, 13) == f"timed out waiting for the condition: {problem}"


ASKED: Json = {"parameters": [{"name": "answer", "valueFrom": {"supplied": {}, "default": "no"}, "globalName": "said"}]}
TWO: Json = {
    "entrypoint": "main",
    "templates": [
        {"name": "main", "steps": [[{"name": "ask", "template": "ask"}, {"name": "hold", "template": "hold"}]]},
        {"name": "ask", "suspend": {}, "outputs": ASKED},
        {"name": "hold", "suspend": {}},
    ],
}
NONE_SELECTED = "currently, set only targets suspend nodes: no suspend nodes matching nodeFieldSelector: "


def put(api: ArgoApi, name: str, verb: str, **body: str) -> tuple[int, Json]:
    answer = api.request("PUT", f"{WORKFLOWS}/{name}/{verb}", json={"namespace": "default", "name": name, **body})
    return answer.status_code, dict(answer.json())


@pytest.mark.parametrize(
    ("verb", "body", "http", "code", "message"),
    [
        ("set", {"phase": "Succeeded"}, 500, 13, "'set' currently only targets suspend nodes, use a node field selector"),
        ("set", {"nodeFieldSelector": "displayName=ask", "phase": "Skipped"}, 400, 3, "Skipped is an invalid phase"),
        ("set", {"nodeFieldSelector": "displayName=ask", "outputParameters": "answer=yes"}, 400, 3, "unable to parse"),
        ("set", {"nodeFieldSelector": "displayName=ask", "outputParameters": '{"answer": 1}'}, 400, 3, "unable to parse"),
        ("set", {"nodeFieldSelector": "displayName=ask", "outputParameters": '{"other": "x"}'}, 500, 13,
         "node is not expecting output parameter 'other'"),
        ("set", {"nodeFieldSelector": "displayName=hold", "outputParameters": '{"answer": "x"}'}, 500, 13,
         "cannot set output parameters because node is not expecting any raw parameters"),
        ("set", {"nodeFieldSelector": "displayName=none", "phase": "Succeeded"}, 500, 13, NONE_SELECTED),
        ("set", {"nodeFieldSelector": "displayName=ask"}, 500, 13, NONE_SELECTED),
        ("resume", {"nodeFieldSelector": "displayName=none"}, 500, 13, NONE_SELECTED),
        ("resume", {"nodeFieldSelector": "colour=red"}, 500, 13, NONE_SELECTED),
        ("resume", {"nodeFieldSelector": "ask"}, 500, 13, "invalid selector"),
    ],
)  # fmt: skip
def test_what_does_not_fit_a_suspend_node_is_refused(
    api: ArgoApi, verb: str, body: dict[str, str], http: int, code: int, message: str
) -> None:
    name = api.submitted(TWO)
    api.until_nodes(name, "ask", "hold")
    status, answer = put(api, name, verb, **body)
    assert status == http, answer
    assert message in refusal(answer, code)


def test_a_value_and_the_phase_of_one_suspend_node_are_set_and_the_other_waits(api: ArgoApi) -> None:
    name = api.submitted(TWO)
    api.until_nodes(name, "ask", "hold")
    given = {"phase": "Succeeded", "message": "by hand", "outputParameters": '{"answer": "yes"}'}
    code, answer = put(api, name, "set", nodeFieldSelector="displayName=ask,templateName!=hold", **given)
    assert code == 200, answer
    nodes = {node["displayName"]: node for node in answer["status"]["nodes"].values()}
    assert (nodes["ask"]["phase"], nodes["ask"]["message"]) == ("Succeeded", "by hand")
    [parameter] = nodes["ask"]["outputs"]["parameters"]
    assert (parameter["value"], "valueFrom" in parameter) == ("yes", False)
    assert answer["status"]["outputs"]["parameters"] == [{"name": "said", "value": "yes"}]
    assert nodes["hold"]["phase"] == "Running"
    assert put(api, name, "resume", nodeFieldSelector="displayName=hold")[0] == 200
    assert api.ended(name)["status"]["phase"] == "Succeeded"


def test_a_node_that_is_resumed_by_a_selector_gets_no_default(api: ArgoApi) -> None:
    name = api.submitted(TWO)
    api.until_nodes(name, "ask", "hold")
    code, answer = put(api, name, "resume", nodeFieldSelector="displayName=ask")
    assert code == 200, answer
    [ask] = [node for node in answer["status"]["nodes"].values() if node["displayName"] == "ask"]
    assert ask["phase"] == "Succeeded"
    assert "supplied" in ask["outputs"]["parameters"][0]["valueFrom"]


def test_a_failed_workflow_is_retried_as_the_same_object(api: ArgoApi) -> None:
    failed = api.ended(api.submitted(api.container("exit 3")))
    name = failed["metadata"]["name"]
    code, answer = shut(api, name, "retry")
    assert code == 200
    assert answer["metadata"]["uid"] == failed["metadata"]["uid"]
    assert answer["metadata"]["resourceVersion"] != failed["metadata"]["resourceVersion"]
    assert "workflows.argoproj.io/completed" not in answer["metadata"]["labels"]
    assert answer["metadata"]["labels"]["workflows.argoproj.io/phase"] == "Failed"  # until the controller is at work
    assert not answer["status"].get("phase")
    assert api.ended(name)["status"]["phase"] == "Failed"


def test_only_a_failed_workflow_is_retried(api: ArgoApi) -> None:
    name = api.submitted(SUSPENDED)
    api.until_node(name, "Suspend")
    code, answer = shut(api, name, "retry")
    assert code == 400
    assert refusal(answer, 3) == "Cannot retry a workflow in phase Running"
    done = api.ended(api.submitted(api.container("true")))
    code, answer = shut(api, done["metadata"]["name"], "retry")
    assert code == 400
    assert refusal(answer, 3).startswith("To retry a succeeded workflow, set the options")


@pytest.mark.parametrize(
    ("verb", "http", "code", "denied"),
    [
        # The server repeats the write, and then calls any refusal a timeout.
        ("resume", 500, 13, 'timed out waiting for the condition: workflows.argoproj.io "NAME" is forbidden: User "reader"'),
        ("retry", 403, 7, 'User "reader" cannot delete resource "pods" in API group ""'),
        ("stop", 403, 7, 'User "reader" cannot patch resource "workflows" in API group "argoproj.io"'),
    ],
)
def test_who_may_not_write_continues_and_ends_nothing(api: ArgoApi, verb: str, http: int, code: int, denied: str) -> None:
    if verb == "retry":
        name = str(api.ended(api.submitted(api.container("exit 3")))["metadata"]["name"])
    else:
        name = api.submitted(SUSPENDED)
        api.until_node(name, "Suspend")
    body = {"namespace": "default", "name": name}
    answer = api.request("PUT", f"{WORKFLOWS}/{name}/{verb}", authorization=f"Bearer {api.reader_token}", json=body)
    assert answer.status_code == http
    assert denied.replace("NAME", name) in refusal(answer.json(), code)


def test_the_server_returns_its_managed_namespace(api: ArgoApi) -> None:
    assert api.get("/api/v1/info")["managedNamespace"] == "default"
