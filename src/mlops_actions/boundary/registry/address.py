"""Find the address at which a registry answers: HTTPS, but HTTP on this machine and where the user allows it.

`localhost` of a step's container is the container itself. The daemon pushes from the runner, so that a registry on the
runner's `localhost` is reached from the container by the runner's address in the container's network, the gateway:
https://github.com/actions/runner/blob/main/src/Runner.Worker/Handlers/ContainerActionHandler.cs.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from enum import Enum
from pathlib import Path

from mlops_actions.boundary.http import is_loopback
from mlops_actions.core.errors import Unavailable

_ROUTES = Path("/proc/net/route")
_IN_CONTAINER = Path("/.dockerenv")


class Spoken(Enum):
    """What a port says to a question in plain HTTP."""

    HTTP = "http"
    SOMETHING_ELSE = "something else, such as TLS"
    NOTHING = "nothing listens"


def base_url(host: str, *, allows_http: bool, ask: Callable[[str], Spoken], gateway: Callable[[], str]) -> str:
    """Return the address of a registry's API, without a final slash.

    `ask` asks a port in plain HTTP, without credentials. `gateway` returns the runner's address as its container sees it;
    empty outside of a container. Raises Unavailable where nothing listens on this machine.
    """
    if not is_loopback(host):
        return f"http://{host}" if allows_http and ask(host) is Spoken.HTTP else f"https://{host}"
    spoken = ask(host)
    if spoken is not Spoken.NOTHING:
        return f"{'http' if spoken is Spoken.HTTP else 'https'}://{host}"
    runner, _, port = gateway(), *host.rpartition(":")[1:]
    on_runner = f"{runner}:{port}" if port.isdigit() else runner
    if runner and ask(on_runner) is Spoken.HTTP:
        return f"http://{on_runner}"
    elsewhere = f", and the runner's address {on_runner} does not speak HTTP there" if runner else ""
    raise Unavailable(
        f"the registry at {host} cannot be reached: nothing listens there in this step's container{elsewhere}",
        "publish the registry's port on all addresses of the runner (`ports: ['5000:5000']`), or give an address that the "
        "runner and its containers both reach",
    )


def gateway_of_container() -> str:
    """Return the address of the runner in this container's network; empty outside of a container of Docker."""
    if not _IN_CONTAINER.exists() or not _ROUTES.exists():
        return ""
    return default_gateway(_ROUTES.read_text(encoding="ascii", errors="replace"))


def default_gateway(routes: str) -> str:
    """Return the gateway of the default route in the kernel's table (`/proc/net/route`); empty where there is none. Pure."""
    for line in routes.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 3 and fields[1] == "00000000" and int(fields[3], 16) & 2:  # RTF_GATEWAY
            return socket.inet_ntoa(bytes.fromhex(fields[2])[::-1])
    return ""
