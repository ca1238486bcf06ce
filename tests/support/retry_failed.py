"""`/retry failed` by the reusable workflow, through an Argo Server: the sandbox's, or a real one before a real cluster."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlops_sandbox.runner.job import RunResult
from mlops_sandbox.suite import Sandbox
from tests.support import pipeline
from tests.support.commanded_repository import CommandedRepository

# The containers are processes on this machine; `first` makes something that `second` needs when it runs again.
_WORKFLOW = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: twice-}
spec:
  entrypoint: main
  templates:
    - name: main
      dag:
        tasks:
          - {name: first, template: first}
          - name: second
            template: second
            depends: first
            arguments: {parameters: [{name: made, value: "{{tasks.first.outputs.parameters.made}}"}]}
    - name: first
      outputs: {parameters: [{name: made, valueFrom: {path: /tmp/made}}]}
      container: {image: "python:3", command: [sh, -c, "echo ran >> FOLDER/first; echo made by first > /tmp/made"]}
    - name: second
      inputs: {parameters: [{name: made}]}
      container:
        image: "python:3"
        command: [sh, -c, "echo '{{inputs.parameters.made}}' >> FOLDER/second; test -e FOLDER/ready"]
"""
_SECRETS = {"argo-token": "secrets.ARGO_TOKEN"}


@dataclass(frozen=True)
class Story:
    """A training that fails at its second node, and `/retry failed` once the cause is mended."""

    repository: CommandedRepository
    folder: Path
    trained: RunResult
    retried: RunResult

    @property
    def workflow(self) -> str:
        """The name of the workflow that was submitted."""
        return self.trained.jobs["train"].outputs["workflow-name"]

    def check(self) -> None:
        """Check what ran, what the jobs said, and what the pull request shows."""
        log = "\n".join(self.repository.log)
        assert [run.jobs["train"].conclusion for run in (self.trained, self.retried)] == ["failure", "success"], log
        assert self.retried.conclusion == "success", log
        assert (self.folder / "first").read_text() == "ran\n"
        assert (self.folder / "second").read_text() == "made by first\n" * 2
        outputs = self.retried.jobs["train"].outputs
        assert (outputs["workflow-name"], outputs["workflow-phase"]) == (self.workflow, "Succeeded")
        assert list(self.repository.pull.label_names) == ["trained"]
        failed, continued = self.repository.replies
        assert "**`/train` failed**" in failed
        assert "**`/train` succeeded**" in continued
        for comment, ended in ((failed, "failed"), (continued, "succeeded")):
            headline = next(line for line in comment.splitlines() if "**Workflow [" in line)
            assert self.workflow.replace("-", "\\-") in headline
            assert f") {ended}**" in headline


def workflow(folder: Path) -> str:
    """Return a manifest whose second node fails until the folder holds the file `ready`."""
    return _WORKFLOW.replace("FOLDER", f"/{folder}")  # of two slashes: such a process has a /tmp of its own


def played(sandbox: Sandbox, root: Path, argo_server: str, token: str, authority: str = "") -> Story:
    """Train, mend the cause, and give `/retry failed`; `authority` is the server's own certificate authority."""
    folder = root / "shared"
    folder.mkdir()
    given = {
        "commands": "train",
        "controls": "retry",
        "pending-label": "training",
        "success-label": "trained",
        "failure-label": "training-failed",
        "workflow": workflow(folder),
        "namespace": "default",
        "argo-server": argo_server,
        "argo-ca": authority,
    }
    repository = CommandedRepository(sandbox, root, pipeline.reusable(given, _SECRETS))
    repository.secrets = {"ARGO_TOKEN": token}
    trained = repository.say("/train")
    (folder / "ready").touch()
    return Story(repository, folder, trained, repository.say("/retry failed"))
