"""Provenance: wandb-runs writes a statement, and `mlops-actions verify` checks it against registry and tracker.

The tests change every value of a statement in turn; the verifier refuses each changed statement.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import urllib3

from mlops_actions.core import statement_reader
from mlops_actions.core.types import Json
from mlops_actions.verify import command
from mlops_actions.verify.checks import Pins
from mlops_sandbox.host import Host
from mlops_sandbox.registry import Account, Registry
from tests.actions.wandb_runs.step import OTHER, SHA, WandbStep
from tests.actions.wandb_runs.test_action import HOSTILE
from tests.support.result_schemas import check_result

USER, PASSWORD = "publisher", "a-password-of-the-registry"
MANIFEST, INDEX = (f"application/vnd.oci.image.{kind}.v1+json" for kind in ("manifest", "index"))
IMAGE_CONFIG = "application/vnd.oci.image.config.v1+json"


@dataclass
class Images:
    """A registry that demands a password, and methods that store images there without Docker."""

    url: str
    http: urllib3.PoolManager

    @property
    def host(self) -> str:
        return self.url.partition("//")[2]

    @property
    def name(self) -> str:
        return f"{self.host}/acme/digits"

    def _call(self, method: str, path: str, body: bytes, kind: str) -> None:
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        headers = {"Authorization": f"Basic {login}", "Content-Type": kind}
        answer = self.http.request(method, self.url + path, body=body, headers=headers)
        assert answer.status == 201, answer.data

    def put(self, document: Json, kind: str = MANIFEST, tag: str = "") -> Json:
        """Store a manifest; returns its descriptor."""
        content = json.dumps(document).encode()
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self._call("PUT", f"/v2/acme/digits/manifests/{tag or digest}", content, kind)
        return {"mediaType": kind, "digest": digest, "size": len(content)}

    def image(self, labels: Mapping[str, str] | None, tag: str = "") -> Json:
        """Store an image whose configuration has these labels."""
        content = json.dumps({"os": "linux", "architecture": "amd64", "config": {"Labels": labels}}).encode()
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self._call("POST", f"/v2/acme/digits/blobs/uploads/?digest={digest}", content, "application/octet-stream")
        config = {"mediaType": IMAGE_CONFIG, "digest": digest, "size": len(content)}
        return self.put({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []}, tag=tag)

    def of(self, sha: str, tag: str = "") -> str:
        """Store an image of a commit; return its name by digest."""
        return f"{self.name}@{self.image({'org.opencontainers.image.revision': sha}, tag)['digest']}"


@pytest.fixture(scope="module")
def images() -> Iterator[Images]:
    registry = Registry(challenge="basic", accounts={USER: Account(PASSWORD)})
    with Host(registry.app) as host, urllib3.PoolManager() as http:
        yield Images(host.url, http)


@dataclass
class Verifier:
    """Run the verifier with the environment's credentials; `output` and `errors` are those of the last call."""

    step: WandbStep
    images: Images
    capsys: pytest.CaptureFixture[str]
    output: str = ""
    errors: str = ""

    def __call__(
        self,
        document: Any,
        *,
        text: str = "",
        environ: Mapping[str, str] | None = None,
        policy: str = "",
        model: Path | None = None,
        **pins: str,
    ) -> int:
        path = self.step.workspace / "given.json"
        path.write_text(text or json.dumps(document))
        home = {"HOME": str(self.step.workspace)}
        tracker = {"WANDB_API_KEY": self.step.server.api_key, "WANDB_BASE_URL": self.step.wandb.url}
        registry = {"REGISTRY": self.images.host, "REGISTRY_USERNAME": USER, "REGISTRY_PASSWORD": PASSWORD}
        environment = {**home, **tracker, **registry, **(environ or {})}
        code = command.main(path, Pins(**pins), environment, policy=policy, model=model)
        self.output, self.errors = self.capsys.readouterr()
        assert self.step.server.api_key not in self.output + self.errors
        assert PASSWORD not in self.output + self.errors
        return code

    @property
    def wrong(self) -> list[str]:
        lines = self.output.splitlines()
        return [line for line in lines if line.startswith("✗") and not line.startswith("✗ policy: ")]


