"""Release the suite, step by step; .github/workflows/release.yml and `make release-dry-run` run these commands.

    prepare VERSION   write the version into CHANGELOG.md and the package, for review; nothing else changes on a branch
    plan              print what this checkout would release, or what is missing
    base              print the name of the base image by its current digest
    build             build and push this platform's images, each with its bill of materials
    scan              look up the known vulnerabilities of what the images hold
    index             join the platforms of each action to one index; write digests.json
    commit            make two commits, tags, notes and bundles, all local: the first commit pins the image of each action
                      by digest, the second pins the actions in the composite action and the reusable workflow by SHA
    publish           push the tags, all or none

Only the tags refer to these commits: on every branch the actions go on building from source.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from mlops_actions.core.errors import ActionError, BadInput
from mlops_actions.core.version import SemanticVersion
from releasing import (
    ACTIONS,
    BASE_IMAGE,
    PLATFORMS,
    REGISTRY,
    bundles,
    images,
    manifests,
    pins,
    plan,
    repository,
    vulnerabilities,
)
from releasing.versions import moving_tag_of, parse_version, tag_of

DIGESTS = "digests.json"
NOTES = "notes.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    options = parser().parse_args(arguments)
    try:
        options.run(options)
    except ActionError as error:
        print(f"error: {error.cause}\nremedy: {error.remedy}", file=sys.stderr)
        return error.exit_code
    return 0


def parser() -> argparse.ArgumentParser:
    """Declare the commands and their options."""
    root = argparse.ArgumentParser(
        prog="release.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    root.add_argument("--root", type=Path, default=Path(), help="the checkout (default: the current folder)")
    commands = root.add_subparsers(required=True, metavar="COMMAND")
    prepare = commands.add_parser("prepare", help="write the version and the changelog")
    prepare.add_argument("version", type=str)
    prepare.add_argument("--day", default=datetime.now(UTC).date().isoformat(), help="the release's date (default: today)")
    prepare.set_defaults(run=_prepare)
    planned = commands.add_parser("plan", help="print what would be released, or what is missing")
    planned.set_defaults(run=_plan)
    base = commands.add_parser("base", help="name the base image by digest")
    base.add_argument("image", nargs="?", default=BASE_IMAGE)
    base.add_argument("--registry", help="sign in to this registry first (default: none)")
    base.set_defaults(run=_base)
    build = commands.add_parser("build", help="build and push this platform's images")
    build.add_argument("--base", required=True, help="the base image, by digest")
    build.set_defaults(run=_build)
    scan = commands.add_parser("scan", help="look up the known vulnerabilities of what the images hold")
    scan.add_argument("--out", type=Path, required=True, help="folder with the bills of materials of build")
    scan.set_defaults(run=_scan)
    index = commands.add_parser("index", help="join the platforms' images")
    index.add_argument("--platforms", nargs="+", default=list(PLATFORMS), help="required platforms (default: %(default)s)")
    index.set_defaults(run=_index)
    commit = commands.add_parser("commit", help="make the commits, the tags, the notes and the bundles")
    commit.set_defaults(run=_commit)
    for command in (build, index, commit):
        command.add_argument("--registry", default=REGISTRY, help="HOST/PATH of the images (default: %(default)s)")
        command.add_argument("--out", type=Path, required=True, help="folder for the files that later commands read")
    publish = commands.add_parser("publish", help="push the tags")
    publish.add_argument("--remote", default="origin")
    publish.set_defaults(run=_publish)
    return root


def _planned(options: argparse.Namespace) -> plan.Plan:
    return plan.plan(repository.checkout(options.root).facts())


def _prepare(options: argparse.Namespace) -> None:
    git = repository.checkout(options.root)
    version = parse_version(options.version.removeprefix("v"))
    files = plan.prepare(git.facts(), version, options.day)
    for path, text in files.items():
        (git.root / path).write_text(text, encoding="utf-8")
        print(f"written: {path}")
    print(f"{version} is prepared" if files else f"{version} is already prepared; nothing to do")


def _plan(options: argparse.Namespace) -> None:
    planned = _planned(options)
    print("\n".join(planned.lines()))
    _outputs({"version": str(planned.version), "tag": tag_of(planned.version), "flags": " ".join(planned.page_flags)})


def _base(options: argparse.Namespace) -> None:
    registry = images.Registry.from_environ(options.registry) if options.registry else None
    with images.Docker(registry) as docker:
        name = images.base_by_digest(docker, options.image)
    print(name)
    _outputs({"base": name})


def _build(options: argparse.Namespace) -> None:
    planned, registry = _planned(options), images.Registry.from_environ(options.registry)
    options.out.mkdir(parents=True, exist_ok=True)
    with images.Docker(registry) as docker:
        built = images.build(docker, registry, planned, options.root.resolve(), options.base, options.out)
    for image in built:
        print(f"pushed: {registry.prefix}/{image.action}@{image.digest} for {image.platform}")
    platform = built[0].platform.replace("/", "-")
    (options.out / f"images-{platform}.json").write_text(manifests.to_json(built), encoding="utf-8")


def _scan(options: argparse.Namespace) -> None:
    bills = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(options.out.glob("*.cdx.json"))]
    print("\n".join(vulnerabilities.check(bills)))


def _index(options: argparse.Namespace) -> None:
    planned, registry = _planned(options), images.Registry.from_environ(options.registry)
    files = sorted(options.out.glob("images-*.json"))
    built = [image for file in files for image in manifests.from_json(file.read_text(encoding="utf-8"))]
    digests = images.join(registry, planned, built, options.platforms)
    for action, digest in digests.items():
        print(f"pushed: {registry.prefix}/{action}@{digest} for {' and '.join(options.platforms)}")
    document: dict[str, dict[str, str]] = {
        action: {"index": digest, **{image.platform: image.digest for image in built if image.action == action}}
        for action, digest in digests.items()
    }
    (options.out / DIGESTS).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    subjects = [
        {"action": action, **{name.rpartition("/")[2]: digest for name, digest in known.items()}}
        for action, known in document.items()
    ]
    _outputs({"subjects": json.dumps(subjects)})


def _commit(options: argparse.Namespace) -> None:
    git = repository.checkout(options.root)
    planned = plan.plan(git.facts())
    digests = json.loads((options.out / DIGESTS).read_text(encoding="utf-8"))
    if set(digests) != set(planned.images):
        raise BadInput(f"{DIGESTS} lists {', '.join(sorted(digests))}", f"run index for {', '.join(planned.images)}")
    contracts = {
        action: pins.image(
            git.show(planned.sha, f"actions/{action}/action.yml"), f"{options.registry}/{action}@{digests[action]['index']}"
        )
        for action in ACTIONS
    }
    files = {f"actions/{action}/action.yml": text for action, text in contracts.items()}
    first = git.commit(planned.sha, files, f"Pin the image of every action of {tag_of(planned.version)} by digest\n")
    users = pinned_users(git, first, planned.version)
    second = first
    if users:
        message = f"Release {tag_of(planned.version)}: pin the actions by the commit that pins their images\n"
        second = git.commit(first, users, message)
    moving = planned.tags[1:]
    git.tag(tag_of(planned.version), moving, second, f"{tag_of(planned.version)}\n\n{planned.notes}\n")
    (options.out / NOTES).write_text(release_notes(planned, digests, options.registry), encoding="utf-8")
    for action, contract in contracts.items():
        readme = git.show(planned.sha, f"actions/{action}/README.md")
        content = bundles.bundle(action, contract, readme, git.show(planned.sha, "LICENSE"), planned.version)
        name = f"{action}-{planned.version}"
        (options.out / f"{name}.tar.gz").write_bytes(bundles.archive(content, name))
    print(f"images pinned in {first}, the actions in {second} ({', '.join(sorted(users)) or 'none'}); tags {planned.tags}")
    _outputs({"commit": second})


def pinned_users(git: repository.Git, commit: str, version: SemanticVersion) -> Mapping[str, str]:
    """Return the composite action and the reusable workflows with this suite's actions pinned to a commit."""
    names = [name for name in git.files(commit) if name == "action.yml" or name.startswith(".github/workflows/")]
    texts = {name: git.show(commit, name) for name in names}
    # Nobody elsewhere uses the other workflows, and the canary asks GitHub for `$/`.
    texts = {name: text for name, text in texts.items() if name == "action.yml" or "\n  workflow_call:" in text}
    return {name: pins.uses(text, commit, version) for name, text in texts.items() if pins.has_movable_references(text)}


