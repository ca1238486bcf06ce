"""Read which login a kubeconfig's plug-in stands for. Pure: the program is never run, and a library signs in instead."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from mlops_actions.core.errors import BadInput
from mlops_actions.core.types import Json

GOOGLE_PLUGIN = "gke-gcloud-auth-plugin"
# What gcloud wrote into kubeconfigs before it had the plug-in; it names a program, gcloud.
GOOGLE_PROVIDER = "gcp"
AWS_CLI, AWS_AUTHENTICATOR = "aws", "aws-iam-authenticator"
AZURE_PLUGIN = "kubelogin"
AZURE_PROVIDER = "azure"  # what Azure's command line wrote before kubelogin
# The application that stands for every AKS cluster: https://azure.github.io/kubelogin/concepts/aks.html
AKS_SERVER = "6dae42f8-4368-4678-94ff-3960e28e3630"
_REMEDY = "leave it out, or give a kubeconfig that holds a token, such as a service account's"


@dataclass(frozen=True)
class GoogleLogin:
    """Google's access token of the job's account."""


@dataclass(frozen=True)
class AwsLogin:
    """A token for an EKS cluster. `cluster` is its name, or its id on an Outpost; empty texts come from the environment.

    `keys` are an access key's id, its secret and a session token, where the kubeconfig holds them.
    """

    cluster: str
    region: str = ""
    role: str = ""
    profile: str = ""
    external_id: str = ""
    session_name: str = ""
    keys: tuple[str, str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class AzureLogin:
    """A token for an AKS cluster. `mode` is kubelogin's `--login`; empty texts come from the inputs and the environment."""

    server_id: str = AKS_SERVER
    mode: str = ""
    client_id: str = ""
    tenant_id: str = ""
    secret: str = field(default="", repr=False)
    cloud: str = ""
    token_file: str = ""


Login: TypeAlias = GoogleLogin | AwsLogin | AzureLogin


@dataclass(frozen=True)
class _Plugin:
    """The program of a kubeconfig, its arguments and its environment."""

    name: str
    arguments: Sequence[str]
    environ: Mapping[str, str]
    origin: str

    def options(
        self, named: Mapping[str, str], switches: frozenset[str] = frozenset(), words: Sequence[str] = ()
    ) -> dict[str, str]:
        """Return the options by the names that `named` gives them; raises BadInput for what it does not know.

        An option may have several spellings; `switches` take no value. `words` are the arguments that are no options.
        """
        found: dict[str, str] = {}
        plain: list[str] = []
        rest = iter(self.arguments)
        for argument in rest:
            option, equals, value = argument.partition("=")
            if not argument.startswith("-"):
                plain.append(argument)
            elif option in named:
                found[named[option]] = value if equals else self._value(option, rest)
            elif option not in switches:
                raise self.refusal(f"the argument {option!r}")
        if plain != list(words):
            raise self.refusal(f"the arguments {' '.join(plain)!r}")
        return found

    def _value(self, option: str, rest: Iterator[str]) -> str:
        value = next(rest, None)
        if value is None:
            raise BadInput(f"{self.origin}: the argument {option!r} of {self.name!r} has no value", _REMEDY)
        return value

    def variables(self, known: frozenset[str]) -> Mapping[str, str]:
        """Return the environment; raises BadInput for a variable that is not known."""
        for name in self.environ:
            if name not in known:
                raise self.refusal(f"the variable {name!r}")
        return self.environ

    def refusal(self, what: str) -> BadInput:
        return BadInput(
            f"{self.origin} has {what} for {self.name!r}; this action does not run that program, and does not know it",
            _REMEDY,
        )


def login_of(user: Json, origin: str) -> Login | None:
    """Return the login that a user's plug-in stands for; None where there is none that is known. Raises BadInput."""
    plugin = _plugin(user, origin)
    if plugin is not None:
        readers: Mapping[str, Callable[[_Plugin], Login]] = {
            GOOGLE_PLUGIN: _google,
            AWS_CLI: _aws_cli,
            AWS_AUTHENTICATOR: _aws_authenticator,
            AZURE_PLUGIN: _kubelogin,
        }
        reader = readers.get(plugin.name.removesuffix(".exe"))
        return reader(plugin) if reader else None
    provider = user.get("auth-provider")
    if not isinstance(provider, dict):
        return None
    if provider.get("name") == GOOGLE_PROVIDER:
        return GoogleLogin()
    if provider.get("name") == AZURE_PROVIDER:
        config = provider.get("config")
        config = config if isinstance(config, dict) else {}
        return AzureLogin(
            server_id=str(config.get("apiserver-id") or AKS_SERVER),
            tenant_id=str(config.get("tenant-id") or ""),
            cloud=_cloud(str(config.get("environment") or ""), origin),
        )
    return None


