"""The pure modules of a release: versions, changelog, pins, plans, indexes, bills of materials, bundles; the workflow."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import re
import shlex
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from markdown_it import MarkdownIt

import release
from mlops_actions.core.errors import BadInput, Unavailable, WorkFailed
from mlops_actions.core.types import Json
from releasing import (
    ACTIONS,
    PLATFORMS,
    REPOSITORY,
    bundles,
    changelog,
    images,
    manifests,
    pins,
    plan,
    sbom,
    version_orders,
    vulnerabilities,
)
from releasing.versions import moving_tag_of, parse_version, released, tag_of

ROOT = Path(__file__).parents[2]
SHA = "0123456789abcdef0123456789abcdef01234567"
DIGEST = "sha256:" + "a" * 64
CHANGELOG = """\
# Changelog

## [Unreleased]

### Added

- A thing, see [its page][page].

## [1.1.0] - 2026-01-01

### Fixed

- Another.

[page]: https://example.com/page
[Unreleased]: https://example.com/old
[1.1.0]: https://example.com/older
"""
VERSION_FILE = '"""Words."""\n\n__version__ = "1.1.0"\n'


def facts(**changes: Any) -> plan.Facts:
    known: dict[str, Any] = {
        "sha": SHA,
        "dirty": [],
        "tags": ["v1.1.0", "v1"],
        "changelog": CHANGELOG,
        "version_file": VERSION_FILE,
    }
    return plan.Facts(**{**known, **changes})


def prepared(version: str = "1.2.0", **changes: Any) -> plan.Facts:
    written = plan.prepare(facts(), parse_version(version), "2026-02-03")
    return facts(changelog=written["CHANGELOG.md"], version_file=written[plan.VERSION_FILE], **changes)


@pytest.mark.parametrize("text", ["1.2", "v1.2.3", "1.2.3.4", "01.2.3", "1.2.3-", "1.2.3 ", "1.2.3\n", "1.2.3-a..b", ""])
def test_a_version_is_semantic_or_refused(text: str) -> None:
    with pytest.raises(BadInput):
        parse_version(text)


def test_a_version_has_its_tag_and_its_major_versions() -> None:
    version = parse_version("1.2.3")
    assert (str(version), tag_of(version), moving_tag_of(version)) == ("1.2.3", "v1.2.3", "v1")


def test_a_pre_release_moves_no_tag() -> None:
    assert moving_tag_of(parse_version("2.0.0-rc.1")) is None


def test_released_versions_are_in_order_and_other_tags_are_ignored() -> None:
    in_order = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0", "1.9.0", "1.10.0"]
    tags = [f"v{text}" for text in reversed(in_order)] + ["v1", "vendor", "1.0.0", "v1.0"]
    assert [str(version) for version in released(tags)] == in_order


def test_the_unreleased_section_becomes_a_version_and_the_links_are_renewed() -> None:
    earlier = [parse_version("1.1.0")]
    text = changelog.released(CHANGELOG, parse_version("1.2.0"), date(2026, 2, 3), earlier)
    assert changelog.notes(text, "Unreleased") == ""
    assert changelog.notes(text, "1.2.0") == "### Added\n\n- A thing, see [its page][page]."
    assert changelog.notes(text, "1.1.0").startswith("### Fixed\n\n- Another.")
    assert changelog.dated(text, "1.2.0") == "2026-02-03"
    source = f"https://github.com/{REPOSITORY}"
    assert text.endswith(
        f"[page]: https://example.com/page\n\n[Unreleased]: {source}/compare/v1.2.0...HEAD\n"
        f"[1.2.0]: {source}/compare/v1.1.0...v1.2.0\n[1.1.0]: {source}/releases/tag/v1.1.0\n"
    )
    assert "example.com/old" not in text


def test_the_first_release_links_to_its_release_page() -> None:
    first = CHANGELOG.partition("## [1.1.0]")[0]
    text = changelog.released(first, parse_version("1.0.0"), date(2026, 2, 3), [])
    assert text.endswith(f"[1.0.0]: https://github.com/{REPOSITORY}/releases/tag/v1.0.0\n")


def test_a_fix_of_an_older_line_links_to_changes_since_that_line() -> None:
    earlier = [parse_version(text) for text in ("1.1.0", "1.2.0")]
    branch = changelog.released(CHANGELOG, parse_version("1.1.1"), date(2026, 2, 3), earlier)
    source = f"https://github.com/{REPOSITORY}"
    assert f"[1.1.1]: {source}/compare/v1.1.0...v1.1.1\n" in branch
    assert "1.2.0" not in branch  # this branch has no such section


@pytest.mark.parametrize("section", ["", "\n### Added\n\n### Fixed\n\n", "\n   \n"])
def test_a_changelog_without_notes_is_refused(section: str) -> None:
    text = f"# Changelog\n\n## [Unreleased]\n{section}"
    with pytest.raises(BadInput, match="says nothing"):
        changelog.released(text, parse_version("1.2.0"), date(2026, 2, 3), [])


def test_a_prepared_checkout_can_be_released() -> None:
    planned = plan.plan(prepared())
    assert planned.tags == ["v1.2.0", "v1"]
    assert planned.notes.startswith("### Added")
    assert set(planned.images) == set(ACTIONS)
    assert "linux/arm64" in "\n".join(planned.lines())


def test_preparing_a_prepared_checkout_changes_nothing() -> None:
    assert plan.prepare(prepared(dirty=["CHANGELOG.md"]), parse_version("1.2.0"), "2026-02-04") == {}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"dirty": ["README.md"]}, "uncommitted changes: README.md"),
        ({"tags": ["v1.2.0"]}, "has been released"),
        ({"changelog": "# Changelog\n\n## [Unreleased]\n"}, "no notes for 1.2.0"),
        ({"changelog": "# Changelog\n\n## [1.2.0]\n\n- Undated.\n"}, "no notes for 1.2.0"),
        ({"changelog": "# C\n\n## [Unreleased]\n\n- Late.\n\n## [1.2.0] - 2026-02-03\n\n- On time.\n"}, "would not mention"),
        ({"version_file": "pass\n"}, "no line __version__"),
    ],
)
def test_a_checkout_that_is_not_ready_is_refused(changes: dict[str, Any], why: str) -> None:
    given = {**vars(prepared()), **changes}
    with pytest.raises(BadInput, match=re.escape(why)):
        plan.plan(plan.Facts(**given))


@pytest.mark.parametrize("tags", [["v1.2.0"], ["v1", "v1.2.0"]])
def test_an_existing_version_is_not_prepared_again(tags: list[str]) -> None:
    with pytest.raises(BadInput, match="has been released"):
        plan.prepare(facts(tags=tags), parse_version("1.2.0"), "2026-02-03")


def test_a_fix_of_an_older_line_leaves_the_moving_tag_with_the_newer_release() -> None:
    assert plan.plan(prepared("1.1.1", tags=["v1", "v1.1.0", "v1.2.0"])).tags == ["v1.1.1"]
    assert plan.plan(prepared("1.3.0", tags=["v1", "v1.2.0", "v2", "v2.0.0"])).tags == ["v1.3.0", "v1"]


def test_a_pre_release_gets_only_its_own_tag() -> None:
    assert plan.plan(prepared("1.2.0-rc.1")).tags == ["v1.2.0-rc.1"]


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_file_of_this_checkout_can_be_pinned(action: str) -> None:
    text = (ROOT / f"actions/{action}/action.yml").read_text()
    pinned = pins.image(text, f"ghcr.io/{REPOSITORY}/{action}@{DIGEST}")
    before, after = yaml.safe_load(text), yaml.safe_load(pinned)
    assert after["runs"].pop("image") == f"docker://ghcr.io/{REPOSITORY}/{action}@{DIGEST}"
    assert before["runs"].pop("image") == f"../../Dockerfile.{action}"
    assert before == after


@pytest.mark.parametrize("reference", ["ghcr.io/x/y:latest", "x/y", f"ghcr.io/x/y@{DIGEST}\n  x: y", f"x y@{DIGEST}"])
def test_an_image_without_a_digest_is_refused(reference: str) -> None:
    with pytest.raises(BadInput, match="by digest"):
        pins.image((ROOT / "actions/chatops/action.yml").read_text(), reference)


def test_an_action_file_that_is_already_pinned_is_refused() -> None:
    text = pins.image((ROOT / "actions/chatops/action.yml").read_text(), f"ghcr.io/x/y@{DIGEST}")
    with pytest.raises(BadInput, match="0 times"):
        pins.image(text, f"ghcr.io/x/y@{DIGEST}")


@pytest.mark.parametrize("path", ["action.yml", ".github/workflows/pipeline.yml", ".github/workflows/pipeline-keyless.yml"])
def test_the_root_action_and_the_reusable_workflow_can_be_pinned(path: str) -> None:
    text = (ROOT / path).read_text()
    assert pins.has_movable_references(text)
    pinned = pins.uses(text, SHA, parse_version("1.2.3"))
    assert not pins.has_movable_references(pinned)
    assert pinned.count(f"uses: {REPOSITORY}/actions/") == pinned.count(f"@{SHA} # v1.2.3") == text.count("uses: $/actions/")
    assert "$/" not in pinned


def test_every_workflow_of_this_checkout_can_be_pinned() -> None:
    for path in sorted((ROOT / ".github/workflows").glob("*.yml")):
        pins.uses(path.read_text(), SHA, parse_version("1.2.3"))


@pytest.mark.parametrize(
    ("used", "why"),
    [
        (f"{REPOSITORY}/actions/chatops@v1", "would run the code of that reference"),
        (f"{REPOSITORY}/actions/chatops@main", "would run the code of that reference"),
        (f"'{REPOSITORY}@v1'", "would run the code of that reference"),
        (f"{REPOSITORY}/actions/chatops@{SHA}", "would run the code of that reference"),
        ("$/.github/workflows/pipeline.yml", "cannot be pinned"),
        ("'$/'", "cannot be pinned"),
        ("$/actions/chatops/inner", "cannot be pinned"),
    ],
)
def test_a_reference_that_cannot_be_pinned_is_refused(used: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        pins.uses(f"steps:\n  - uses: {used}\n", SHA, parse_version("1.2.3"))


def test_actions_of_other_repositories_are_not_changed() -> None:
    text = f"steps:\n  - uses: actions/checkout@{SHA} # v5\n  - uses: 'elsewhere/{REPOSITORY}@v1'\n"
    assert pins.uses(text, SHA, parse_version("1.2.3")) == text


DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
OCI = "application/vnd.oci.image.manifest.v1+json"


def pushed(platform: str, media_type: str = OCI) -> manifests.PushedImage:
    return manifests.PushedImage("chatops", platform, f"sha256:{len(platform):064x}", 1234, media_type)


def test_an_index_names_each_platform() -> None:
    content, media_type = manifests.index([pushed("linux/arm64"), pushed("linux/amd64")], PLATFORMS)
    document = json.loads(content)
    assert media_type == document["mediaType"] == "application/vnd.oci.image.index.v1+json"
    assert [entry["platform"]["architecture"] for entry in document["manifests"]] == ["amd64", "arm64"]


def test_an_index_of_docker_manifests_is_a_docker_manifest_list() -> None:
    _, media_type = manifests.index([pushed("linux/amd64", DOCKER)], ["linux/amd64"])
    assert media_type == "application/vnd.docker.distribution.manifest.list.v2+json"


@pytest.mark.parametrize("platforms", [["linux/amd64"], [], ["linux/amd64", "linux/amd64"], ["linux/amd64", "linux/s390x"]])
def test_an_index_that_lacks_a_platform_is_refused(platforms: list[str]) -> None:
    with pytest.raises(BadInput, match="the release is for linux/amd64, linux/arm64"):
        manifests.index([pushed(platform) for platform in platforms], PLATFORMS)


def test_an_index_of_indexes_is_refused() -> None:
    with pytest.raises(BadInput, match="an index cannot hold"):
        manifests.index([pushed("linux/amd64", "application/vnd.oci.image.index.v1+json")], ["linux/amd64"])


def test_images_are_read_as_they_were_written() -> None:
    images_before = [pushed("linux/amd64"), pushed("linux/arm64", DOCKER)]
    assert manifests.from_json(manifests.to_json(images_before)) == images_before


def test_a_release_build_needs_its_base_image_by_digest() -> None:
    planned = plan.plan(prepared())
    command = images.build_command("chatops", "x:build", planned, ROOT, f"debian@{DIGEST}")
    assert f"BASE=debian@{DIGEST}" in command
    assert f"org.opencontainers.image.revision={SHA}" in command
    with pytest.raises(BadInput, match="not named by its digest"):
        images.build_command("chatops", "x:build", planned, ROOT, "debian:trixie-slim")


def test_the_dockerfile_has_the_argument_base_and_a_target_for_each_action() -> None:
    text = (ROOT / "Dockerfile.base").read_text()
    assert re.search(r"^ARG BASE=", text, re.MULTILINE)
    for action in ACTIONS:
        assert re.search(rf"^FROM \S+ AS {action}$", text, re.MULTILINE)


def test_a_bill_of_materials_is_valid_and_reproducible() -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    image = sbom.DescribedImage(f"ghcr.io/{REPOSITORY}/chatops", DIGEST, "1.2.3", "arm64", "2026-02-03T04:05:06Z")
    inventory = sbom.Inventory(
        python=[("PyYAML", "6.0.3"), ("ruamel.yaml_x", "1!2.0+local")],
        debian=[
            ("libstdc++6", "1:14.2.0-19+b1", "arm64", "gcc-14", "14.2.0-19"),
            ("git", "1:2.47.3-0+deb13u1", "arm64", "git", "1:2.47.3-0+deb13u1"),
        ],
        release="13",
    )
    document = sbom.bill(image, inventory)
    assert document == sbom.bill(image, inventory)
    purls = [component["purl"] for component in document["components"]]
    assert purls == [
        "pkg:pypi/pyyaml@6.0.3",
        "pkg:pypi/ruamel-yaml-x@1%212.0%2Blocal",
        "pkg:deb/debian/libstdc%2B%2B6@1%3A14.2.0-19%2Bb1?arch=arm64&distro=debian-13&upstream=gcc-14%4014.2.0-19",
        "pkg:deb/debian/git@1%3A2.47.3-0%2Bdeb13u1?arch=arm64&distro=debian-13",
    ]
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document)) is None


def test_the_inventory_that_an_image_prints_can_be_read() -> None:
    printed = {"python": [["a", "1"]], "debian": [["b", "2", "all", "c", "3"]], "release": "13"}
    assert sbom.Inventory.read(json.dumps(printed)) == sbom.Inventory([("a", "1")], [("b", "2", "all", "c", "3")], "13")


def test_links_in_a_bundles_readme_lead_to_the_files_of_its_version() -> None:
    text = "[a](../../SECURITY.md#what) [b](../chatops/README.md) [c](#own) [d](https://example.com/x) [e](action.yml)"
    source = f"https://github.com/{REPOSITORY}/blob/v1.2.3"
    assert bundles.absolute(text, "wandb-runs", parse_version("1.2.3")) == (
        f"[a]({source}/SECURITY.md#what) [b]({source}/actions/chatops/README.md) [c](#own) [d](https://example.com/x) "
        f"[e]({source}/actions/wandb-runs/action.yml)"
    )


def test_pictures_in_a_bundles_readme_are_the_files_of_its_version() -> None:
    text = (
        '<source srcset="../../docs/a-dark.png 2x, /docs/b.png"> <img alt="A" src="../../docs/a.png"> '
        '![c](c.svg) <a href="../chatops/README.md">d</a> <img src="https://example.com/e.png">'
    )
    raw = f"https://raw.githubusercontent.com/{REPOSITORY}/v1.2.3"
    assert bundles.absolute(text, "wandb-runs", parse_version("1.2.3")) == (
        f'<source srcset="{raw}/docs/a-dark.png 2x, {raw}/docs/b.png"> <img alt="A" src="{raw}/docs/a.png"> '
        f"![c]({raw}/actions/wandb-runs/c.svg) "
        f'<a href="https://github.com/{REPOSITORY}/blob/v1.2.3/actions/chatops/README.md">d</a> '
        '<img src="https://example.com/e.png">'
    )


class Addresses(HTMLParser):
    """The addresses in a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src", "srcset") and value:
                self.found += [each.split()[0] for each in value.split(",")] if name == "srcset" else [value]


