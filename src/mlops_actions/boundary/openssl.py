"""Sign with a private key by the program `openssl`.

A GitHub App's token is all that this suite signs. OpenSSL is in every image already, since Python speaks TLS with it; its
program adds 0.4 MB, and a package of cryptography 5 MB. The key goes through a pipe: no file holds it.
"""

from __future__ import annotations

import os
import subprocess

from mlops_actions.core.errors import BadInput

_SECONDS = 10.0
_MIN_BYTES = 128  # an RSA key of 1,024 bits signs so many; a shorter key is no secret today


def sign_rs256(pem: str, message: bytes) -> bytes:
    """Return the RSA signature (PKCS #1 v1.5, SHA-256) by a key in PEM; raises ValueError for a key that cannot sign so."""
    key = pem.encode()
    reading, writing = os.pipe()
    try:
        with os.fdopen(writing, "wb", buffering=0) as end:
            os.set_blocking(writing, False)  # nobody reads yet, and a pipe may be as small as 4 KiB
            if end.write(key) != len(key):
                raise ValueError("the key is too long")
        # -passin: without it, openssl would ask for the password of an encrypted key.
        # -sigopt: keys of elliptic curves, and those for another padding alone, refuse it.
        options = ["-sha256", "-passin", "pass:", "-sigopt", "rsa_padding_mode:pkcs1"]
        command = ["openssl", "dgst", *options, "-sign", f"/dev/fd/{reading}"]
        done = subprocess.run(  # noqa: S603 - a list of arguments, no shell
            command, input=message, capture_output=True, pass_fds=(reading,), timeout=_SECONDS, check=False
        )
    except FileNotFoundError:
        raise BadInput("openssl is not installed here, and signs for GitHub Apps", "install it (Debian: openssl)") from None
    except subprocess.TimeoutExpired:
        raise ValueError("openssl did not end") from None
    finally:
        os.close(reading)
    if done.returncode != 0 or len(done.stdout) < _MIN_BYTES:
        raise ValueError("openssl does not take it for a private RSA key")
    return done.stdout
