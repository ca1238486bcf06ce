"""Watches: from where they start, what they show, when they end."""

from __future__ import annotations

from typing import Any

from mlops_actions.core.types import Json
from tests.standins.cluster.client import KubernetesApi
from tests.standins.cluster.test_objects import METADATA, TABLE, TEMPLATES, create


def selector(created: Json) -> dict[str, Any]:
    return {"fieldSelector": f"metadata.name={created['metadata']['name']}"}


def test_a_watch_without_a_version_starts_with_the_current_objects(api: KubernetesApi) -> None:
    created = create(api, generateName="watch-")
    with api.watch(TEMPLATES, **selector(created)) as events:
        first = next(events)
        assert (first["type"], first["object"]["metadata"]["uid"]) == ("ADDED", created["metadata"]["uid"])
        api.patch(f"{TEMPLATES}/{created['metadata']['name']}", {"metadata": {"labels": {"a": "1"}}})
        second = next(events)
        assert (second["type"], second["object"]["metadata"]["labels"]) == ("MODIFIED", {"a": "1"})
        api.request("DELETE", f"{TEMPLATES}/{created['metadata']['name']}")
        assert next(events)["type"] == "DELETED"


def test_a_watch_from_a_version_returns_only_later_changes(api: KubernetesApi) -> None:
    created = create(api, generateName="after-")
    path = f"{TEMPLATES}/{created['metadata']['name']}"
    first = api.patch(path, {"metadata": {"labels": {"a": "1"}}})
    api.patch(path, {"metadata": {"labels": {"a": "2"}}})
    version = first["metadata"]["resourceVersion"]
    with api.watch(TEMPLATES, resourceVersion=version, **selector(created)) as events:
        event = next(events)
        assert (event["type"], event["object"]["metadata"]["labels"]) == ("MODIFIED", {"a": "2"})


def test_a_watch_ends_at_its_timeout(api: KubernetesApi) -> None:
    created = create(api, generateName="short-")
    with api.watch(TEMPLATES, timeoutSeconds=1, **selector(created)) as events:
        assert [event["type"] for event in events] == ["ADDED"]


def test_an_object_enters_and_leaves_a_selection(api: KubernetesApi) -> None:
    created = create(api, generateName="enters-", labels={"kind": "enters", "on": "no"})
    path = f"{TEMPLATES}/{created['metadata']['name']}"
    version = created["metadata"]["resourceVersion"]
    with api.watch(TEMPLATES, labelSelector="kind=enters,on=yes", resourceVersion=version) as events:
        for value in ("yes", "no"):
            api.patch(path, {"metadata": {"labels": {"on": value}}})
        assert [next(events)["type"], next(events)["type"]] == ["ADDED", "DELETED"]


def test_a_watch_of_metadata_contains_only_metadata(api: KubernetesApi) -> None:
    created = create(api, generateName="light-", labels={"a": "1"})
    with api.watch(TEMPLATES, headers=METADATA, **selector(created)) as events:
        value = next(events)["object"]
    assert value["kind"] == "PartialObjectMetadata"
    assert value["metadata"]["labels"] == {"a": "1"}
    assert "spec" not in value


def test_a_watch_of_tables_sends_its_columns_once(api: KubernetesApi) -> None:
    created = create(api, generateName="rows-")
    with api.watch(TEMPLATES, headers=TABLE, includeObject="Metadata", **selector(created)) as events:
        first = next(events)["object"]
        api.patch(f"{TEMPLATES}/{created['metadata']['name']}", {"metadata": {"labels": {"a": "1"}}})
        second = next(events)["object"]
    assert first["columnDefinitions"]
    assert not second.get("columnDefinitions")
    assert second["rows"][0]["object"]["metadata"]["labels"] == {"a": "1"}


def test_a_bookmark_ends_the_initial_events(api: KubernetesApi) -> None:
    created = create(api, generateName="begin-")
    params = {
        "sendInitialEvents": "true",
        "allowWatchBookmarks": "true",
        "resourceVersionMatch": "NotOlderThan",
        **selector(created),
    }
    with api.watch(TEMPLATES, **params) as events:
        types = [next(events), next(events)]
    assert [event["type"] for event in types] == ["ADDED", "BOOKMARK"]
    assert types[1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_a_version_older_than_the_history_is_an_error_event(api: KubernetesApi) -> None:
    created = create(api, generateName="old-")
    with api.watch(TEMPLATES, resourceVersion="1", **selector(created)) as events:
        event = next(events)
        assert list(events) == []
    assert event["type"] == "ERROR"
    assert event["object"]["code"] == 410
    assert event["object"]["reason"] == "Expired"