@pytest.mark.parametrize("action", ACTIONS)
def test_a_bundles_readme_holds_no_relative_address_and_names_files_that_there_are(action: str) -> None:
    readme = (ROOT / f"actions/{action}/README.md").read_text()
    found = Addresses(MarkdownIt().render(bundles.absolute(readme, action, parse_version("1.2.3")))).found
    assert [address for address in found if not address.startswith(("https://", "#"))] == []
    own = re.compile(
        rf"https://(?:github\.com/{REPOSITORY}/blob|raw\.githubusercontent\.com/{REPOSITORY})/v1\.2\.3/([^#]+).*"
    )
    paths = [match[1] for address in found if (match := own.fullmatch(address))]
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("action", ACTIONS)
def test_a_bundle_holds_the_action_and_names_its_source(action: str) -> None:
    text = pins.image((ROOT / f"actions/{action}/action.yml").read_text(), f"ghcr.io/x/y@{DIGEST}")
    files = bundles.bundle(action, text, "# Words\n", "Licence\n", parse_version("1.2.3"))
    assert set(files) == {"action.yml", "README.md", "LICENSE"}
    assert yaml.safe_load(files["action.yml"]) == yaml.safe_load(text)
    assert files["action.yml"].startswith("# Made by the release v1.2.3")
    assert "`make docs`" not in files["action.yml"]


