"""Read further options of `docker buildx build`, by an allow-list: some options can read, write or push anything. Pure.

`--build-arg` and `--target` have inputs of their own, but users of the replaced action mostly gave them here.
Left out on purpose: every other option with an input of its own, and options with an effect outside the build (`--output`,
`--push`, `--allow`, `--metadata-file`, `--iidfile`, `--builder`, `--secret`, `--ssh`, `--cache-to`, `--cgroup-parent`).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

from mlops_actions.core.errors import BadInput

_WITHOUT_VALUE = frozenset({"--no-cache", "--pull"})
_SIZE = re.compile(r"[0-9]+[bkmg]?", re.IGNORECASE)


def _is_network(value: str) -> bool:
    return value in ("default", "none", "host")


def _is_size(value: str) -> bool:
    return _SIZE.fullmatch(value) is not None


def _is_text(value: str) -> bool:
    return bool(value) and not value.startswith("-") and value.isprintable()


def _is_build_context(value: str) -> bool:
    """Allow images and web addresses only: a folder could be outside the workspace."""
    return re.fullmatch(r"[\w./:@-]+=(docker-image|https)://[\w./:@#?=&%-]+", value, re.ASCII) is not None


def _is_stage(value: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9_.-]+", value) is not None and not value.startswith("-")


def _is_build_argument(value: str) -> bool:
    return re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*(=.*)?", value, re.DOTALL) is not None


_BUILD_ARGUMENT = "--build-arg"
_WITH_VALUE: dict[str, Callable[[str], bool]] = {
    "--add-host": _is_text,
    "--annotation": _is_text,
    _BUILD_ARGUMENT: _is_build_argument,
    "--build-context": _is_build_context,
    "--network": _is_network,
    "--no-cache-filter": _is_text,
    "--shm-size": _is_size,
    "--target": _is_stage,
    "--ulimit": _is_text,
}
_SWITCH = re.compile(r"(true|false)?", re.IGNORECASE)
_ANY = re.compile(r"-1|[^-].*")
_BY_BUILDKIT = "BuildKit ignores it"
_BY_THE_LOG = "the log always shows the whole build"
# Options that change nothing here: those of the classic builder that buildx takes and ignores (`--help` calls them not
# implemented), and those about what is shown. Each with the form of its value, and the reason; a switch needs no value.
_WITHOUT_EFFECT: dict[str, tuple[re.Pattern[str], str]] = {
    **dict.fromkeys(("--compress", "--force-rm", "--rm"), (_SWITCH, _BY_BUILDKIT)),
    **dict.fromkeys(("--cpu-period", "--cpu-quota", "--cpu-shares", "-c", "--cpuset-cpus"), (_ANY, _BY_BUILDKIT)),
    **dict.fromkeys(("--cpuset-mems", "--memory", "-m", "--memory-swap"), (_ANY, _BY_BUILDKIT)),
    **dict.fromkeys(("--quiet", "-q", "--debug", "-D"), (_SWITCH, _BY_THE_LOG)),
    "--progress": (re.compile("auto|plain|tty|quiet|rawjson|none"), _BY_THE_LOG),
}


def build_arguments(text: str) -> dict[str, str | None]:
    """Return the values of `--build-arg`; None for a bare name, whose value the environment has. Raises BadInput."""
    values: dict[str, str | None] = {}
    for argument in _allowed(text)[0]:
        option, _, pair = argument.partition("=")
        if option == _BUILD_ARGUMENT:
            key, separator, value = pair.partition("=")
            values[key] = value if separator else None
    return values


def parse(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the arguments, each as `--name` or `--name=value`, and notes; raises BadInput for anything not allowed.

    Build arguments are left to `build_arguments`: their values must not be on a command line.
    """
    arguments, notes = _allowed(text)
    return tuple(argument for argument in arguments if not argument.startswith(f"{_BUILD_ARGUMENT}=")), notes


def skips_cache(text: str) -> bool:
    """Tell whether the options ask that instructions run although a cache has their result."""
    return any(_is_about_cache(argument) and not argument.endswith("=false") for argument in _allowed(text)[0])


def that_change_the_image(text: str) -> tuple[str, ...]:
    """Return the options that are input of the image; whether a cache is used is none."""
    return tuple(argument for argument in parse(text)[0] if not _is_about_cache(argument))


def _is_about_cache(argument: str) -> bool:
    return argument.partition("=")[0] in ("--no-cache", "--no-cache-filter")


def _check(option: str, value: str, *, valid: bool) -> None:
    if not valid:
        raise BadInput(f"input 'build-options' gives {option} the value {value!r}", f"correct the value of {option}")


def _allowed(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise BadInput(f"input 'build-options' has unbalanced quotes: {error}", "quote as a shell would") from None
    arguments: list[str] = []
    notes: list[str] = []
    rest = iter(words)
    for word in rest:
        option, separator, value = word.partition("=")
        if option in _WITHOUT_EFFECT:
            form, reason = _WITHOUT_EFFECT[option]
            if not separator and form is not _SWITCH:
                value = next(rest, "")
            _check(option, value, valid=form.fullmatch(value) is not None)
            notes.append(f"build option {option} is left out: {reason}")
        elif option in _WITHOUT_VALUE and (not separator or value in ("true", "false")):
            arguments.append(word)
        elif option in _WITH_VALUE:
            value = value if separator else next(rest, "")
            _check(option, value, valid=_WITH_VALUE[option](value))
            arguments.append(f"{option}={value}")
        else:
            raise BadInput(
                f"input 'build-options' has {word!r}, which is not allowed",
                f"use an input for it, or one of {', '.join(sorted(_WITH_VALUE.keys() | _WITHOUT_VALUE))}",
            )
    return tuple(arguments), tuple(notes)
