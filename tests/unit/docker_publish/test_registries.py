"""The input `registries`: what it says, what it refuses, and that no message shows a value."""

from __future__ import annotations

import base64

import pytest

from mlops_actions.core import declare
from mlops_actions.core.errors import BadInput
from mlops_actions.core.image_name import ImageName
from mlops_actions.docker_publish.inputs import Inputs
from mlops_actions.docker_publish.registries import copies, credentials, table
from mlops_actions.docker_publish.registries.table import RegistryEntry
from tests.support.docker_publish import make_inputs

SECRET = "s3cr3t-0123"
OWN = ImageName("ghcr.io", "octo/digits/train")


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("nvcr.io: {username: $oauthtoken, password: s}", RegistryEntry("nvcr.io", "$oauthtoken", "s")),
        ("nvcr.io:\n  username: $oauthtoken\n  password: s\n", RegistryEntry("nvcr.io", "$oauthtoken", "s")),
        ('{"nvcr.io": {"username": "u", "password": "s"}}', RegistryEntry("nvcr.io", "u", "s")),
        ("NVCR.io: {username: u, password: s}", RegistryEntry("nvcr.io", "u", "s")),
        ("https://nvcr.io/: {username: u, password: s}", RegistryEntry("nvcr.io", "u", "s")),
        ("index.docker.io: {username: u, password: s}", RegistryEntry("docker.io", "u", "s")),
        ("https://index.docker.io/v1/: {username: u, password: s}", RegistryEntry("docker.io", "u", "s")),
        ("localhost:5000: {username: u, password: s}", RegistryEntry("localhost:5000", "u", "s")),
        ("'[::1]:5000': {username: u, password: s}", RegistryEntry("[::1]:5000", "u", "s")),
        # YAML would read these as numbers, a moment and a truth value.
        ("r.example: {username: 0123, password: 0456}", RegistryEntry("r.example", "0123", "0456")),
        ("r.example: {username: u, password: 1e5}", RegistryEntry("r.example", "u", "1e5")),
        ("r.example: {username: u, password: yes}", RegistryEntry("r.example", "u", "yes")),
        ("r.example: {username: u, password: 2026-01-01}", RegistryEntry("r.example", "u", "2026-01-01")),
        ("r.example: {username: u, password: 'a: b, #c'}", RegistryEntry("r.example", "u", "a: b, #c")),
        ("r.example: {username: _json_key, password: |-\n    {\n    }\n}", None),  # a block within a flow is no YAML
        ("r.example:", RegistryEntry("r.example")),
        ("r.example: {}", RegistryEntry("r.example")),
        ("r.example: {push: true}", RegistryEntry("r.example", pushes=True)),
        ("r.example: {push: 'TRUE'}", RegistryEntry("r.example", pushes=True)),
        ("r.example: {push: false}", RegistryEntry("r.example")),
        ("r.example: {push: Team/Trainer}", RegistryEntry("r.example", pushes=True, repository="team/trainer")),
        # As secrets are that a run for a fork or for Dependabot does not get.
        ("r.example: {username: '', password: ''}", RegistryEntry("r.example", has_empty_password=True)),
        ("r.example: {username: u, password: ''}", RegistryEntry("r.example", has_empty_password=True)),
    ],
)
def test_an_entry_is_read(text: str, entry: RegistryEntry | None) -> None:
    if entry is None:
        with pytest.raises(BadInput, match="not valid YAML"):
            table.parse(text)
    else:
        assert table.parse(text) == (entry,)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (f"nvcr.io {SECRET}", "is not a mapping from hosts"),
        (f"- nvcr.io: {{password: {SECRET}}}", "is not a mapping from hosts"),
        (f"nvcr.io: {SECRET}", "no login for nvcr.io"),
        (f"nvcr.io: [{SECRET}]", "no login for nvcr.io"),
        (f"nvcr.io: {{username: {{a: {SECRET}}}, password: b}}", "no login for nvcr.io"),
        (f"nvcr.io: {{username: u, pasword: {SECRET}}}", "'pasword' for nvcr.io"),
        (f"nvcr.io: {{password: {SECRET}}}", "a password for nvcr.io and no username"),
        ("nvcr.io: {username: u}", "a username for nvcr.io and no password"),
        (f"nvcr.io: {{username: 'u:v', password: {SECRET}}}", "has a colon"),
        (f"nvcr.io: {{username: u, password: *{SECRET}}}", "not valid YAML (line 1"),
        (f"nvcr.io: {{username: u, password: {SECRET}", "not valid YAML (line 1"),
        (f"nvcr.io:\n  username: u\n password: {SECRET}", "not valid YAML (line 3"),
        (f"europe-docker.pkg.dev/p/r: {{username: u, password: {SECRET}}}", "not the host of a registry"),
        (f"user@nvcr.io: {{username: u, password: {SECRET}}}", "not the host of a registry"),
        (f"docker.io: {{username: u, password: {SECRET}}}\nindex.docker.io: {{}}", "docker.io twice"),
        (f"nvcr.io: {{username: u, password: {SECRET}, push: 'a:v1'}}", "'push' for nvcr.io"),
        (f"nvcr.io: {{username: u, password: {SECRET}, push: '../a'}}", "'push' for nvcr.io"),
    ],
)
def test_a_mistake_is_named_without_any_value(text: str, cause: str) -> None:
    with pytest.raises(BadInput) as refused:
        declare.read(Inputs, {"INPUT_IMAGE": "train", "INPUT_REGISTRIES": text})
    assert cause in refused.value.cause
    assert SECRET not in str(refused.value)
    assert SECRET in "\n".join(table.secrets_in(text)) or SECRET not in text


