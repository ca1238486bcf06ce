"""Dockerfiles made by a seed: from a grammar of instructions, flags, here-documents and directives, and by mutation.

What they say is nonsense; that BuildKit accepts it is what matters. Names are those of no real image.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

IMAGES = (
    "base", "base:1", "org/tool:2", "host.test/a/b:3", "localhost:5000/c", "base@sha256:" + "0" * 64, "0", "7", "context",
)  # fmt: skip
STAGES = ("build", "test", "final", "base", "scratch", "a-b.c_d")
NAMES = ("A", "A", "A", "B", "B", "TARGETARCH", "BUILDPLATFORM", "SOURCE_DATE_EPOCH", "_x9")
PATHS = (
    "a", "a/b", ".", "./", "*", "*.py", ".g*", ".[g]it", ".?it", ".git", ".git/HEAD", "a/../.git", "a/..", "/",
    "**/x", ".gitignore",
    ".[^x]it", "'.git'", '".git"', "$A", "${B:-.git}", "x/./y", "./.git/config", "[a-z]*", "a\\ b", ".g\\it",
)  # fmt: skip
ADDRESSES = (
    "https://host.test/x", "http://host.test/y.tar", "https://host.test/r.git", "git@host.test:o/r.git",
    "user@host.test:r#main",
    "HTTPS://host.test/z.git", "ssh://git@host.test/r", "git://host.test/r.git#v1", "'https://host.test/q'",
    "h\\ttps://host.test/e",
    "https://host.test/$A", "github.com/o/r", "https://host.test/r.git?ref=main", "$B",
)  # fmt: skip
CHECKSUMS = ("sha256:" + "1" * 64, "1" * 40, "$A", "sha256:$A", "${B:-}", "")
HEREDOC_NAMES = ("EOF", "END-OF-FILE", "1", "E_O", "eof.x", "COPY")
SHELL = (
    "true", "pip install x", "a | b > /c", "for x in *; do y; done", "z 2>&1", "echo $((1<<N))", "cat <<<yes",
    "cat <<< yes", "echo '<<EOF'", 'echo "a <<EOF b"', "echo a<<EOF",
    "echo \\<<EOF",
    "echo it's", 'say "x', "echo ${A}", "echo ${A:-x}", "echo $A<<B", "echo ${A:-b <<EOF}", "x=${A%%*}",
    "echo $$ $1 ${#}", "a && b",
    "echo \\", "echo \\\\", "[ -f x ]", "echo # <<EOF", "--mount=from=no true", "echo $(( 1 << 2 ))", "x ${A/b/c}",
)  # fmt: skip
GAPS = (" ",) * 12 + ("\t", "  ", " \t ", "\f", "\v", " \r ")
TOKENS = (
    "<<EOF", "<<-EOF", "<< EOF", "<<", "<<<", "'", '"', "\\", "\\\\", "`", "\n", "\r", "\r\n", "\f", "\v",
    "\t", " ", "$A", "${A", "${A:-",
    "}", "$", "--from=", "--from=org/tool", "--mount=", "--mount=from=org/tool,target=/t ", "--", "#", "# ",
    "\nEOF\n", "[", "]", ",", "=",
    "\u00a0", "\u2028", "\u0085", "\ufeff", "\x00", "\x1c", "à", "é", "\\\n", " \\\n", "\\ \n", "ONBUILD ",
    "FROM base\n",
    "COPY --from=org/tool a b\n", "ADD https://host.test/x /\n", "RUN ", "AS build", "# escape=`\n",
    "# syntax=docker/dockerfile:1\n",
    "// syntax=docker/dockerfile:1\n", "#!/x\n", "# check=skip=all\n", '["a", "b"]', "scratch", ".git",
    "COPY . /\n", "0", "+1",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One Dockerfile, and the build arguments given with it."""

    content: bytes
    arguments: dict[str, str] = field(default_factory=dict)


def generated(number: int, seed: int) -> Iterator[Case]:
    """Yield so many Dockerfiles of the grammar."""
    for index in range(number):
        yield _Writer(random.Random(f"{seed}/{index}")).case()


