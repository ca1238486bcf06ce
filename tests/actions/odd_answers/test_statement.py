"""W&B and a registry send odd answers: no statement claims what was not read, and none is verified for one."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import urllib3

from mlops_actions.boundary.clock import SystemClock
from mlops_actions.boundary.wandb import project
from mlops_actions.core.oci import IMAGE_MANIFEST
from mlops_actions.verify import command
from mlops_actions.verify.checks import Pins
from mlops_sandbox.host import Host
from mlops_sandbox.registry import Account, Registry
from mlops_sandbox.wandb import WandbServer
from tests.actions.odd_answers.calls import Call, odd_answers, shown, told
from tests.support.interceptor import Answer, Change, Interceptor
from tests.support.registries import PASSWORD, USER
from tests.support.step import LocalRunner, Step, StepRecord

SHA = "a" * 40
_PROJECT = "data.project"
_RUN = f"{_PROJECT}.run0"
_LOGGED = f"{_PROJECT}.run.outputArtifacts"
_ARTIFACT = ("digest", "versionIndex", "artifactType", "artifactType.name", "artifactSequence.name")


@dataclass(frozen=True)
class Operation:
    """An operation of GraphQL, known by a field of its answer, and the fields that are read of it."""

    name: str
    mark: bytes
    fields: tuple[str, ...]

    @property
    def verified(self) -> tuple[str, ...]:
        """The fields that a statement is verified by."""
        return tuple(name for name in self.fields if not any(part in name for part in _UNVERIFIED))

    def __str__(self) -> str:
        return self.name

    def change(self, change: Change) -> Change:
        """Change the answers to this operation alone."""
        return lambda true: change(true) if self.mark in true.body else true


OPERATIONS = (
    Operation(
        "runs",
        b'"candidates"',
        (
            *(f"{_PROJECT}.{name}" for name in ("candidates", "baselines", "candidates.edges", "baselines.edges")),
            *(f"{_PROJECT}.baselines.{name}?" for name in ("edges.[].node.summaryMetrics", "edges.[].node.state")),
            f"{_PROJECT}.candidates.edges.[].node.config?",
            f"{_PROJECT}.candidates.edges.[].node.commit?",
        ),
    ),
    Operation(
        "datasets",
        b'"inputArtifacts"',
        (
            *(f"{_RUN}{name}?" for name in ("", ".inputArtifacts", ".inputArtifacts.edges", ".inputArtifacts.pageInfo")),
            f"{_RUN}.inputArtifacts.pageInfo.hasNextPage?",
            *(f"{_RUN}.inputArtifacts.edges.[].node.{name}?" for name in _ARTIFACT),
        ),
    ),
    Operation("patches", b'"run0": {"files"', tuple(f"{_RUN}.files{name}?" for name in ("", ".edges", ".pageInfo"))),
    Operation("whole configs", b'"run0": {"config"', (f"{_RUN}.config?",)),
    Operation("histories", b'"sampledHistory"', (f"{_RUN}.sampledHistory?", f"{_RUN}.sampledHistory.[]?")),
    Operation(
        "logged artifacts",
        b'"outputArtifacts"',
        (
            f"{_PROJECT}.run",
            _LOGGED,
            f"{_LOGGED}.edges?",
            f"{_LOGGED}.pageInfo",
            f"{_LOGGED}.pageInfo.hasNextPage",
            *(f"{_LOGGED}.edges.[].node.{name}?" for name in _ARTIFACT),
        ),
    ),
)
# These are asked about a model's files.
_VERSION = f"{_PROJECT}.artifactCollection.artifactMembership"
FILES = (
    Operation(
        "manifest",
        b'"currentManifest"',
        (_VERSION, f"{_VERSION}.artifact.currentManifest", f"{_VERSION}.artifact.currentManifest.file.directUrl"),
    ),
    Operation(
        "addresses of files",
        b'"artifactMembership": {"files"',
        (_VERSION, f"{_VERSION}.files.edges", f"{_VERSION}.files.edges.[].node.directUrl"),
    ),
)
_DIGESTS = ("config", "config.digest", "layers")
REGISTRY = (
    Call("GET /v2/acme/digits/manifests/*", "verify", "decision", _DIGESTS),
    Call("GET /v2/acme/digits/blobs/*", "verify", "decision", ("config", "config.Labels")),
)
# A statement says nothing of these, or only what the action looks at when it writes one.
_UNVERIFIED = ("baselines", "sampledHistory", ".config")
# The type of an answer is not looked at: the digest tells whether the content is the true one.
_AS_GOOD = ("as HTML", "no UTF-8")


@dataclass
class Services:
    """A W&B with a run, its dataset and its model, and a registry with the image of the run's commit."""

    wandb: Interceptor
    registry: Interceptor
    wandb_url: str
    api_key: str
    host: str
    image: str


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    server, registry = WandbServer(), Registry(challenge="basic", accounts={USER: Account(PASSWORD)})
    run = server.store.add_run(
        "sandbox", "digits", name="c1", summary={"acc": 0.9}, config={"github_sha": SHA}, state="finished", commit=SHA
    )
    run.history = [{"_step": step, "acc": step / 10} for step in range(10)]
    server.store.add_run(
        "sandbox", "digits", name="b1", summary={"acc": 0.8}, state="finished", commit="b" * 40, tags=["baseline"]
    )
    project = server.store.project("sandbox", "digits")
    run.inputs.append(server.store.add_artifact(project.collection("digits", "dataset"), "4f2a"))
    contents = {"model.pt": b"the weights"}
    server.store.add_artifact(project.collection("digits-model", "model"), "a model", run=run, contents=contents)
    wandb, images = Interceptor(server.app, prefix=""), Interceptor(registry.app, prefix="")
    with Host(wandb) as wandb_host, Host(images) as registry_host:
        image = f"{registry_host.url.partition('//')[2]}/acme/digits@{_push(registry_host.url)}"
        yield Services(wandb, images, wandb_host.url, server.api_key, image.partition("/")[0], image)


