"""The registries this suite knows by name, in one table: addresses, aliases, special rules and remedies.

Every other registry follows the OCI distribution specification alone and needs no entry.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit

GITHUB = "ghcr.io"
DOCKER_HUB = "docker.io"
AZURE = "azurecr.io"
AZURE_HOST = re.compile(r"[a-z0-9-]{5,63}(?:\.[a-z0-9-]+)?\.azurecr\.(?:io|us|cn)")
AMAZON_PUBLIC = "public.ecr.aws"
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html: IPv4, FIPS, dual stack, China, European sovereign.
AMAZON_HOST = re.compile(
    r"[0-9]{12}\.dkr[.-]ecr(?P<fips>-fips)?\.(?P<region>[a-z]{2,5}(?:-[a-z0-9]+)+)\."
    r"(?:amazonaws\.com(?:\.cn)?|amazonaws\.eu|on\.aws|on\.amazonwebservices\.com\.cn)"
)


class BareName(Enum):
    """What an image name without a `/` means in a registry."""

    AS_GIVEN = "as given"
    BELOW_THE_REPOSITORY = "below the name of the GitHub repository"
    NEEDS_AN_ACCOUNT = "incomplete: each image belongs to an account"


@dataclass(frozen=True)
class KnownRegistry:
    """How a registry differs from others. Image names contain `host`; the defaults are the rules of all other registries.

    `aliases` are other names of the same host, `suffixes` are ends of hosts that follow the same rules.
    `pattern` matches further hosts of the same rules. `closed_hosts` no longer answer; `host` serves their images now.
    """

    host: str
    aliases: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    closed_hosts: tuple[str, ...] = ()
    pattern: re.Pattern[str] | None = None
    # Where the registry's API answers, and the key of its credentials in Docker's configuration; empty: at `host`.
    api_host: str = ""
    docker_config_key: str = ""
    bare_name: BareName = BareName.AS_GIVEN
    # The namespace that Docker puts before a bare name, and whether Docker's tools show names without the host.
    official_namespace: str = ""
    host_is_implied: bool = False
    # The user name that goes with an access token of the job's cloud credentials; empty: the registry takes none.
    token_username: str = ""
    takes_job_token: bool = False
    # The web page of an image: a format string with {server}, {repository} (on GitHub), {name} and {package}.
    page: str = "https://{host}/{name}"
    # How to get the right to push, beyond a correct user name and password: in full, and as the start of a sentence.
    remedy_of_denial: str = ""
    push_permission: str = ""


_KNOWN = (
    KnownRegistry(
        host=GITHUB,
        # GitHub closed docker.pkg.github.com on 2025-02-24 and serves its images from ghcr.io.
        closed_hosts=("docker.github.com", "docker.pkg.github.com"),
        bare_name=BareName.BELOW_THE_REPOSITORY,
        takes_job_token=True,
        page="{server}/{repository}/pkgs/container/{package}",
        remedy_of_denial=(
            "give the job 'permissions: packages: write'; a package that exists already must also give this repository "
            "the role 'write' (package settings, 'Manage Actions access')"
        ),
        push_permission="give the job 'permissions: packages: write'",
    ),
    KnownRegistry(
        host=DOCKER_HUB,
        aliases=("index.docker.io", "hub.docker.com", "registry-1.docker.io"),
        api_host="registry-1.docker.io",
        docker_config_key="https://index.docker.io/v1/",
        bare_name=BareName.NEEDS_AN_ACCOUNT,
        official_namespace="library",
        host_is_implied=True,
        page="https://hub.docker.com/r/{name}",
    ),
    # Google Artifact Registry and Container Registry: an access token is the password, and a push needs one.
    KnownRegistry(host="gcr.io", suffixes=(".gcr.io", "-docker.pkg.dev"), token_username="oauth2accesstoken"),  # noqa: S106
    # Azure Container Registry: this user stands for a token.
    KnownRegistry(
        host=AZURE,
        pattern=AZURE_HOST,
        token_username="00000000-0000-0000-0000-000000000000",  # noqa: S106
    ),
    # Amazon ECR: what GetAuthorizationToken returns is the password of the user AWS.
    KnownRegistry(host=AMAZON_PUBLIC, pattern=AMAZON_HOST, token_username="AWS"),  # noqa: S106
)
_BY_HOST = {host: entry for entry in _KNOWN for host in (entry.host, *entry.aliases, *entry.closed_hosts)}

REMEDY_OF_IMMUTABLE_TAG = "this repository's tags cannot be moved: leave moving ones such as 'latest' out of 'tags'"
REMEDY_OF_FULL_REGISTRY = (
    "the registry has no room for the image: delete old images there, or raise the quota, then run the job again"
)
# Messages with which any registry may refuse a push → the remedy.
_REMEDIES_OF_MESSAGES = (
    # A repository's tags that are set to be immutable. ECR, Harbor and Quay: "immutable"; Google: "tag immutability";
    # Azure, for a locked image: "The operation is disallowed on this registry, repository or image".
    (
        re.compile(r"immutab|operation is disallowed", re.IGNORECASE),
        REMEDY_OF_IMMUTABLE_TAG,
    ),
)
# A push to Amazon ECR does not create the repository.
REMEDY_OF_UNKNOWN_REPOSITORY = (
    "check 'image' and 'registry'; in some registries the repository must exist before the first push"
)


def known(host: str) -> KnownRegistry:
    """Return the table's entry for a host, or an entry with the defaults."""
    entry = _BY_HOST.get(host)
    if entry is None:
        entry = next((entry for entry in _KNOWN if _follows(host, entry)), None)
    return entry or KnownRegistry(host)