def test_an_archive_is_reproducible() -> None:
    files = {"b": "2", "a": "1"}
    content = bundles.archive(files, "folder")
    assert content == bundles.archive(dict(reversed(files.items())), "folder")
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        assert archive.getnames() == ["folder/a", "folder/b"]


def steps_of(path: str) -> list[str]:
    workflow = yaml.safe_load((ROOT / path).read_text())
    return [step["run"] for job in workflow["jobs"].values() for step in job.get("steps", ()) if "run" in step]


@pytest.mark.parametrize(
    ("version", "tags", "flags"),
    [
        ("1.0.0-rc.1", [], "--prerelease=true --latest=false"),
        ("1.0.0", ["v1.0.0-rc.1"], "--prerelease=false --latest=true"),
        ("1.0.1", ["v1.0.0", "v1.1.0"], "--prerelease=false --latest=false"),
        ("1.0.1", ["v1.0.0", "v2.0.0"], "--prerelease=false --latest=false"),
        ("1.0.1", ["v1.0.0", "v2.0.0-rc.1"], "--prerelease=false --latest=true"),
        ("2.0.0", ["v1.0.0", "v1"], "--prerelease=false --latest=true"),
    ],
)
def test_a_page_says_what_its_release_is(version: str, tags: list[str], flags: str) -> None:
    assert " ".join(plan.plan(prepared(version, tags=tags)).page_flags) == flags


