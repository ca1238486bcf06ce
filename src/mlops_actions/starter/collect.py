"""Collect the answers: from the flags, an earlier run, the repository, the person at the terminal, the defaults."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from mlops_actions import __version__
from mlops_actions.boundary import suite_releases
from mlops_actions.boundary.doctor.programs import output_of
from mlops_actions.boundary.doctor.remote import remote_of
from mlops_actions.boundary.installation import installation
from mlops_actions.core import github_cli, registries
from mlops_actions.core.errors import BadInput, BadInputs
from mlops_actions.core.package import REPOSITORY
from mlops_actions.starter import answers as defaults
from mlops_actions.starter import earlier
from mlops_actions.starter.answers import Answers, command_parameters, plain_name
from mlops_actions.starter.dialogue import Check, Dialogue
from mlops_actions.starter.findings import Finding, OwnManifest, Proposals, look, manifests_of
from mlops_actions.starter.pin import Pin, Sources
from mlops_actions.starter.questions import CLUSTERS, CONTROLS, OPTIONAL, QUESTIONS
from mlops_actions.starter.remaining import LocalClone
from mlops_actions.starter.render import DEPLOY, DOCTOR, WORKFLOW
from mlops_actions.starter.repository import RepositoryFiles

_EXAMPLE_GATE = "accuracy >= 0.8"
_NEW = "new"
_ATTRIBUTES = {"label": "labels"}


class Collector:
    """Collects the answers of one run. `say` prints a line."""

    def __init__(self, options: argparse.Namespace, dialogue: Dialogue | None, say: Callable[[str], None]) -> None:
        self._options, self._dialogue, self._say = options, dialogue, say
        self._directory: Path = options.directory
        self._files = RepositoryFiles(self._directory)
        self.findings: Proposals = look(self._files)
        self._host, self._repository = remote_of(self._directory)
        workflow = self._files.read(WORKFLOW)
        self._is_whole = earlier.is_whole(workflow)
        self._earlier = self._usable_now(earlier.answers_of(workflow))
        if self._earlier.get("manifest") == defaults.MANIFEST and (
            own := manifests_of(defaults.MANIFEST, self._files.read(defaults.MANIFEST))
        ):
            self._earlier.setdefault("service-account", own[0].service_account)
        self._earlier_pin = earlier.pin_of(workflow)

    def answers(self) -> Answers:
        """Return the answers; raises BadInput where one is missing or cannot be used."""
        options = self._options
        self._judge_flags()
        project = self._project()
        registry = self._answer("registry", Finding(registries.GITHUB, ""), asks=True)
        manifest = self._manifest()
        account, namespace = (manifest.service_account, manifest.namespace) if manifest else ("", "")
        place = manifest.path if manifest else ""
        service_account = self._answer("service-account", Finding(account, place), Finding(defaults.SERVICE_ACCOUNT, ""))
        metrics = tuple(self._several("metric", "metrics")) or defaults.METRICS
        is_example = options.example and not self._options.metric and "metrics" not in self._earlier
        return Answers(
            image=self._answer("image", self._name(), asks=True),
            project=project,
            registry=registry,
            registry_username=self._answer("registry-username", Finding("", "")),
            cluster=self._answer("cluster", Finding(CLUSTERS[0], ""), asks=True),
            namespace=self._answer("namespace", Finding(namespace, place), Finding(defaults.NAMESPACE, ""), asks=True),
            service_account=service_account,
            sets_service_account=manifest is not None and account != service_account,
            dockerfile=self._path_of_dockerfile(),
            manifest=manifest.path if manifest else defaults.MANIFEST,
            parameters=command_parameters(manifest.parameters, manifest.computed) if manifest else defaults.PARAMETERS,
            metrics=metrics,
            gates=tuple(self._several("gate", "gates")) or ((_EXAMPLE_GATE,) if is_example else ()),
            argo_url=self._answer("argo-url", Finding("", "")),
            wandb_base_url=self._answer("wandb-base-url", Finding("", "")),
            controls=self._answer("controls", Finding(", ".join(CONTROLS), "")),
            labels=self._labels(),
            kubeconfig_secret=self._answer("kubeconfig-secret", Finding("KUBECONFIG", "")),
            wandb_secret=self._answer("wandb-secret", Finding("WANDB_API_KEY", "")),
            pin=self._pin(),
            example=options.example,
            deploy=self._deploys(),
            is_enterprise_server=self._is_enterprise_server(),
        )

    def of_kept_workflow(self) -> Answers | None:
        """Return the answers that the workflow file holds, whatever the flags say; None of another file."""
        if not self._is_whole:
            return None
        of_file = {_attribute(name): None for name in QUESTIONS}
        if self._earlier.get("manifest") == defaults.MANIFEST and "service-account" not in self._earlier:
            del of_file["service_account"]  # the file of the Argo workflow holds it, and is missing
        options = argparse.Namespace(**{**vars(self._options), **of_file, "server": ""})
        try:
            return Collector(options, None, lambda _: None).answers()
        except BadInput:
            return None

    def checkout(self, dockerfile: str) -> LocalClone:
        """Return what git tells about the folder, as it is now."""
        git = ["git", "-C", str(self._directory)]
        head = output_of([*git, "symbolic-ref", "--short", "refs/remotes/origin/HEAD"]).removeprefix("origin/")
        return LocalClone(
            host=self._host,
            repository=self._repository,
            branch=head if head.isprintable() else "",
            is_top=(self._directory / ".git").exists(),
            has_dockerfile=(self._directory / dockerfile).is_file(),
        )

    def _usable_now(self, found: dict[str, str]) -> dict[str, str]:
        """Leave out of an earlier run's answers what holds no longer, and tell it."""
        of_sandbox = earlier.on_this_machine(os.environ.get("GITHUB_SERVER_URL", ""))
        usable = found if of_sandbox else earlier.of_another_machine(found)
        reasons = dict.fromkeys(found.keys() - usable.keys() - {"registry-username"}, "an address of this machine")
        reasons |= dict.fromkeys(
            (name for name in ("dockerfile", "manifest") if self._is_gone(name, found)), "which is gone"
        )
        for name, reason in sorted(reasons.items()):
            # The default Dockerfile may never have been there.
            if getattr(self._options, _attribute(name)) is None and found[name] != "Dockerfile":
                self._say(f"{WORKFLOW} names {found[name]}, {reason}: it is not used for {QUESTIONS[name].flag}")
        registry = self._options.registry
        if registry is not None and registry.lower() != found.get("registry", registries.GITHUB):
            reasons["registry-username"] = "the user of another registry"
        return {name: text for name, text in usable.items() if name not in reasons}

    def _is_gone(self, name: str, found: Mapping[str, str]) -> bool:
        path = found.get(name, "")
        if not path or not _is_usable(name, path) or path == defaults.MANIFEST:
            return False
        if name == "manifest":
            return len(manifests_of(path, self._files.read(path))) != 1
        return not (self._directory / path).is_file()

    def _is_enterprise_server(self) -> bool:
        given = str(self._options.server).lower()
        if not given and (known := self._earlier.get("server")):
            return known == earlier.SERVER
        host = given or self._host or urlsplit(os.environ.get("GITHUB_SERVER_URL", "")).netloc
        return github_cli.is_enterprise_server(host) and not earlier.on_this_machine(host)

    def _deploys(self) -> bool:
        """Return whether `/deploy` is answered: an earlier run has written the other files, and not that one."""
        chosen: bool | None = self._options.deploy
        if chosen is None and self._is_whole and (self._directory / DOCTOR).exists():
            chosen = os.path.lexists(self._directory / DEPLOY)
            if not chosen:
                self._say(f"{DEPLOY} stays left out; --deploy writes it")
        return chosen is not False

    def _judge_flags(self) -> None:
        """Judge all flags before the first question; raises one error for all that cannot be used."""
        problems = []
        for name, question in QUESTIONS.items():
            given = getattr(self._options, _attribute(name))
            is_incomplete = name == "project" and given is not None and "/" not in given  # the entity is elsewhere
            for text in given if isinstance(given, list) else [] if is_incomplete else [given]:
                try:
                    if text or (text is not None and name not in OPTIONAL):
                        question.judged(text)
                except BadInput as problem:
                    problems.append(problem)
        if problems:
            raise problems[0] if len(problems) == 1 else BadInputs(problems)

    def _answer(self, name: str, *proposals: Finding, asks: bool = False, check: Check | None = None) -> str:
        """Take an answer from its flag, an earlier run, the terminal, or the first proposal that can be used.

        It is judged wherever it comes from.
        """
        given = getattr(self._options, _attribute(name))
        if given is not None:
            text = QUESTIONS[name].judged(given) if given or name not in OPTIONAL else ""
            if check:
                check(text)
            return text
        if (known := self._earlier.get(name)) and _is_usable(name, known):
            return QUESTIONS[name].judged(known)
        proposal = next((one for one in proposals if _is_usable(name, one.value)), Finding("", ""))
        if asks and self._dialogue and not self._earlier:
            return self._dialogue.ask(name, proposal.value, proposal.place, check)
        if proposal.place:
            self._say(f"{QUESTIONS[name].flag} {proposal.value} (from {proposal.place})")
        return proposal.value

    def _project(self) -> str:
        options = self._options
        found = _project_in(self.findings)
        if options.project is not None and "/" not in options.project:
            entity = options.entity or (found.value.partition("/")[0] if found else "")
            return QUESTIONS["project"].judged(f"{entity}/{options.project}" if entity else options.project)
        if options.project is None and options.entity and found:
            found = Finding(f"{options.entity}/{found.value.partition('/')[2]}", found.place)
        if found and not found.value.partition("/")[0]:
            found = self._with_entity(found)
        project = self._answer("project", found or Finding("", ""), asks=True)
        if not project:
            raise BadInput("no W&B project was given", "add --project entity/project")
        if options.entity and project.partition("/")[0] != options.entity:
            raise BadInput(
                f"--entity {options.entity} is not the entity of --project {project}", "drop one of the two flags"
            )
        return project

    def _with_entity(self, found: Finding) -> Finding | None:
        """Complete a project whose code names no entity; None where nobody can be asked."""
        name = found.value.partition("/")[2]
        if self._options.project is not None or self._earlier.get("project"):
            return None
        if not self._dialogue:
            raise BadInput(
                f"{found.place} names the W&B project {name!r}, and no user or team that owns it",
                "add --entity with that name",
            )
        self._say(f"{found.place} names the W&B project {name}.")
        return Finding(f"{self._dialogue.ask('entity', '')}/{name}", found.place)

    def _name(self) -> Finding:
        if self._repository:
            return Finding(plain_name(self._repository.partition("/")[2]), "the git remote")
        return Finding(plain_name(self._directory.resolve().name), "")

    def _path_of_dockerfile(self) -> str:
        found = self.findings.dockerfiles
        if "Dockerfile" in found or self._options.example:
            found = ()
        elif len(found) > 1 and self._dialogue and not {self._options.dockerfile, self._earlier.get("dockerfile")} - {None}:
            self._say(f"The repository has these Dockerfiles: {', '.join(found[:10])}")
            return self._dialogue.ask("dockerfile", found[0], "the repository", self._check_dockerfile)
        default = Finding(found[0], "the repository") if len(found) == 1 else Finding("Dockerfile", "")
        return self._answer("dockerfile", default, Finding("Dockerfile", ""), check=self._check_dockerfile)

    def _check_dockerfile(self, path: str) -> None:
        if path != "Dockerfile" and not (self._directory / path).is_file():
            raise BadInput(f"--dockerfile {path!r} is no file of the repository", f"give {QUESTIONS['dockerfile'].accepted}")

    def _manifest(self) -> OwnManifest | None:
        """Return the repository's own Argo workflow that jobs run; None where init writes one."""
        # Only one that takes the image of the commit is proposed: any other would run something else.
        files = Counter(one.path for one in self.findings.manifests)
        usable = [
            one
            for one in self.findings.manifests
            if "image" in one.parameters and files[one.path] == 1 and one.path != defaults.MANIFEST
        ]
        default = (
            Finding(usable[0].path, "the repository")
            if len(usable) == 1 and not self._options.example
            else Finding(_NEW, "")
        )
        asks = bool(self.findings.manifests) and not self._options.example
        if asks and self._dialogue and self._options.manifest is None and not self._earlier:
            paths = [one.path for one in self.findings.manifests]
            self._say(f"The repository has these Argo workflows: {', '.join(paths[:10])}")
        path = self._answer("manifest", default, Finding(_NEW, ""), asks=asks, check=self._check_manifest)
        return None if path in (_NEW, defaults.MANIFEST) else self._read_manifest(path)

    def _check_manifest(self, path: str) -> None:
        if path not in (_NEW, defaults.MANIFEST):
            self._read_manifest(path)

    def _read_manifest(self, path: str) -> OwnManifest:
        found = manifests_of(path, self._files.read(path))
        if len(found) != 1:
            what = "no file with an Argo workflow" if not found else f"a file with {len(found)} Argo workflows"
            raise BadInput(f"--manifest {path!r} is {what}", f"give {QUESTIONS['manifest'].accepted}")
        return found[0]

    def _several(self, name: str, earlier_name: str) -> list[str]:
        given = getattr(self._options, name)
        if given is not None:
            return [QUESTIONS[name].judged(text) for text in given]
        known = [line.strip() for line in self._earlier.get(earlier_name, "").splitlines() if line.strip()]
        return known if all(_is_usable(name, text) for text in known) else []

    def _labels(self) -> tuple[str, ...]:
        if self._options.labels:
            return tuple(QUESTIONS["label"].judged(label) for label in self._options.labels)
        known = tuple(self._earlier.get("labels", "").split("\n"))
        return known if len(known) == len(defaults.LABELS) and all(map(_is_label, known)) else defaults.LABELS

    def _pin(self) -> Pin:
        """Return the reference of the suite, and tell whose code it is where that is not the suite's own repository."""
        ref = self._options.ref
        sources = Sources(self._earlier_pin, installation(), __version__, self._host, suite_releases.tag_listing)
        chosen, named_by = sources.choose(None if ref is None else QUESTIONS["ref"].judged(ref))
        if chosen.repository != REPOSITORY:
            place = f"from {WORKFLOW}" if named_by == "earlier" else "where this command was installed from"
            self._say(f"the actions are those of {chosen.repository} ({place})")
        return chosen


def _project_in(findings: Proposals) -> Finding | None:
    """Return the first project that the repository names, as `entity/project`; the entity may be empty."""
    if not findings.projects:
        return None
    project = findings.projects[0]
    if "/" in project.value:
        return project
    entity = findings.entities[0].value if findings.entities else ""
    found = Finding(f"{entity}/{project.value}", project.place)
    return found if _is_usable("project", f"{entity or 'entity'}/{project.value}") else None


def _attribute(name: str) -> str:
    """Return where the flag of a question stands among the options."""
    return _ATTRIBUTES.get(name, name.replace("-", "_"))


def _is_usable(name: str, text: str) -> bool:
    try:
        QUESTIONS[name].judged(text)
    except BadInput:
        return False
    return True


def _is_label(text: str) -> bool:
    return _is_usable("label", text)
