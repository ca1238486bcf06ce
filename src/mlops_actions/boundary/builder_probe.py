"""Ask whether a BuildKit answers at an address, before buildx does: buildx waits 20 s, and does not say for what.

The question is the beginning of any conversation with BuildKit, HTTP/2's connection preface (RFC 9113, section 3.4), which a
server answers with its settings. Nothing else is sent.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from urllib.parse import urlsplit

from mlops_actions.boundary.http import one_line, remedy_of_unreachable
from mlops_actions.core.errors import BadInput

FIRST_WORD = 4.0  # seconds after which a wait is said
DEFAULT_PATIENCE = 5.0  # seconds
# What listens and does not answer may be a proxy before a pod that starts.
_SILENCE = 30.0
_PAUSE = 0.5
_SETTINGS_FRAME = 4
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, _SETTINGS_FRAME, 0, 0, 0, 0, 0))
_FRAME_HEAD = 9  # bytes
_TLS_ALERT = 0x15
_STARTING = "a builder that is still starting gets the time of 'builder-timeout'"
_CERTIFICATES = "check BUILDER_NODE_0_AUTH_TLS_CACERT, …_CERT and …_KEY in the step's 'env:'"


class _NoAnswer(Exception):
    """Nobody answers, which may change; the message is the reason."""


@dataclass(frozen=True)
class BuilderAddress:
    """Where a BuildKit listens; `certificates` are files by buildx' names (`cacert`, `cert`, `key`), none without TLS."""

    text: str
    certificates: Mapping[str, Path]

    @property
    def is_asked_here(self) -> bool:
        """Whether this process can reach it: a BuildKit in a container is reached through the daemon alone."""
        return self.text.startswith(("tcp://", "unix://"))


def await_builder(
    address: BuilderAddress, *, patience: float = DEFAULT_PATIENCE, say: Callable[[str], None] = lambda _: None
) -> None:
    """Return once a BuildKit answers.

    Where nobody listens, the question is put again for `patience` seconds; where somebody listens and is silent, for 30 s at
    least. `say` logs what is waited for. Raises BadInput, at once for an answer that is no BuildKit's.
    """
    deadline = time.monotonic() + patience
    is_said = patience <= DEFAULT_PATIENCE
    while True:
        try:
            connection = _connect(address, max(deadline - time.monotonic(), _PAUSE))
        except _NoAnswer as reason:
            # A socket's file is there or not; only who asks for more time expects a neighbour that makes it.
            is_final = address.text.startswith("unix://") and patience <= DEFAULT_PATIENCE
            if is_final or time.monotonic() + _PAUSE >= deadline:
                raise _unanswered(address, str(reason)) from None
            if not is_said:
                say(f"the BuildKit at {address.text} does not answer yet ({reason}): waiting up to {patience:g} s")
                is_said = True
            time.sleep(_PAUSE)
            continue
        silence = max(_SILENCE, patience)
        with (
            connection,
            said_when_long(say, f"the BuildKit at {address.text} does not answer yet: waiting up to {silence:g} s"),
        ):
            _greet(address, connection, silence)
        return


@contextlib.contextmanager
def said_when_long(say: Callable[[str], None], text: str) -> Iterator[None]:
    """Log a line, once, where the block takes longer than a user should wonder about."""
    timer = Timer(FIRST_WORD, say, [text])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _connect(address: BuilderAddress, timeout: float) -> socket.socket:
    """Connect, and agree on TLS where there are certificates; raises _NoAnswer and BadInput."""
    if address.text.startswith("unix://"):
        plain = socket.socket(socket.AF_UNIX)
        try:
            plain.settimeout(timeout)
            plain.connect(address.text.removeprefix("unix://"))
        except OSError as error:
            plain.close()
            raise _NoAnswer(_reason(error)) from None
        return plain
    host, port = _host_and_port(address)
    context = _context(address) if address.certificates else None
    try:
        plain = socket.create_connection((host, port), timeout)
    except OSError as error:
        raise _NoAnswer(_reason(error)) from None
    if context is None:
        return plain
    try:
        return context.wrap_socket(plain, server_hostname=host)
    except ssl.SSLError as error:
        raise _untrusted(address, error) from error
    except OSError as error:
        raise _NoAnswer(f"its TLS handshake broke off: {_reason(error)}") from None
    finally:
        plain.close()  # the wrapping socket has its own handle


def _host_and_port(address: BuilderAddress) -> tuple[str, int]:
    try:
        parts = urlsplit(address.text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port:
        raise BadInput(f"input 'builder' is {address.text!r}", "write host and port, as in tcp://buildkit:1234")
    return host, port


def _context(address: BuilderAddress) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=address.certificates.get("cacert"))
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # Go, which buildx is written in, does not insist on RFC 5280
        context.set_alpn_protocols(["h2"])
        if certificate := address.certificates.get("cert"):
            # A key with a password would be asked for on a terminal.
            context.load_cert_chain(certificate, address.certificates.get("key"), password=lambda: "")
    except (OSError, ValueError) as error:
        raise BadInput(
            f"the certificates for the BuildKit at {address.text} cannot be read: {_reason(error)}", _CERTIFICATES
        ) from None
    return context


def _greet(address: BuilderAddress, connection: socket.socket, silence: float) -> None:
    """Send the preface and read the head of the first frame; raises BadInput."""
    connection.settimeout(silence)
    answer = b""
    try:
        connection.sendall(_PREFACE)
        while len(answer) < _FRAME_HEAD and (more := connection.recv(_FRAME_HEAD - len(answer))):
            answer += more
    except TimeoutError:
        raise _unanswered(address, f"it accepts the connection and sends nothing for {silence:g} s") from None
    except ssl.SSLError as error:
        raise _untrusted(address, error) from error  # TLS 1.3 judges the client's certificate after the handshake
    except OSError as error:
        # Where the client's certificate is refused, the connection may be reset before the alert is read.
        remedy = f"check 'builder' and its certificates: {_CERTIFICATES}" if isinstance(connection, ssl.SSLSocket) else ""
        raise _unanswered(address, _reason(error), remedy=remedy) from error
    if len(answer) == _FRAME_HEAD and answer[3] == _SETTINGS_FRAME:
        return
    if answer[:1] == bytes((_TLS_ALERT,)):
        raise _unanswered(address, "it asks for TLS", remedy=f"give the client's certificates: {_CERTIFICATES}")
    if not answer:
        raise _unanswered(
            address, "it closes the connection", remedy=f"check 'builder'; where it asks for TLS, {_CERTIFICATES}"
        )
    raise _unanswered(address, f"what listens there is no BuildKit (it sends {answer!r})", remedy="check 'builder'")


def _unanswered(address: BuilderAddress, reason: str, *, remedy: str = "") -> BadInput:
    otherwise = remedy or f"check 'builder', and that it runs and can be reached from the runner; {_STARTING}"
    if not remedy and address.text.startswith("tcp://"):
        otherwise = remedy_of_unreachable(address.text, otherwise)
    return BadInput(f"the BuildKit at {address.text} does not answer: {reason}", otherwise)


def _untrusted(address: BuilderAddress, error: ssl.SSLError) -> BadInput:
    cause = (
        "it speaks no TLS" if "WRONG_VERSION_NUMBER" in str(error) else f"TLS failed: {one_line(error.reason or str(error))}"
    )
    if isinstance(error, ssl.SSLCertVerificationError):
        cause = f"its certificate is not trusted: {error.verify_message}"
    return BadInput(f"the BuildKit at {address.text} does not answer: {cause}", _CERTIFICATES)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no connection in time"
    return one_line(getattr(error, "strerror", None) or str(error))
