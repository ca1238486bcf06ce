"""Read a kubeconfig: decode it, select one context, refuse one that would run unknown programs. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from mlops_actions.boundary.cluster import logins
from mlops_actions.core.errors import BadInput
from mlops_actions.core.parsers import yaml_value
from mlops_actions.core.types import Json

SECRET_KEYS = ("token", "password", "client-key-data", "client-certificate-data", "id-token", "refresh-token")
FILE_KEYS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
# https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2; the API server decodes the others.
_IN_HEADER_NAMES = "!#$&'*+-.^_`|~"
_IMPERSONATED = ("as-uid", "as-groups", "as-user-extra")
_REMEDY = "give a kubeconfig with a token or a client certificate, as `kubectl config view --raw` prints it"


@dataclass(frozen=True)
class SelectedContext:
    """One context: a kubeconfig that holds nothing else, and the context's namespace (empty where it names none).

    `login` is what a known plug-in stands for: a library returns the same token without running the program.
    `impersonation` are the headers by which the user asks to act as another one.
    """

    config: Json
    context: str
    server: str
    namespace: str
    login: logins.Login | None = None
    impersonation: tuple[tuple[str, str], ...] = ()


def inline(text: str) -> str | None:
    """Return the YAML where an input holds a kubeconfig itself, as text or as base64; None where it is a path."""
    stripped = text.strip()
    if "\n" in stripped or stripped.startswith("{"):
        decoded = _decoded(stripped)
        return decoded if decoded is not None and "clusters" in decoded else text
    decoded = _decoded(stripped)
    return decoded if decoded is not None and "clusters" in decoded else None


def parse(text: str, origin: str) -> Json:
    """Read a kubeconfig; raises BadInput, whose text quotes nothing of the kubeconfig, since it is secret."""
    try:
        config = yaml_value(text)
    except ValueError:
        raise BadInput(f"{origin} is not valid YAML", _REMEDY) from None
    if not isinstance(config, dict):
        raise BadInput(f"{origin} is not a kubeconfig: it is not a mapping", _REMEDY)
    for key in ("clusters", "users", "contexts"):
        entries = config.get(key) or []
        if not isinstance(entries, list) or not all(isinstance(entry, dict) and entry.get("name") for entry in entries):
            raise BadInput(f"{origin} is not a kubeconfig: '{key}' is not a list of named entries", _REMEDY)
    return config


def merged(configs: Sequence[Json]) -> Json:
    """Merge several files as kubectl does: the first entry of a name counts, and the first `current-context`."""
    whole: Json = {"apiVersion": "v1", "kind": "Config", "current-context": ""}
    for key in ("clusters", "users", "contexts"):
        entries: dict[str, Json] = {}
        for config in configs:
            for entry in config.get(key) or []:
                entries.setdefault(str(entry["name"]), entry)
        whole[key] = list(entries.values())
    whole["current-context"] = next((config["current-context"] for config in configs if config.get("current-context")), "")
    return whole


def select_context(config: Json, context: str | None, origin: str) -> SelectedContext:
    """Reduce the kubeconfig to one context; raises BadInput where an entry is missing, or where it would run a program."""
    name = context or str(config.get("current-context") or "")
    contexts = {str(entry["name"]): entry.get("context") or {} for entry in config.get("contexts") or []}
    if not name:
        raise BadInput(
            f"{origin} has no current context",
            f"give 'kube-context', one of: {', '.join(contexts) or '(there are none)'}",
        )
    if name not in contexts:
        raise BadInput(
            f"{origin} has no context '{name}'", f"give 'kube-context', one of: {', '.join(contexts) or '(there are none)'}"
        )
    selected = contexts[name]
    cluster = _entry(config, "clusters", "cluster", str(selected.get("cluster") or ""), origin)
    user = _entry(config, "users", "user", str(selected.get("user") or ""), origin) if selected.get("user") else {}
    server = str(cluster.get("server") or "")
    if not server.startswith(("https://", "http://")):
        raise BadInput(f"{origin}: the cluster of context '{name}' has no server address", _REMEDY)
    login = logins.login_of(user, origin)
    if login is not None:
        user = {key: value for key, value in user.items() if key not in ("exec", "auth-provider")}
    _refuse_programs(user, name, origin)
    if user.get("token") and not is_token(str(user["token"])):
        raise BadInput(f"{origin} cannot be used: its token has a blank or a character beyond ASCII", _REMEDY)
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
    return SelectedContext(
        config=single,
        context=name,
        server=server,
        namespace=str(selected.get("namespace") or ""),
        login=login,
        impersonation=tuple(impersonation(user, origin)),
    )


def impersonation(user: Json, origin: str) -> Iterator[tuple[str, str]]:
    """Yield the headers of `as`, `as-uid`, `as-groups` and `as-user-extra`; raises BadInput.

    https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
    """
    name, uid, groups, extra = (user.get(key) or "" for key in ("as", *_IMPERSONATED))
    groups, extra = groups or [], extra or {}
    if not isinstance(groups, list) or not isinstance(extra, dict):
        raise BadInput(f"{origin} cannot be used: 'as-groups' is a list, and 'as-user-extra' a mapping", _REMEDY)
    if not name and (uid or groups or extra):
        given = next(key for key in _IMPERSONATED if user.get(key))
        raise BadInput(f"{origin} cannot be used: '{given}' needs 'as', the user to act as", _REMEDY)
    headers = [("Impersonate-User", str(name)), ("Impersonate-Uid", str(uid))]
    headers += [("Impersonate-Group", str(group)) for group in groups]
    for key, values in extra.items():
        if not isinstance(values, list):
            raise BadInput(f"{origin} cannot be used: '{key}' in 'as-user-extra' is not a list", _REMEDY)
        header = f"Impersonate-Extra-{quote(str(key), safe=_IN_HEADER_NAMES)}"
        headers += [(header, str(value)) for value in values]
    for header, value in headers:
        if re.search(r"[\x00-\x1f\x7f]", value):  # a line end would start another header
            raise BadInput(f"{origin} cannot be used: the value of {header} holds a control character", _REMEDY)
        if value:
            yield header, value.encode().decode("latin-1")  # sent as UTF-8, as kubectl does


def is_token(text: str) -> bool:
    """Tell whether a text can be sent as a token: a line end in it would start another header."""
    return re.fullmatch(r"[\x21-\x7e]+", text) is not None


def files(entry: Json) -> Iterator[tuple[str, str]]:
    """Yield the key and path of each file that the entry of a cluster or a user refers to, and that has an effect."""
    for key in FILE_KEYS:
        if entry.get(key) and not entry.get(f"{key}-data"):
            yield key, str(entry[key])


def secrets(value: object) -> Iterator[str]:
    """Yield every secret text in a kubeconfig, as written and decoded from base64."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "user":
                yield from logins.secrets(item)
            if key in SECRET_KEYS and isinstance(item, str):
                yield item
                if key.endswith("-data") and (decoded := _decoded(item)):
                    yield decoded
            else:
                yield from secrets(item)
    elif isinstance(value, list):
        for item in value:
            yield from secrets(item)


