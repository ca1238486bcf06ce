"""Parse the texts of single inputs of argo-submit; each raises ValueError, whose text continues the input's name. Pure."""

from __future__ import annotations

import base64
import re

from mlops_actions.argo_submit import object_names
from mlops_actions.core.parsers import base_address

TEMPLATE_KINDS = ("workflowtemplate", "clusterworkflowtemplate", "cronworkflow")


def image(value: str) -> str:
    """Read an image reference."""
    reference = value.strip()
    if not re.fullmatch(r"[\w.\-/:@+]+", reference):
        raise ValueError(f"must be an image reference, not {value!r}")
    return reference


def argo_url(value: str) -> str:
    """Accept an address without `http://` too: the replaced actions appended the workflow's name to any text."""
    return base_address(value if "://" in value else f"http://{value.strip()}")


def token(value: str) -> str:
    """Read a token, with or without its scheme."""
    words = " ".join(value.split())
    if not re.fullmatch(r"((Bearer|Basic) )?[\x21-\x7e]+", words):
        raise ValueError("must be one word, or one word after `Bearer`")
    return words


def authority(value: str) -> str:
    """Read a certificate in PEM, or the base64 of one."""
    for certificate in (value.strip(), _decoded(value)):
        if certificate.startswith("-----BEGIN CERTIFICATE-----"):
            return certificate + "\n"
    raise ValueError("must be a certificate in PEM, or the base64 of one")


def _decoded(value: str) -> str:
    try:
        return base64.b64decode("".join(value.split()), validate=True).decode().strip()
    except ValueError:
        return ""


def template(value: str) -> tuple[str, str]:
    """Read the kind and the name of a template in the cluster."""
    kind, slash, name = value.strip().partition("/")
    if kind.lower() not in TEMPLATE_KINDS or not slash:
        forms = ", ".join(f"{kind}/NAME" for kind in TEMPLATE_KINDS)
        raise ValueError(f"must be one of {forms}, not {value!r}")
    return kind.lower(), object_names.read_name(name)
