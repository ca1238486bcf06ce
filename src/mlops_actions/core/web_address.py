"""Addresses: one form for those that mean the same (RFC 3986, section 6.2), and one to show. Pure."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}


def normal_form(address: str) -> str:
    """Return a base address with scheme and host in lower case, without the scheme's own port and a final slash.

    What is no plain base address is returned as it is: a user, a query or a fragment makes another one.
    """
    text = address.strip()
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return text
    if parts.scheme not in _DEFAULT_PORTS or not host or parts.username is not None or parts.query or parts.fragment:
        return text
    host = f"[{host}]" if ":" in host else host.removesuffix(".")
    place = host if port in (None, _DEFAULT_PORTS[parts.scheme]) else f"{host}:{port}"
    return f"{parts.scheme}://{place}{parts.path.rstrip('/')}"


def is_address(text: str) -> bool:
    """Tell whether a text is an address of something elsewhere, as git and Docker read it, and no path."""
    return re.match(r"[a-z][a-z0-9+.-]*://|git@", text.strip(), re.IGNORECASE) is not None


def shown(address: str) -> str:
    """Return an address without its user, password and query, which may be credentials; all else stays as it was."""
    scheme, separator, rest = address.partition("://")
    if not separator:
        return address
    rest = re.sub(r"\?[^#]*", "?***", rest, count=1)
    authority = re.match(r"[^/?#]*", rest)
    place = authority[0] if authority else ""
    # A password with a slash that is not escaped: what seems to be the port is none.
    is_cut = "@" not in place and ":" in place and not place.rpartition(":")[2].isdigit()
    last = rest.rfind("@") if is_cut else place.rfind("@")
    return f"{scheme}://***@{rest[last + 1 :]}" if last >= 0 else f"{scheme}://{rest}"