@pytest.fixture
def verify(step: WandbStep, images: Images, capsys: pytest.CaptureFixture[str]) -> Verifier:
    return Verifier(step, images, capsys)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def log(step: WandbStep, name: str = "c1", **more: Any) -> Any:
    """A finished run of the commit with its dataset and its model."""
    run = step.candidate(name, **{"commit": SHA, "summary": {"acc": 0.95, "loss": 0.125}, **more})
    store = step.server.store
    project = store.project("sandbox", "digits")
    run.inputs.append(store.add_artifact(project.collection("digits", "dataset"), "4f2a"))
    contents = {"model.pt": f"weights of {name}".encode(), "labels/names.txt": b"0\n1\n"}
    store.add_artifact(project.collection("digits-model", "model"), f"model of {name}", run=run, contents=contents)
    return run


def state(step: WandbStep, images: Images, **changed: Any) -> Json:
    """Let wandb-runs write a statement; return it."""
    given = {
        "sha": SHA, "metrics": "acc:max, loss", "gates": "acc >= 0.9", "statement": "true", "image": images.of(SHA),
        "workflow_uid": "0b5a-1", "workflow_url": "https://argo.example/workflows/ml/digits-1", "pr_number": "7",
    }  # fmt: skip
    assert step.run(**{**given, **changed}) == 0, step.log
    statement: Json = json.loads((step.workspace / step.outputs()["statement"]).read_text())
    return statement


def test_the_statement_contains_the_models_provenance(step: WandbStep, images: Images) -> None:
    log(step)
    statement = state(step, images)
    image = images.of(SHA)
    name, _, digest = image.partition("@")
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://github.com/machine-learning-apps/mlops-actions/training/v1"
    assert statement["subject"] == [
        {"name": name, "digest": {"sha256": digest.removeprefix("sha256:")}},
        {"name": "sandbox/digits/digits-model:v0/labels/names.txt", "digest": {"sha256": sha256(b"0\n1\n")}},
        {"name": "sandbox/digits/digits-model:v0/model.pt", "digest": {"sha256": sha256(b"weights of c1")}},
    ]
    predicate = statement["predicate"]
    assert predicate["commit"] == {"repository": f"{step.github.origin}/octo/digits", "sha": SHA, "pullRequest": 7}
    assert predicate["workflow"] == {"uid": "0b5a-1", "url": "https://argo.example/workflows/ml/digits-1"}
    assert predicate["tracker"] == {"server": step.wandb.url, "project": "sandbox/digits"}
    (run,) = predicate["runs"]
    assert (run["id"], run["commit"], run["metrics"]) == ("c1", SHA, {"acc": 0.95, "loss": 0.125})
    assert run["datasets"] == [{"name": "digits:v0", "type": "dataset", "digest": {"wandb": "4f2a"}}]
    assert predicate["gates"] == [{"rule": "acc >= 0.9", "value": 0.95, "required": 0.9}]
    assert predicate["job"].endswith("/octo/digits/actions/runs/77")


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("workflow_dispatch", {"inputs": {"pr-number": "#7"}}),
        ("merge_group", {"merge_group": {"head_ref": f"refs/heads/gh-readonly-queue/main/pr-7-{OTHER}"}}),
        ("push", {"after": SHA}),
    ],
)
def test_the_statement_names_the_events_pull_request(
    step: WandbStep, images: Images, tmp_path: Path, event: str, payload: Json
) -> None:
    log(step)
    step.environ["GITHUB_EVENT_NAME"] = event
    (tmp_path / "event.json").write_text(json.dumps(payload))
    number = step.pull.number if event == "push" else 7
    assert state(step, images, pr_number="")["predicate"]["commit"]["pullRequest"] == number