def _push(url: str) -> str:
    """Store an image of the commit; return its digest."""
    config = json.dumps({"config": {"Labels": {"org.opencontainers.image.revision": SHA}}}).encode()
    digest = f"sha256:{hashlib.sha256(config).hexdigest()}"
    described = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": len(config)}
    manifest = json.dumps({"schemaVersion": 2, "mediaType": IMAGE_MANIFEST, "config": described, "layers": []}).encode()
    login = {"Authorization": f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"}
    with urllib3.PoolManager() as http:
        http.request("POST", f"{url}/v2/acme/digits/blobs/uploads/?digest={digest}", body=config, headers=login)
        headers = {**login, "Content-Type": IMAGE_MANIFEST}
        name = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
        answer = http.request("PUT", f"{url}/v2/acme/digits/manifests/{name}", body=manifest, headers=headers)
    assert answer.status == 201, answer.data
    return name


class Trial:
    """Writes a statement, and verifies one."""

    def __init__(self, services: Services, directory: Path) -> None:
        self.services, self._directory, self._count = services, directory, 0

    def state(self) -> tuple[StepRecord, Any]:
        """Run the action; return its record, and the statement's subjects and runs where it wrote one."""
        self._count += 1
        runner = LocalRunner(self._directory / str(self._count), "octo/digits")
        services = self.services
        inputs = {
            "project": "sandbox/digits", "api-key": services.api_key, "base-url": services.wandb_url, "github-token": "",
            "sha": SHA, "gates": "acc >= 0.5", "metrics": "acc", "curves": "acc", "baseline-tags": "baseline",
            "lineage": "true", "statement": "true", "image": services.image, "comment": "false",
        }  # fmt: skip
        event = {"after": SHA, "repository": {"full_name": "octo/digits", "default_branch": "main"}}
        record = runner.run(Step("wandb-runs", inputs, "push", event))
        written = runner.workspace / "wandb_statement.json"
        if not written.exists():
            return record, None
        document = json.loads(written.read_text())
        self.statement = written
        runs = document["predicate"]["runs"]
        for run in runs:
            if run["uncommittedChanges"] is None:
                run["uncommittedChanges"] = False  # as in the true answers: that it is not known claims nothing
        return record, (document["subject"], runs, document["predicate"].get("model"))

    def verify(self, statement: Path) -> tuple[int, str]:
        """Verify a statement; return the exit code, and what is printed."""
        services, out = self.services, io.StringIO()
        environ = {
            "HOME": str(self._directory), "WANDB_API_KEY": services.api_key, "WANDB_BASE_URL": services.wandb_url,
            "REGISTRY": services.host, "REGISTRY_USERNAME": USER, "REGISTRY_PASSWORD": PASSWORD,
        }  # fmt: skip
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            code = command.main(statement, Pins(), environ)
        return code, out.getvalue()


@pytest.fixture
def trial(services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trial]:
    monkeypatch.setattr(SystemClock, "sleep", lambda clock, seconds: None)
    monkeypatch.setattr(project.connect, "__kwdefaults__", {"pause": lambda seconds: None})
    yield Trial(services, tmp_path)
    services.wandb.disarm()
    services.registry.disarm()


def _true_body(interceptor: Interceptor, operation: Operation, run: Any) -> bytes:
    bodies: list[bytes] = []

    def keep(true: Answer) -> Answer:
        bodies.append(true.body)
        return true

    interceptor.arm("POST /graphql", operation.change(keep))
    run()
    interceptor.disarm()
    assert bodies, operation
    return bodies[0]


def _crash(text: str) -> list[str]:
    return [f"it crashed: {text}"] if "unexpected" in text or "Traceback" in text else []


def test_every_operation_and_call_is_in_the_table(trial: Trial) -> None:
    wandb, registry = trial.services.wandb, trial.services.registry
    seen: list[bytes] = []
    wandb.arm("POST /graphql", lambda true: seen.append(true.body) or true)
    record, stated = trial.state()
    assert record.exit_code == 0, record.log
    assert stated, record.log
    registry.arm("GET /nothing", lambda true: true)
    code, output = trial.verify(trial.statement)
    assert code == 0, output
    assert {call for call in wandb.calls if not call.startswith("GET /storage/")} == {"POST /graphql"}
    operations = (*OPERATIONS, *FILES)
    for body in seen:
        assert sum(operation.mark in body for operation in operations) == 1, body
    assert all(any(operation.mark in body for body in seen) for operation in operations)
    assert {call.partition("@")[0].rpartition("/")[0] for call in registry.calls} <= {
        "GET /v2/acme/digits/manifests", "GET /v2/acme/digits/blobs", "GET /v2"
    }  # fmt: skip


@pytest.mark.parametrize("operation", [*OPERATIONS, *FILES], ids=str)
def test_an_odd_answer_of_wandb_leads_to_no_false_gate_or_statement(operation: Operation, trial: Trial) -> None:
    wandb = trial.services.wandb
    _, usual = trial.state()
    true_body = _true_body(wandb, operation, trial.state)
    problems: dict[str, list[str]] = {}
    for name, change in odd_answers(Call("POST /graphql", "", "decision", operation.fields), true_body):
        wandb.arm("POST /graphql", operation.change(change))
        record, stated = trial.state()
        found = _crash(record.log)
        if stated is not None and stated != usual and record.exit_code == 0:
            found.append(f"the statement claims {stated}")
        if record.exit_code and not told(record):
            found.append(f"nobody is told: {record.log}")
        if found:
            problems[name] = found
    assert not problems, shown(problems)


@pytest.mark.parametrize("operation", [operation for operation in (*OPERATIONS, *FILES) if operation.verified], ids=str)
def test_an_odd_answer_of_wandb_verifies_nothing(operation: Operation, trial: Trial) -> None:
    wandb = trial.services.wandb
    trial.state()
    statement = trial.statement
    true_body = _true_body(wandb, operation, lambda: trial.verify(statement))
    problems: dict[str, list[str]] = {}
    for name, change in odd_answers(Call("POST /graphql", "", "decision", operation.verified), true_body):
        wandb.arm("POST /graphql", operation.change(change))
        code, output = trial.verify(statement)
        if found := _crash(output) + ([] if code or name in _AS_GOOD else [f"it is verified: {output}"]):
            problems[name] = found
    assert not problems, shown(problems)


@pytest.mark.parametrize("call", REGISTRY, ids=str)
def test_an_odd_answer_of_a_registry_verifies_nothing(call: Call, trial: Trial) -> None:
    trial.state()
    registry, bodies = trial.services.registry, []
    registry.arm(call.route, lambda true: bodies.append(true.body) or true)
    assert trial.verify(trial.statement)[0] == 0
    problems: dict[str, list[str]] = {}
    for name, change in odd_answers(call, bodies[-1]):
        registry.arm(call.route, lambda true, change=change: true if true.status == 401 else change(true))  # type: ignore[misc]
        code, output = trial.verify(trial.statement)
        assert registry.changed, name
        if found := _crash(output) + ([] if code or name in _AS_GOOD else [f"it is verified: {output}"]):
            problems[name] = found
    assert not problems, shown(problems)