def mutated(seeds: Sequence[Case], number: int, seed: int) -> Iterator[Case]:
    """Yield so many Dockerfiles, each one of `seeds` with up to three changes."""
    rng = random.Random(seed)
    for _ in range(number):
        case = rng.choice(seeds)
        text = case.content.decode("utf-8", "surrogateescape")
        for _ in range(rng.choice((1, 1, 2, 3))):
            text = rng.choice(_CHANGES)(rng, text)
        yield Case(text.encode("utf-8", "surrogateescape"), case.arguments)


def _insert(rng: random.Random, text: str) -> str:
    at = rng.randint(0, len(text))
    return text[:at] + rng.choice(TOKENS) + text[at:]


def _insert_at_gap(rng: random.Random, text: str) -> str:
    places = [index for index, character in enumerate(text) if character in " \n"]
    at = rng.choice(places) + 1 if places else 0
    return text[:at] + rng.choice(TOKENS) + text[at:]


def _remove(rng: random.Random, text: str) -> str:
    at = rng.randint(0, len(text))
    return text[:at] + text[at + rng.choice((1, 1, 2, 5)) :]


def _swap_lines(rng: random.Random, text: str) -> str:
    lines = text.split("\n")
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return "\n".join(lines)


def _repeat_line(rng: random.Random, text: str) -> str:
    lines = text.split("\n")
    lines.insert(rng.randrange(len(lines) + 1), rng.choice(lines))
    return "\n".join(lines)


def _other_line_ends(rng: random.Random, text: str) -> str:
    return text.replace("\n", "\r\n") if rng.random() < 0.7 else text.replace("\r", "")


_CHANGES: tuple[Callable[[random.Random, str], str], ...] = (
    _insert, _insert_at_gap, _insert_at_gap, _remove, _swap_lines, _repeat_line, _other_line_ends,
)  # fmt: skip


