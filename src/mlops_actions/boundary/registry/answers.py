"""Read what a registry's answer says beside its content: why it refuses, and which addresses it names. Pure."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

from mlops_actions.boundary.http import one_line
from mlops_actions.core.errors import Unavailable
from mlops_actions.core.oci import json_object

# One link of the header (RFC 8288, section 3) with its parameters; a comma ends it outside of quotes.
_LINK = re.compile(r"<([^<>]+)>((?:\s*;\s*[^\s=;,]+(?:\s*=\s*(?:\"[^\"]*\"|[^\s;,\"]*))?)*)")
_RELATION = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,]+))", re.IGNORECASE)


def message_of(content: bytes) -> str:
    """Return an error body's words: the specification's form, or those of token services and gateways, which have their own.

    Empty for any other body, such as a proxy's HTML page.
    """
    document = json_object(content)
    errors = document.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    texts = [first.get("code"), first.get("message")]
    if not any(texts):
        explanation = document.get("message") or document.get("error_description") or document.get("details")
        texts = [document.get("error"), explanation]
    return one_line(" ".join(text for text in texts if isinstance(text, str)))


def next_link(header: str) -> str:
    """Return the address of the next page as the header Link has it; empty on the last page. Without `rel` a link counts."""
    return next((link[1] for link in _LINK.finditer(header) if _is_next(link[2])), "")


def _is_next(parameters: str) -> bool:
    relation = _RELATION.search(parameters)
    return relation is None or "next" in (relation[1] or relation[2] or "").lower().split()


def joined(base: str, address: str) -> str:
    """Return the address that is named relative to `base`; raises Unavailable where it is none."""
    try:
        return urlsplit(urljoin(base, address)).geturl()
    except ValueError:
        raise Unavailable(
            f"the registry names {one_line(address)!r}, which is no address", "check the inputs 'image' and 'registry'"
        ) from None