@pytest.mark.parametrize(("permissions", "warns"), [(None, True), ({"checks": "write"}, False)], ids=["wrong", "too weak"])
def test_a_statement_is_written_although_github_refuses_to_name_the_pull_request(
    step: WandbStep, images: Images, tmp_path: Path, permissions: dict[str, str] | None, warns: bool
) -> None:
    log(step)
    step.repository.private = True
    (tmp_path / "event.json").write_text(json.dumps({"after": SHA}))
    token = step.github.workflow_token(step.repository, permissions).value if permissions else "ghs_wrong"
    statement = state(step, images, pr_number="", github_token=token)
    assert "pullRequest" not in statement["predicate"]["commit"]
    assert "the statement names no pull request" in step.log
    assert ("::warning" in step.log) == warns


def test_the_outputs_are_the_inputs_of_actions_attest(step: WandbStep, images: Images) -> None:
    log(step)
    statement = state(step, images)
    outputs = step.outputs()
    result = check_result("wandb-runs", outputs["result"])
    assert {name: result[name] for name in ("statement", "predicate", "subject-digest")}.items() <= outputs.items()
    assert json.loads((step.workspace / outputs["predicate"]).read_text()) == statement["predicate"]
    assert outputs["predicate-type"] == statement["predicateType"]
    assert f"{outputs['subject-name']}@{outputs['subject-digest']}" == images.of(SHA)
    # The form that actions/attest insists on (its src/subject.ts).
    assert re.fullmatch(r"sha256:[A-Za-z0-9]{64}", outputs["subject-digest"])


def checksums(step: WandbStep) -> list[Json]:
    """Read the file of checksums as actions/attest does (its src/subject.ts): the digest, a blank, a flag, the name."""
    text = (step.workspace / step.outputs()["subject-checksums"]).read_text()
    records = [line.partition(" ") for line in text.split("\n") if line]
    assert all(re.fullmatch(r"[0-9a-f]{64}", digest) and name[0] in " *" for digest, _, name in records)
    return [{"name": name[1:], "digest": {"sha256": digest}} for digest, _, name in records]


@pytest.mark.parametrize("image", ["IMAGE", ""], ids=["with an image", "without an image"])
def test_the_checksums_give_each_subject_to_actions_attest(step: WandbStep, images: Images, image: str) -> None:
    log(step)
    statement = state(step, images, image=image and images.of(SHA))
    assert checksums(step) == statement["subject"]
    assert len(statement["subject"]) == (3 if image else 2)
    # A model of several files is no single subject.
    assert bool(step.outputs()["subject-name"]) == bool(step.outputs()["subject-digest"]) == bool(image)


def test_a_model_of_one_file_is_a_subject_by_name_and_digest(step: WandbStep, images: Images) -> None:
    run = step.candidate("c1", commit=SHA, summary={"acc": 0.95, "loss": 0.1})
    model = step.server.store.project("sandbox", "digits").collection("m", "model")
    step.server.store.add_artifact(model, "d", run=run, contents={"m.onnx": b"onnx"})
    state(step, images, image="")
    outputs = step.outputs()
    assert (outputs["subject-name"], outputs["subject-digest"]) == (
        "sandbox/digits/m:v0/m.onnx",
        f"sha256:{sha256(b'onnx')}",
    )


def test_one_of_several_models_is_stated_and_promoted_where_it_is_named(step: WandbStep, images: Images) -> None:
    run = log(step)
    project = step.server.store.project("sandbox", "digits")
    store, collection = step.server.store, project.collections["digits-model"]
    store.add_artifact(collection, "d2", run=run, contents={"model.pt": b"worse"})
    collection.aliases["best"] = collection.versions[0]
    given = {
        "sha": SHA, "gates": "acc >= 0.9", "metrics": "acc", "statement": "true", "promote_alias": "production",
    }  # fmt: skip
    assert step.run(**given) == 3
    assert "run c1 logged 2 model artifacts: digits-model:v1 (latest), digits-model:v0 (best)" in step.log
    assert "name one in 'model'" in step.log
    assert not list(step.workspace.glob("*statement*"))
    assert "production" not in collection.aliases
    statement = state(step, images, model=":best", promote_alias="production")
    assert statement["predicate"]["model"]["name"] == "sandbox/digits/digits-model:v0"
    assert collection.aliases["production"].version == 0