class _Writer:
    """Writes one Dockerfile."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._escape = "\\"
        self._stages: list[str] = []
        self._is_about_variables = rng.random() < 0.25

    def _one(self, *texts: str) -> str:
        return self._rng.choice(texts)

    def _maybe(self, chance: float, text: str) -> str:
        return text if self._rng.random() < chance else ""

    def case(self) -> Case:
        rng = self._rng
        text = self._directives() + "".join(self._arg() for _ in range(rng.choice((0, 0, 1, 2))))
        for _ in range(rng.choice((2, 3) if self._is_about_variables else (1, 1, 2, 3))):
            text += self._from() + "".join(self._instruction() for _ in range(rng.randint(0, 4)))
        if self._is_about_variables:
            text += self._use()
        if rng.random() < 0.1:
            text = text.replace("\n", "\r\n")
        if rng.random() < 0.2:
            text = text.rstrip("\n")
        if rng.random() < 0.05:
            text = "\ufeff" + text
        values = {name: rng.choice(("base:9", "1", "x/y", "")) for name in ("A", "B") if rng.random() < 0.2}
        return Case(text.encode(), values)

    def _directives(self) -> str:
        lines = []
        if self._rng.random() < 0.25:
            comment = self._one("#", "# ", "#  ", " # ", "#", "# ", "#", "# ", "#\t", "//", "//  ")
            lines.append(comment + self._one("syntax", "Syntax") + self._one("=", " = ") + "docker/dockerfile:1")
        if self._rng.random() < 0.25:
            self._escape = self._one("\\", "`", "`")
            lines.append(self._one("# escape=", "#ESCAPE = ", "\t# escape=") + self._escape)
        if self._rng.random() < 0.1:
            lines.append("# check=skip=all")
        if self._rng.random() < 0.15:
            lines.insert(self._rng.randint(0, len(lines)), self._one("# a comment", "#", "", "#!/x", "# other=1"))
        self._rng.shuffle(lines)
        return "".join(f"{line}\n" for line in lines)

    def _line(self, keyword: str, *words: str) -> str:
        text = self._one(keyword, keyword, keyword.lower(), keyword.capitalize())
        for word in words:
            text += self._gap() + word
        return self._maybe(0.05, self._one("  ", "\t", "\u00a0")) + text + self._maybe(0.05, " ") + "\n"

    def _gap(self) -> str:
        if self._rng.random() < 0.9:
            return self._rng.choice(GAPS)
        end = self._escape + self._maybe(0.2, " ") + "\n"
        between = self._one("", "# comment\n", "  # <<EOF\n", "\n", f"# x {self._escape}\n", "   \n")
        return " " + end + between + self._maybe(0.5, "  ")

    def _image(self) -> str:
        image = self._one(*IMAGES)
        name = self._one(*NAMES)
        return self._one(
            image, image, image, image, f'"{image}"', f"'{image}'", f"${name}", f"${{{name}}}", f"${{{name}:-{image}}}",
            f"${{{name}-{image}}}", f"{image}${{{name}:+x}}", f"{image}${{{name}}}", f"{self._escape}{image}",
            f"base:${{{name}:-1}}", image,
            f"base${{{name}}}", "scratch", *self._stages,
        )  # fmt: skip

    def _source(self) -> str:
        odd = ("0", "00", "+0", "1", "scratch", "BUILD", "$A", "", "'base'", "later")
        return self._one(*IMAGES, *IMAGES, *self._stages, *self._stages, *odd)

    def _from(self) -> str:
        platform = self._one("--platform=linux/amd64", "--platform=$BUILDPLATFORM", '--platform="linux/arm64"')
        image = self._one(*self._stages, "base") if self._is_about_variables else self._image()
        words = [self._maybe(0.15, platform), image]
        if self._is_about_variables or self._rng.random() < 0.6:
            name = self._one(*STAGES)
            self._stages.append(name)
            words += [self._one("AS", "as", "As"), self._one(name, name.capitalize())]
        return self._line("FROM", *filter(None, words))

    def _arg(self) -> str:
        values = (
            "", "=", "=base", "=base", '="base:1"', "='x'", "=$A", "=${B:-c}", f"=a{self._escape} b", "=7",
            "=${A}-slim", "=$TARGETARCH",
        )  # fmt: skip
        pairs = [self._one(*NAMES) + self._one(*values) for _ in range(self._rng.choice((1, 1, 1, 2)))]
        return self._line("ARG", *pairs)

    def _setting(self) -> str:
        """Write a line that sets a variable of its stage, or of one that starts from it."""
        line = self._one(
            "ENV A=.git", "ENV A=a", "ENV A=a", "ARG A=.git", "ARG A=a", "ARG A", "ENV A .git", "ENV A=a B=$A", "ENV B=$A",
            'ENV "A"=.git', "ENV $B=.git", "ARG A=a B=$A", "ENV B=https://host.test/b",
        )  # fmt: skip
        return self._maybe(0.3, "ONBUILD ") + line + "\n"

    def _use(self) -> str:
        """Write the one line that uses a variable: a second one would hide what the reader thinks of the first."""
        return self._one(
            "COPY $A /x\n", "COPY $A /x\n", "COPY x$A /x\n", "COPY ${B:-a} /x\n", "ADD $B /x\n", "ADD ${B:-x} /x\n",
            "RUN --mount=source=$A,target=/t true\n",
        )  # fmt: skip

    def _instruction(self) -> str:
        if self._is_about_variables:
            return self._setting()
        kinds: tuple[Callable[[], str], ...] = (
            self._run, self._run, self._run, self._copy, self._copy, self._copy, self._add, self._add,
            self._arg, self._other,
        )  # fmt: skip
        text = self._rng.choice(kinds)()
        if self._rng.random() < 0.12:
            text = self._one("ONBUILD ", "onbuild\t") + text.lstrip()
        return self._maybe(0.05, self._one("# comment\n", f"# {self._escape}\n", "\n", " \t\n")) + text

    def _quoted(self, flag: str) -> str:
        at = self._rng.randint(2, len(flag))
        start, end = flag[:at], flag[at:]
        return self._one(flag, flag, flag, f'{start}"{end}"', f"{start}'{end}'", f"{start}{self._escape}{end}")

    def _mount(self) -> str:
        options = [self._one("type=bind", "type=cache", "type=tmpfs", "TYPE=bind", "type=$A", "")]
        if self._rng.random() < 0.6:
            option = f"{self._one('from', 'FROM', 'From')}={self._source()}"
            options.append(self._one(option, option, f'"{option}"', f"'{option}'"))
        if self._rng.random() < 0.4:
            options.append(f"{self._one('source', 'src', 'SRC')}={self._one('.git', 'a', '.', '', 'a/../.git', '$A')}")
        options.append(f"{self._one('target', 'dst', 'destination')}=/t")
        self._rng.shuffle(options)
        return self._quoted("--mount=" + ",".join(filter(None, options)))

    def _heredoc(self) -> tuple[str, str]:
        name, dash = self._one(*HEREDOC_NAMES), self._maybe(0.3, "-")
        word = f"{self._maybe(0.1, '3')}<<{dash}{self._maybe(0.1, ' ')}" + self._one(name, name, f"'{name}'", f'"{name}"')
        lines = (
            "text", "COPY --from=no:1 a b", "FROM no:2", f"x {self._escape}", "# <<EOF", "RUN <<X", "",
            f"{name} ", f"\t{name}x",
        )  # fmt: skip
        body = "".join(f"{self._one(*lines)}\n" for _ in range(self._rng.randint(0, 3)))
        return word, body + self._maybe(0.5, "\t" if dash else "") + name + "\n"

    def _run(self) -> str:
        words = [self._mount() for _ in range(self._rng.choice((0, 0, 0, 1, 2)))]
        words += [self._one("--network=none", "--security=sandbox", "--")] if self._rng.random() < 0.05 else []
        kind = self._rng.random()
        if kind < 0.35:
            heredocs = [self._heredoc() for _ in range(self._rng.choice((1, 1, 2)))]
            before, after = self._one(*SHELL[:8], ""), self._one("", "&& true", "> /x", "")
            line = self._line("RUN", *words, *filter(None, (before, *(word for word, _ in heredocs), after)))
            return line + "".join(body for _, body in heredocs)
        if kind < 0.45:
            listed = self._one('["a", "b"]', '["a", "<<EOF"]', "[ 'a' ]", '["a", 1]', '["a"', '["\\u0041"]', '["a"]')
            return self._line("RUN", *words, listed)
        return self._line("RUN", *words, self._one(*SHELL))

    def _copy(self) -> str:
        flags = []
        if self._rng.random() < 0.6:
            flags.append(self._quoted(f"--from={self._source()}"))
        if self._rng.random() < 0.2:
            flags.append(self._one("--link", "--chown=1:1", "--chmod=644", "--parents", "--exclude=*.md", "--chown=$A"))
        self._rng.shuffle(flags)
        return self._files("COPY", flags, PATHS)

    def _add(self) -> str:
        flags = [self._quoted(f"--checksum={self._one(*CHECKSUMS)}")] if self._rng.random() < 0.3 else []
        flags += [self._one("--keep-git-dir", "--link", "--unpack")] if self._rng.random() < 0.1 else []
        return self._files("ADD", flags, (*ADDRESSES, *ADDRESSES, *PATHS))

    def _files(self, keyword: str, flags: list[str], sources: Sequence[str]) -> str:
        names = [self._one(*sources) for _ in range(self._rng.choice((1, 1, 1, 2)))]
        kind = self._rng.random()
        if kind < 0.15:
            word, body = self._heredoc()
            return self._line(keyword, *flags, *self._maybe(0.3, names[0]).split(), word, "/x/") + body
        if kind < 0.3:
            listed = ", ".join('"' + name.replace("\\", "\\\\").replace('"', "") + '"' for name in (*names, "/x/"))
            return self._line(keyword, *flags, f"[{listed}]")
        return self._line(keyword, *flags, *names, "/x/")

    def _other(self) -> str:
        lines = (
            ("ENV", "A=.git"), ("ENV", "A", ".git"), ("ENV", "A=a", "B=$A"), ("ENV", "B=${A:-x}"),
            ("ENV", "$A=b"), ("ENV", "B", "https://host.test/b"), ("ENV", "A='<<EOF'"), ("LABEL", 'a="b c"'),
            ("LABEL", "a=<<EOF"),
            ("CMD", "cat <<EOF"), ("CMD", '["a"]'), ("ENTRYPOINT", '["a", "b"]'), ("EXPOSE", "80"), ("USER",
            "1"), ("WORKDIR", "/w"),
            ("VOLUME", '["/v"]'), ("STOPSIGNAL", "9"), ("HEALTHCHECK", "NONE"), ("HEALTHCHECK",
            "--interval=5s", "CMD", "cat <<EOF"),
            ("SHELL", '["sh", "-c"]'), ("MAINTAINER", "a"), ("ENV", "TARGETARCH=x"),
        )  # fmt: skip
        return self._line(*self._rng.choice(lines))
