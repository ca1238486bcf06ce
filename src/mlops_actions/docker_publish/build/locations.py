"""Read the places that a user names for a build: own layer caches and exported files. Pure.

Grammar: one CSV record of `KEY=VALUE` fields a line, as `docker buildx build` takes it. Kinds and fields are an allow-list:
some fields hold a password, which must not be on a command line, and some kinds push an image under any name.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops_actions.core.errors import BadInput
from mlops_actions.core.image_name import split_tag
from mlops_actions.docker_publish.inputs import Inputs
from mlops_actions.docker_publish.tags.reserved import is_reserved

InWorkspace = Callable[[str, str], Path]  # a path and the input's name → the absolute path in the workspace, or BadInput

_COMPRESSION = frozenset({"compression", "compression-level", "force-compression", "oci-mediatypes"})
_WRITING = _COMPRESSION | {"mode", "ignore-error", "image-manifest"}
_S3 = frozenset({"region", "bucket", "name", "prefix", "blobs_prefix", "manifests_prefix", "endpoint_url", "use_path_style"})
_AZURE = frozenset({"account_url", "name", "prefix", "blobs_prefix", "manifests_prefix"})
# The fields of BuildKit's documentation of cache backends, without those that hold a password.
_CACHES: Mapping[str, frozenset[str]] = {
    "registry": frozenset({"ref"}),
    "gha": frozenset({"scope", "timeout"}),
    "local": frozenset({"src", "dest", "tag", "digest"}),
    "s3": _S3,
    "azblob": _AZURE,
    "inline": frozenset(),
}
_PASSWORDS = frozenset({"access_key_id", "secret_access_key", "session_token", "token", "ghtoken", "url_v2", "url"})
_REQUIRED = {"registry": "ref", "s3": "bucket", "azblob": "account_url"}
_EXPORTS: Mapping[str, frozenset[str]] = {
    "local": frozenset({"dest", "platform-split"}),
    "tar": frozenset({"dest", "platform-split"}),
    "oci": frozenset({"dest", "name", "tar"}) | _COMPRESSION,
    "docker": frozenset({"dest", "name", "tar"}) | _COMPRESSION,
}


@dataclass(frozen=True)
class Location:
    """One place: its kind (`type`) and its other fields."""

    kind: str
    fields: Mapping[str, str]

    def record(self) -> str:
        """Write it as buildx reads it."""
        out = io.StringIO()
        csv.writer(out, lineterminator="").writerow([f"type={self.kind}", *(f"{k}={v}" for k, v in self.fields.items())])
        return out.getvalue()


@dataclass(frozen=True)
class Locations:
    """The places of one build; every path is absolute and in the workspace."""

    cache_from: tuple[Location, ...] = ()
    cache_to: tuple[Location, ...] = ()
    exports: tuple[Location, ...] = ()


def read(inputs: Inputs, in_workspace: InWorkspace) -> Locations:
    """Read `cache-from`, `cache-to` and `outputs`; raises BadInput."""
    return Locations(
        cache_from=read_caches(inputs.cache_from or (), "cache-from", in_workspace),
        cache_to=read_caches(inputs.cache_to or (), "cache-to", in_workspace),
        exports=read_exports(inputs.outputs or (), in_workspace),
    )


def read_caches(texts: Iterable[str], input_name: str, in_workspace: InWorkspace) -> tuple[Location, ...]:
    """Read `cache-from` or `cache-to`; raises BadInput."""
    writes = input_name == "cache-to"
    folder = "dest" if writes else "src"
    locations = []
    for text in texts:
        location = _read(text, input_name, bare="registry", kinds=_CACHES, more=_WRITING if writes else frozenset())
        if location.kind == "inline" and not writes:
            raise BadInput(f"input '{input_name}' has 'type=inline'", "name the image: type=registry,ref=NAME:TAG")
        fields = dict(location.fields)
        if location.kind == "local":
            fields = {**fields, folder: str(in_workspace(_required(location, folder, input_name), input_name))}
        elif name := _REQUIRED.get(location.kind):
            _required(location, name, input_name)
        if is_reserved(split_tag(fields.get("ref", ""))[1]):
            raise BadInput(
                f"input '{input_name}' names {fields['ref']!r}, whose tag this action keeps for its own cache",
                "choose another tag, or leave the choice to the input 'cache'",
            )
        locations.append(Location(location.kind, fields))
    return tuple(locations)


def read_exports(texts: Iterable[str], in_workspace: InWorkspace) -> tuple[Location, ...]:
    """Read the input `outputs`; raises BadInput for what is no file or folder of the workspace."""
    locations = []
    for text in texts:
        location = _read(text, "outputs", bare="local", kinds=_EXPORTS, more=frozenset())
        target = in_workspace(_required(location, "dest", "outputs"), "outputs")
        if target == in_workspace(".", "outputs"):
            raise BadInput("input 'outputs' would write over the whole workspace", "name a folder or a file in it")
        locations.append(Location(location.kind, {**location.fields, "dest": str(target)}))
    return tuple(locations)


def _read(text: str, input_name: str, bare: str, kinds: Mapping[str, frozenset[str]], more: frozenset[str]) -> Location:
    """Read one line; a line without fields is the main field of the kind `bare`, as buildx takes it."""
    try:
        (words,) = csv.reader([text], strict=True)
    except (csv.Error, ValueError) as error:
        raise BadInput(f"input '{input_name}' has a line that is no list of fields: {error}", _example(input_name)) from None
    if len(words) == 1 and "=" not in words[0]:
        words = [f"type={bare}", f"{'ref' if bare == 'registry' else 'dest'}={words[0]}"]
    pairs = [word.strip().partition("=") for word in words]
    fields = {name.lower(): value for name, _, value in pairs}
    kind = fields.pop("type", "")
    if kind not in kinds:
        choices = ", ".join(kinds)
        raise BadInput(f"input '{input_name}' has the type {kind!r}, not one of {choices}", _example(input_name))
    for name in fields:
        if name in _PASSWORDS:
            raise BadInput(
                f"input '{input_name}' has {name!r}, which would be on a command line that every process can read",
                "give it in the step's 'env:' under the variable that its provider's tools read",
            )
        if name not in kinds[kind] | more:
            raise BadInput(f"input '{input_name}' has {name!r}, which 'type={kind}' does not take", _example(input_name))
    return Location(kind, fields)


def _required(location: Location, name: str, input_name: str) -> str:
    value = location.fields.get(name, "")
    if not value or value == "-":
        raise BadInput(f"input '{input_name}' has 'type={location.kind}' without '{name}'", _example(input_name))
    return value


def _example(input_name: str) -> str:
    examples = {
        "cache-from": "type=registry,ref=ghcr.io/owner/name:cache",
        "cache-to": "type=registry,ref=ghcr.io/owner/name:cache,mode=max",
        "outputs": "type=local,dest=out",
    }
    return f"write a line such as '{examples[input_name]}'"
