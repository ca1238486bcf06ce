"""The page that tells the demo: only what happened, every text escaped, links that lead somewhere or nowhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mlops_sandbox.cluster.resources import WORKFLOWS
from mlops_sandbox.demo import acts
from mlops_sandbox.demo.command import Ended
from mlops_sandbox.demo.page import clear, figures, render, write_page
from mlops_sandbox.demo.recording import Act, Evidence
from mlops_sandbox.demo.relink import relink
from mlops_sandbox.demo.stage import MAINTAINER, MLOPS, DemoFailed, Stage
from mlops_sandbox.runner.job import JobResult, Outcome, RunResult, StepResult
from mlops_sandbox.runner.workflow import Step
from tests.standins.demo.conftest import WITHOUT_DOCKER
from tests.support.payloads.hostile import HOSTILE

ATTACK = "'\"><img src=x onerror=attack()><script>attack()</script>"
UNTOUCHED = '<p title="&lt;a href=http://h/p>">&amp; &#60;b&#62; &nbsp;</p><svg><use href="#i"/></svg><br>'
Play = Callable[..., Act]


@pytest.fixture
def play(stage: Stage) -> Play:
    """Record a comment whose run ended with these outputs of actions, as if it had run."""

    def play(text: str, outputs: Mapping[str, Mapping[str, str]], conclusion: Outcome = "success", summary: str = "") -> Act:
        pull = stage.recording.pull or stage.repository.open_pull_request(
            by="contributor", head="a-branch", title="A change"
        )
        stage.recording.pull = pull
        delivery = pull.comment(text, by=MAINTAINER)
        run = stage._create(MLOPS, delivery, by=MAINTAINER, log=f"log-{len(stage.recording.acts)}")
        steps = [
            StepResult(Step(name, name), name, "success", "success", outputs=dict(values), summary=summary)
            for name, values in outputs.items()
        ]
        run.result = RunResult({"train": JobResult("train", conclusion, stage.root, steps)})
        return stage.recording.acts[-1]

    return play


class Page(HTMLParser):
    """Collects what a browser would load, run or follow."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.handlers: list[str] = []
        self.scripts = 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            self.handlers += [name] if name.startswith("on") else []
            self.ids += [value or ""] if name == "id" else []
            if name in ("src", "srcset", "poster", "data", "action") or (name == "href" and tag == "link"):
                self.loaded.append(value or "")
            elif name == "href" and tag == "a":
                self.links.append(value or "")
        self.scripts += tag == "script"


TRAINED = {
    "chatops": {"decision": "continue", "triggered": "true", "reason": "ok"},
    "argo-submit": {
        "workflow-name": "digits-1",
        "phase": "Succeeded",
        "duration": "3",
        "workflow-url": "http://127.0.0.1:1/w",
    },
    "wandb-runs": {
        "gate": "passed",
        "result": json.dumps({"gate-results": [{"gate": "acc >= 0.9", "value": 0.975, "required": 0.9}]}),
    },
}
DENIED = {"chatops": {"decision": "deny", "triggered": "false", "reason": "permission"}}
STEERED = {"chatops": {"decision": "ignore", "triggered": "false", "control": "stop", "reason": "stopped"}}


@pytest.mark.parametrize(
    ("outputs", "conclusion", "expected"),
    [
        (TRAINED, "success", ("success", "workflow digits-1 Succeeded · gates passed")),
        (DENIED, "success", ("neutral", "refused: permission")),
        (STEERED, "success", ("success", "answered: stopped")),
        ({"wandb-runs": {"gate": "failed"}}, "failure", ("failure", "gates failed · the run ended: failure")),
        (
            {**STEERED, "argo-submit": {"workflow-name": "d", "phase": "Running"}},
            "success",
            ("success", "answered: stopped"),
        ),
        ({"wandb-runs": {"gate": "none", "promoted": "m:v1"}}, "success", ("success", "m:v1 promoted")),
        ({}, "cancelled", ("neutral", "the run ended: cancelled")),
        ({}, "success", ("success", "the run ended: success")),
    ],
)
def test_the_outcome_of_an_act(
    play: Play, outputs: dict[str, dict[str, str]], conclusion: Outcome, expected: object
) -> None:
    found = acts.outcome(play("/train", outputs, conclusion))
    assert (found.result, found.text) == expected


