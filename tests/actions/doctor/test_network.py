"""Doctor names the stage at which the way to a system ends: the name, the connection, TLS, or the proxy."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.applications import Starlette

from mlops_actions.boundary.doctor import cluster, github, network, tracker
from mlops_actions.boundary.registry import transport as registry
from mlops_sandbox.host import Host
from tests.actions.doctor.faults.breakage import NOWHERE, Breakage, Change, kubeconfig, wandb_at
from tests.actions.doctor.test_faults import named_and_mended
from tests.actions.doctor.world import World
from tests.boundary.http.recorder import Recorder, Reply
from tests.support.certificates import of_an_authority, self_signed

PROXY_LOGIN = "http://USER:PASSWORD@PROXY:PORT"


def github_at(world: World, url: str) -> None:
    world.environ["GITHUB_API_URL"] = url


def registry_at(world: World, url: str) -> None:
    world.settings.variables["REGISTRY"] = world.environ["REGISTRY"] = url.partition("//")[2]


def cluster_at(world: World, url: str) -> None:
    kubeconfig(world.cluster_url, url)(world)


def tracker_at(world: World, url: str) -> None:
    wandb_at(lambda _: url)(world)


SYSTEMS = {"GitHub": github_at, "registry": registry_at, "cluster": cluster_at, "W&B": tracker_at}
OWN_CHECKS = {"GitHub": "connection", "registry": "reachable", "cluster": "connection", "W&B": "key"}
every_system = pytest.mark.parametrize("system", SYSTEMS)


def names_the_network(world: World, system: str, url: str, remedy: str) -> str:
    """Move a system, hold doctor to naming the network to it alone, and return the answer."""
    move: Change = lambda world: SYSTEMS[system](world, url)  # noqa: E731
    named_and_mended(world, Breakage(system, move, ("runner", f"network to {system}"), remedy))
    diagnosed = world.ask()
    skipped = [check for check in diagnosed.checks if check["answer"] == f"see 'network to {system}' in the group Runner"]
    assert [check["name"] for check in skipped if check["status"] == "skipped"] == ["connection"]
    return diagnosed.check("runner", f"network to {system}")["answer"]


@pytest.fixture
def proxy(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """A proxy that refuses tunnels; this machine's addresses need none."""
    with Recorder() as server:
        for name, value in {"https_proxy": server.url, "no_proxy": "127.0.0.1"}.items():
            monkeypatch.setenv(name, value)
            world.environ[name] = value
        yield server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Callable[[Path], str]]:
    hosts: list[Host] = []

    def start(certificate: Path) -> str:
        hosts.append(Host(Starlette(), certificate=certificate).start())
        return hosts[-1].url

    yield start
    for host in hosts:
        host.stop()


@every_system
def test_a_name_that_does_not_resolve_is_named(world: World, system: str) -> None:
    answer = names_the_network(world, system, "https://nowhere.invalid", "nslookup nowhere.invalid")
    assert answer.startswith("the name nowhere.invalid does not resolve")


@every_system
def test_a_port_that_refuses_is_named(world: World, system: str) -> None:
    answer = names_the_network(world, system, f"https://{NOWHERE}", f"curl -v https://{NOWHERE}")
    assert answer == f"{NOWHERE} takes no connection: Connection refused"


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a port that drops every further connection, as a firewall does: its queue is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, ExitStack() as stack:
        address = server.getsockname()
        for _ in range(2):  # Linux takes one more than the backlog
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(address)
        yield f"127.0.0.1:{address[1]}"


@every_system
def test_a_port_that_does_not_answer_is_named_with_the_wait(
    world: World, system: str, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "_SECONDS", 0.2)
    port = silent.partition(":")[2]
    remedy = f"curl -v --connect-timeout 10 https://{silent}  # let this machine reach port {port} of 127.0.0.1"
    answer = names_the_network(world, system, f"https://{silent}", remedy)
    assert answer == f"{silent} does not answer within 0.2 s"


