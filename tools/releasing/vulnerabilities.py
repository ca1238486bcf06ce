"""Look up known vulnerabilities of what the images hold: the packages of Python and of Debian that the bills name.

The answers are those of OSV (https://google.github.io/osv.dev/post-v1-query/), which has the advisories of PyPI and of
Debian's security tracker. A vulnerability that a newer version mends stops the release: to build again takes that version.
One that nobody has mended yet is listed, since no release could wait for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote
from urllib.request import Request, urlopen

from packaging.utils import canonicalize_name

from mlops_actions.core.errors import BadInput, Unavailable, WorkFailed
from mlops_actions.core.types import Json
from releasing.version_orders import debian_order, python_order

PYPI = "PyPI"
URL = "https://api.osv.dev/v1/query"
_SECONDS = 30
_MAX_PAGES = 20
_PURL = re.compile(r"pkg:(?P<kind>pypi|deb/debian)/(?P<name>[^@?]+)@(?P<version>[^?]+)(?:\?(?P<qualifiers>.*))?")


@dataclass(frozen=True, order=True)
class Package:
    """A package as advisories name it: `ecosystem` is `PyPI`, or `Debian:13` with the name of the source."""

    ecosystem: str
    name: str
    version: str

    @property
    def query(self) -> Json:
        """The question about this package."""
        return {"package": {"ecosystem": self.ecosystem, "name": self.name}, "version": self.version}

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({self.ecosystem})"


@dataclass(frozen=True)
class Finding:
    """A known vulnerability of a package; `fixed` is the next version that mends it (empty: none does yet)."""

    package: Package
    identifier: str
    fixed: str

    def __str__(self) -> str:
        return f"{self.package}: {self.identifier}, {f'fixed in {self.fixed}' if self.fixed else 'without a fix'}"


def packages(bill: Json) -> list[Package]:
    """Return the packages of a bill of materials; raises BadInput for a component that no advisory could be about."""
    return sorted({_package(str(component.get("purl"))) for component in bill["components"]})


def _package(purl: str) -> Package:
    match = _PURL.fullmatch(purl)
    if match is None:
        raise BadInput(
            f"the bill of materials names {purl}, and nothing tells whose advisories are about it", "teach this file"
        )
    name, version = unquote(match["name"]), unquote(match["version"])
    if match["kind"] == "pypi":
        return Package(PYPI, name, version)
    qualifiers = parse_qs(match["qualifiers"] or "")
    source, _, source_version = qualifiers.get("upstream", [f"{name}@{version}"])[0].partition("@")
    release = qualifiers["distro"][0].removeprefix("debian-")
    return Package(f"Debian:{release}", source, source_version)


def findings(package: Package, advisories: Iterable[Json]) -> list[Finding]:
    """Return what the advisories say about a package."""
    return [Finding(package, str(advisory["id"]), _fixed(package, advisory)) for advisory in advisories]


def _fixed(package: Package, advisory: Json) -> str:
    """Return the version that mends this package in the installed one's branch: the lowest fix that is newer than it.

    Empty where the advisory names none. A range of the type GIT names commits, which nobody can install.
    https://ossf.github.io/osv-schema/#affectedrangestype-field
    """
    fixes = {
        str(event["fixed"])
        for affected in advisory.get("affected", ())
        if _is_about(affected.get("package", {}), package)
        for branch in affected.get("ranges", ())
        if branch.get("type") != "GIT"
        for event in branch.get("events", ())
        if "fixed" in event
    }
    order = python_order if package.ecosystem == PYPI else debian_order
    return min((fix for fix in fixes if order(fix) > order(package.version)), key=order, default="")


def _is_about(named: Json, package: Package) -> bool:
    same_name = _comparable(package.ecosystem, str(named.get("name", ""))) == _comparable(package.ecosystem, package.name)
    return same_name and named.get("ecosystem", "") == package.ecosystem


def _comparable(ecosystem: str, name: str) -> str:
    return canonicalize_name(name) if ecosystem == PYPI else name


def ask(package: Package) -> list[Json]:
    """Ask OSV about a package; raises Unavailable."""
    advisories: list[Json] = []
    token = ""
    for _ in range(_MAX_PAGES):
        body = json.dumps({**package.query, **({"page_token": token} if token else {})}).encode()
        try:
            with urlopen(Request(URL, body, {"Content-Type": "application/json"}), timeout=_SECONDS) as answer:
                document = json.loads(answer.read())
        except (OSError, ValueError) as error:
            raise Unavailable(f"OSV did not tell the vulnerabilities of {package}: {error}", "run the job again") from None
        advisories += document.get("vulns", ())
        token = document.get("next_page_token", "")
        if not token:
            return advisories
    raise Unavailable(f"OSV's answer about {package} has more than {_MAX_PAGES} pages", "run the job again")


def check(bills: Sequence[Json], look_up: Callable[[Package], Iterable[Json]] = ask) -> list[str]:
    """Look up every package of the bills; return what to print. Raises WorkFailed where a fix exists, and Unavailable."""
    everything = sorted({package for bill in bills for package in packages(bill)})
    if not everything:
        raise BadInput("there is no bill of materials to look up", "run build first")
    found = [finding for package in everything for finding in findings(package, look_up(package))]
    if mended := [str(finding) for finding in found if finding.fixed]:
        raise WorkFailed(
            f"known vulnerabilities are in the images: {'; '.join(mended)}",
            "build again where Debian has the fix; else raise the version in pyproject.toml, then make lock",
        )
    return [f"{len(everything)} packages, none with a known vulnerability that a newer version mends", *map(str, found)]
