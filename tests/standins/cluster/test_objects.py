"""Objects: creating, reading, changing, removing; names, versions, selectors, representations, rights."""

from __future__ import annotations

import pytest

from mlops_actions.core.types import Json
from tests.standins.cluster.client import MERGE_PATCH, PODS, WORKFLOWS, KubernetesApi

TEMPLATES = "/apis/argoproj.io/v1alpha1/namespaces/{namespace}/workflowtemplates"
TABLE = {"Accept": "application/json;as=Table;g=meta.k8s.io;v=v1"}
METADATA = {"Accept": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"}


def template(**metadata: object) -> Json:
    """A kind that no controller acts on."""
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "WorkflowTemplate",
        "metadata": metadata,
        "spec": {"entrypoint": "main", "templates": [{"name": "main", "suspend": {}}]},
    }


def create(api: KubernetesApi, **metadata: object) -> Json:
    answer = api.request("POST", TEMPLATES, json=template(**metadata))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def refusal(answer: object, code: int, reason: str) -> Json:
    assert answer.status_code == code, answer.text  # type: ignore[attr-defined]
    body = dict(answer.json())  # type: ignore[attr-defined]
    assert (body["kind"], body["status"], body["code"], body["reason"]) == ("Status", "Failure", code, reason)
    return body


def test_the_server_returns_its_version_without_a_token(api: KubernetesApi) -> None:
    assert api.request("GET", "/version", token="").json()["gitVersion"].startswith("v1.")


def test_discovery_lists_the_workflow_kinds(api: KubernetesApi) -> None:
    listed = {resource["name"]: resource for resource in api.get("/apis/argoproj.io/v1alpha1")["resources"]}
    assert listed["workflows"]["kind"] == "Workflow"
    assert listed["workflows"]["namespaced"] is True
    assert listed["clusterworkflowtemplates"]["namespaced"] is False


def test_a_created_object_has_the_metadata_of_the_server(api: KubernetesApi) -> None:
    created = create(api, generateName="made-")
    metadata = created["metadata"]
    assert metadata["name"].startswith("made-")
    assert len(metadata["name"]) == len("made-") + 5
    assert metadata["namespace"] == api.namespace
    assert metadata["uid"]
    assert metadata["creationTimestamp"].endswith("Z")
    assert api.get(f"{TEMPLATES}/{metadata['name']}")["spec"] == created["spec"]


@pytest.mark.parametrize("level", ["", "Warn", "Ignore", "Strict", "strict"])
def test_unknown_fields_are_refused_warned_of_or_ignored_and_left_out(api: KubernetesApi, level: str) -> None:
    body = {**template(generateName="made-", lables={"a": "b"}), "sepc": {}}
    answer = api.request("POST", TEMPLATES, json=body, params={"fieldValidation": level} if level else {})
    if level == "strict":
        assert answer.status_code in (400, 422)
    elif level == "Strict":
        message = refusal(answer, 400, "BadRequest")["message"]
        assert message.endswith('strict decoding error: unknown field "metadata.lables", unknown field "sepc"')
    else:
        assert answer.status_code == 201
        assert "lables" not in answer.json()["metadata"]
        assert "sepc" not in answer.json()
        warnings = ['299 - "unknown field \\"metadata.lables\\""', '299 - "unknown field \\"sepc\\""']
        assert answer.headers.get_list("warning") == ([] if level == "Ignore" else warnings)


def test_generate_name_stays_within_63_characters(api: KubernetesApi) -> None:
    created = create(api, generateName="n" * 80 + "-")
    assert len(created["metadata"]["name"]) == 63


def test_a_duplicate_name_already_exists(api: KubernetesApi) -> None:
    name = create(api, generateName="twice-")["metadata"]["name"]
    body = refusal(api.request("POST", TEMPLATES, json=template(name=name)), 409, "AlreadyExists")
    assert body["message"] == f'workflowtemplates.argoproj.io "{name}" already exists'


def test_a_missing_object_is_not_found(api: KubernetesApi) -> None:
    body = refusal(api.request("GET", f"{WORKFLOWS}/nowhere"), 404, "NotFound")
    assert body["message"] == 'workflows.argoproj.io "nowhere" not found'


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"metadata": {"name": "Not_A_Name"}}, 422),
        ({"metadata": {}}, 422),
        ({"metadata": {"name": "ok", "labels": {"key": "not a label value"}}}, 422),
        ({"metadata": {"name": "ok", "namespace": "elsewhere"}}, 400),
        ({"kind": "Workflow"}, 422),
        ({"kind": None}, 400),
        ({"apiVersion": "argoproj.io/v2"}, 400),
        ({"spec": None}, 422),
    ],
)
def test_an_invalid_object_is_refused(api: KubernetesApi, change: Json, code: int) -> None:
    value = {key: item for key, item in {**template(name="ok"), **change}.items() if item is not None}
    assert api.request("POST", TEMPLATES, json=value).status_code == code


