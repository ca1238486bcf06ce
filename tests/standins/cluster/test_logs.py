"""Pods of a workflow and what their containers print."""

from __future__ import annotations

from datetime import datetime

from mlops_actions.core.types import Json
from tests.standins.cluster.client import PODS, KubernetesApi
from tests.standins.cluster.manifests import workflow

LINES = """
entrypoint: main
templates:
- name: main
  container: {image: IMAGE, command: [sh, -c], args: ["echo one; echo two >&2; sleep 0.2; echo three"]}
"""


def pods_of(api: KubernetesApi, done: Json) -> list[Json]:
    selector = f"workflows.argoproj.io/workflow={done['metadata']['name']}"
    items: list[Json] = api.get(PODS, params={"labelSelector": selector})["items"]
    return items


def finished_pod(api: KubernetesApi) -> str:
    [pod] = pods_of(api, api.run(workflow(LINES, "logs")))
    return str(pod["metadata"]["name"])


def log(api: KubernetesApi, pod: str, **params: object) -> list[str]:
    answer = api.request("GET", f"{PODS}/{pod}/log", params={"container": "main", **params})
    assert answer.status_code == 200, answer.text
    return answer.text.splitlines()


def test_a_pod_has_the_name_of_its_node(api: KubernetesApi) -> None:
    done = api.run(workflow(LINES, "pod"))
    name = done["metadata"]["name"]
    [pod] = pods_of(api, done)
    assert pod["metadata"]["annotations"]["workflows.argoproj.io/node-id"] == name
    assert pod["metadata"]["annotations"]["workflows.argoproj.io/node-name"] == name
    assert pod["metadata"]["ownerReferences"][0]["uid"] == done["metadata"]["uid"]
    assert "main" in [container["name"] for container in pod["spec"]["containers"]]
    main = next(status for status in pod["status"]["containerStatuses"] if status["name"] == "main")
    assert main["state"]["terminated"]["exitCode"] == 0


def test_the_whole_log_can_be_read(api: KubernetesApi) -> None:
    lines = log(api, finished_pod(api))
    assert sorted(lines) == ["one", "three", "two"]
    assert lines[-1] == "three"


def test_a_log_has_timestamps_and_can_start_at_a_time(api: KubernetesApi) -> None:
    pod = finished_pod(api)
    stamped = [line.split(" ", 1) for line in log(api, pod, timestamps="true")]
    moments = [datetime.fromisoformat(moment) for moment, _ in stamped]
    assert moments == sorted(moments)
    last = stamped[-1][0]
    of_its_second = [line for moment, line in stamped if moment[:19] >= last[:19]]
    assert log(api, pod, sinceTime=last) == of_its_second


def test_the_last_lines_can_be_read(api: KubernetesApi) -> None:
    assert log(api, finished_pod(api), tailLines=1) == ["three"]


def test_a_followed_log_ends_with_its_container(api: KubernetesApi) -> None:
    submitted = api.submit(workflow(LINES, "follow"))
    selector = f"workflows.argoproj.io/workflow={submitted['metadata']['name']}"
    with api.watch(PODS, labelSelector=selector) as events:
        pod = next(
            event["object"]["metadata"]["name"] for event in events if event["object"]["status"]["phase"] != "Pending"
        )
    assert sorted(log(api, pod, follow="true")) == ["one", "three", "two"]


def test_a_missing_container_is_refused(api: KubernetesApi) -> None:
    pod = finished_pod(api)
    answer = api.request("GET", f"{PODS}/{pod}/log", params={"container": "other"})
    assert answer.status_code == 400
    assert answer.json()["message"] == f"container other is not valid for pod {pod}"


def test_a_missing_pod_is_not_found(api: KubernetesApi) -> None:
    assert api.request("GET", f"{PODS}/nowhere/log").status_code == 404
