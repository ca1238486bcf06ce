"""A file that holds a statement, in the forms in which people have it. Pure."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from mlops_actions.core import statement
from mlops_actions.core.statement import Training
from mlops_actions.core.types import Json

PAYLOAD_TYPE = "application/vnd.in-toto+json"


def read(text: str) -> tuple[list[Json], Training, bool]:
    """Read subjects, predicate, and whether the statement came in a signed envelope; raises ValueError.

    The forms are the statement itself, a DSSE envelope, and a Sigstore bundle (what `gh attestation download` writes, a line
    each; one line is taken).
    """
    lines = [line for line in text.splitlines() if line.strip()]
    try:
        document = json.loads(text if len(lines) != 1 else lines[0])
    except (ValueError, RecursionError):
        if len(lines) > 1 and all(line.startswith("{") and line.endswith("}") for line in lines):
            raise ValueError("it holds several documents: give one of its lines") from None
        raise ValueError("it is no JSON") from None
    envelope = document.get("dsseEnvelope", document) if isinstance(document, dict) else document
    signed = isinstance(envelope, dict) and "payload" in envelope
    return *statement.read(_opened(envelope) if signed else document), signed


def _opened(envelope: Json) -> Any:
    if envelope.get("payloadType") != PAYLOAD_TYPE:
        raise ValueError(f"the envelope's 'payloadType' is not {PAYLOAD_TYPE}")
    try:
        return json.loads(base64.b64decode(str(envelope["payload"]), validate=True))
    except (ValueError, RecursionError, binascii.Error):
        raise ValueError("the envelope's 'payload' is not JSON in base64") from None