def test_a_body_that_is_not_json_is_a_bad_request(api: KubernetesApi) -> None:
    answer = api.request("POST", TEMPLATES, content=b"{", headers={"Content-Type": "application/json"})
    refusal(answer, 400, "BadRequest")


def test_a_namespace_that_does_not_exist_is_not_found(api: KubernetesApi) -> None:
    path = "/apis/argoproj.io/v1alpha1/namespaces/nowhere/workflowtemplates"
    refusal(api.request("POST", path, json=template(name="lost")), 404, "NotFound")


def test_a_dry_run_stores_nothing(api: KubernetesApi) -> None:
    answer = api.request("POST", TEMPLATES, json=template(name="dry"), params={"dryRun": "All"})
    assert answer.status_code == 201
    assert answer.json()["metadata"]["uid"]
    refusal(api.request("GET", f"{TEMPLATES}/dry"), 404, "NotFound")


def test_a_merge_patch_merges_and_removes(api: KubernetesApi) -> None:
    name = create(api, generateName="patched-", labels={"one": "1", "two": "2"})["metadata"]["name"]
    patched = api.patch(f"{TEMPLATES}/{name}", {"metadata": {"labels": {"one": None, "three": "3"}}})
    assert patched["metadata"]["labels"] == {"two": "2", "three": "3"}


def test_a_patch_with_a_stale_version_is_a_conflict(api: KubernetesApi) -> None:
    created = create(api, generateName="stale-")
    path = f"{TEMPLATES}/{created['metadata']['name']}"
    api.patch(path, {"metadata": {"labels": {"a": "1"}}})
    old = created["metadata"]["resourceVersion"]
    patch = {"metadata": {"resourceVersion": old, "labels": {"a": "2"}}}
    refusal(api.request("PATCH", path, json=patch, headers=MERGE_PATCH), 409, "Conflict")


def test_an_update_with_a_stale_version_is_a_conflict(api: KubernetesApi) -> None:
    created = create(api, generateName="update-")
    path = f"{TEMPLATES}/{created['metadata']['name']}"
    api.patch(path, {"metadata": {"labels": {"a": "1"}}})
    refusal(api.request("PUT", path, json=created), 409, "Conflict")
    fresh = api.get(path)
    fresh["metadata"]["labels"] = {"a": "3"}
    changed = api.request("PUT", path, json=fresh)
    assert changed.status_code == 200
    assert changed.json()["metadata"]["labels"] == {"a": "3"}


def test_a_strategic_merge_patch_of_a_custom_resource_is_unsupported(api: KubernetesApi) -> None:
    name = create(api, generateName="media-")["metadata"]["name"]
    headers = {"Content-Type": "application/strategic-merge-patch+json"}
    answer = api.request("PATCH", f"{TEMPLATES}/{name}", content=b"{}", headers=headers)
    refusal(answer, 415, "UnsupportedMediaType")


def test_a_deleted_object_is_gone(api: KubernetesApi) -> None:
    name = create(api, generateName="gone-")["metadata"]["name"]
    assert api.request("DELETE", f"{TEMPLATES}/{name}").status_code == 200
    refusal(api.request("GET", f"{TEMPLATES}/{name}"), 404, "NotFound")


def test_only_a_change_raises_the_version(api: KubernetesApi) -> None:
    created = create(api, generateName="count-")
    path = f"{TEMPLATES}/{created['metadata']['name']}"
    first = api.patch(path, {"metadata": {"labels": {"a": "1"}}})
    same = api.patch(path, {"metadata": {"labels": {"a": "1"}}})
    versions = [int(value["metadata"]["resourceVersion"]) for value in (created, first, same)]
    assert versions[0] < versions[1] == versions[2]


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ("colour=red", {"a"}),
        ("colour==red", {"a"}),
        ("colour!=red", {"b", "c"}),
        ("colour in (red, blue)", {"a", "b"}),
        ("colour notin (red)", {"b", "c"}),
        ("colour", {"a", "b"}),
        ("!colour", {"c"}),
        ("colour,size=2", {"b"}),
    ],
)
def test_label_selectors_select_objects(api: KubernetesApi, selector: str, selected: set[str]) -> None:
    sets = {"a": {"colour": "red"}, "b": {"colour": "blue", "size": "2"}, "c": {}}
    for name, labels in sets.items():
        full = f"selected-{name}"
        if api.request("GET", f"{TEMPLATES}/{full}").status_code == 404:
            create(api, name=full, labels={**labels, "group": "selected"})
    listed = api.get(TEMPLATES, params={"labelSelector": f"group=selected,{selector}"})
    assert {item["metadata"]["name"].removeprefix("selected-") for item in listed["items"]} == selected


def test_a_field_selector_finds_by_name(api: KubernetesApi) -> None:
    name = create(api, generateName="field-")["metadata"]["name"]
    listed = api.get(TEMPLATES, params={"fieldSelector": f"metadata.name={name}"})
    assert [item["metadata"]["name"] for item in listed["items"]] == [name]


