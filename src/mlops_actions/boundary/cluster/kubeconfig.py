"""A kubeconfig: found in any of its spellings, cut to one context, refused where it would run programs. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlops_actions.core.errors import BadInput
from mlops_actions.core.parsers import yaml_value
from mlops_actions.core.types import Json

SECRET_KEYS = ("token", "password", "client-key-data", "client-certificate-data", "id-token", "refresh-token")
FILE_KEYS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
GOOGLE_PLUGIN = "gke-gcloud-auth-plugin"
# What gcloud wrote into kubeconfigs before it had the plug-in; it names a program, gcloud.
GOOGLE_PROVIDER = "gcp"
_REMEDY = "give a kubeconfig with a token or a client certificate, as `kubectl config view --raw` prints it"


@dataclass(frozen=True)
class SelectedContext:
    """One context: a kubeconfig that holds nothing else, and its namespace (empty where it names none).

    `by_google`: it would have its token from gcloud or its plug-in; Google's library gives the same without a program.
    """

    config: Json
    context: str
    server: str
    namespace: str
    by_google: bool = False


def inline(text: str) -> str | None:
    """Return the YAML where an input holds a kubeconfig itself, in plain or in base64; None where it is a path."""
    stripped = text.strip()
    if "\n" in stripped or stripped.startswith("{"):
        decoded = _decoded(stripped)
        return decoded if decoded is not None and "clusters" in decoded else text
    decoded = _decoded(stripped)
    return decoded if decoded is not None and "clusters" in decoded else None


def parse(text: str, origin: str) -> Json:
    """Read a kubeconfig; raises BadInput. Nothing of its text is shown: it is secret."""
    try:
        config = yaml_value(text)
    except ValueError:
        raise BadInput(f"{origin} is not valid YAML", _REMEDY) from None
    if not isinstance(config, dict):
        raise BadInput(f"{origin} is not a kubeconfig: it is no mapping", _REMEDY)
    for key in ("clusters", "users", "contexts"):
        entries = config.get(key) or []
        if not isinstance(entries, list) or not all(isinstance(one, dict) and one.get("name") for one in entries):
            raise BadInput(f"{origin} is not a kubeconfig: '{key}' is no list of named entries", _REMEDY)
    return config


def merged(configs: Sequence[Json]) -> Json:
    """Merge several files as kubectl does: of entries with one name, and of `current-context`, the first counts."""
    whole: Json = {"apiVersion": "v1", "kind": "Config", "current-context": ""}
    for key in ("clusters", "users", "contexts"):
        found: dict[str, Json] = {}
        for config in configs:
            for entry in config.get(key) or []:
                found.setdefault(str(entry["name"]), entry)
        whole[key] = list(found.values())
    whole["current-context"] = next((one["current-context"] for one in configs if one.get("current-context")), "")
    return whole


def choose(config: Json, context: str | None, origin: str) -> SelectedContext:
    """Cut the kubeconfig to one context; raises BadInput where something is missing, or a program would have to be run."""
    name = context or str(config.get("current-context") or "")
    contexts = {str(one["name"]): one.get("context") or {} for one in config.get("contexts") or []}
    if not name:
        raise BadInput(
            f"{origin} has no current context",
            f"give 'kube-context', one of: {', '.join(contexts) or '(there are none)'}",
        )
    if name not in contexts:
        raise BadInput(
            f"{origin} has no context '{name}'", f"give 'kube-context', one of: {', '.join(contexts) or '(there are none)'}"
        )
    chosen = contexts[name]
    cluster = _entry(config, "clusters", "cluster", str(chosen.get("cluster") or ""), origin)
    user = _entry(config, "users", "user", str(chosen.get("user") or ""), origin) if chosen.get("user") else {}
    server = str(cluster.get("server") or "")
    if not server.startswith(("https://", "http://")):
        raise BadInput(f"{origin}: the cluster of context '{name}' has no server address", _REMEDY)
    by_google = _program(user) == GOOGLE_PLUGIN or _provider(user) == GOOGLE_PROVIDER
    if by_google:
        user = {key: value for key, value in user.items() if key not in ("exec", "auth-provider")}
    _refuse_programs(user, name, origin)
    if user.get("token") and not is_token(str(user["token"])):
        raise BadInput(f"{origin} cannot be used: its token is no single word of ASCII", _REMEDY)
    for entry in (cluster, user):
        _check_data(entry, origin)
    single = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }
    return SelectedContext(single, name, server, str(chosen.get("namespace") or ""), by_google)


def is_token(text: str) -> bool:
    """Tell whether a text can be sent as a token: one with a line end in it would end up as another header."""
    return re.fullmatch(r"[\x21-\x7e]+", text) is not None


def files(entry: Json) -> Iterator[tuple[str, str]]:
    """Yield key and path of each file that a cluster's or a user's entry refers to and that counts."""
    for key in FILE_KEYS:
        if entry.get(key) and not entry.get(f"{key}-data"):
            yield key, str(entry[key])


def secrets(value: object) -> Iterator[str]:
    """Yield every secret text in a kubeconfig, as it is written and as it is meant."""
    if isinstance(value, dict):
        for key, one in value.items():
            if key in SECRET_KEYS and isinstance(one, str):
                yield one
                if key.endswith("-data") and (plain := _decoded(one)):
                    yield plain
            else:
                yield from secrets(one)
    elif isinstance(value, list):
        for one in value:
            yield from secrets(one)


def _entry(config: Json, plural: str, key: str, name: str, origin: str) -> Json:
    for entry in config.get(plural) or []:
        if str(entry["name"]) == name and isinstance(entry.get(key), dict):
            found: Json = entry[key]
            return found
    raise BadInput(f"{origin} names the {key} '{name}', but holds none of this name", _REMEDY)


def _program(user: Json) -> str:
    plugin = user.get("exec")
    return str(plugin.get("command") or "?").rpartition("/")[2] if isinstance(plugin, dict) else ""


def _provider(user: Json) -> str:
    provider = user.get("auth-provider")
    return str(provider.get("name") or "") if isinstance(provider, dict) else ""


def _refuse_programs(user: Json, context: str, origin: str) -> None:
    if "exec" in user:
        raise BadInput(
            f"{origin}: the user of context '{context}' has its token from a program ({_program(user)!r}), which is not run",
            "a kubeconfig that runs programs is code: give one that holds a token, such as a service account's",
        )
    if "auth-provider" in user:
        raise BadInput(
            f"{origin}: the user of context '{context}' uses an auth-provider, which may run programs",
            "give a kubeconfig that holds a token, such as a service account's",
        )


def _check_data(entry: Json, origin: str) -> None:
    for key in ("certificate-authority-data", "client-certificate-data", "client-key-data"):
        # The client's own decoder skips what is no base64, and would then trust nothing, or everything.
        if entry.get(key) and "-----BEGIN" not in (_decoded(str(entry[key])) or ""):
            raise BadInput(f"{origin} cannot be used: '{key}' is no base64 of a PEM file", _REMEDY)


def _decoded(text: str) -> str | None:
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