def test_the_page_has_its_files_before_the_tags_are_pushed_and_is_published_after_that() -> None:
    """An immutable release takes no file once it is published."""
    script = "\n".join(steps_of(".github/workflows/release.yml"))
    order = [
        script.index(text) for text in ("gh release create", "release.py publish", "gh release edit", "--jq .immutable")
    ]
    assert order == sorted(order)
    assert "--draft " in script[order[0] : order[1]]
    assert "--draft=false" in script[order[2] :]


def test_the_workflow_runs_commands_that_there_are_with_options_that_they_take() -> None:
    script = "\n".join(steps_of(".github/workflows/release.yml")).replace("\\\n", " ")
    lines = [line.split("tools/release.py", 1)[1] for line in script.splitlines() if "tools/release.py" in line]
    names = []
    for line in lines:
        words = shlex.split(line)
        with contextlib.redirect_stderr(io.StringIO()):
            release.parser().parse_args(words)  # exits where a command or an option is unknown
        names.append(words[0])
    assert names == ["plan", "base", "build", "scan", "index", "plan", "commit", "publish"]


OPENSSL = vulnerabilities.Package("Debian:13", "openssl", "3.5.1-1")


def advisory(package: vulnerabilities.Package, *events: Mapping[str, str]) -> Json:
    of = {"ecosystem": package.ecosystem, "name": package.name}
    other = {"package": {"ecosystem": "Debian:12", "name": package.name}, "ranges": [{"events": [{"fixed": "1"}]}]}
    return {"id": "DEBIAN-CVE-1", "affected": [other, {"package": of, "ranges": [{"events": list(events)}]}]}


