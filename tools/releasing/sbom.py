"""Write the software bill of materials (CycloneDX 1.6) of an image, from its contents and not from the lock files."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

# The image's own Python runs this in the image. It lists Python's packages, Debian's packages and programs without one.
INVENTORY = """
import importlib.metadata, json, pathlib, shutil, subprocess
packages = []
for stanza in pathlib.Path("/var/lib/dpkg/status").read_text().split("\\n\\n"):
    fields = dict(line.split(": ", 1) for line in stanza.splitlines() if ": " in line and not line.startswith(" "))
    if fields.get("Status") == "install ok installed":
        packages.append([fields["Package"], fields["Version"], fields["Architecture"]])
programs = []
if shutil.which("git") and "git" not in [name for name, *_ in packages]:
    version = subprocess.run(["git", "version"], capture_output=True, text=True, check=True).stdout
    programs.append(["git", version.split()[2]])
python = sorted({(package.metadata["Name"], package.version) for package in importlib.metadata.distributions()})
print(json.dumps({"python": python, "debian": packages, "programs": programs}))
"""


@dataclass(frozen=True)
class Inventory:
    """The contents of an image."""

    python: Sequence[tuple[str, str]]
    debian: Sequence[tuple[str, str, str]]
    programs: Sequence[tuple[str, str]]

    @classmethod
    def read(cls, text: str) -> Inventory:
        """Parse the output of INVENTORY."""
        document = json.loads(text)
        return cls(*([tuple(entry) for entry in document[kind]] for kind in ("python", "debian", "programs")))


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
        *(
            _component("library", name, version, f"pkg:deb/debian/{quote(name)}@{quote(version, safe='')}?arch={kind}")
            for name, version, kind in inventory.debian
        ),
        *(
            _component("application", name, version, f"pkg:generic/{quote(name)}@{quote(version, safe='')}")
            for name, version in inventory.programs
        ),
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


def _component(kind: str, name: str, version: str, purl: str) -> Mapping[str, str]:
    return {"type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl}