def test_only_the_passwords_are_masked() -> None:
    """The runner masks each line: of the whole text, a line `push: true` or a host would vanish from the log."""
    text = f"nvcr.io:\n  username: $oauthtoken\n  password: {SECRET}\nr.example: {{push: true}}\n"
    sent = base64.b64encode(f"$oauthtoken:{SECRET}".encode()).decode()
    assert list(declare.secret_values(Inputs, {"INPUT_REGISTRIES": text})) == [SECRET, sent]
    assert SECRET not in repr(make_inputs(image="train", registries=text))


@pytest.mark.parametrize(
    ("host", "is_own", "login"),
    [
        ("ghcr.io", True, ("octo", "ghs_job")),
        ("nvcr.io", False, ("$oauthtoken", SECRET)),
        ("nvcr.io", True, ("$oauthtoken", SECRET)),  # an entry wins over the defaults of username and password
        ("nvcr.io.evil.example", False, (None, None)),
        ("docker.io", False, (None, None)),
        ("docker.io", True, (None, None)),
        ("ghcr.io", False, (None, None)),  # a base image of another registry's host gets nothing that was not named for it
        ("r.example", False, (None, None)),  # the job's own token goes to no other registry, even where it is named
    ],
)
def test_a_login_goes_to_its_own_host_alone(host: str, is_own: bool, login: tuple[str | None, str | None]) -> None:
    registries = f"nvcr.io: {{username: $oauthtoken, password: {SECRET}}}\nr.example: {{username: u, password: ghs_job}}"
    inputs = make_inputs(image="a", username="octo", password="ghs_job", github_token="ghs_job", registries=registries)
    choose = credentials.choose if is_own else credentials.choose_for_other
    chosen = choose(inputs, host, "https://github.com")
    assert (chosen.username, chosen.password) == login


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("nvcr.io: {username: u, password: s}", []),
        ("r.example: {push: true}", ["r.example/octo/digits/train"]),
        ("r.example: {push: team/train}", ["r.example/team/train"]),
        ("a.example: {push: true}\nb.example: {push: x}", ["a.example/octo/digits/train", "b.example/x"]),
        ("ghcr.io: {push: true}", []),  # it goes there anyway
        ("ghcr.io: {push: octo/mirror}", ["ghcr.io/octo/mirror"]),
    ],
)
def test_an_image_is_copied_to_what_says_push(text: str, names: list[str]) -> None:
    assert [str(name) for name in copies.targets(make_inputs(image="a", registries=text), OWN)] == names
