"""What a Dockerfile reads, kind by kind. tests/e2e/test_dockerfile_reader.py puts the same table to BuildKit."""

from __future__ import annotations

import pytest

from mlops_actions.docker_publish.dockerfile import bases, instructions, paths

FRONTEND = "docker/dockerfile:1"
UNKNOWN = None  # the images, where something is not known, so that the image is always built
# Dockerfile, images, whether .git is seen.
CASES: list[tuple[str | bytes, set[str] | None, bool]] = [
    # Lines
    ("FROM a\r\nCOPY --from=b x y\r\n", {"a", "b"}, False),
    ("FROM a\rCOPY --from=b x y\n", {"a"}, False),  # BuildKit refuses it: CR alone is a blank
    ("\ufeffFROM a\n", {"a"}, False),
    ("FROM\fa\nCOPY\v--from=b\tx y\n", {"a", "b"}, False),
    ("FROM a\nRUN true \\\\\nCOPY --from=b x y\n", {"a", "b"}, False),
    ("FROM a\nRUN true \\ \t\n  && true\nCOPY --from=b x y\n", {"a", "b"}, False),
    ("FROM a\nRUN true \\\f\nCOPY --from=b x y\n", {"a", "b"}, False),
    ("FROM a\nRUN true \\\n# comment \\\nCOPY --from=b x y\n", {"a"}, False),
    ("FROM a\nRUN true \\\n\n\nCOPY --from=b x y\n", {"a"}, False),
    ("FROM a\n# comment \\\nCOPY --from=b x y\n", {"a", "b"}, False),
    ("FROM a\nCOPY \\\n  --from=b \\\n  # comment\n  x y\n", {"a", "b"}, False),
    ("FROM a\nCOPY --fr\\\nom=b x y\n", {"a", "b"}, False),
    ('FROM a\nLABEL a="b\u2028COPY --from=b x y"\n', {"a"}, False),
    ('FROM a\nLABEL a="b\x85c\x1cd"\nCOPY --from=b x y\n', {"a", "b"}, False),
    (" \u00a0FROM a\n\tcopy --from=b x y\n", {"a", "b"}, False),
    (b"FROM a\nLABEL a=\xff\nCOPY --from=b x y\n", {"a", "b"}, False),
    ("FROM a\nCOPY --from=b x y", {"a", "b"}, False),
    # Directives
    ("# escape=`\nFROM a\nRUN true \\\nCOPY --from=b x y\n", {"a", "b"}, False),
    ("# escape=`\nFROM a\nCOPY `\n --from=b x y\n", {"a", "b"}, False),
    ("# ESCAPE = `\nFROM a\nRUN x `\nCOPY --from=b x y\n", {"a"}, False),
    ("# comment\n# escape=`\nFROM a\nRUN x `\nCOPY --from=b x y\n", {"a", "b"}, False),
    ("#!/usr/bin/x\n# escape=`\nFROM a\nRUN x `\nCOPY --from=b x y\n", {"a", "b"}, False),
    ("# check=skip=all\n# escape=`\nFROM a\n", UNKNOWN, True),  # older versions of BuildKit know no `check`
    (f"# syntax={FRONTEND}\nFROM a\n", {FRONTEND, "a"}, False),
    (f"#syntax = {FRONTEND} option\nFROM a\n", {FRONTEND, "a"}, False),
    (f"# escape=`\n# syntax={FRONTEND}\nFROM a\n", {FRONTEND, "a"}, False),
    (f"#!/usr/bin/x\n# syntax={FRONTEND}\nFROM a\n", {FRONTEND, "a"}, False),
    (f" # syntax={FRONTEND}\nFROM a\n", {"a"}, False),
    (f"# syntax={FRONTEND}\n# syntax=other/x\nFROM a\n", {FRONTEND, "a"}, False),
    ("# syntax=mirror.test/docker/dockerfile:1.7-labs\nFROM a\n", {"mirror.test/docker/dockerfile:1.7-labs", "a"}, False),
    ("# syntax=other/frontend\nFROM a\n", UNKNOWN, False),
    ("// syntax=other/frontend\nFROM a\n", UNKNOWN, False),
    ('{"syntax": "other/frontend"}', UNKNOWN, False),
    # FROM
    ('FROM "a"\n', {"a"}, False),
    ("FROM 'a' AS b\nFROM b\n", {"a"}, False),
    ("FROM --platform=linux/amd64 a\n", {"a"}, False),
    ("FROM --platform=$BUILDPLATFORM a AS b\nFROM b\n", {"a"}, False),
    ("FROM a AS B\nFROM b\n", {"a"}, False),
    ("FROM a AS a\nFROM a\n", {"a"}, False),
    ("FROM a AS b\nFROM 0\n", {"a", "0"}, False),  # a number is an image here
    ("FROM scratch\nCOPY --from=scratch x y\n", set(), False),
    ("ARG A='a' B=${A}1\nFROM $B\n", {"a1"}, False),
    ("ARG A=a\\ b\nARG A=c\nFROM ${A}\n", {"c"}, False),
    ("ARG A\nFROM a${A:+x}\n", {"a"}, False),
    ("ARG A=\nFROM ${A-b}a${A:-c}\n", {"ac"}, False),
    ("FROM a${TARGETARCH:-x}\n", UNKNOWN, False),
    ("ARG A=b.1\nFROM ${A%.*}\n", UNKNOWN, False),
    ("ARG SOURCE_DATE_EPOCH=context\nFROM a\n", UNKNOWN, False),
    ("ARG SOURCE_DATE_EPOCH=7\nFROM a\n", {"a"}, False),
    # COPY --from
    ("FROM a\nCOPY '--from=b' x y\n", {"a"}, False),  # no flag: it starts with a quote
    ("FROM a\nCOPY --'from=b' x y\n", {"a", "b"}, False),
    ("FROM a\nCOPY --from=\"b\" x y\n", {"a", "b"}, False),
    ("FROM a\nCOPY --fr\\om=b x y\n", {"a", "b"}, False),
    ("FROM a\nCOPY --link --from=b --chown=1 x y\n", {"a", "b"}, False),
    ("FROM a\nCOPY --from=b [\"x\", \"y\"]\n", {"a", "b"}, False),
    ("FROM a\nCOPY -- --from=b x y\n", {"a"}, False),
    ("FROM a\nFROM b\nCOPY --from=0 x y\n", {"a", "b"}, False),
    ("FROM a\nFROM b\nCOPY --from=+00 x y\n", {"a", "b"}, False),
    ("FROM a\nCOPY --from=99999999999999999999 x y\n", {"a", "99999999999999999999"}, False),
    ("FROM a\nCOPY --from= . y\n", {"a"}, True),
    ("FROM a\nCOPY --from=$X x y\n", UNKNOWN, False),
    # RUN --mount
    ("FROM a\nRUN --mount=type=bind,FROM=b,target=/t x\n", {"a", "b"}, False),
    ("FROM a\nRUN --mount=target=/t,'from=b' x\n", {"a", "b"}, False),
    ("FROM a\nRUN --mount='target=/t,\"from=b\"' x\n", {"a", "b"}, False),
    ("FROM a\nRUN --mo\"unt=from=b,target=/t\" x\n", {"a", "b"}, False),
    ("FROM a\nRUN --network=none --mount=from=b,target=/t x\n", {"a", "b"}, False),
    ("FROM a\nRUN --mount=type=cache,from=b,target=/t x\n", {"a", "b"}, False),
    ("FROM a\nRUN --mount=from=0,target=/t x\n", {"a", "0"}, False),  # a number is an image here
    ("FROM a\nRUN x --mount=from=b,target=/t\n", {"a"}, False),
    ("FROM a\nRUN --mount=from=,target=/t x\n", {"a"}, True),
    ("FROM a\nRUN --mount=source=x,SRC=.git,target=/t x\n", {"a"}, True),
    ("FROM a\nRUN --mount=type=tmpfs,target=/t x\n", {"a"}, False),
    ("FROM a\nARG T=bind\nRUN --mount=type=$T,source=.git,target=/t x\n", {"a"}, True),
    # ADD
    ("FROM a\nADD \"https://h.test/x\" /x\n", UNKNOWN, False),
    ("FROM a\nADD h\\ttps://h.test/x /x\n", UNKNOWN, False),
    ("FROM a\nADD HTTPS://h.test/x.git /x\n", UNKNOWN, False),
    ("FROM a\nADD user@h.test:o/r.git /x\n", UNKNOWN, False),
    ("FROM a\nADD [\"x\", \"ssh://git@h.test/r\", \"/x\"]\n", UNKNOWN, False),
    (f"FROM a\nADD --checksum=sha256:{'1' * 64} https://h.test/x /x\n", {"a"}, False),
    (f"FROM a\nENV S={'1' * 64}\nADD --checksum=sha256:$S https://h.test/$S /x\n", {"a"}, False),
    ("FROM a\nADD --checksum=$SUM https://h.test/x /x\n", UNKNOWN, False),
    ("FROM a\nADD --checksum= https://h.test/x /x\n", UNKNOWN, False),
    (f"FROM a\nADD --checksum={'1' * 40} https://h.test/r.git /x\n", {"a"}, False),
    ("FROM a\nADD --checksum=1111111 https://h.test/r.git /x\n", UNKNOWN, False),
    ("FROM a\nADD github.com/o/r /x\n", {"a"}, False),  # a path of the context
    ("FROM a\nADD <<https://h.test/x /x\nhttps://h.test/x\n", {"a"}, False),
    ("FROM a\nARG U=https://h.test/x\nADD $U /x\n", UNKNOWN, False),
    ("FROM a\nARG D=x\nADD ${D}s /x\n", {"a"}, False),
    (f"FROM a\nARG S={'1' * 40}\nADD --checksum=$S https://h.test/r.git /x\n", {"a"}, False),
    # Variables of a stage
    ("FROM a\nARG D=x\nCOPY $D /x\n", {"a"}, False),
    ("FROM a\nARG D=.git\nCOPY $D /x\n", {"a"}, True),
    ("FROM a\nARG D\nCOPY x$D /x\n", {"a"}, True),  # the base may have an ENV D
    ("FROM scratch\nARG D\nCOPY x$D /x\n", set(), True),
    ("ARG D=x\nFROM a\nCOPY $D /x\n", {"a"}, True),
    ("ARG D=x\nFROM a\nARG D\nCOPY $D /x\n", {"a"}, False),
    ("FROM a\nENV D .git\nCOPY $D /x\n", {"a"}, True),
    ("FROM a\nENV D=x E=$D\nCOPY $D $E /x\n", {"a"}, True),  # E has what D was before
    ("FROM a\nENV D=.git\nENV D=x\nCOPY $D /x\n", {"a"}, False),
    ("FROM a\nARG D=x E=$D\nCOPY $E /x\n", {"a"}, True),  # versions of BuildKit differ
    ("FROM a\nENV D=x\nENV \"D\"=.git\nCOPY $D /x\n", {"a"}, True),
    ("FROM a AS b\nENV D=x\nFROM b\nCOPY $D /x\n", {"a"}, False),
    ("FROM a AS b\nENV D=x\nARG D=.git\nFROM b\nCOPY $D /x\n", {"a"}, True),  # in doubt
    ("FROM a AS b\nENV D=x\nFROM a\nCOPY $D /x\n", {"a"}, True),
    ("FROM a\nARG D=.git\nRUN --mount=source=$D,target=/t x\n", {"a"}, True),
    ("FROM a AS b\nENV D=x\nONBUILD COPY $D /x\nFROM b\n", {"a"}, True),
    ("FROM a AS b\nENV D=x\nONBUILD ENV D=.git\nFROM b\nCOPY $D /x\n", {"a"}, True),
    ("FROM a AS b\nENV D=x\nONBUILD ARG D=.git\nFROM b\nCOPY $D /x\n", {"a"}, True),
    ("FROM a AS b\nONBUILD ENV D=.git\nENV D=x\nFROM b\nCOPY $D /x\n", {"a"}, True),
    ("FROM a AS b\nENV D=x\nONBUILD ENV D=.git\nFROM b\nENV D=y\nCOPY $D /x\n", {"a"}, False),
    # ONBUILD
    ("FROM a AS b\nONBUILD COPY --from=c x y\nFROM b\n", {"a", "c"}, False),
    ("FROM a AS b\nONBUILD ADD https://h.test/x /x\nFROM b\n", UNKNOWN, False),
    ("FROM a AS b\nONBUILD RUN --mount=from=c,target=/t <<EOF\nx\nEOF\nFROM b\n", {"a", "c"}, False),
    ("# escape=`\nFROM a AS b\nONBUILD COPY --fr\\om=c x y\nFROM b\n", {"a", "c"}, False),
    # Here-documents that a BuildKit without them may read as instructions
    ("FROM a\nRUN <<CMD\nCOPY --from=b x y\nCMD\n", UNKNOWN, True),
    ("FROM a\nRUN <<'#'\nCOPY --from=b x y\n#\n", UNKNOWN, True),
    ("FROM a\nRUN <<' '\nCOPY --from=b x y\n \n", UNKNOWN, True),
    ("FROM a\nRUN <<EOF\nCOPY --from=b x \\\n# comment\nEOF\n", UNKNOWN, True),
    ("FROM a\nRUN <<EOF\nx \\\n y\nEOF\n", {"a"}, False),
    # Paths
    ("FROM a\nCOPY '.git' /x\n", {"a"}, True),
    ("FROM a\nCOPY .g\\it/HEAD /x\n", {"a"}, True),
    ("FROM a\nCOPY .[^x]it /x\n", {"a"}, True),
    ("FROM a\nCOPY --parents **/HEAD /x\n", {"a"}, True),
    ("FROM a\nCOPY x/../.git /x\n", {"a"}, True),
    ("FROM a\nCOPY ${D:-x} /x\n", {"a"}, True),
    ("FROM a\nCOPY <<EOF x /y\n.git\nEOF\n", {"a"}, False),
    # The rest reads nothing
    ("FROM a\nSHELL [\"sh\", \"-c\"]\nCMD x --from=b\nHEALTHCHECK CMD COPY --from=b x y\n", {"a"}, False),
    ("FROM a\nENV X=https://h.test A='<<EOF'\nEXPOSE 80\nWORKDIR .git\nVOLUME [\"/.git\"]\n", {"a"}, False),
]  # fmt: skip


@pytest.mark.parametrize(("content", "images", "sees_git"), CASES)
def test_what_a_dockerfile_reads(content: str | bytes, images: set[str] | None, sees_git: bool) -> None:
    parsed = instructions.parse(content)
    found = bases.find_base_images(parsed, {})
    assert (set(found.images) if not found.reasons else UNKNOWN, paths.sees_git(parsed, {})) == (images, sees_git)


@pytest.mark.parametrize(
    ("given", "sees_git"),
    [({}, False), ({"D": ".git"}, True), ({"D": "y"}, False), ({"E": ".git"}, False), ({"D": ""}, True)],
)
def test_build_arguments_win_over_the_defaults_of_a_stage(given: dict[str, str], sees_git: bool) -> None:
    assert paths.sees_git(instructions.parse("FROM a\nARG D=x\nCOPY $D /x\n"), given) is sees_git
