"""Doctor's checks of the input `registries`: the registries that a step only signs in to, asked by a person and by a job."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping

import pytest

from mlops_actions.argo_submit.read_manifest import read_manifest
from mlops_actions.boundary.doctor.log import QuietLog
from mlops_actions.boundary.doctor.registry import connect
from mlops_actions.doctor import other_registries, registry
from mlops_actions.doctor.checks import HealthCheck, without_secrets
from mlops_actions.doctor.scope import Scope
from mlops_actions.doctor.workflow import parse
from mlops_sandbox.host import Host
from mlops_sandbox.registry import Account, Registry
from tests.actions.doctor.test_secrets import echo
from tests.actions.doctor.world import World, no_cloud, no_github

__all__ = ["echo"]  # the fixture

PASSWORD = "a-password-of-the-base-images"
LOGIN = '{username: reader, password: "${{ secrets.BASES }}"}'
NOWHERE = "127.0.0.1:1"
# Only a job knows the image's name: the registries that no image is asked about are left.
START = "on: push\njobs:\n  publish:\n    steps:\n"
STEP = """\
      - uses: octo-org/mlops-actions/actions/docker-publish@v1
        with:
          image: ${{ inputs.image }}
          registries: |
"""
A_PERSON = None
Secrets = Mapping[str, str] | None


@pytest.fixture
def bases() -> Iterator[str]:
    """A registry that wants a login."""
    with Host(Registry(challenge="bearer", accounts={"reader": Account(PASSWORD)}).app) as host:
        yield host.url.partition("//")[2]


def ask(registries: str, secrets: Secrets, *, job_token: str = "", steps: int = 1) -> list[HealthCheck]:
    """Ask as a job with these secrets, or as a person, who has no login."""
    lines = "".join(f"            {line}\n" for line in registries.splitlines())
    file = parse(START + f"{STEP}{lines}" * steps, "mlops.yml")
    context = {f"secrets.{name}": value for name, value in (secrets or {}).items()}
    scope = Scope(
        workflow=file,
        repository="octo-org/digits",
        context=context,
        read=str,
        read_manifest=read_manifest,
        is_job=secrets is not None,
    )
    logins = other_registries.logins(file, context, job_token)
    environ = {"HOME": "/nowhere"}
    log = QuietLog(environ)
    found = registry.check(
        scope,
        lambda host, anonymous: connect(host, environ, log, anonymous=anonymous, logins=logins),
        no_github,
        pulls_with_secret=False,
        cloud_token=no_cloud,
    )
    return [without_secrets(check, log.secrets) for check in found if check.name != "images"]


@pytest.mark.parametrize(
    ("registries", "secrets", "expected", "told", "remedy"),
    [
        (f"HOST: {LOGIN}", {"BASES": PASSWORD}, {"reachable": "ok", "login": "ok"}, "accepts the login", ""),
        (f"http://HOST/v2/: {LOGIN}", {"BASES": PASSWORD}, {"reachable": "ok", "login": "ok"}, "accepts the login", ""),
        (
            f"HOST: {LOGIN}", {"BASES": "wrong"}, {"reachable": "ok", "login": "fails"},
            "signing in", "gh secret set BASES -R octo-org/digits",
        ),
        (
            f"{NOWHERE}:\nHOST: {LOGIN}".replace(NOWHERE, '"${{ secrets.OTHER }}"'), {"BASES": "wrong", "OTHER": ""},
            {"reachable": "ok", "login": "fails"}, "signing in", "gh secret set BASES",
        ),
        (
            f"HOST: {LOGIN}", {"BASES": ""}, {"reachable": "ok", "login": "fails"},
            "the password for HOST in 'registries' is empty", "gh secret set BASES",
        ),
        (
            f"HOST: {LOGIN}", A_PERSON, {"reachable": "ok", "login": "cannot be told"},
            "there is no login for HOST here", "docker login HOST",
        ),
        ("HOST:", {}, {"reachable": "ok", "login": "skipped"}, "has no login for HOST", ""),
        ("HOST: {push: 'false'}", A_PERSON, {"reachable": "ok", "login": "skipped"}, "has no login for HOST", ""),
        (f"{NOWHERE}: {LOGIN}", {"BASES": PASSWORD}, {"reachable": "fails"}, NOWHERE, f"curl -sSI https://{NOWHERE}/v2/"),
        # The whole mapping as a secret.
        ("${{ secrets.ALL }}", {"ALL": f"HOST: {{username: reader, password: {PASSWORD}}}"},
         {"reachable": "ok", "login": "ok"}, "accepts the login", ""),
        ("${{ secrets.ALL }}", {"ALL": "HOST: {username: reader, password: wrong}"},
         {"reachable": "ok", "login": "fails"}, "signing in", "gh secret set ALL"),
        ("${{ secrets.ALL }}", A_PERSON, {"registries": "cannot be told"}, "only a job can evaluate it", "gh secret list"),
        ("${{ secrets.ALL }}", {"ALL": ""}, {}, "", ""),
        # What docker-publish refuses is sent nowhere.
        (f"HOST: {PASSWORD}", {}, {}, "", ""),
        (f"'a host': {LOGIN}", {"BASES": PASSWORD}, {}, "", ""),
    ],
)  # fmt: skip
def test_a_registry_that_is_only_signed_in_to_is_asked(
    bases: str, registries: str, secrets: Secrets, expected: dict[str, str], told: str, remedy: str
) -> None:
    given = secrets and {name: value.replace("HOST", bases) for name, value in secrets.items()}
    checks = ask(registries.replace("HOST", bases), given)
    assert {check.name: check.status.value for check in checks} == expected
    if checks:
        assert told.replace("HOST", bases) in checks[-1].answer
        assert checks[-1].remedy.startswith(remedy.replace("HOST", bases))
        assert bool(checks[-1].remedy) is bool(remedy)
    assert PASSWORD not in repr(checks)


@pytest.mark.parametrize(("challenge", "status"), [("none", "cannot be told"), ("basic", "ok"), ("bearer", "ok")])
def test_a_login_counts_only_where_the_registry_asks_for_it(challenge: str, status: str) -> None:
    with Host(Registry(challenge=challenge, accounts={"reader": Account(PASSWORD)}).app) as host:  # type: ignore[arg-type]
        checks = ask(f"{host.url.partition('//')[2]}: {LOGIN}", {"BASES": PASSWORD})
    assert [check.status.value for check in checks] == ["ok", status]


def test_the_job_s_own_token_is_sent_to_no_other_registry(bases: str) -> None:
    # It would be accepted here.
    checks = ask(f"{bases}: {LOGIN}", {"BASES": PASSWORD}, job_token=PASSWORD)
    assert [check.status.value for check in checks] == ["ok", "cannot be told"]


def test_each_login_is_shown_as_stars_where_a_registry_repeats_it(echo: str) -> None:
    (reachable, login) = ask(f"{echo.partition('//')[2]}: {LOGIN}", {"BASES": PASSWORD})
    assert (reachable.status.value, login.status.value) == ("ok", "fails")
    assert "***" in login.answer
    assert PASSWORD not in login.answer
    assert base64.b64encode(f"reader:{PASSWORD}".encode()).decode() not in login.answer


def test_a_registry_that_two_steps_name_is_asked_once(bases: str) -> None:
    assert len(ask(f"{bases}: {LOGIN}", {"BASES": PASSWORD}, steps=2)) == 2


@pytest.mark.parametrize(("secret", "status"), [(PASSWORD, "ok"), ("no-password-of-theirs", "fails")])
def test_a_job_signs_in_with_the_secrets_that_it_passes_on(world: World, bases: str, secret: str, status: str) -> None:
    world.replace("          tags: sha\n", f"          tags: sha\n          registries: |\n            {bases}: {LOGIN}\n")
    world.environ |= {
        "GITHUB_ACTIONS": "true",
        "DOCTOR_VARS": json.dumps(world.settings.variables),
        "BASES": secret,
    }
    diagnosed = world.ask("--only", "registry")
    logins = {check["asked"]: check["status"] for check in diagnosed.checks if check["name"] == "login"}
    assert logins[f"GET https://{bases}/v2/"] == status, diagnosed.text
    assert len(logins) == 2
    assert secret not in diagnosed.text


@pytest.mark.parametrize(("is_job", "status"), [(True, "ok"), (False, "fails")])
def test_a_registry_of_plain_http_is_asked_by_a_job_alone(
    world: World, bases: str, monkeypatch: pytest.MonkeyPatch, is_job: bool, status: str
) -> None:
    """A person's login goes nowhere in plain HTTP because a file of a checkout says so."""
    for module in ("address", "client"):
        monkeypatch.setattr(f"mlops_actions.boundary.registry.{module}.is_loopback", lambda name: bases not in name)
    lines = f"registries: |\n            {bases}: {LOGIN}\n          insecure-registries: http://{bases}/\n"
    world.replace("          tags: sha\n", f"          tags: sha\n          {lines}")
    world.environ |= {"DOCTOR_VARS": json.dumps(world.settings.variables), "BASES": PASSWORD}
    world.environ |= {"GITHUB_ACTIONS": "true"} if is_job else {}
    diagnosed = world.ask("--only", "registry")
    asked = [check for check in diagnosed.checks if check["asked"] == f"GET https://{bases}/v2/"]
    assert {check["status"] for check in asked} == {status}, diagnosed.text
