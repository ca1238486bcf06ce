"""Write the software bill of materials (CycloneDX 1.6) of an image, from its contents and not from the lock files."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

# The image's own Python runs this in the image. It lists Python's packages, and Debian's packages that files are of, with
# the names and the versions of their sources: advisories are about sources.
INVENTORY = """
import importlib.metadata, json, pathlib
packages = []
for path in sorted(pathlib.Path("/var/lib/dpkg/status.d").iterdir()):
    lines = path.read_text().splitlines()
    fields = dict(line.split(": ", 1) for line in lines if ": " in line and not line.startswith(" "))
    source, _, version = fields.get("Source", fields["Package"]).partition(" (")
    source_version = version.rstrip(")") or fields["Version"]
    packages.append([fields["Package"], fields["Version"], fields["Architecture"], source, source_version])
python = sorted({(package.metadata["Name"], package.version) for package in importlib.metadata.distributions()})
system = dict(line.split("=", 1) for line in pathlib.Path("/usr/lib/os-release").read_text().splitlines() if "=" in line)
print(json.dumps({"python": python, "debian": packages, "release": system["VERSION_ID"].strip('"')}))
"""


@dataclass(frozen=True)
class Inventory:
    """The contents of an image."""

    python: Sequence[tuple[str, str]]
    debian: Sequence[tuple[str, str, str, str, str]]
    release: str

    @classmethod
    def read(cls, text: str) -> Inventory:
        """Parse the output of INVENTORY."""
        document = json.loads(text)
        python, debian = ([tuple(entry) for entry in document[kind]] for kind in ("python", "debian"))
        return cls(python, debian, str(document["release"]))


@dataclass(frozen=True)
class DescribedImage:
    """The image that a bill of materials describes."""

    name: str
    digest: str
    version: str
    architecture: str
    created: str


def bill(image: DescribedImage, inventory: Inventory) -> dict[str, Any]:
    """Return the document; the same image always gives the same document."""
    host, _, path = image.name.partition("/")
    leaf = path.rpartition("/")[2]
    purl = (
        f"pkg:oci/{leaf}@{quote(image.digest, safe='')}"
        f"?arch={image.architecture}&repository_url={quote(f'{host}/{path}', safe='/.')}"
    )
    components = [
        *(_component("library", name, version, _pypi(name, version)) for name, version in inventory.python),
        *(_component("library", package[0], package[1], _deb(package, inventory.release)) for package in inventory.debian),
    ]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_URL, purl).urn,
        "version": 1,
        "metadata": {
            "timestamp": image.created,
            "component": {
                "type": "container",
                "bom-ref": purl,
                "name": image.name,
                "version": image.version,
                "purl": purl,
                "hashes": [{"alg": "SHA-256", "content": image.digest.removeprefix("sha256:")}],
            },
        },
        "components": components,
        "dependencies": [{"ref": purl, "dependsOn": [component["bom-ref"] for component in components]}],
    }


def _pypi(name: str, version: str) -> str:
    return f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}@{quote(version, safe='')}"


def _deb(package: tuple[str, str, str, str, str], release: str) -> str:
    name, version, architecture, source, source_version = package
    upstream = (
        "" if (source, source_version) == (name, version) else f"&upstream={quote(f'{source}@{source_version}', safe='')}"
    )
    qualifiers = f"arch={architecture}&distro=debian-{release}{upstream}"
    return f"pkg:deb/debian/{quote(name)}@{quote(version, safe='')}?{qualifiers}"


def _component(kind: str, name: str, version: str, purl: str) -> Mapping[str, str]:
    return {"type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl}