def program(user: Json) -> str:
    """Return the name of the program that a user's plug-in runs, without its folder; empty without a plug-in."""
    plugin = user.get("exec")
    command = str(plugin.get("command") or "?") if isinstance(plugin, dict) else ""
    return command.replace("\\", "/").rpartition("/")[2]


def secrets(user: object) -> Iterator[str]:
    """Yield the secrets in a plug-in's arguments and environment, whether or not it is one that is known."""
    plugin = user.get("exec") if isinstance(user, dict) else None
    if not isinstance(plugin, dict):
        return
    entries = plugin.get("env")
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and _is_secret(str(entry.get("name"))):
            yield str(entry.get("value") or "")
    given = plugin.get("args")
    arguments = [str(argument) for argument in given] if isinstance(given, list) else []
    for position, argument in enumerate(arguments, 1):
        option, equals, value = argument.partition("=")
        if option.startswith("-") and _is_secret(option):
            yield value if equals else "".join(arguments[position : position + 1])


def _is_secret(name: str) -> bool:
    words = name.strip("-").lower().replace("-", "_").split("_")
    return bool({"secret", "password", "token", "key"} & set(words)) and not {"id", "file", "dir"} & set(words)


def _plugin(user: Json, origin: str) -> _Plugin | None:
    entry = user.get("exec")
    if not isinstance(entry, dict):
        return None
    arguments, environ = entry.get("args") or [], entry.get("env") or []
    if not isinstance(arguments, list) or not isinstance(environ, list) or not all(isinstance(one, dict) for one in environ):
        raise BadInput(f"{origin} is malformed: 'args' and 'env' of 'exec' are not lists", _REMEDY)
    variables = {str(one.get("name")): str(one.get("value") or "") for one in environ}
    return _Plugin(program(user), [str(argument) for argument in arguments], variables, origin)


def _google(_plugin: _Plugin) -> GoogleLogin:
    return GoogleLogin()


_AWS_VARIABLES = frozenset({
    "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_STS_REGIONAL_ENDPOINTS", "AWS_DEFAULT_OUTPUT",
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
})  # fmt: skip


def _aws_cli(plugin: _Plugin) -> AwsLogin:
    """`aws eks get-token`: https://docs.aws.amazon.com/cli/latest/reference/eks/get-token.html."""
    named = {
        "--cluster-name": "cluster", "--cluster-id": "cluster", "--role-arn": "role", "--region": "region",
        "--profile": "profile", "--output": "output", "--color": "color",
    }  # fmt: skip
    switches = frozenset({"--no-cli-pager", "--no-cli-auto-prompt", "--no-paginate"})
    return _aws(plugin, plugin.options(named, switches, ["eks", "get-token"]))


def _aws_authenticator(plugin: _Plugin) -> AwsLogin:
    """`aws-iam-authenticator token`: https://github.com/kubernetes-sigs/aws-iam-authenticator."""
    named = {
        "--cluster-id": "cluster", "-i": "cluster", "--role": "role", "-r": "role", "--region": "region",
        "--external-id": "external_id", "-e": "external_id", "--session-name": "session_name", "-s": "session_name",
    }  # fmt: skip
    return _aws(plugin, plugin.options(named, frozenset({"--cache"}), ["token"]))


def _aws(plugin: _Plugin, options: Mapping[str, str]) -> AwsLogin:
    environ = plugin.variables(_AWS_VARIABLES)
    cluster = options.get("cluster", "")
    if not cluster:
        raise BadInput(f"{plugin.origin} names no cluster for {plugin.name!r}", "give 'eks-cluster' and 'eks-region'")
    key, secret = environ.get("AWS_ACCESS_KEY_ID", ""), environ.get("AWS_SECRET_ACCESS_KEY", "")
    return AwsLogin(
        cluster=cluster,
        region=options.get("region") or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or "",
        role=options.get("role", ""),
        profile=options.get("profile") or environ.get("AWS_PROFILE") or "",
        external_id=options.get("external_id", ""),
        session_name=options.get("session_name", ""),
        keys=(key, secret, environ.get("AWS_SESSION_TOKEN", "")) if key and secret else None,
    )