def _entry(config: Json, plural: str, key: str, name: str, origin: str) -> Json:
    for entry in config.get(plural) or []:
        if str(entry["name"]) == name and isinstance(entry.get(key), dict):
            value: Json = entry[key]
            return value
    raise BadInput(f"{origin} names the {key} '{name}', but has no such entry", _REMEDY)


def _refuse_programs(user: Json, context: str, origin: str) -> None:
    if "exec" in user:
        raise BadInput(
            f"{origin}: the user of context '{context}' runs a program for its token ({logins.program(user)!r}), which is "
            "refused",
            "a kubeconfig that runs programs is code: give one that holds a token, such as a service account's",
        )
    if "auth-provider" in user:
        raise BadInput(
            f"{origin}: the user of context '{context}' uses an auth-provider, which may run programs",
            "give a kubeconfig that holds a token, such as a service account's",
        )


def _check_data(entry: Json, origin: str) -> None:
    for key in ("certificate-authority-data", "client-certificate-data", "client-key-data"):
        # Python's lenient decoder skips invalid characters, and the result would trust no server, or every server.
        if entry.get(key) and "-----BEGIN" not in (_decoded(str(entry[key])) or ""):
            raise BadInput(f"{origin} cannot be used: '{key}' is not the base64 of a PEM file", _REMEDY)


def _decoded(text: str) -> str | None:
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