def test_a_run_that_has_not_ended_is_shown_as_one(play: Play, stage: Stage) -> None:
    act = play("/train", {})
    act.run.result = None
    assert acts.outcome(act).text == "still runs"
    assert "still runs" in render(stage, {})
    act.run.result = RunResult({})


def test_a_page_shows_only_what_happened(play: Play, stage: Stage) -> None:
    play("/train", DENIED)
    page = render(stage, {})
    ids = Page(page).ids
    assert {"short", "pull-request", "image", "next"} <= set(ids)
    assert not {"workflow", "states", "provenance", "doctor"} & set(ids)
    assert f"No image was built in this run: {WITHOUT_DOCKER}" in page
    assert [figure.value for figure in figures(stage.recording)] == ["1"]


def test_images_are_shown_with_what_was_built_and_what_was_used_again(play: Play, stage: Stage) -> None:
    digest = f"sha256:{'ab' * 32}"
    link = f"[digits](https://{stage.sandbox.registry_host}/digits)"
    pushed = f"### Image pushed\n\n{link}"
    play("/train", {"docker-publish": {"built": "true", "digest": digest, "duration": "61"}}, summary=pushed)
    play(
        "/retry", {"docker-publish": {"built": "false", "digest": digest, "duration": "2"}}, summary="### Image tagged again"
    )
    image = render(stage, {}).partition('id="image"')[2].partition("</section>")[0]
    assert "No image was built" not in image
    assert image.index("<td>built</td>") < image.index("<td>used again</td>")
    assert f"<code>{digest[:19]}</code>" in image
    assert "Image pushed" in image
    assert '<a href="http' not in image, "the registry has stopped"
    assert "Tagged again" not in image


def test_a_demo_that_ended_before_its_pull_request_has_a_page(stage: Stage) -> None:
    assert Page(render(stage, {})).ids.count("pull-request") == 0


def test_ignored_comments_are_no_acts(play: Play, stage: Stage) -> None:
    play("a remark", {"chatops": {"decision": "ignore", "reason": "no-command"}})
    assert "a remark" not in render(stage, {}).partition('id="pull-request"')[0]


def test_the_states_of_a_comment_are_those_that_github_reported(play: Play, stage: Stage) -> None:
    act = play("/train", TRAINED)
    bot, pull = stage.sandbox.github.actions_app.bot, stage.recording.pull
    assert pull is not None
    link = f"[The run](http://127.0.0.1:1/o/r/actions/runs/{act.run.record.id})"
    comment = pull.comment(f"<!-- mark -->\n### ⏳ Started\n\n0/3\n{link}", by=bot).subject
    pull.edit_comment(comment, f"### ⏳ Started\n\n1/3\n{link}", by=bot)
    pull.edit_comment(comment, f"### ✅ Passed\n\n{link}", by=bot)
    (reply,) = acts.replies(pull, stage.sandbox.github.deliveries, stage.recording.acts)
    assert reply.act is act
    assert reply.kind == "work"
    assert [(acts.first_line(state.body), state.edits) for state in reply.states] == [("⏳ Started", 1), ("✅ Passed", 0)]
    page = render(stage, {})
    assert page.index("⏳ Started") < page.rindex("✅ Passed")
    assert "edited 1 more time" in page


def test_no_text_of_others_reaches_the_page_as_markup(play: Play, stage: Stage) -> None:
    hub = stage.repository
    stage.recording.pull = hub.open_pull_request(by=ATTACK, head=f"a-{ATTACK}", title=ATTACK, body=ATTACK)
    hostile = {name: dict.fromkeys(values, ATTACK) for name, values in TRAINED.items()}
    hostile["wandb-runs"]["result"] = json.dumps({"gate-results": [{"gate": ATTACK, "value": 1, "required": 1}]})
    hostile["chatops"]["decision"] = "continue"
    stage.recording.difference = [f"+{ATTACK}", f"-{ATTACK}"]
    for text in HOSTILE:
        play(text, hostile, summary=text)
        stage.recording.pull.comment(text, by=stage.sandbox.github.actions_app.bot)
    check = {"group": ATTACK, "name": ATTACK, "status": "ok", "answer": ATTACK, "asked": "", "remedy": ATTACK}
    stage.recording.doctor = Ended("doctor", 0, json.dumps({"checks": [check]}), "")
    statement = {"subject": [{"name": ATTACK, "digest": {"sha256": ATTACK}}], "predicate": {"a": f"</script>{ATTACK}"}}
    stage.recording.evidence = Evidence(statement, "s.json", Ended(f"verify {ATTACK}", 0, f"✓ {ATTACK}", ""))
    hub.define_label(ATTACK)
    text = render(stage, {})
    page = Page(text)
    assert page.handlers == []
    assert page.loaded == []
    assert page.scripts == text.count("&#39;sha256-"), "as many as the policy allows: the two that draw diagrams"
    assert {urlsplit(link).scheme for link in page.links} <= {"", "http", "https", "mailto"}