def test_a_model_that_is_too_large_is_neither_read_nor_promoted(step: WandbStep) -> None:
    log(step)
    given = {"sha": SHA, "gates": "acc >= 0.9", "metrics": "acc", "statement": "true", "promote_alias": "production"}
    assert step.run(**given, max_model_size="0.01 kB") == 3
    assert "digits-model:v0 is larger than 'max-model-size'" in step.log
    assert "production" not in step.server.store.project("sandbox", "digits").collections["digits-model"].aliases


@pytest.mark.parametrize("size", ["20", "20 GBs", "-1 GB", "1e3 GB", "many"])
def test_a_size_that_is_none_is_refused(step: WandbStep, size: str) -> None:
    assert step.run(sha=SHA, max_model_size=size) == 2
    assert "must be a size such as 500 MB, 20 GB or 1.5 GiB" in step.log


def test_the_model_at_hand_is_compared_without_reading_the_logged_one(
    step: WandbStep, images: Images, verify: Verifier, tmp_path: Path
) -> None:
    log(step)
    statement = state(step, images)
    folder = tmp_path / "model"
    (folder / "labels").mkdir(parents=True)
    (folder / "labels" / "names.txt").write_bytes(b"0\n1\n")
    (folder / "model.pt").write_bytes(b"weights of c1")
    step.server.store.blobs.clear()
    assert verify(statement, model=folder) == 0, verify.output
    (folder / "model.pt").write_bytes(b"weights of c2")
    assert verify(statement, model=folder) == 1
    assert verify.wrong[0].startswith(f"✗ file model.pt: its SHA-256 is {sha256(b'weights of c2')}")
    (folder / "model.pt").unlink()
    (folder / "other").write_bytes(b"")
    assert verify(statement, model=folder) == 1
    assert [line.partition(": ")[0] for line in verify.wrong] == ["✗ file model.pt", "✗ file other"]
    assert verify(statement, model=tmp_path / "none") == 2


def test_no_statement_is_written_unless_asked_for(step: WandbStep) -> None:
    log(step)
    step.run(sha=SHA)
    assert "statement" not in step.outputs()
    assert not list(step.workspace.glob("*statement*"))


REFUSED: list[tuple[str, Mapping[str, Any], Mapping[str, Any], int, str]] = [
    ("claimed", {"commit": ""}, {}, 1, "W&B did not record commit aaaaaaa"),
    ("another commit", {"commit": OTHER}, {}, 1, "of another commit than 'sha'"),
    ("a tag", {}, {"image": "ghcr.io/acme/digits:latest"}, 1, "not a name with a digest"),
    ("a short digest", {}, {"image": "ghcr.io/acme/digits@sha256:abc"}, 1, "not a name with a digest"),
    ("two lines", {}, {"image": "ghcr.io/a@sha256:" + "1" * 64 + "\nx"}, 1, "not a name with a digest"),
    ("a path that climbs", {}, {"image": "ghcr.io/a/../b@sha256:" + "1" * 64}, 1, "not a name with a digest"),
    ("a failed gate", {}, {"gates": "acc > 1"}, 1, "gates failed"),
    ("unfinished", {"state": "running"}, {"gates": "", "promote_alias": ""}, 0, "no statement was written: c1 still runs"),
    ("unfinished, with a gate", {"state": "running"}, {}, 5, "1 of 1 runs had not ended: c1"),
    ("without a commit", {}, {"sha": "", "run_id": "c1"}, 2, "'statement' needs 'sha'"),
    ("without lineage", {}, {"lineage": "false"}, 2, "'statement' needs 'sha' and 'lineage'"),
]