def test_a_field_that_is_not_indexed_cannot_be_selected(api: KubernetesApi) -> None:
    answer = api.request("GET", TEMPLATES, params={"fieldSelector": "spec.entrypoint=main"})
    assert answer.status_code == 400
    assert "field label not supported: spec.entrypoint" in answer.json()["message"]


def test_a_list_is_paged(api: KubernetesApi) -> None:
    for _ in range(3):
        create(api, generateName="page-", labels={"pages": "yes"})
    names: list[str] = []
    following = ""
    while True:
        params = {"limit": 2, "labelSelector": "pages=yes", **({"continue": following} if following else {})}
        page = api.get(TEMPLATES, params=params)
        names += [item["metadata"]["name"] for item in page["items"]]
        following = page["metadata"].get("continue", "")
        if not following:
            break
        assert len(page["items"]) == 2
    assert len(names) == len(set(names)) == 3


def test_a_client_can_request_only_metadata(api: KubernetesApi) -> None:
    name = create(api, generateName="partial-", labels={"a": "1"})["metadata"]["name"]
    value = api.get(f"{TEMPLATES}/{name}", headers=METADATA)
    assert value["kind"] == "PartialObjectMetadata"
    assert value["metadata"]["labels"] == {"a": "1"}
    assert "spec" not in value


def test_a_table_holds_rows_with_metadata(api: KubernetesApi) -> None:
    name = create(api, generateName="table-")["metadata"]["name"]
    params = {"fieldSelector": f"metadata.name={name}"}
    table = api.get(TEMPLATES, headers=TABLE, params=params)
    assert table["kind"] == "Table"
    assert table["columnDefinitions"][0]["name"] == "Name"
    [row] = table["rows"]
    assert row["cells"][0] == name
    assert row["object"]["kind"] == "PartialObjectMetadata"


def test_an_unknown_representation_is_not_acceptable(api: KubernetesApi) -> None:
    assert api.request("GET", TEMPLATES, headers={"Accept": "text/html"}).status_code == 406


@pytest.mark.parametrize("path", [WORKFLOWS, "/version", "/healthz"])
def test_a_wrong_token_is_unauthorized(api: KubernetesApi, path: str) -> None:
    body = refusal(api.request("GET", path, token="wrong"), 401, "Unauthorized")
    assert body["message"] == "Unauthorized"


def test_no_token_is_the_anonymous_user_without_permissions(api: KubernetesApi) -> None:
    body = refusal(api.request("GET", WORKFLOWS, token=""), 403, "Forbidden")
    assert 'User "system:anonymous" cannot list resource "workflows" in API group "argoproj.io"' in body["message"]


@pytest.mark.parametrize(
    ("method", "path", "verb", "resource"),
    [
        ("POST", WORKFLOWS, "create", "workflows"),
        ("PATCH", f"{WORKFLOWS}/x", "patch", "workflows"),
        ("DELETE", f"{WORKFLOWS}/x", "delete", "workflows"),
        ("GET", f"{WORKFLOWS}?watch=1", "watch", "workflows"),
        ("GET", PODS, "list", "pods"),
        ("GET", f"{PODS}/x/log", "get", "pods/log"),
    ],
)
def test_a_missing_permission_is_named(api: KubernetesApi, method: str, path: str, verb: str, resource: str) -> None:
    options: Json = {"headers": MERGE_PATCH} if method == "PATCH" else {}
    if method in ("POST", "PATCH"):
        options["content"] = b"{}"
    body = refusal(api.request(method, path, token=api.reader_token, **options), 403, "Forbidden")
    assert f'cannot {verb} resource "{resource}" in API group' in body["message"]
    assert f'in the namespace "{api.namespace}"' in body["message"]


def test_a_granted_request_is_allowed(api: KubernetesApi) -> None:
    assert api.request("GET", WORKFLOWS, token=api.reader_token).status_code == 200


REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def review(api: KubernetesApi, verb: str, resource: str, token: str) -> Json:
    attributes = {"verb": verb, "group": "argoproj.io", "resource": resource, "namespace": api.namespace}
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = api.request("POST", REVIEWS, json=body, token=token)
    assert answer.status_code == 201, answer.text
    document = dict(answer.json())
    assert document["spec"]["resourceAttributes"] == attributes
    return dict(document["status"])


def test_everybody_may_ask_for_their_own_rights(api: KubernetesApi) -> None:
    assert review(api, "create", "workflows", api.token)["allowed"] is True
    assert review(api, "get", "workflows", api.reader_token)["allowed"] is True
    assert review(api, "create", "workflows", api.reader_token)["allowed"] is False


def test_a_review_without_attributes_is_invalid(api: KubernetesApi) -> None:
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {}}
    refusal(api.request("POST", REVIEWS, json=body), 422, "Invalid")
    refusal(api.request("POST", REVIEWS, json=body, token="unknown"), 401, "Unauthorized")
