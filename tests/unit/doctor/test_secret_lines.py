"""Which secrets hide ordinary text from every log, since GitHub masks each of their lines."""

from __future__ import annotations

import base64
import json

import pytest

from mlops_actions.doctor.secret_lines import masks_ordinary_text, remedy

KUBECONFIG = "apiVersion: v1\nkind: Config\nclusters:\n  - name: mlops\n"
KEY = {"type": "service_account", "private_key": "-----BEGIN PRIVATE KEY-----\nMIIEvQ\n-----END PRIVATE KEY-----\n"}
PEM = "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIEowIBAAKCAQEAx0Zb\n" * 5 + "Zg==\n-----END RSA PRIVATE KEY-----\n"
LONG = base64.b64encode(bytes(range(200))).decode()
BASE64 = "base64 < FILE | tr -d '\\n' | gh secret set S"
JSON = "jq -c . FILE | gh secret set S"
OTHER = "write the value of S in one line, then: gh secret set S"


@pytest.mark.parametrize(
    "value",
    [
        "", "\n", "a key", "a key\n", "[" * 9_000, "apiVersion: v1", base64.b64encode(KUBECONFIG.encode()).decode(),
        json.dumps(KEY), json.dumps(KEY) + "\n", PEM, f"\n{PEM}\n{PEM}", f"{LONG[:76]}\n{LONG[76:152]}\n{LONG[152:]}\n",
    ],
)  # fmt: skip
def test_a_secret_in_one_line_or_of_long_lines_hides_nothing_else(value: str) -> None:
    assert not masks_ordinary_text(value)


@pytest.mark.parametrize(
    ("value", "command"),
    [
        (KUBECONFIG, BASE64),
        (KUBECONFIG.replace("\n", "\r\n"), BASE64),
        ("kind: Config\nusers: []", BASE64),
        (f"{LONG[:76]}\nZg==\n", BASE64),
        (json.dumps(KEY, indent=2), JSON),
        ("[\n1]", JSON),
        ("ghcr.io:\n  username: octo\n  password: 'p'\n", OTHER),
        (f"cert:\n{PEM}", OTHER),
        (f"yes\n{PEM}", OTHER),
        ("[\n" * 50_000, OTHER),
        ("one two\nthree", OTHER),
    ],
)
def test_a_secret_with_a_line_of_ordinary_text_gets_a_command_that_makes_it_one_line(value: str, command: str) -> None:
    assert masks_ordinary_text(value)
    assert remedy("S", value, "gh secret set S") == command