def bill_of(*debian: tuple[str, str, str, str, str]) -> Json:
    image = sbom.DescribedImage(f"ghcr.io/{REPOSITORY}/chatops", DIGEST, "1.2.3", "arm64", "2026-02-03T04:05:06Z")
    return sbom.bill(image, sbom.Inventory([("urllib3", "2.8.0")], debian, "13"))


def test_advisories_are_asked_for_the_sources_of_debians_packages() -> None:
    binary = ("libssl3t64", "3.5.1-1+b1", "arm64", "openssl", "3.5.1-1")
    assert vulnerabilities.packages(bill_of(binary, ("openssl", "3.5.1-1", "arm64", "openssl", "3.5.1-1"))) == [
        OPENSSL,
        vulnerabilities.Package("PyPI", "urllib3", "2.8.0"),
    ]


def test_a_vulnerability_that_a_newer_version_mends_stops_a_release() -> None:
    bill = bill_of(("openssl", "3.5.1-1", "arm64", "openssl", "3.5.1-1"))
    asked = []

    def look_up(package: vulnerabilities.Package) -> list[Json]:
        asked.append(package)
        return [advisory(package, {"introduced": "0"}, {"fixed": "3.5.4-1"})] if package == OPENSSL else []

    with pytest.raises(WorkFailed, match=r"openssl 3\.5\.1-1 \(Debian:13\): DEBIAN-CVE-1, fixed in 3\.5\.4-1"):
        vulnerabilities.check([bill, bill], look_up)
    assert len(asked) == 2, "what several images hold is asked for once"


