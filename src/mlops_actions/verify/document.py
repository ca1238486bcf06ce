"""Read a statement from a file: bare, in an envelope or in a bundle. Pure."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from mlops_actions.core import statement_reader
from mlops_actions.core.json_text import RepeatedKey, parse_json
from mlops_actions.core.statement import Training
from mlops_actions.core.types import Json

PAYLOAD_TYPE = "application/vnd.in-toto+json"


def read(text: str) -> tuple[list[Json], Training, bool]:
    """Return subjects, predicate, and whether the statement is in a signed envelope; raises ValueError.

    The text is the statement itself, a DSSE envelope, or a Sigstore bundle: one line of the file that
    `gh attestation download` writes.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    try:
        document = parse_json(text if len(lines) != 1 else lines[0], unique_keys=True)
    except RepeatedKey:
        raise
    except ValueError:
        if len(lines) > 1 and all(line.startswith("{") and line.endswith("}") for line in lines):
            raise ValueError("it contains several documents: give a file with one of its lines") from None
        raise ValueError("it is not JSON") from None
    envelope = document.get("dsseEnvelope", document) if isinstance(document, dict) else document
    signed = isinstance(envelope, dict) and "payload" in envelope
    return *statement_reader.read(_payload(envelope) if signed else document), signed


def _payload(envelope: Json) -> Any:
    if envelope.get("payloadType") != PAYLOAD_TYPE:
        raise ValueError(f"the envelope's 'payloadType' is not {PAYLOAD_TYPE}")
    try:
        return parse_json(base64.b64decode(str(envelope["payload"]), validate=True), unique_keys=True)
    except RepeatedKey:
        raise
    except (ValueError, binascii.Error):
        raise ValueError("the envelope's 'payload' is not JSON in base64") from None
