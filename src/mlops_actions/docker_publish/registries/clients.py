"""The registries of one publication: each gets its login and its client once, when it is first needed."""

from __future__ import annotations

from functools import cached_property

from mlops_actions.core.image_name import ImageName
from mlops_actions.docker_publish.ports import Ports, Registry
from mlops_actions.docker_publish.registries import credentials
from mlops_actions.docker_publish.registries.credentials import RegistryLogin
from mlops_actions.docker_publish.request import BuildRequest


class RegistryClients:
    """Clients of the image's own registry and of all others. A login goes to the host that it was given for alone.

    Raises BadInput, Refused and Unavailable where a token of the job's cloud credentials is needed and cannot be had.
    """

    def __init__(self, request: BuildRequest, ports: Ports) -> None:
        self._request = request
        self._ports = ports
        self._logins: dict[str, RegistryLogin] = {}
        self._clients: dict[str, Registry] = {}

    @cached_property
    def own(self) -> Registry:
        """The client of the registry that the image is pushed to; nothing is sent yet."""
        return self._open(self._request.name.registry, self._request.name.repository if self._request.push else "")

    def client(self, host: str) -> Registry:
        """Return the client of a registry, to read from it."""
        if host == self._request.name.registry:
            return self.own
        if host not in self._clients:
            self._clients[host] = self._open(host, "")
        return self._clients[host]

    def target(self, name: ImageName) -> Registry:
        """Return the client of a registry that the image is copied to."""
        return self._open(name.registry, name.repository)

    def sign_in(self) -> None:
        """Let a build pull from every registry that `registries` names, or a `docker login` that this step can see."""
        for entry in self._request.inputs.registries or ():
            self._login(entry.host)
        for host in self._ports.login_hosts():
            stored = self._ports.find_login(host)
            if stored is not None and stored.password:
                self._login(host)

    def sign_in_again(self) -> Registry:
        """Return a new client of the image's own registry, with a new token where the old one may have run out."""
        self._logins.pop(self._request.name.registry, None)
        self.__dict__.pop("own", None)
        return self.own

    def _open(self, host: str, pushes_to: str) -> Registry:
        login = self._login(host)
        return self._ports.open_registry(host, login.username, login.password, pushes_to=pushes_to)

    def _login(self, host: str) -> RegistryLogin:
        """Choose the login of a registry, and keep it for the docker command line too."""
        if host not in self._logins:
            login = self._chosen(host)
            if login.note:
                self._ports.runner.notice(login.note)
            if login.username and login.password:
                self._ports.docker.sign_in(host, login.username, login.password)
            self._logins[host] = login
        return self._logins[host]

    def _chosen(self, host: str) -> RegistryLogin:
        request, inputs = self._request, self._request.inputs
        is_own = host == request.name.registry
        choose = credentials.choose if is_own else credentials.choose_for_other
        login = choose(inputs, host, request.context.server_url)
        if login.password is not None:
            return login
        stored = self._ports.find_login(host)
        if stored is not None and stored.password:
            return RegistryLogin(stored.username, stored.password)
        needs_token = (is_own and request.push) or credentials.entry_of(inputs, host) is not None
        # The helper of a cloud is a program that asks for the same token.
        needs_token = needs_token or (stored is not None and stored.of_this_host)
        if needs_token and credentials.takes_access_token(host):
            return credentials.with_access_token(host, self._ports.cloud_token(host))
        return credentials.without_helper(host, stored.helper) if stored is not None else login