def release_notes(planned: plan.Plan, digests: Mapping[str, Mapping[str, str]], registry: str) -> str:
    """Write the release page: the changelog's notes, the images by digest, and how to check them."""
    rows = "\n".join(f"| `{action}` | `{registry}/{action}@{known['index']}` |" for action, known in digests.items())
    first = next(iter(digests))
    return (
        f"{planned.notes}\n\n### Images\n\n| action | image |\n| --- | --- |\n{rows}\n\n"
        f"Each image is signed, with a bill of materials for each platform:\n\n```console\n"
        f"$ gh attestation verify oci://{registry}/{first}@{digests[first]['index']} --owner machine-learning-apps\n```\n"
    )


def _publish(options: argparse.Namespace) -> None:
    git = repository.checkout(options.root)
    version = plan.current_version(git.show("HEAD", plan.VERSION_FILE))
    moving = [name for name in [moving_tag_of(version)] if name and _stands_on(git, name, tag_of(version))]
    git.push_tags(options.remote, tag_of(version), moving)
    print(f"pushed to {options.remote}: {', '.join([tag_of(version), *moving])}")


def _stands_on(git: repository.Git, name: str, tag: str) -> bool:
    """Whether a local tag names the same commit: a release of an older line leaves the moving tag in place."""
    here = set(git("tag", "--list").split())
    return name in here and git("rev-parse", f"{name}^{{commit}}") == git("rev-parse", f"{tag}^{{commit}}")


def _outputs(values: Mapping[str, str]) -> None:
    """Write single-line outputs for later steps of a workflow."""
    if path := os.environ.get("GITHUB_OUTPUT"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.writelines(f"{name}={value}\n" for name, value in values.items())


if __name__ == "__main__":
    sys.exit(main())