def _follows(host: str, entry: KnownRegistry) -> bool:
    if entry.pattern is not None and entry.pattern.fullmatch(host):
        return True
    return bool(entry.suffixes) and host.endswith(entry.suffixes)


def canonical(host: str) -> str:
    """Return the host that an alias or a closed host means; any other host as it is."""
    entry = _BY_HOST.get(host)
    return entry.host if entry else host


def closed_host_in(text: str) -> str:
    """Return the closed host that a text names; empty where it names none."""
    closed_hosts = (host for entry in _KNOWN for host in entry.closed_hosts)
    return next((host for host in closed_hosts if host in text.lower()), "")


def hosts_of_enterprise_server(server: str) -> tuple[str, ...]:
    """Return the registries of a GitHub Enterprise Server, or of a tenant of ghe.com; the first holds containers.

    Source: https://docs.github.com/enterprise-server/packages/working-with-a-github-packages-registry (the container one
    needs subdomain isolation).
    """
    return (f"containers.{server}", f"docker.{server}", server)


def registry_of_github(server_url: str) -> str:
    """Return the registry for containers of a GitHub: ghcr.io for github.com and an empty address."""
    server = urlsplit(server_url).hostname or ""
    # A server without a name of its own has no subdomains, and so no registry.
    if server in ("", "github.com", "localhost") or server.replace(".", "").isdigit() or ":" in server:
        return GITHUB
    return hosts_of_enterprise_server(server)[0]


def api_host(host: str) -> str:
    """Return where the registry's API answers."""
    return known(host).api_host or host


def remedy_of_denial(host: str, *, anonymous: bool) -> str:
    """Return the remedy for an answer 401 or 403 of a registry."""
    if remedy := known(host).remedy_of_denial:
        return remedy
    if anonymous:
        # docker/login-action writes the runner's own ~/.docker/config.json; a container action has another home.
        return f"give 'username' and 'password' of {host}; a container action does not see the login of an earlier step"
    return f"check 'username' and 'password' of {host} and what this user may push"


def remedy_of_rejection(message: str) -> str:
    """Return the remedy for another refusal, by the registry's message."""
    remedies = (remedy for pattern, remedy in _REMEDIES_OF_MESSAGES if pattern.search(message))
    return next(remedies, REMEDY_OF_UNKNOWN_REPOSITORY)
