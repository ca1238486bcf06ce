"""Policies: a list or a file says which checks must hold; a mistake in one is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_actions.verify import command, policy
from mlops_actions.verify.checks import Pins
from mlops_actions.verify.policy import CHECKS, Policy, parse_file, parse_list

OF_GATES = {"gates", "runs", "metrics", "baselines"}
OF_JUDGED = {"judged", "candidates", "runs"}
ALL = set(CHECKS) - {"required-gates", *policy.PINNED}

REQUIRED: list[tuple[str, Policy, set[str], set[str], set[str]]] = [
    ("without a policy all that apply", Policy(), ALL, set(), ALL),
    ("without a policy also what is pinned", Policy(), {"runs"}, {"commit"}, {"runs", "commit"}),
    ("a list alone", parse_list("model, gates"), ALL, set(), {"model", *OF_GATES}),
    ("a list and a pin", parse_list("runs"), ALL, {"job"}, {"runs", "job"}),
    ("a file of gates alone", parse_file("gates: [acc >= 0.9]"), {"clean"}, set(), {"clean", "required-gates", *OF_GATES}),
    ("a file with a list of checks", parse_file("[runs, model]"), ALL, set(), {"runs", "model"}),
    (
        "a file with checks and gates",
        parse_file("checks: [runs]\ngates: [acc > 1]"),
        ALL,
        set(),
        {"required-gates", *OF_GATES},
    ),
    (
        "a file of baselines' tags",
        parse_file("checks: [runs]\nbaseline-tags: [x]"),
        ALL,
        set(),
        {"required-gates", *OF_GATES},
    ),
    (
        "a file of the baselines' commit",
        parse_file(f"checks: [runs]\nbaseline-sha: {'a' * 40}"),
        ALL,
        set(),
        {"required-gates", *OF_GATES},
    ),
    ("a limit of baselines", parse_file("max-baselines: 3"), {"model"}, set(), {"model", "required-gates", *OF_GATES}),
    ("a metric that chooses", parse_file("checks: [model]\nselect-by: x:max"), ALL, set(), {"model", *OF_JUDGED}),
    ("how the candidate was judged", parse_file("checks: [model]\njudge: all"), ALL, set(), {"model", *OF_JUDGED}),
    ("among what it was chosen", parse_file("checks: [model]\naggregate: group"), ALL, set(), {"model", *OF_JUDGED}),
    ("the key of the commit asks for no check", parse_file("checks: [runs]\nsha-config-key: git.sha"), ALL, set(), {"runs"}),
    *(
        (f"{name} is about the judged runs", parse_list(name), ALL, set(), {name, "runs"})
        for name in ("clean", "metrics", "datasets", "candidates", "baselines", "model")
    ),
    ("what a check rests on rests on others", parse_list("files"), ALL, set(), {"files", "model", "runs"}),
    ("what does not apply is required where it is named", parse_list("image"), {"runs"}, set(), {"image"}),
]


@pytest.mark.parametrize(
    ("given", "applicable", "pinned", "expected"), [case[1:] for case in REQUIRED], ids=[case[0] for case in REQUIRED]
)
def test_a_policy_requires_checks(given: Policy, applicable: set[str], pinned: set[str], expected: set[str]) -> None:
    required = given.required(applicable, pinned)
    assert set(required) == expected
    assert list(required) == [name for name in CHECKS if name in expected]


BAD: list[tuple[str, str, str]] = [
    ("an unknown check", "runs,metricks", "names the unknown check 'metricks' (did you mean 'metrics'?)"),
    ("the signature", "signature", "run `gh attestation verify`"),
    ("a check twice", "runs,runs", "names a check twice"),
    ("no check", ",", "names no check"),
    ("an empty file", "FILE", "is no YAML mapping"),
    ("a file with a text", "FILE:runs", "is no YAML mapping"),
    ("broken YAML", "FILE:checks: [", "is not valid YAML"),
    ("a way to judge that no statement has", "FILE:judge: mean", "has 'judge' that is none of best, all, latest"),
    ("an empty way to judge", "FILE:judge: ''", "has 'judge' that is none of best, all, latest"),
    ("a way to judge that is no text", "FILE:judge: [best]", "has 'judge' that is none of best, all, latest"),
    ("an unknown key", "FILE:check: [runs]", "holds 'check' (did you mean 'checks'?)"),
    ("no list", "FILE:checks: runs", "has 'checks' that is no list"),
    ("an empty list", "FILE:checks: []", "names no check"),
    ("a number", "FILE:checks: [1]", "has 'checks' that is no list of texts"),
    ("an unknown check in a file", "FILE:checks: [gate]", "names the unknown check 'gate'"),
    ("no gate", "FILE:gates: [acc is good]", "has a mistake in 'gates': line 1 is no gate"),
    ("gates as a text", "FILE:gates: acc >= 0.9", "has 'gates' that is no list"),
    ("required gates without gates", "FILE:checks: [required-gates]", "names no 'gates'"),
    ("a metric without direction", "FILE:select-by: acc", "METRIC:min or METRIC:max"),
    ("tags as a number", "FILE:baseline-tags: 3", "has 'baseline-tags' that is no list"),
    ("a limit as a text", "FILE:max-baselines: ten", "has 'max-baselines' that is no number"),
    ("a limit below 0", "FILE:max-baselines: -1", "has 'max-baselines' that is no number"),
    ("a limit that is true", "FILE:max-baselines: true", "has 'max-baselines' that is no number"),
    ("another aggregate", "FILE:aggregate: mean", "has 'aggregate' that is none of none, group"),
    ("an aggregate that is no text", "FILE:aggregate: [group]", "has 'aggregate' that is none of none, group"),
    ("an empty key of the commit", "FILE:sha-config-key: ''", "has 'sha-config-key' that is no text"),
    ("a key of the commit that is a number", "FILE:sha-config-key: 1", "has 'sha-config-key' that is no text"),
    ("a branch as the baselines' commit", "FILE:baseline-sha: main", "has 'baseline-sha' that is no text of a commit's 40"),
    ("a commit that is a number to YAML", f"FILE:baseline-sha: {'1' * 40}", "has 'baseline-sha' that is no text of a"),
    ("an empty commit", "FILE:baseline-sha: ''", "has 'baseline-sha' that is no text of a"),
    ("a key twice", "FILE:checks: [runs]\nchecks: [gates]", "holds the key 'checks' twice"),
    ("no text", "FILE:\x00", "is not valid YAML"),
    ("a missing file", "none.yml", "cannot be read"),
    ("a folder", "./", "cannot be read"),
]


@pytest.mark.parametrize(("given", "message"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_bad_policy_is_exit_2_and_names_the_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], given: str, message: str
) -> None:
    if given.startswith("FILE"):
        (tmp_path / "policy.yml").write_text(given[5:])
        given = str(tmp_path / "policy.yml")
    assert command.main(tmp_path / "statement.json", Pins(), {}, policy=given) == 2
    error, remedy = capsys.readouterr().err.splitlines()
    assert message in error, error
    assert error.startswith("error: --policy ")
    assert remedy.startswith("remedy: ")