@pytest.mark.parametrize(
    ("logged", "inputs", "code", "why"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_a_statement_with_unrecorded_facts_is_refused(
    step: WandbStep, logged: Mapping[str, Any], inputs: Mapping[str, Any], code: int, why: str
) -> None:
    log(step, **logged)
    given = {
        "sha": SHA,
        "metrics": "acc",
        "gates": "acc > 0.9",
        "statement": "true",
        "promote_alias": "production",
        **inputs,
    }
    assert step.run(**given) == code, step.log
    assert why in step.log
    assert not step.outputs().get("statement")
    assert not list(step.workspace.glob("*statement*"))
    models = step.server.store.project("sandbox", "digits").collections["digits-model"]
    assert set(models.aliases) == {"latest"}, "a model that cannot be attested is not promoted"


def test_a_group_is_stated_with_each_run(step: WandbStep, images: Images, verify: Verifier) -> None:
    for name, acc in (("c1", 0.95), ("c2", 0.93)):
        log(step, name, group="seeds", summary={"acc": acc, "loss": 0.1})
    statement = state(step, images, aggregate="group")
    assert {run["id"]: run["metrics"]["acc"] for run in statement["predicate"]["runs"]} == {"c1": 0.95, "c2": 0.93}
    assert verify(statement) == 0, verify.output


# Verifying


def test_a_true_statement_passes_every_check(step: WandbStep, images: Images, verify: Verifier) -> None:
    log(step)
    statement = state(step, images)
    repository = statement["predicate"]["commit"]["repository"]
    assert verify(statement, image=images.of(SHA), sha=SHA, repository="octo/digits", project="sandbox/digits") == 0, (
        verify.output
    )
    assert verify(statement, repository=repository) == 0
    assert verify.wrong == []
    assert "✓ policy: all 14 required checks hold" in verify.output
    for line in (
        "✓ image: the registry has ", "✓ image: its label names commit aaaaaaa", "✓ run c1: it has finished",
        f"✓ run c1: the tracker recorded {SHA}", "✓ run c1: acc is 0.95", "✓ run c1: it used digits:v0 (wandb:4f2a)",
        "✓ model sandbox/digits/digits-model:v0: one of the runs logged it", "✓ gate acc >= 0.9: 0.95 against 0.9",
        "✓ run c1: its source tree had none", f"✓ file model.pt: sha256:{sha256(b'weights of c1')}",
        "✓ candidates: the tracker has these 1 runs", "✓ judged: c1 is the only candidate that finished",
        "✓ baselines: no gate compares with one", "✓ tracker: ",
        "– signature: the file has none", "– workflow: 0b5a-1, as the statement says", "– commit: ",
    ):  # fmt: skip
        assert line in verify.output, verify.output


def test_the_command_prints_checks_and_exits_with_their_result(step: WandbStep, images: Images) -> None:
    log(step)
    state(step, images)
    environ = {
        "PATH": "/usr/bin:/bin", "HOME": str(step.workspace), "WANDB_API_KEY": step.server.api_key,
        "WANDB_BASE_URL": step.wandb.url, "REGISTRY": images.host, "REGISTRY_USERNAME": USER, "REGISTRY_PASSWORD": PASSWORD,
    }  # fmt: skip
    call = [sys.executable, "-m", "mlops_actions", "verify", str(step.workspace / "wandb_statement.json")]
    good = subprocess.run([*call, "--sha", SHA], env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (good.returncode, good.stderr) == (0, ""), good.stdout
    bad = subprocess.run([*call, "--sha", OTHER], env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert bad.returncode == 1
    assert f"✗ commit: the statement says {SHA}, not {OTHER}" in bad.stdout


@pytest.mark.parametrize("bundle", [False, True])
def test_an_envelope_is_read_and_its_signature_is_not_checked(
    step: WandbStep, images: Images, verify: Verifier, bundle: bool
) -> None:
    log(step)
    # actions/attest makes a statement of its own around the predicate, about the image alone.
    statement = state(step, images)
    statement["subject"] = statement["subject"][:1]
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    envelope = {"payloadType": "application/vnd.in-toto+json", "payload": payload, "signatures": [{"sig": "x"}]}
    document = (
        {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "dsseEnvelope": envelope} if bundle else envelope
    )
    assert verify(document) == 0, verify.output
    assert "– signature: not checked here" in verify.output


def test_an_index_is_checked_platform_by_platform(step: WandbStep, images: Images, verify: Verifier) -> None:
    log(step)
    good = {**images.image({"org.opencontainers.image.revision": SHA}), "platform": {"os": "linux", "architecture": "amd64"}}
    bad = {
        **images.image({"org.opencontainers.image.revision": OTHER}),
        "platform": {"os": "linux", "architecture": "arm64"},
    }
    attested = {**images.image({}), "platform": {"os": "unknown", "architecture": "unknown"}}
    for manifests, code in (([good, attested], 0), ([good, bad], 1), ([attested], 1), ([], 1)):
        index = images.put({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}, INDEX)
        assert verify(state(step, images, image=f"{images.name}@{index['digest']}")) == code, verify.output
        assert len(verify.wrong) == code


def test_a_pinned_tag_is_resolved_by_the_registry(step: WandbStep, images: Images, verify: Verifier) -> None:
    log(step)
    statement = state(step, images)
    images.of(SHA, "v1")
    assert verify(statement, image=f"{images.name}:v1") == 0, verify.output
    images.of(OTHER, "v2")
    assert verify(statement, image=f"{images.name}:v2") == 1
    assert verify(statement, image=f"{images.name}:v3") == 1
    assert "the registry has no" in verify.wrong[0]


def changed(statement: Json, path: str, value: Any) -> Json:
    """Return the statement with one value replaced (None: removed); a path is keys and indexes separated by `/`."""
    tree = copy.deepcopy(statement)
    *parents, last = [int(part) if part.isdigit() else part for part in path.split("/")]
    place: Any = tree
    for part in parents:
        place = place[part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return tree


RUN, GATE = "predicate/runs/0", "predicate/gates/0"
FORGED_DATA = [{"name": "digits:v0", "type": "dataset", "digest": {"wandb": "ffff"}}]
TAMPERED: list[tuple[str, Any, str]] = [
    ("predicate/commit/sha", OTHER, "its label names commit"),
    ("predicate/tracker/project", "sandbox/elsewhere", ""),
    ("predicate/tracker/server", "https://tracker.evil.example", "the statement names https://tracker.evil.example"),
    (f"{RUN}/id", "c2", "the tracker has no such run"),
    (f"{RUN}/commit", OTHER, "the tracker recorded"),
    (f"{RUN}/metrics/acc", 0.99, "acc is 0.95, the statement says 0.99"),
    (f"{RUN}/metrics/acc", 0.9500000001, "acc is 0.95"),
    (f"{RUN}/metrics/f1", 0.99, "f1 is None, the statement says 0.99"),
    (f"{RUN}/datasets", FORGED_DATA, "it did not use digits:v0 (wandb:ffff)"),
    (f"{RUN}/datasets", [], "which the statement omits"),
    ("predicate/model/digest/wandb", "ffff", "its digest is model of c1, not ffff"),
    ("predicate/model/name", "sandbox/digits/other:v0", "no run logged it"),
    ("predicate/image/digest/sha256", "0" * 64, "the registry has no"),
    ("subject/0/digest/sha256", "0" * 64, "the predicate does not contain"),
    ("subject/0/name", "ghcr.io/evil/digits", "the predicate does not contain ghcr.io/evil/digits"),
    ("subject/1/digest/sha256", "f" * 64, "the predicate does not contain"),
    (f"{GATE}/value", 0.99, "do not have the value 0.99"),
    (f"{GATE}/required", 0.1, "it requires 0.9, not 0.1"),
    (f"{GATE}/rule", "acc >= 0.96", "it requires 0.96, not 0.9"),
    (f"{GATE}/rule", "is good", "it is no gate"),
]


@pytest.mark.parametrize(
    ("path", "value", "why"), TAMPERED, ids=[f"{path}={str(value)[:12]}" for path, value, _ in TAMPERED]
)
def test_a_changed_statement_is_refused(
    step: WandbStep, images: Images, verify: Verifier, path: str, value: Any, why: str
) -> None:
    log(step)
    statement = state(step, images)
    assert verify(statement) == 0, verify.output
    code = verify(changed(statement, path, value))
    assert code in (1, 3), verify.output
    assert why in "\n".join(verify.wrong) if why else code == 3


@pytest.mark.parametrize(
    "pins", [{"sha": OTHER}, {"repository": "octo/other"}, {"project": "sandbox/other"}, {"image": "IMAGE"}], ids=str
)
def test_a_statement_that_differs_from_a_pinned_value_is_refused(
    step: WandbStep, images: Images, verify: Verifier, pins: dict[str, str]
) -> None:
    log(step)
    statement = state(step, images)
    given: Any = {name: images.of(OTHER) if value == "IMAGE" else value for name, value in pins.items()}
    assert verify(statement, **given) == 1
    assert len(verify.wrong) == 1


def test_a_run_that_changed_after_the_statement_is_refused(step: WandbStep, images: Images, verify: Verifier) -> None:
    run = log(step)
    statement = state(step, images)
    run.summary["acc"] = 0.1
    assert verify(statement) == 1
    assert verify.wrong == ["✗ run c1: acc is 0.1, the statement says 0.95"]
    del step.server.store.project("sandbox", "digits").runs["c1"]
    assert verify(statement) == 1
    assert "the tracker has no such run" in verify.output


@pytest.mark.parametrize("labels", [None, {}, {"org.opencontainers.image.revision": OTHER}], ids=str)
def test_an_image_without_the_commits_label_is_refused(
    step: WandbStep, images: Images, verify: Verifier, labels: dict[str, str] | None
) -> None:
    log(step)
    image = f"{images.name}@{images.image(labels)['digest']}"
    assert verify(state(step, images, image=image)) == 1
    assert verify.wrong[0].startswith("✗ image:")


@pytest.mark.parametrize("tag", [SHA[:12], SHA])
def test_an_image_reused_for_the_commit_is_accepted_by_its_tag(
    step: WandbStep, images: Images, verify: Verifier, tag: str
) -> None:
    log(step)
    reused = {"org.opencontainers.image.revision": OTHER, "of": tag}
    image = f"{images.name}@{images.image(reused, tag)['digest']}"
    assert verify(state(step, images, image=image)) == 0, verify.output
    assert "built for commit" in verify.output
    images.image({"org.opencontainers.image.revision": OTHER, "of": "another"}, tag)
    assert verify(state(step, images, image=image)) == 1, "the tag has moved to another image"


def test_no_credential_is_sent_to_a_server_that_a_statement_names(step: WandbStep, images: Images, verify: Verifier) -> None:
    """A forged statement names its author's own registry and tracker, to receive our credentials."""
    log(step)
    statement = state(step, images)
    seen: list[Mapping[str, str]] = []

    async def record_headers(scope: Any, receive: Any, send: Any) -> None:
        seen.append({name.decode(): value.decode() for name, value in scope["headers"]})
        await send({"type": "http.response.start", "status": 401, "headers": [(b"www-authenticate", b"Basic realm=x")]})
        await send({"type": "http.response.body", "body": b"{}"})

    with Host(record_headers) as host:
        forged_host = host.url.partition("//")[2]
        forged = changed(statement, "predicate/image/name", f"{forged_host}/acme/digits")
        forged = changed(forged, "predicate/tracker/server", host.url)
        assert verify(forged) == 1
        assert seen, "the registry is asked without credentials"
        assert not [headers for headers in seen if headers.get("authorization")]
        seen.clear()
        assert verify(forged, image=images.of(SHA)) == 1
        assert seen == [], "with a pinned image no other registry is asked"


@pytest.mark.parametrize(
    ("environ", "code", "words"),
    [
        ({"WANDB_API_KEY": "not-the-key"}, 3, "refused the API key"),
        ({"REGISTRY_PASSWORD": "wrong"}, 3, "401"),
        ({"WANDB_API_KEY": ""}, 2, "there is no W&B API key"),
        ({"REGISTRY": "ghcr.io"}, 3, "401"),
    ],
    ids=str,
)
def test_a_refused_request_has_its_exit_code_and_the_other_checks_are_printed(
    step: WandbStep, images: Images, verify: Verifier, environ: dict[str, str], code: int, words: str
) -> None:
    log(step)
    assert verify(state(step, images), environ=environ) == code, verify.output
    assert words in verify.errors
    assert "✓" in verify.output


def test_dockers_own_credentials_are_used_for_their_registry(step: WandbStep, images: Images, verify: Verifier) -> None:
    log(step)
    auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    (step.workspace / ".docker").mkdir()
    (step.workspace / ".docker" / "config.json").write_text(json.dumps({"auths": {images.host: {"auth": auth}}}))
    assert verify(state(step, images), environ={"REGISTRY": "", "REGISTRY_USERNAME": "", "REGISTRY_PASSWORD": ""}) == 0


def test_hostile_names_stay_text_in_statement_and_checks(step: WandbStep, images: Images, verify: Verifier) -> None:
    metric = "acc\x1b[2J\u202e::set-output name=x::y"
    run = log(step, display_name=HOSTILE, summary={metric: 0.5, "acc": 1.0}, tags=[HOSTILE])
    store = step.server.store
    run.inputs.append(store.add_artifact(store.project("sandbox", "digits").collection(HOSTILE, "dataset"), HOSTILE))
    statement = state(step, images, metrics=json.dumps([metric]))
    text = (step.workspace / "wandb_statement.json").read_text()
    assert text.isascii()
    assert not re.search(r"^::", text, re.MULTILINE)
    assert not re.search(r"^::set-output", step.log, re.MULTILINE)
    assert verify(statement) == 0, verify.output
    assert all(character.isprintable() for line in verify.output.splitlines() for character in line)
    assert not re.search(r"^::", verify.output, re.MULTILINE)
    assert {line[:2] for line in verify.output.splitlines()} <= {"✓ ", "✗ ", "– "}


NO_STATEMENT: list[Callable[[Json], Any]] = [
    lambda s: [],
    lambda s: None,
    lambda s: {},
    lambda s: changed(s, "_type", "https://in-toto.io/Statement/v0.1"),
    lambda s: changed(s, "predicateType", "https://slsa.dev/provenance/v1"),
    lambda s: changed(s, "subject", []),
    lambda s: changed(s, "subject", [1]),
    lambda s: changed(s, "predicate/runs", []),
    lambda s: changed(s, "predicate/runs", [s["predicate"]["runs"][0]] * 1001),
    lambda s: changed(s, "predicate/commit/sha", SHA[:39]),
    lambda s: changed(s, "predicate/commit/pullRequest", True),
    lambda s: changed(s, "predicate/tracker/project", "../../x"),
    lambda s: changed(s, "predicate/image/name", "ghcr.io/a/../b"),
    lambda s: changed(s, "predicate/image/name", "ghcr.io/a:tag"),
    lambda s: changed(s, "predicate/image/digest", {"md5": "0"}),
    lambda s: changed(s, "predicate/runs/0/metrics/acc", "0.95"),
    lambda s: changed(s, "predicate/runs/0/metrics/acc", True),
    lambda s: changed(s, "predicate/runs/0/id", "x" * 2001),
    lambda s: {"payloadType": "text/plain", "payload": ""},
    lambda s: {"payloadType": "application/vnd.in-toto+json", "payload": "no base64!"},
    lambda s: {"payloadType": "application/vnd.in-toto+json", "payload": base64.b64encode(b"{").decode()},
]


@pytest.mark.parametrize("tampered", NO_STATEMENT)
def test_a_document_that_is_no_statement_is_exit_2_without_a_request(
    step: WandbStep, images: Images, verify: Verifier, tampered: Callable[[Json], Any]
) -> None:
    log(step)
    statement = state(step, images)
    step.server.requests.clear()
    assert verify(tampered(statement)) == 2
    assert "is not a statement about a training" in verify.errors
    assert not step.server.requests


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"a": 1}\n{"b": 2}', "\x00", "NaN"])
def test_text_that_is_not_json_is_exit_2(step: WandbStep, verify: Verifier, text: str) -> None:
    assert verify(None, text=text or " ") == 2


def test_a_missing_file_is_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(tmp_path / "none", Pins(), {}) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_a_statement_read_and_written_again_is_unchanged(step: WandbStep, images: Images) -> None:
    log(step)
    statement = state(step, images)
    _, training = statement_reader.read(statement)
    assert training.statement() == statement