def test_pages_of_runs_and_workflows_lie_beside_it_under_plain_names(play: Play, stage: Stage) -> None:
    wandb = stage.sandbox.wandb
    wandb.store.add_run(wandb.entity, "digits", name="../../r1", display_name=ATTACK, summary={"acc": 0.9})
    metadata = {"name": "digits-1", "namespace": "default"}
    stage.sandbox.cluster.store.create(WORKFLOWS, "default", {"metadata": metadata, "spec": {}, "status": {"phase": ATTACK}})
    play("/train", TRAINED)
    pull, url = stage.recording.pull, f"{stage.sandbox.argo_url}/workflows/default/digits-1"
    assert pull is not None
    pull.comment(f"[it]({url})", by=stage.sandbox.github.actions_app.bot)
    write_page(stage)
    written = sorted(path.relative_to(stage.output).as_posix() for path in stage.output.rglob("*.html"))
    assert written == ["index.html", "pages/1.html", "pages/2.html"]
    assert '<a href="pages/2.html">it</a>' in (stage.output / "index.html").read_text()
    for name in written[1:]:
        beside = Page((stage.output / name).read_text())
        assert (beside.loaded, beside.handlers, beside.scripts, beside.links) == ([], [], 0, [])


def test_ids_are_unique(play: Play, stage: Stage) -> None:
    play("/train", TRAINED, summary="### Title\n\n<a id=x></a>")
    play("/train", TRAINED, summary="### Title\n\n<a id=x></a>")
    ids = Page(render(stage, {})).ids
    assert sorted(set(ids)) == sorted(ids)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<a href="http://h/p#c">x</a>', '<a href="#c">x</a>'),
        ('<a class="k" href="http://h/other">x <b>y</b></a>', "<span>x <b>y</b></span>"),
        ('<a href="http://else/p">x</a>', '<a href="http://else/p">x</a>'),
        ('<a href="http://h.evil/p">x</a>', '<a href="http://h.evil/p">x</a>'),
        (UNTOUCHED, UNTOUCHED),
        ("<!doctype html>\n<!-- a <b> -->", "<!doctype html>\n<!-- a <b> -->"),
    ],
)
def test_links_to_the_sandbox_lead_to_the_page_or_nowhere(html: str, expected: str) -> None:
    found = relink(html, {"http://h": "", "http://h/p#c": "#c"})
    assert found.replace(' class="gone" title="http://h/other (the sandbox has stopped)"', "") == expected


def test_nothing_of_an_earlier_demo_stays(play: Play, stage: Stage) -> None:
    play("/train", TRAINED)
    kept = stage.output / "mine.html"
    kept.write_text("mine")
    (stage.output / "logs").mkdir()
    for name in ("logs/old.log", "wandb_statement.json"):
        (stage.output / name).write_text("earlier")
    write_page(stage)
    clear(stage.output)
    assert [path.name for path in stage.output.rglob("*") if path.is_file()] == ["mine.html"]


def test_a_folder_of_somebody_else_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "mine.log").write_text("mine")
    clear(tmp_path)
    assert (tmp_path / "logs" / "mine.log").exists(), "a folder without a page of a demo"
    (tmp_path / "index.html").write_text("<title>Mine</title>")
    with pytest.raises(DemoFailed, match="is none of a demo, and stays: name another folder with --output"):
        clear(tmp_path)
    assert (tmp_path / "index.html").read_text() == "<title>Mine</title>"
