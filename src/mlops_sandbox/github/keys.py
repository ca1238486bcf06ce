"""The key pair of GitHub Apps, which is slow to generate and needed only where an App is registered."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=1)
def key_pair() -> tuple[str, str]:
    """Return a 2048-bit RSA key pair in PEM: private (PKCS#1, as from GitHub) and public; the same for the whole process."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()
