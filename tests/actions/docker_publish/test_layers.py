"""The layers of a published image, in the summary, the output `markdown` and the result."""

from __future__ import annotations

import json
import random

from mlops_actions.core.checkout import Checkout
from mlops_actions.core.outcome import RESULT_SCHEMA_VERSION
from tests.actions.docker_publish.publisher import Publisher
from tests.actions.docker_publish.test_run import PERSON, PULL_REQUEST
from tests.support.docker_publish import COMMITTED, SHA
from tests.support.result_schemas import check_result

HEAD = "f" * 40
OWN = {"full_name": "Octo/Digits", "id": 1}
SIDES = {"head": {"ref": "x", "sha": HEAD, "repo": OWN}, "base": {"ref": "main", "sha": SHA, "repo": OWN}}
OPENED = {"action": "opened", "sender": PERSON, "pull_request": PULL_REQUEST | SIDES}


def test_a_pull_request_is_compared_with_its_base(publisher: Publisher) -> None:
    first = publisher.publish()
    report = first.result["layer-report"]
    assert report["compared-tag"] is None
    publisher.checkout = Checkout(HEAD, "x", committed=COMMITTED)
    (publisher.workspace / "train.py").write_bytes(bytes(range(256)) * 1000)
    outcome = publisher.publish(event="pull_request", payload=OPENED, GITHUB_REF="refs/pull/7/merge", GITHUB_SHA=HEAD)
    grown = outcome.result["layer-report"]
    assert (grown["compared-tag"], grown["compared-digest"]) == (SHA[:12], first.outputs["digest"])
    assert grown["compared-size"] == report["size"]
    assert grown["layers"] == [
        {
            "digest": grown["layers"][0]["digest"],
            "size": grown["size"],
            "instruction": "COPY . .",
            "line": 2,
            "compared-size": report["size"],
            "kept": False,
        }
    ]
    assert f"against `{SHA[:12]}`" in publisher.summary
    assert outcome.outputs["markdown"] == publisher.summary.rstrip("\n") + "\n"


def test_a_reused_image_has_its_layers_and_none_is_fetched(publisher: Publisher) -> None:
    (publisher.workspace / "data.bin").write_bytes(bytes(range(256)) * 4000)
    publisher.publish()
    publisher.registry.log.clear()
    outcome = publisher.publish()
    assert outcome.outputs["built"] == "false"
    assert [layer["line"] for layer in outcome.result["layer-report"]["layers"]] == [2]
    read = [entry.path for entry in publisher.registry.log if entry.method == "GET" and "/blobs/" in entry.path]
    config = outcome.outputs["image-id"]
    assert {path.rpartition("/")[2] for path in read} == {config}


def test_what_a_new_layer_holds_is_hinted_at(publisher: Publisher) -> None:
    cache = publisher.workspace / "root/.cache/pip"
    cache.mkdir(parents=True)
    (cache / "wheel").write_bytes(bytes(range(256)) * 8000)
    (cache / "filler").write_bytes(random.Random(1).randbytes(200_000))
    hint = publisher.publish().result["layer-report"]["hints"][0]
    assert hint["size"] == 2_248_000
    assert hint["text"].startswith("holds 2.2 MB of pip's cache; ")
    assert "holds 2&#46;2 MB of pip's cache" in publisher.summary


def test_the_layers_of_an_image_that_is_not_pushed_are_those_of_the_daemon(publisher: Publisher) -> None:
    (publisher.workspace / "Dockerfile").write_text("FROM debian\nCOPY . /app\n")
    outcome = publisher.publish({"push": "false"})
    report = outcome.result["layer-report"]
    assert (report["compressed"], report["size"], report["base"]["size"]) == (False, 1000, 100)
    assert [(layer["digest"], layer["line"], layer["size"]) for layer in report["layers"]] == [(None, 2, 900)]
    assert "1.0 kB on the disk (not compressed)" in outcome.outputs["markdown"]
    check_result("docker-publish", json.dumps({"schema": RESULT_SCHEMA_VERSION, **outcome.result}))


def test_an_image_that_stays_in_a_builder_has_no_report_of_layers(publisher: Publisher) -> None:
    outcome = publisher.publish({"push": "false", "builder": "tcp://buildkit.example.com:1234"})
    assert outcome.result["layer-report"] is None
    assert outcome.outputs["markdown"].startswith("### Image built, not pushed")
