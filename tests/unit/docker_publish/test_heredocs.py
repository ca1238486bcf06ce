"""Here-documents as BuildKit reads them: a word of the shell's that is `<<NAME`, and nothing else that holds `<<`.

BuildKit splits the arguments of ADD, COPY and RUN into the shell's words; a word that matches `^\\d*<<-?[^<]*$` begins a
here-document (https://github.com/moby/buildkit/blob/master/frontend/dockerfile/parser/parser.go).
"""

from __future__ import annotations

import pytest

from mlops_actions.docker_publish.dockerfile import bases, instructions


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
        "RUN cat << EOF\ntext\nEOF",
        "RUN cat <<-  EOF",
        "RUN echo it's <<EOF",
        "RUN echo ${A:-x <<EOF",
        "RUN cat <<'E'OF\ntext\nEOF",
        "RUN cat <<E\\OF\ntext\nEOF",
        "RUN cat <<EOF \\\n && true\ntext\nEOF",
        "RUN cat <<EOF\r\ntext\r\nEOF\r",
        "RUN cat <<EOF\n\tEOF \nEOF",
        "RUN cat <<-EOF\n text\n\t\tEOF",
        "RUN cat <<EOF\n# comment \\\nEOF",
        'RUN ["cat", "<<EOF"]',
        "RUN --mount=type=tmpfs,target=/x <<EOF\ntext\nEOF",
        "ONBUILD RUN cat <<EOF\ntext\nEOF",
        "onbuild copy <<EOF /x\ntext\nEOF",
        "HEALTHCHECK CMD cat <<EOF",
        "LABEL a=<<EOF",
        "RUN <<$A\ntext\n$A",
        'RUN <<"E F"\ntext\nE F',
        "RUN \\\n# <<EOF\ntrue",
        "RUN cat <<EOF\ntext\u2028EOF\nEOF",
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
        "RUN cat <<1\nFROM no:1\n1",
        "RUN cat << EOF\nFROM no:1\nEOF",
        "RUN cat <<'a b'\nFROM no:1\na b",
        "ONBUILD RUN <<EOF\nFROM no:1\nEOF",
        "COPY <<a <<-b /x/\nFROM no:1\na\nFROM no:1\n\tb",
        "RUN <<EOF\r\nFROM no:1\r\nEOF\r",
        "RUN echo ${A:-b <<EOF}\nFROM no:1\nEOF}",
    ],
)
def test_the_text_of_a_here_document_names_no_image(line: str) -> None:
    assert "no:1" not in sources(line)
