"""Bound the age of images and of their layers by `max-age`. Pure.

An image's own times say nothing about its layers: a build takes them from a cache, and BuildKit writes the commit's time
over theirs. So time is divided into generations of half of `max-age`. The generation is part of the fingerprint, and of the
cache key of every RUN: no cache can give a layer of an earlier generation. Images of this generation and of the one before
are reused, so what a RUN made is kept for at least half of `max-age`, and never longer than `max-age`.
"""

from __future__ import annotations

from datetime import datetime


def accepted_generations(max_age: float | None, now: datetime) -> tuple[str, ...]:
    """Name the generations whose images may be reused, the present one first; `max_age` is in seconds.

    Without a bound all images are of one generation, the empty name; with a bound of 0 there is none.
    """
    if max_age is None:
        return ("",)
    if max_age <= 0:
        return ()
    half = max_age / 2
    number = int(now.timestamp() // half)
    return tuple(f"{number - before}-of-{half:g}s" for before in (0, 1))


def option(generation: str) -> tuple[str, ...]:
    """Return the build option that makes a generation part of the cache key of every RUN; none for the empty name.

    It names a host that nothing asks for. BuildKit leaves the address of an extra host out of the key, but not the name
    (solver/llbsolver/ops/exec.go, CacheMap), and writes neither into the image.
    """
    return (f"--add-host=generation-{generation.replace('.', '-')}.invalid:127.0.0.1",) if generation else ()
