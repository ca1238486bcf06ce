"""A secret of several lines: the runner masks each of them, so that ordinary text is hidden and job outputs are dropped.

`gh secret set` alone asks for one line, so a command that stores such a secret writes the one line to it.
"""

from __future__ import annotations

import json
import re

# A line that nobody writes by chance: a long stretch without blanks, as keys and base64 are.
_UNLIKELY = re.compile(r"[^\s:]{12,}")
_PEM = re.compile(r"^-----BEGIN [A-Z0-9 ]+-----$.*?^-----END [A-Z0-9 ]+-----$", re.DOTALL | re.MULTILINE)


# `base64` of Linux breaks its lines, and that of macOS has no -w.
_BASE64 = "base64 < FILE | tr -d '\\n'"
_JSON = "jq -c . FILE"
# What writes the value of an input in one line. Every input here takes that form.
_WRITERS = {"kubeconfig": _BASE64, "google-credentials": _JSON, "app-private-key": _BASE64, "argo-ca": _BASE64}


def stores(name: str, set_secret: str) -> str:
    """Return the command that stores the secret of an input; `set_secret` is the command that sets it."""
    return f"{_WRITERS[name]} | {set_secret}" if name in _WRITERS else set_secret


def masks_ordinary_text(value: str) -> bool:
    """Tell whether a line of the secret is text that a log or an output may hold, such as `kind: Config` or `{`."""
    if len(_lines(value)) < 2:
        return False
    # A key file has several lines, none of which is ordinary.
    return any(not _UNLIKELY.fullmatch(line) for line in _lines(_PEM.sub("", value)))


def _lines(text: str) -> list[str]:
    return [line.strip() for line in re.split(r"[\r\n]", text) if line.strip()]


def remedy(name: str, value: str, set_secret: str) -> str:
    """Return the command that stores the secret in one line; `set_secret` is the command that sets it."""
    try:
        is_json = isinstance(json.loads(value), dict | list)
    except (ValueError, RecursionError):
        is_json = False
    if is_json:
        return f"{_JSON} | {set_secret}"
    if re.search(r"^(?:kind:\s*Config|clusters:)", value, re.MULTILINE) or re.fullmatch(r"[A-Za-z0-9+/=\r\n]+", value):
        return f"{_BASE64} | {set_secret}"
    return f"write the value of {name} in one line, then: {set_secret}"
