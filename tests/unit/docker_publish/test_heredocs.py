"""Here-documents as BuildKit reads them: a word of the shell's that is `<<NAME`, and nothing else that holds `<<`.

BuildKit splits the arguments of ADD, COPY and RUN into the shell's words; a word that matches `^\\d*<<-?[^<]*$` begins a
here-document (https://github.com/moby/buildkit/blob/master/frontend/dockerfile/parser/parser.go).
"""

from __future__ import annotations

import pytest

from mlops_actions.docker_publish.dockerfile import bases, instructions

HIDDEN = "docker-publish: text that looks like a here-document hides the lines below it"
MISSED = "docker-publish: a here-document is missed, and its text is read as instructions"


def sources(line: str) -> tuple[str, ...]:
    """The images of a Dockerfile that has this line, and a stage's source in the line below it."""
    parsed = instructions.parse(f"FROM base:1\n{line}\nCOPY --from=other:1 /a /b\n")
    found = bases.find_base_images(parsed, {})
    return tuple(found.images) if not found.reasons else ("base:1", "other:1")


@pytest.mark.parametrize(
    "line",
    [
        "RUN echo $((1 << 3))",
        "RUN echo a<<3",
        "RUN true # << 3",
        "ENV A=<<EOF",
        "CMD cat <<EOF",
        "RUN cat <<EOF\ntext\nEOF",
        "RUN cat <<-EOF\n\ttext\n\tEOF",
        "RUN cat <<'EOF'\n$text\nEOF",
        "RUN python3 - <<EOF > /x\ntext\nEOF",
        "COPY <<one <<two /x/\n1\none\n2\ntwo",
        *(
            pytest.param(text, marks=pytest.mark.xfail(strict=True, reason=HIDDEN))
            for text in (
                "RUN echo $((1<<N))",
                "RUN cat <<<yes && true",
                "RUN echo '<<EOF'",
                'RUN echo "a <<EOF b"',
                "RUN echo a<<EOF",
                "RUN echo \\<<EOF",
                "RUN cat <<<yes",
                "RUN cat <<< yes",
                "RUN echo '<<EOF'x",
                "RUN cat <<END-OF-FILE\ntext\nEND-OF-FILE",
            )
        ),
    ],
)
def test_the_line_below_is_seen(line: str) -> None:
    assert set(sources(line)) == {"base:1", "other:1"}


@pytest.mark.parametrize(
    "line",
    [
        "RUN 3<<EOF cat\nFROM no:1\nEOF",
        "RUN cat <<EOF1\nFROM no:1\nEOF1",
        "RUN cat <<END-OF-FILE\nFROM no:1\nEND-OF-FILE",
        pytest.param("RUN cat <<1\nFROM no:1\n1", marks=pytest.mark.xfail(strict=True, reason=MISSED)),
    ],
)
def test_the_text_of_a_here_document_names_no_image(line: str) -> None:
    assert "no:1" not in sources(line)
