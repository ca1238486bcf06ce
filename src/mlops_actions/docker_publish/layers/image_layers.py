"""Read the layers of one platform of an image, with what made each, from its manifest and configuration.

Forms: OCI image specification (config.md: `history` has one entry for each instruction, also for those without a layer).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlops_actions.core.errors import ActionError
from mlops_actions.core.image_name import ImageName
from mlops_actions.core.oci import Manifest, json_object
from mlops_actions.docker_publish.ports import LocalHistory, Registry

_DEFAULT_PLATFORM = "linux/amd64"
# `RUN |2 KEY=value KEY=value /bin/sh -c …`: the build arguments in front of a command, and the shell that BuildKit adds.
_ARGUMENTS = re.compile(r"^RUN \|(\d{1,3}) ")
_SHELL = re.compile(r"^RUN (?:/\S+/)?(?:ba|da|z)?sh (?:-[a-z]*o [a-z]+ |-[a-z]+ )*?-[a-z]*c ")
_CLASSIC = re.compile(r"^(?:/bin/sh -c )#\(nop\)\s+")
_MAX_COMMAND = 4000  # characters


@dataclass(frozen=True)
class HistoryEntry:
    """One instruction as the image records it; `layer` is the index of its layer, None where it made none."""

    command: str
    layer: int | None

    @property
    def keyword(self) -> str:
        """The instruction's keyword; empty where the text does not begin with one."""
        match = re.match(r"[A-Z]+\b", self.command)
        return match[0] if match else ""


@dataclass(frozen=True)
class Layer:
    """A layer: its digest, its bytes in the registry (compressed), and its media type."""

    digest: str
    size: int
    media_type: str = ""


@dataclass(frozen=True)
class ImageLayers:
    """The layers of one platform, lowest first, and the history, oldest first; without a usable history it is empty.

    `environment` has the variables that the image sets, `labels` its labels.
    """

    platform: str
    layers: tuple[Layer, ...]
    history: tuple[HistoryEntry, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """The bytes of all layers."""
        return sum(layer.size for layer in self.layers)

    def command_of(self, layer: int) -> str:
        """Return what made a layer, by its index; empty where it is not known."""
        return next((entry.command for entry in self.history if entry.layer == layer), "")


def read(registry: Registry, name: ImageName, manifest: Manifest, platform: str = "") -> ImageLayers | None:
    """Read an image, or the given platform of an index (else linux/amd64, else the first); None where it cannot be read."""
    try:
        document: Mapping[str, Any] = manifest.document
        if "manifests" in document:
            entry = _choose(document["manifests"], platform)
            child = registry.manifest(name.repository, str(entry["digest"]))
            if child is None:
                return None
            document = child.document
        config = json_object(registry.blob(name.repository, str(document["config"]["digest"])))
        layers = tuple(
            Layer(str(layer["digest"]), int(layer["size"]), str(layer.get("mediaType", ""))) for layer in document["layers"]
        )
        return ImageLayers(
            _platform_of(config), layers, _history(config, len(layers)), _environment(config), _labels(config)
        )
    except (ActionError, KeyError, IndexError, TypeError, ValueError, AttributeError):
        return None


def of_daemon(local: LocalHistory) -> ImageLayers:
    """Take the layers of an image in the daemon; they have no digests, and their bytes are those on the disk."""
    layers: list[Layer] = []
    history: list[HistoryEntry] = []
    for created_by, size in local.entries:
        history.append(HistoryEntry(plain_command(created_by), len(layers) if size else None))
        layers += [Layer("", size)] if size else []
    environment = {key: value for key, _, value in (variable.partition("=") for variable in local.environment)}
    return ImageLayers(local.platform, tuple(layers), tuple(history), environment)


def _choose(entries: Sequence[Mapping[str, Any]], platform: str) -> Mapping[str, Any]:
    """Choose the image of a platform; an attestation is none."""
    images = [entry for entry in entries if "vnd.docker.reference.type" not in (entry.get("annotations") or {})]
    by_platform = {_platform_of(entry.get("platform") or {}): entry for entry in reversed(images)}
    return by_platform.get(platform) or by_platform.get(_DEFAULT_PLATFORM) or images[0]


def _platform_of(values: Mapping[str, Any]) -> str:
    parts = (values.get("os"), values.get("architecture"), values.get("variant"))
    return "/".join(str(part) for part in parts if part)


def _history(config: Mapping[str, Any], count: int) -> tuple[HistoryEntry, ...]:
    """Assign the layers to the entries; empty where the numbers disagree, as after a squash."""
    entries: list[HistoryEntry] = []
    layer = 0
    for item in config.get("history") or []:
        has_layer = not item.get("empty_layer")
        entries.append(HistoryEntry(plain_command(str(item.get("created_by") or "")), layer if has_layer else None))
        layer += has_layer
    return tuple(entries) if layer == count else ()


def _environment(config: Mapping[str, Any]) -> dict[str, str]:
    variables = (config.get("config") or {}).get("Env") or []
    return {key: value for key, _, value in (str(variable).partition("=") for variable in variables)}


def _labels(config: Mapping[str, Any]) -> dict[str, str]:
    labels = (config.get("config") or {}).get("Labels") or {}
    return {str(key): str(value) for key, value in labels.items()}


def plain_command(created_by: str) -> str:
    """Return an instruction as its author wrote it: without the shell, the values of build arguments and builders' marks."""
    text = _CLASSIC.sub("", created_by.strip()).removesuffix("# buildkit").strip()[:_MAX_COMMAND]
    if text.startswith("/bin/sh -c "):  # the classic builder's RUN
        text = f"RUN {text}"
    if match := _ARGUMENTS.match(text):
        text = "RUN " + _after_arguments(text[match.end() :], int(match[1]))
    return " ".join(_SHELL.sub("RUN ", text).split())


def _after_arguments(text: str, count: int) -> str:
    """Leave out the build arguments; a value with blanks is not quoted there, so the shell is looked for."""
    shell = re.search(r"(?:^| )((?:/\S+/)?(?:ba|da|z)?sh (?:-\S+ )*?-[a-z]*c .*)", text)
    if shell:
        return shell[1]
    return " ".join(text.split(" ")[count:])