BRANCHES = [{"introduced": "0"}, {"fixed": "1.26.20"}, {"introduced": "2.0"}, {"fixed": "2.5.1"}]


def ranges(*groups: tuple[str, Sequence[Mapping[str, str]]], name: str = "urllib3", ecosystem: str = "PyPI") -> Json:
    listed = [{"type": kind, "events": list(events)} for kind, events in groups]
    return {"id": "A", "affected": [{"package": {"ecosystem": ecosystem, "name": name}, "ranges": listed}]}


@pytest.mark.parametrize(
    ("package", "document", "fixed"),
    [
        # Each branch has its own fix, wherever the advisory lists it.
        (("PyPI", "urllib3", "1.26.5"), ranges(("ECOSYSTEM", BRANCHES)), "1.26.20"),
        (("PyPI", "urllib3", "2.1"), ranges(("ECOSYSTEM", BRANCHES)), "2.5.1"),
        (("PyPI", "urllib3", "1.9"), ranges(("ECOSYSTEM", BRANCHES[2:]), ("ECOSYSTEM", BRANCHES[:2])), "1.26.20"),
        (("PyPI", "urllib3", "2.5.1rc1"), ranges(("ECOSYSTEM", BRANCHES)), "2.5.1"),
        (("PyPI", "urllib3", "2.5.1"), ranges(("ECOSYSTEM", BRANCHES)), ""),
        # A commit is no version.
        (("PyPI", "urllib3", "2.1"), ranges(("GIT", [{"fixed": "f" * 40}])), ""),
        (("PyPI", "urllib3", "2.1"), ranges(("ECOSYSTEM", BRANCHES), ("GIT", [{"fixed": "9" * 40}])), "2.5.1"),
        # A name of PyPI has several spellings (PEP 503), one of Debian has one.
        (("PyPI", "ruamel-yaml-x", "1"), ranges(("ECOSYSTEM", [{"fixed": "2"}]), name="Ruamel.yaml_X"), "2"),
        (("PyPI", "typing_extensions", "1"), ranges(("ECOSYSTEM", [{"fixed": "2"}]), name="typing-extensions"), "2"),
        (("PyPI", "urllib3", "1"), ranges(("ECOSYSTEM", [{"fixed": "2"}]), name="urllib"), ""),
        (("Debian:13", "lib-x", "1"), ranges(("ECOSYSTEM", [{"fixed": "2"}]), name="lib.x", ecosystem="Debian:13"), ""),
        (
            ("Debian:13", "openssl", "3.5.1-1"),
            ranges(
                ("ECOSYSTEM", [{"fixed": "3.5.10-1"}, {"fixed": "3.5.1-1+deb13u1"}]), name="openssl", ecosystem="Debian:13"
            ),
            "3.5.1-1+deb13u1",
        ),
    ],
)
def test_a_fix_is_the_next_version_of_the_same_package(package: tuple[str, str, str], document: Json, fixed: str) -> None:
    (finding,) = vulnerabilities.findings(vulnerabilities.Package(*package), [document])
    assert finding.fixed == fixed


