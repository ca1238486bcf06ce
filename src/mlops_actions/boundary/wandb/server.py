"""Resolve the W&B server and its credentials as W&B's own tools do, without importing them.

Facts are from the SDK's source (0.31): `sdk/lib/urls.py`, `sdk/lib/wbauth`, `util.api_to_app_url`. Unlike the SDK, no
settings file in the working directory is read: in a workflow that is the checkout, and a pull request could send the API
key to a server of its own.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from mlops_actions.core.errors import BadInput
from mlops_actions.core.web_address import normal_form

DEFAULT_BASE_URL = "https://api.forge.coreweave.com"
# One deployment under several names: the newer host of the web pages → the older host of the API.
_HOSTED = {"forge.coreweave.com": "api.wandb.ai"}
_OTHER_ADDRESSES = (
    "https://wandb.ai", "https://www.wandb.ai", "https://app.wandb.ai", "https://api.wandb.ai",
    "https://forge.coreweave.com", "https://api.forge.coreweave.com",
)  # fmt: skip


@dataclass(frozen=True)
class Server:
    """`base_url` is the API's, `app_url` that of the web pages; neither ends in a slash.

    The credential is an API key, or (where that is empty) a JWT that the server changes for an access token.
    """

    base_url: str
    app_url: str
    api_key: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every form of the credential, to be masked."""
        key = self.api_key
        return (key, base64.b64encode(f"api:{key}".encode()).decode()) if key else (self.identity_token,)

    @property
    def other_addresses(self) -> tuple[str, ...]:
        """Return further addresses of the same deployment: the hosted W&B has had several names."""
        hosted = {f"https://{host}" for pages, api in _HOSTED.items() for host in (f"api.{pages}", api)}
        return _OTHER_ADDRESSES if self.base_url in hosted else (self.base_url, app_url(self.base_url, {}))

    @property
    def authorization(self) -> str:
        """The header that presents the key: HTTP Basic, user `api`."""
        return "Basic " + base64.b64encode(f"api:{self.api_key}".encode()).decode()


def resolve(api_key: str | None, base_url: str | None, environ: Mapping[str, str]) -> Server:
    """Find the server and the key; raises BadInput where there is no key, or one that cannot be sent."""
    address = _canonical(base_url or _settings(environ).get("base_url", "") or DEFAULT_BASE_URL)
    token = _identity_token(environ)
    if api_key and token:
        raise BadInput(
            "both an API key and WANDB_IDENTITY_TOKEN_FILE are given", "give one of them, as W&B's own tools demand"
        )
    if token:
        return Server(address, app_url(address, environ), identity_token=token)
    key = api_key or _from_netrc(address, environ)
    if not key:
        raise BadInput(
            f"there is no W&B API key for {address}",
            "give 'api-key: ${{ secrets.WANDB_API_KEY }}' (secrets are not handed to pull requests from forks)",
        )
    if not key.isascii() or not key.isprintable() or any(character.isspace() for character in key):
        raise BadInput(
            "input 'api-key' holds characters that no API key has (its value is secret, so it is not shown)",
            "copy the key anew into the secret: without quotes, blanks or line breaks",
        )
    return Server(address, app_url(address, environ), key)


def _canonical(address: str) -> str:
    address = normal_form(address)
    host = urlsplit(address).hostname or ""
    if host in ("wandb.ai", "www.wandb.ai", "app.wandb.ai"):
        raise BadInput(
            f"input 'base-url' names W&B's web pages ({address})",
            "the API is at https://api.wandb.ai; leave 'base-url' out for the hosted W&B",
        )
    if host in _HOSTED:
        return f"https://api.{host}"
    return address


def app_url(base_url: str, environ: Mapping[str, str]) -> str:
    """Return the address that the report's links start with."""
    if given := environ.get("WANDB_APP_URL", ""):
        return normal_form(given)
    host = urlsplit(base_url).hostname or ""
    for pages, api in _HOSTED.items():
        if host in (pages, f"api.{pages}", api):
            return f"https://{pages}/wandb"
    if "://api.wandb." in base_url:
        return base_url.replace("://api.", "://", 1)
    if "://api." in base_url:
        return base_url.replace("://api.", "://app.", 1)
    return base_url


def _identity_token(environ: Mapping[str, str]) -> str:
    path = environ.get("WANDB_IDENTITY_TOKEN_FILE", "")
    if not path:
        return ""
    try:
        token = Path(path).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        token = ""
    if not token or any(character.isspace() for character in token):
        raise BadInput(
            f"WANDB_IDENTITY_TOKEN_FILE names no file with a token: {path!r}",
            "write the job's OIDC token there (audience: the W&B organisation's), at a path the container sees",
        )
    return token


def _home(environ: Mapping[str, str]) -> Path | None:
    home = environ.get("HOME", "")
    return Path(home) if home else None


def _settings(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Read the user's own settings file; an unreadable file counts as empty."""
    import configparser  # most jobs name the server, and read no such file

    home = _home(environ)
    folder = environ.get("WANDB_CONFIG_DIR", "") or (str(home / ".config" / "wandb") if home else "")
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(Path(folder) / "settings" if folder else [])
        return dict(parser["default"]) if parser.has_section("default") else {}
    except (configparser.Error, UnicodeDecodeError, OSError):
        return {}


def _from_netrc(base_url: str, environ: Mapping[str, str]) -> str:
    import netrc  # most jobs give the key

    home = _home(environ)
    named = environ.get("NETRC", "")
    paths = [Path(named).expanduser()] if named else [home / name for name in (".netrc", "_netrc")] if home else []
    parts = urlsplit(base_url)
    hosts = [parts.netloc, *(api for pages, api in _HOSTED.items() if parts.hostname == f"api.{pages}")]
    for path in paths:
        try:
            entries = netrc.netrc(str(path))
        except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
            continue
        for host in hosts:
            login = entries.authenticators(host)
            if login and login[2]:
                return login[2]
    return ""
