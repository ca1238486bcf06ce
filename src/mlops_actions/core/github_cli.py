"""How `gh` names a server and a repository of it: without a host, it means github.com.

https://cli.github.com/manual/gh (`-R [HOST/]OWNER/REPO`), https://cli.github.com/manual/gh_api (`--hostname`)
"""

from __future__ import annotations

from urllib.parse import urlsplit

from mlops_actions.core import shell

GITHUB = "github.com"
_DATA_RESIDENCY = ".ghe.com"


def is_enterprise_server(host: str) -> bool:
    """Return whether a host is a GitHub Enterprise Server, and none of GitHub's own; an empty one is not."""
    return bool(host) and host != GITHUB and not host.endswith(_DATA_RESIDENCY)


def api_of(host: str) -> str:
    """Return the address of a server's REST API.

    https://docs.github.com/enterprise-cloud@latest/admin/data-residency/network-details-for-ghecom
    """
    return f"https://api.{host}" if host == GITHUB or host.endswith(_DATA_RESIDENCY) else f"https://{host}/api/v3"


def host_of(api_url: str) -> str:
    """Return the host of a server, by the address of its REST API."""
    host = urlsplit(api_url).netloc.rpartition("@")[2]
    own = host.removeprefix("api.")
    return own if own == GITHUB or own.endswith(_DATA_RESIDENCY) else host


def argument(repository: str, host: str) -> str:
    """Return a repository as an argument, e.g. of `gh repo view`: `octo-org/digits` or `ghe.example/octo-org/digits`."""
    return shell.word(repository if host == GITHUB else f"{host}/{repository}")


def flag(repository: str, host: str) -> str:
    """Return the option that names a repository, e.g. `-R octo-org/digits`."""
    return f"-R {argument(repository, host)}"


def on(host: str) -> str:
    """Return the option that names a server, with a space before it; empty for github.com."""
    return "" if host == GITHUB else f" --hostname {shell.word(host)}"