_AZURE_OPTIONS = {
    "--login": "mode", "-l": "mode", "--server-id": "server", "--client-id": "client", "--tenant-id": "tenant",
    "-t": "tenant", "--environment": "cloud", "-e": "cloud", "--client-secret": "secret",
    "--federated-token-file": "file", "--authority-host": "authority",
    "--token-cache-dir": "cache", "--cache-dir": "cache", "--timeout": "timeout", "-v": "verbosity", "--v": "verbosity",
}  # fmt: skip
_AZURE_VARIABLES = frozenset({
    "AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_AUTHORITY_HOST",
    "AAD_LOGIN_METHOD", "AAD_SERVICE_PRINCIPAL_CLIENT_ID", "AAD_SERVICE_PRINCIPAL_CLIENT_SECRET",
})  # fmt: skip
# In these modes `--client-id` is the application that signs in; in the others it is one of Microsoft's for people.
_APPLICATION_MODES = frozenset({"spn", "msi", "workloadidentity"})
# https://azure.github.io/kubelogin/concepts/login-modes.html
_AZURE_MODES = _APPLICATION_MODES | {"devicecode", "interactive", "ropc", "azurecli", "azd"}
# The names of kubelogin's --environment, and the hosts of each cloud: https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud
_CLOUDS = {
    "": "", "azurepubliccloud": "", "azurecloud": "",
    "azureusgovernment": "us", "azureusgovernmentcloud": "us", "azurechinacloud": "china",
}  # fmt: skip
_AUTHORITIES = {
    "login.microsoftonline.com": "", "login.microsoftonline.us": "us", "login.chinacloudapi.cn": "china",
    "login.partner.microsoftonline.cn": "china",
}  # fmt: skip


def _kubelogin(plugin: _Plugin) -> AzureLogin:
    """`kubelogin get-token`: https://azure.github.io/kubelogin/cli/get-token.html."""
    options = plugin.options(_AZURE_OPTIONS, frozenset({"--disable-instance-discovery"}), ["get-token"])
    environ = plugin.variables(_AZURE_VARIABLES)
    mode = (options.get("mode") or environ.get("AAD_LOGIN_METHOD") or "devicecode").lower()
    if mode not in _AZURE_MODES:
        raise plugin.refusal(f"the login mode {mode!r}")
    own = environ.get("AAD_SERVICE_PRINCIPAL_CLIENT_ID") or environ.get("AZURE_CLIENT_ID") or ""
    secret = environ.get("AAD_SERVICE_PRINCIPAL_CLIENT_SECRET") or environ.get("AZURE_CLIENT_SECRET") or ""
    authority = options.get("authority") or environ.get("AZURE_AUTHORITY_HOST") or ""
    cloud = _cloud(options.get("cloud", ""), plugin.origin)
    return AzureLogin(
        server_id=options.get("server") or AKS_SERVER,
        mode=mode,
        client_id=(options.get("client") or own) if mode in _APPLICATION_MODES else own,
        tenant_id=options.get("tenant") or environ.get("AZURE_TENANT_ID") or "",
        secret=(options.get("secret") or secret) if mode == "spn" else "",
        cloud=_cloud_of_authority(authority, plugin) if authority else cloud,
        token_file=options.get("file") or environ.get("AZURE_FEDERATED_TOKEN_FILE") or "",
    )


def _cloud(name: str, origin: str) -> str:
    cloud = _CLOUDS.get(name.lower())
    if cloud is None:
        raise BadInput(f"{origin} names the Azure cloud {name!r}, which is not known", f"give one of: {', '.join(_CLOUDS)}")
    return cloud


def _cloud_of_authority(address: str, plugin: _Plugin) -> str:
    """Return the cloud of a sign-in address. Another host is refused: the job's identity token would be sent there."""
    host = address.removeprefix("https://").rstrip("/").lower()
    if host not in _AUTHORITIES:
        raise plugin.refusal(f"the authority {address!r}")
    return _AUTHORITIES[host]
