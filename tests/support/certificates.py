"""Certificates for 127.0.0.1 that no client trusts by default: self-signed, or of a private authority."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_ADDRESS = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])

_SIGNS = x509.KeyUsage(
    key_cert_sign=True, crl_sign=True, digital_signature=False, content_commitment=False, key_encipherment=False,
    data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
)  # fmt: skip


@dataclass(frozen=True)
class Certificates:
    """Files: a private authority's certificate, and a server's certificate of that authority with its key."""

    authority: Path
    certificate: Path
    key: Path


def self_signed(folder: Path) -> Path:
    """Make a certificate of 127.0.0.1 that vouches for itself, with its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("loopback")
    certificate = _builder(name, name, key).add_extension(_ADDRESS, critical=False)
    path = folder / "certificate.pem"
    path.write_bytes(_pem(key) + _signed(certificate.add_extension(_authority(), critical=True), key))
    return path


def of_an_authority(folder: Path) -> Certificates:
    """Make an authority, and a server's certificate of it."""
    root, server = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    name = _name("an authority of our own")
    # Python checks by RFC 5280 since 3.13: an authority says what its key is for, and a certificate whose key signed it.
    authority = _builder(name, name, root).add_extension(_authority(), critical=True).add_extension(_SIGNS, critical=True)
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key())
    certificate = _builder(_name("a registry"), name, server).add_extension(_ADDRESS, critical=False)
    made = Certificates(folder / "authority.pem", folder / "server.pem", folder / "server.key")
    made.authority.write_bytes(_signed(authority, root))
    made.certificate.write_bytes(_signed(certificate.add_extension(signer, critical=False), root))
    made.key.write_bytes(_pem(server))
    return made


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _authority() -> x509.BasicConstraints:
    return x509.BasicConstraints(ca=True, path_length=0)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return x509.CertificateBuilder(
        issuer, subject, key.public_key(), x509.random_serial_number(), now - timedelta(hours=1), now + timedelta(days=1)
    ).add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)


def _signed(builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> bytes:
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