@every_system
def test_a_server_that_does_not_begin_tls_is_named_with_the_wait(
    world: World, system: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:  # it takes the connection, and says nothing
        host = f"127.0.0.1:{server.getsockname()[1]}"
        answer = names_the_network(world, system, f"https://{host}", f"openssl s_client -connect {host}")
    assert answer == f"TLS with {host} does not begin within 0.2 s"


@every_system
def test_without_the_group_runner_the_group_itself_says_how_long_it_waited(
    world: World, system: str, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(github, "_SECONDS", 1)  # PyGithub takes whole seconds
    for module in (cluster, tracker):
        monkeypatch.setattr(module, "_SECONDS", 0.2)
    monkeypatch.setattr(registry, "LIMITS", replace(registry.LIMITS, connect=0.2))
    SYSTEMS[system](world, f"https://{silent}")
    group = {"W&B": "wandb"}.get(system, system.lower())
    diagnosed = world.ask("--only", group)
    assert diagnosed.named("fails") == {(group, OWN_CHECKS[system])}, diagnosed.text
    check = diagnosed.check(group, OWN_CHECKS[system])
    assert silent in f"{check['asked']} {check['answer']}"
    assert re.search(r"(within |timeout=)(0\.2|1)\b", check["answer"])
    assert check["remedy"]


@every_system
def test_an_unknown_authority_is_named(world: World, system: str, server: Callable[[Path], str], tmp_path: Path) -> None:
    remedy = "certificate-authority-data" if system == "cluster" else "export REQUESTS_CA_BUNDLE=FILE"
    answer = names_the_network(world, system, server(self_signed(tmp_path)), remedy)
    assert answer == "no authority that this machine knows signed the certificate of 127.0.0.1"


@every_system
def test_a_proxy_that_refuses_the_way_is_named(world: World, system: str, proxy: Recorder) -> None:
    remedy = "correct https_proxy, or add api.test to no_proxy"
    answer = names_the_network(world, system, "https://api.test", remedy)
    assert answer == f"the proxy {proxy.address} (https_proxy) refuses to connect to api.test:443: 403"


@every_system
def test_a_proxy_that_asks_for_a_login_is_named(world: World, system: str, proxy: Recorder) -> None:
    proxy.replies.extend([Reply(407)] * 100)
    answer = names_the_network(world, system, "https://api.test", f"write the login into https_proxy: {PROXY_LOGIN}")
    assert answer == f"the proxy {proxy.address} (https_proxy) asks for a login"


@every_system
def test_without_the_group_runner_the_group_itself_says_that_nothing_answers(world: World, system: str) -> None:
    SYSTEMS[system](world, f"https://{NOWHERE}")
    group = {"W&B": "wandb"}.get(system, system.lower())
    diagnosed = world.ask("--only", group)
    assert diagnosed.named("fails") == {(group, OWN_CHECKS[system])}, diagnosed.text


def test_the_address_and_the_time_of_each_system_are_shown(world: World) -> None:
    diagnosed = world.ask("--only", "runner")
    for system in SYSTEMS:
        check = diagnosed.check("runner", f"network to {system}")
        assert check["status"] == "ok"
        assert check["answer"].startswith("127.0.0.1 in ")


def test_one_of_two_servers_that_answers_keeps_the_groups_own_checks(world: World) -> None:
    world.replace(
        "          tags: sha",
        f"          tags: sha\n      - uses: o/mlops-actions/actions/docker-publish@v1\n"
        f"        with: {{image: model, registry: '{NOWHERE}'}}",
    )
    failed = world.ask("--only", "runner", "--only", "registry").named("fails")
    assert failed == {("runner", "network to registry"), ("registry", "reachable")}


def test_a_system_whose_address_is_not_known_is_left_to_its_own_group(world: World) -> None:
    world.environ["KUBECONFIG"] = "/nowhere/config"
    diagnosed = world.ask()
    assert diagnosed.named("fails") == {("cluster", "connection")}
    assert diagnosed.check("runner", "network to cluster")["status"] == "skipped"


def test_a_kubeconfigs_own_authority_is_trusted(world: World, server: Callable[[Path], str], tmp_path: Path) -> None:
    made = of_an_authority(tmp_path)
    chain = tmp_path / "chain.pem"
    chain.write_bytes(made.key.read_bytes() + made.certificate.read_bytes())
    url = server(chain)
    kubeconfig(f"server: {world.cluster_url}", f"server: {url}\n    certificate-authority: {made.authority}")(world)
    assert world.ask("--only", "runner").check("runner", "network to cluster")["status"] == "ok"
