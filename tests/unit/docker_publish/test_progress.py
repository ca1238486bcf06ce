"""BuildKit's plain progress, read line by line."""

from __future__ import annotations

from mlops_actions.docker_publish.build.progress import Progress


def progress_of(text: str) -> Progress:
    progress = Progress()
    for line in text.strip().splitlines():
        progress.line(line.strip())
    return progress


def test_progress_is_grouped_and_counted() -> None:
    progress = Progress()
    lines = [
        ('#0 building with "default" instance using docker driver', "prepare"),
        ("#1 [internal] load build definition from Dockerfile", "prepare"),
        ("#4 [base 1/2] FROM docker.io/library/base:1", "stage base"),
        ("#4 CACHED", "stage base"),
        ("#5 [base 2/2] RUN one", "stage base"),
        ("#5 CACHED", "stage base"),
        ("#6 [linux/arm64 final 1/1] RUN two", "stage linux/arm64 final"),
        ("#6 0.100 #5 ERROR: a program's own words", "stage linux/arm64 final"),
        ("#6 DONE 0.1s", "stage linux/arm64 final"),
        ("#7 [2/2] COPY a b", "build"),
        ("#7 DONE 0.0s", "build"),
        ("#8 exporting to image", "export"),
        ("#9 pushing ghcr.io/octo/app:1 with docker", "push"),
    ]
    assert [progress.line(text) for text, _ in lines] == [group for _, group in lines]
    assert progress.cached_by_stage == {"stage base": (1, 1), "stage linux/arm64 final": (0, 1), "build": (0, 1)}
    assert progress.failed is None


def test_the_failing_line_is_read_from_newer_buildkits() -> None:
    progress = progress_of("""
        #5 [2/2] RUN exit 3
        #5 ERROR: process "/bin/sh -c exit 3" did not complete successfully: exit code: 3
        ------
        > [2/2] RUN exit 3:
        ------
        Dockerfile:7
        --------------------
        ERROR: failed to solve: process "/bin/sh -c exit 3" did not complete successfully: exit code: 3
    """)
    assert progress.checks.failing_line == 7
    assert progress.failed is not None
    assert not progress.failed_to_push


def test_an_unreadable_cache_is_no_failure() -> None:
    progress = progress_of("""
        #3 importing cache manifest from ghcr.io/octo/app:latest
        #3 ERROR: not found
        #9 exporting to image
        #9 pushing layers
        #9 ERROR: failed to push ghcr.io/octo/app: connection reset
    """)
    assert progress.failed is not None
    assert "connection reset" in progress.failed.error
    assert progress.failed_to_push


def test_a_very_long_line_is_kept_by_its_ends() -> None:
    progress = Progress()
    progress.line("#7 [2/2] RUN train")
    progress.line(f"#7 0.1 {'=' * 1_000_000}> no space left on device")
    (line,) = progress.steps["7"].tail
    assert len(line) < 1100
    assert line.startswith("0.1 ===")
    assert line.endswith("no space left on device")
