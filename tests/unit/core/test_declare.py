"""Inputs as the runner hands them over."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from mlops_actions.core import declare, parsers
from mlops_actions.core.declare import DeclaredInputs, Legacy, input_field, inputs, read
from mlops_actions.core.errors import BadInput, BadInputs


@inputs
class Inputs(DeclaredInputs):
    image_name: str = input_field(
        parsers.text, "What to call it.", required=True, legacy=("name", Legacy("OLD NAME", note="Closed."))
    )
    push: bool = input_field(
        parsers.boolean,
        "Whether to push.",
        default="true",
        legacy=(Legacy("no_push", lambda text: not parsers.boolean(text)),),
    )
    retries: int = input_field(parsers.integer(minimum=0, maximum=9), "Attempts.", default="3")
    timeout: float | None = input_field(parsers.duration, "Longest wait.")
    tags: tuple[str, ...] = input_field(parsers.items, "Tags.", default="sha, latest")
    token: str | None = input_field(
        parsers.text,
        "For GitHub.",
        secret=True,
        env=("GITHUB_TOKEN",),
        runner_default="${{ github.token }}",
        legacy=("pat",),
    )

    def problems(self) -> Iterable[BadInput]:
        if self.push and self.image_name == "scratch":
            yield BadInput("'scratch' cannot be pushed", "name it otherwise")


def environ(**given_inputs: str) -> dict[str, str]:
    return {declare.input_variable(name.replace("_", "-")): value for name, value in given_inputs.items()}


def test_hyphens_stay_and_blanks_become_underscores() -> None:
    assert declare.input_variable("image-name") == "INPUT_IMAGE-NAME"
    assert declare.input_variable("OLD NAME") == "INPUT_OLD_NAME"


def test_defaults_fill_in_and_are_not_given() -> None:
    values = read(Inputs, environ(image_name=" digits "))
    assert (values.image_name, values.push, values.retries, values.timeout, values.tags) == (
        "digits",
        True,
        3,
        None,
        ("sha", "latest"),
    )
    assert values.was_given("image-name")
    assert not values.was_given("push")


def test_an_empty_or_blank_text_is_not_given() -> None:
    values = read(Inputs, environ(image_name="x", retries="", timeout="  \n"))
    assert (values.retries, values.timeout) == (3, None)


def test_an_older_name_serves_and_is_known() -> None:
    values = read(Inputs, {"INPUT_NAME": "digits", "INPUT_NO_PUSH": "true"})
    assert (values.image_name, values.push) == ("digits", False)
    assert values.was_given("name")
    assert values.was_given("image-name")


def test_two_names_that_agree_are_fine_and_two_that_differ_name_both() -> None:
    assert read(Inputs, {"INPUT_IMAGE-NAME": "a", "INPUT_NAME": "a "}).image_name == "a"
    with pytest.raises(BadInput, match="'image-name' and 'name' are two names for one thing") as caught:
        read(Inputs, {"INPUT_IMAGE-NAME": "a", "INPUT_NAME": "b"})
    assert caught.value.exit_code == 2


def test_a_default_that_the_runner_filled_in_does_not_contradict_an_older_name() -> None:
    values = read(Inputs, {"INPUT_IMAGE-NAME": "a", "INPUT_TOKEN": "from-the-runner", "INPUT_PAT": "mine"})
    assert values.token == "mine"


def test_the_environment_serves_where_no_input_does() -> None:
    assert read(Inputs, {"INPUT_IMAGE-NAME": "a", "GITHUB_TOKEN": "t"}).token == "t"


def test_all_problems_of_all_inputs_come_together() -> None:
    with pytest.raises(BadInputs) as caught:
        read(Inputs, environ(push="yes", retries="12", timeout="soon"))
    assert len(caught.value.problems) == 4
    for word in ("image-name", "'push' must be true or false, not 'yes'", "between 0 and 9", "'timeout' must be a duration"):
        assert word in str(caught.value)
    assert "\n" in str(caught.value)
    assert "\n" not in caught.value.cause


def test_a_check_of_several_inputs_runs_only_after_each_was_parsed() -> None:
    with pytest.raises(BadInput, match="cannot be pushed"):
        read(Inputs, environ(image_name="scratch"))


def test_secrets_stay_out_of_repr_and_of_errors() -> None:
    @inputs
    class Keyed:
        key: int | None = input_field(parsers.integer(), "A key.", secret=True)

    assert "hunter" not in repr(read(Inputs, environ(image_name="x", token="hunter2")))
    with pytest.raises(BadInput) as caught:
        read(Keyed, environ(key="hunter2"))  # type: ignore[type-var]  # `inputs` adds what the type asks for
    assert "hunter2" not in str(caught.value)


def test_every_source_of_a_secret_is_listed_for_masking() -> None:
    masked = set(
        declare.secret_values(
            Inputs, {"INPUT_TOKEN": "a1", "INPUT_PAT": "b2", "GITHUB_TOKEN": "c3", "INPUT_IMAGE-NAME": "no"}
        )
    )
    assert masked == {"a1", "b2", "c3"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a, b,,c", ("a", "b", "c")),
        ("a\nb, c\n", ("a", "b, c")),
        ("['a', 'b']", ("a", "b")),
        ('["a", 1e-3, true, 2026-01-01]', ("a", "1e-3", "true", "2026-01-01")),
        ("- a\n- b", ("a", "b")),
        ("[]", ()),
        ("-lr", ("-lr",)),
    ],
)
def test_a_list_is_read_in_every_form(text: str, expected: tuple[str, ...]) -> None:
    assert parsers.items(text) == expected


@pytest.mark.parametrize(
    "text", ["[a, [b]]", "[a", '[\'__import__("os").system("x")\', {a: b}]', "[!!python/object/apply:os.system [id]]"]
)
def test_any_other_list_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be a flat list|is not valid YAML"):
        parsers.items(text)


def test_yaml_runs_no_code() -> None:
    with pytest.raises(ValueError, match="is not valid YAML"):
        parsers.mapping("a: !!python/object/apply:os.system ['id']")
    with pytest.raises(ValueError, match="nested too deep"):
        parsers.yaml_value("[" * 5000)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("1.5", 1.5), ("90s", 90), ("15m", 900), ("2h", 7200), ("5h30m", 19800), ("1H2M3S", 3723)],
)
def test_a_duration_is_read_as_seconds(text: str, seconds: float) -> None:
    assert parsers.duration(text) == seconds


@pytest.mark.parametrize("text", ["-1", "1d", "h", "٣", "1_0", "1e3", "30m2h", "inf"])
def test_any_other_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a duration"):
        parsers.duration(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"lr": 3e-4, "tags": ["a"]}', {"lr": "3e-4", "tags": ["a"]}),
        ("lr=3e-4\nnote=a = b\n# no\n", {"lr": "3e-4", "note": "a = b"}),
        ("lr: 0.1\nepochs: 3", {"lr": 0.1, "epochs": 3}),
    ],
)
def test_a_mapping_is_read_in_every_form(text: str, expected: dict[str, object]) -> None:
    assert parsers.mapping(text) == expected


@pytest.mark.parametrize("text", ["- a", "just text", "1: a", "a=1\na=2"])
def test_any_other_mapping_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be a YAML or JSON mapping|twice"):
        parsers.mapping(text)


def test_pairs_are_read() -> None:
    assert parsers.pairs("A=1\nB\nC==x\n") == {"A": "1", "B": None, "C": "=x"}
    with pytest.raises(ValueError, match="without a key"):
        parsers.pairs("=1")
