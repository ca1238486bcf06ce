"""Go on after the story: whoever opens the pages in a browser may comment, and the workflow files run as before."""

from __future__ import annotations

import itertools
import re
from typing import Any

from mlops_sandbox.demo.stage import CONTRIBUTOR, DEPLOY, MAINTAINER, MLOPS, REVIEWER, STRANGER, Stage
from mlops_sandbox.github import Delivery
from mlops_sandbox.runner.process import until_stopped

COMMENTERS = (MAINTAINER, CONTRIBUTOR, REVIEWER, STRANGER)


def serve_until_stopped(stage: Stage) -> None:
    """Serve until SIGINT or SIGTERM; a comment of a person starts what it would start on GitHub."""
    numbers = itertools.count(1)

    def answer(delivery: Delivery[Any]) -> None:
        if delivery.event != "issue_comment" or delivery.action != "created" or not delivery.starts_workflows:
            return
        author, text = delivery.payload["comment"]["user"]["login"], delivery.payload["comment"]["body"]
        stage.console.text(f"{author} comments: {' '.join(text.split())[:80]}")
        name = re.sub(r"[^A-Za-z0-9]+", "-", text.split(maxsplit=1)[0]).strip("-")[:20]
        number = next(numbers)
        for path in (MLOPS, DEPLOY):
            kind = path.rpartition("/")[2].removesuffix(".yml")
            stage.begin(path, delivery, by=author, log=f"browser-{number}-{kind}-{name}".rstrip("-"))

    github, pull = stage.sandbox.github, stage.recording.pull
    with until_stopped() as wait:
        github.observers.append(answer)
        github.open_form(COMMENTERS)
        stage.console.chapter("The sandbox goes on serving: comment in the browser, Ctrl-C ends it")
        rows = [["", "address"]]
        rows += [["pull request", f"{stage.page(pull)}#write"]] if pull else []
        rows += [["W&B", f"{stage.sandbox.wandb_url}/"], ["workflows", f"{stage.sandbox.argo_url}/workflows"]]
        stage.console.table(rows)
        stage.console.text("Write /train lr=1e-2, /status, /stop or /help; choose the account, since some may do less.")
        wait()
        github.observers.remove(answer)
        github.open_form(())
        stage.console.text("Stopping what runs …")