DEBIAN = ["1.0~~", "1.0~rc1", "1.0", "1.0-0.1", "1.0-1~deb13u1", "1.0-1+b1", "1.0a", "1.0+dfsg", "1.10-1", "1:0.9-2"]


@pytest.mark.parametrize(
    ("order", "versions"),
    [
        (version_orders.python_order, ["1.0.dev1", "1.0a1", "1.0", "1.0.post1", "1.9", "1.10", "1!0.1", "no version"]),
        (version_orders.debian_order, DEBIAN),
    ],
)
def test_versions_are_in_the_order_of_their_ecosystem(order: Callable[[str], Any], versions: list[str]) -> None:
    assert sorted(set(versions), key=order) == versions


@pytest.mark.skipif(shutil.which("dpkg") is None, reason="needs dpkg")
def test_debians_order_is_that_of_dpkg() -> None:
    versions = [*DEBIAN, "1.0-0", "1.0.-1", "1.00"]
    for one, other in itertools.product(versions, versions):
        is_newer = subprocess.run(["dpkg", "--compare-versions", one, "gt", other], check=False).returncode == 0
        assert (version_orders.debian_order(one) > version_orders.debian_order(other)) == is_newer, (one, other)


def test_a_vulnerability_that_nobody_has_mended_is_listed() -> None:
    bill = bill_of(("openssl", "3.5.1-1", "arm64", "openssl", "3.5.1-1"))
    lines = vulnerabilities.check([bill], lambda package: [advisory(package, {"introduced": "0"})])
    assert lines[0] == "2 packages, none with a known vulnerability that a newer version mends"
    assert "openssl 3.5.1-1 (Debian:13): DEBIAN-CVE-1, without a fix" in lines


def test_a_release_fails_where_nothing_was_looked_up() -> None:
    with pytest.raises(BadInput, match="no bill"):
        vulnerabilities.check([], lambda _: [])
    with pytest.raises(BadInput, match="pkg:generic/git"):
        vulnerabilities.check([{"components": [{"purl": "pkg:generic/git@2"}]}], lambda _: [])

    def unreachable(package: vulnerabilities.Package) -> list[Json]:
        raise Unavailable("OSV did not tell", "run the job again")

    with pytest.raises(Unavailable):
        vulnerabilities.check([bill_of()], unreachable)
