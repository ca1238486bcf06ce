"""Parameters in the lines below a command: which are taken, which stop the command, and which are only noted."""

from __future__ import annotations

from collections.abc import Mapping

from tests.actions.chatops.case import Case
from tests.actions.chatops.cases_language import SCHEMA

_DEFAULTS = {"lr": 3e-4, "epochs": 20, "augment": True}
_TEXT = {"commands": "train: {params: {text: {}, tags: {}, seed: {type: int}, mode: {}}}"}
_BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nlr: [*b, *b]"


def _train(name: str, below: str, **params: object) -> Case:
    """Below a command with declared parameters, this gives these values."""
    return Case(f"below: {name}", "ok", f"/train\n{below}", inputs=SCHEMA, params={**_DEFAULTS, **params})


def _texts(name: str, below: str, **params: object) -> Case:
    """Below a command whose parameters are text, this gives these values."""
    return Case(f"below: {name}", "ok", f"/train\n{below}", inputs=_TEXT, params=params)


def _free(name: str, below: str, reply: tuple[str, ...] | None = None, **params: object) -> Case:
    """Below a command that declares no parameters, this gives these values."""
    return Case(f"below: {name}", "ok", f"/train\n{below}", params=params, reply=reply)


def _refused(name: str, below: str, *reply: str, inputs: Mapping[str, str] = SCHEMA) -> Case:
    return Case(f"below: {name}", "parameters", f"/train\n{below}", inputs=inputs, reply=reply)


def _noted(name: str, below: str, *notes: str) -> Case:
    """Below a command with declared parameters, this is not taken, and the command's comment says so."""
    return Case(f"below: {name}", "ok", f"/train\n{below}", inputs=SCHEMA, params=_DEFAULTS, reply=notes, log=notes)


_BACKSLASH = ("the line ends in a backslash", "leave the backslash out")


def _continued(name: str, body: str, reason: str = "ok", *reply: str, **params: object) -> Case:
    """A command that goes on in the next line, as in a shell."""
    given = {**_DEFAULTS, **params} if reason == "ok" else None
    return Case(f"continued: {name}", reason, body, inputs=SCHEMA, params=given, reply=reply or None)


CONTINUED = [
    _continued("one line", "/train \\\nlr=1e-3", lr=1e-3),
    _continued(
        "as in a shell", "/train \\\n  --lr 1e-3 \\\n  --epochs 5 \\\n  --no-augment", lr=1e-3, epochs=5, augment=False
    ),
    _continued("after arguments", "/train lr=1e-3 \\\n    epochs=5\n", lr=1e-3, epochs=5),
    _continued(
        "blanks after the backslash, and Windows' line ends", "/train \\  \r\n\tlr=1e-3 \\ \r\nepochs=5", lr=1e-3, epochs=5
    ),
    _continued("a phone's dash", "/train \\\n—lr 1e-3", lr=1e-3),
    _continued("a positional", "/train \\\nfull", data="full"),
    _continued("a value in the next line", "/train --lr \\\n1e-3", lr=1e-3),
    _continued("then parameters below", "/train lr=1e-3 \\\n--no-augment\nepochs: 5", lr=1e-3, epochs=5, augment=False),
    _continued("then prose", "/train lr=1e-3 \\\n--no-augment\n\nThis should do.", lr=1e-3, augment=False),
    _continued("a commit", f"/train \\\nsha={'a' * 40}", "sha-mismatch", "/train sha="),
    _continued("nothing below", "/train lr=1e-3 \\", "arguments", *_BACKSLASH),
    _continued("a blank line", "/train \\\n\nlr=1e-3", "arguments", *_BACKSLASH),
    _continued("a quote", "/train \\\n> lr=1e-3", "arguments", *_BACKSLASH),
    _continued("what no reader sees", "/train \\\n<!-- x -->", "arguments", *_BACKSLASH),
    _continued("a tag that no reader sees", '/train \\\nlr=1e-3 <a title="epochs=5">', "arguments", *_BACKSLASH),
    _continued("two words that may be one", "/train lr=\\\n1e-3", "arguments", *_BACKSLASH),
    _continued("another command", "/train \\\n/deploy x", "multiple-commands", "/train", "/deploy"),
    _continued("prose in the next line", "/train \\\nplease be quick", "parameters", "'be'"),
    _continued("a backslash that is escaped", "/train data=\\\\\nlr=1e-3", "parameters", "data"),
]

NEARLY = [
    _train("name and value as code each", "- `lr`: `1e-3`\n- `epochs`: `5`", lr=1e-3, epochs=5),
    _train("hard line breaks", "lr: 1e-3\\\nepochs: 5  \n--no-augment", lr=1e-3, epochs=5, augment=False),
    *(
        _refused(f"nearly a parameter: {line}", line, "line 2: ", "lacks a sign or a value: write lr: and the value")
        for line in (
            "lr -> 1e-3",
            "lr → 1e-3",
            "lr – 1e-3",
            "lr 1e-3",
            "lr",
            "- [x] lr",
            "| lr | 1e-3 |",
            "`lr` → 1",
        )
    ),
    _refused("a table", "\n| name | value |\n|---|---|\n| lr | 1e-3 |", "lr", "lacks a sign or a value"),
    _refused("a text of several lines", "data: |\n  full", "line 2: data: a text of several lines stands in a block"),
    _refused("a folded text", "data: >-\n  full", "line 2: data: a text of several lines stands in a block"),
]

CASES = [
    *CONTINUED,
    *NEARLY,
    # Lines, lists and blocks of YAML
    _train("lines", "lr: 1e-3\nepochs: 5", lr=1e-3, epochs=5),
    _train("lines with equals signs", "lr=1e-3\nepochs = 5", lr=1e-3, epochs=5),
    _train("several on one line", "lr=1e-3 epochs=5 --no-augment", lr=1e-3, epochs=5, augment=False),
    _train("options", "--lr 1e-3\n--epochs=5\n--no-augment", lr=1e-3, epochs=5, augment=False),
    _train("options with a phone's dashes", "—lr 1e-3\n—epochs 5", lr=1e-3, epochs=5),
    _train("a list", "- lr: 1e-3\n* epochs=5\n+ data: full", lr=1e-3, epochs=5, data="full"),
    _train("a numbered list", "1. lr: 1e-3\n2. epochs: 5", lr=1e-3, epochs=5),
    _train("a list of bullets", "• lr: 1e-3\n– epochs: 5", lr=1e-3, epochs=5),
    _train("a list below a blank line", "\n- lr: 1e-3\n\n- epochs: 5\n", lr=1e-3, epochs=5),
    _train("names in bold and in code", "- **lr**: 1e-3\n- `epochs`: 5\n- **data:** full", lr=1e-3, epochs=5, data="full"),
    _train("items and values in code", "- `lr: 1e-3`\n- epochs: `5`", lr=1e-3, epochs=5),
    _train("no blank after the colon", "lr:1e-3\nepochs：5", lr=1e-3, epochs=5),
    _train("a phone's quotes and minus sign", "lr: 1e−3\ndata: ‘full’", lr=1e-3, data="full"),
    _train("CRLF", "lr: 1e-3\r\nepochs: 5\r\n", lr=1e-3, epochs=5),
    _train("a comment of YAML behind the value", "lr: 1e-3  # as before", lr=1e-3),
    _train("a mapping on one line", "{lr: 1e-3, epochs: 5}", lr=1e-3, epochs=5),
    _train("a list of values is a sweep", "lr: [0.1, 0.2]", lr=[0.1, 0.2]),
    _train("a block of YAML", "```yaml\nlr: 1e-3\nepochs: 5\n```", lr=1e-3, epochs=5),
    _train("a block of yml below a blank line", "\n~~~ yml title\nlr: 1e-3\n~~~", lr=1e-3),
    _train("a block that nobody named", "```\nlr: 1e-3\nepochs: 5\n```", lr=1e-3, epochs=5),
    _train("a block of assignments", "```\nlr=1e-3\nepochs=5\n```", lr=1e-3, epochs=5),
    _train("a block of JSON", '```json\n{"lr": 1e-3, "augment": false}\n```', lr=1e-3, augment=False),
    _train("a block with a list of items", "```yaml\n- lr: 1e-3\n- epochs: 5\n```", lr=1e-3, epochs=5),
    _train("a block with a sweep", "```yaml\nlr:\n  - 0.1\n  - 0.2\n```", lr=[0.1, 0.2]),
    _train("a block with comments", "```yaml\n---\n# as before\nlr: 1e-3 # low\n\nepochs: 5\n```", lr=1e-3, epochs=5),
    _train("indented code", "\n    lr: 1e-3\n\n    epochs: 5", lr=1e-3, epochs=5),
    _train("indented lines", "    lr: 1e-3\n    epochs: 5", lr=1e-3, epochs=5),
    _train("lines, then a block", "lr: 1e-3\n```yaml\nepochs: 5\n```\ndata: full", lr=1e-3, epochs=5, data="full"),
    _train("a line between rules of a heading", "lr: 1e-3\n---", lr=1e-3),
    Case("below: on both", "ok", "/train small\nlr: 1e-3", inputs=SCHEMA, params={**_DEFAULTS, "lr": 1e-3, "data": "small"}),
    Case(
        "below: in a list's item",
        "ok",
        "- Again:\n\n  /train\n  lr: 1e-3\n  ```yaml\n  epochs: 5\n  ```",
        inputs=SCHEMA,
        params={**_DEFAULTS, "lr": 1e-3, "epochs": 5},
    ),
    _train("a mail's text below", "lr: 1e-3\n\nOn 2 Nov 2026, Ada wrote:\nepochs: 5", lr=1e-3),
    # Values are text as written; the declared type converts it
    _texts("as written", "text: 3e-4\ntags: on\nseed: 007", text="3e-4", tags="on", seed=7),
    _texts(
        "as written in a block",
        "```yaml\ntext: 1_000\ntags: 2026-01-01\nmode: off\n```",
        text="1_000",
        tags="2026-01-01",
        mode="off",
    ),
    _texts("several words", "text: my second run", text="my second run"),
    _texts("in quotes", "text: 'it''s: \"#1\"'\ntags: \"a\\tb\"", text='it\'s: "#1"', tags="a\tb"),
    _texts(
        "text of several lines", "```yaml\ntext: |\n  one\n  two\ntags: >-\n  a\n  b\n```", text="one\ntwo\n", tags="a b"
    ),
    _texts("empty text", "```yaml\ntext: ''\n```", text=""),
    _texts("signs within a word", "text: s3://bucket/x=1&y#z", text="s3://bucket/x=1&y#z"),
    _free("without declared parameters", "lr: 1e-3\nnote: my second run\n- b=2", lr="1e-3", note="my second run", b="2"),
    _free("a block without declared parameters", "```\nlr: 1e-3\n```", lr="1e-3"),
    # What ends them
    _train("a line of prose", "lr: 1e-3\nThanks!", lr=1e-3),
    _train("only prose", "Let's see whether it works: it should."),
    _train("an empty block", "```yaml\n```\nlr: 1e-3", lr=1e-3),
    _train("another bot's command", "lr: 1e-3\n/lgtm\nepochs: 5", lr=1e-3),
    _train("mentions and references", "cc: @ada\nCloses: #7"),
    _train("an address", "https://example.org:8080/x"),
    _train("a time", "10:30"),
    _train("a log in a block", "```text\nTraceback: most recent call last\n```"),
    Case(
        "below: another command ends them",
        "multiple-commands",
        "/train\nlr: 1\n/deploy x",
        inputs=SCHEMA,
        reply=("/deploy",),
    ),
    Case("below: help", "help", "/train --help\nlr: 1", inputs=SCHEMA, reply=("Learning rate",)),
    # What looks like a parameter, is none, and is only noted
    _noted("prose with a colon", "Note: I have mended the loader", "line 2, not taken", "Note: I have mended the loader"),
    _noted("a pair below prose", "As agreed with Ada.\nStatus: done", "line 3, not taken", "Status: done"),
    _noted("a log in a block that nobody named", "```\nstep: 7\nloss: 0.3\n```", "line 3, not taken", "step: 7"),
    _noted("a block of YAML below prose", "See this.\n```yaml\nkind: Job\n```", "line 4, not taken", "kind: Job"),
    _free("prose with a colon below a free command", "Note: it is late", ("line 2, not taken", "Note: it is late")),
    _free("a pair below prose and a free command", "Thanks!\nlr: 1e-3", ("line 3, not taken", "lr: 1e-3")),
    # What stops the command
    _refused("an unknown name", "epoch: 5", "'epoch' is not a parameter", "did you mean epochs?"),
    _refused("an unknown name in a list", "- batch_size: 5", "'batch_size' is not a parameter", "known are lr"),
    _refused("an unknown name in a block", "```yaml\nbatch_size: 5\n```", "'batch_size' is not a parameter"),
    _refused("a name with a capital", "Epochs: 5", "did you mean epochs?"),
    _refused("a wrong type", "epochs: many", "epochs: must be a whole number", "'many'"),
    _refused("a switch of YAML", "augment: off", "augment: must be true or false, not 'off'"),
    _refused("none are declared", "lr: 1", "takes none", inputs={"commands": "train: {params: }"}),
    _refused("no value", "epochs:", "line 2: epochs: needs a value"),
    _refused("no value in a block", "```yaml\nlr: 1\nepochs:\n```", "line 4: epochs: needs a value"),
    _refused("no sign", "- lr 1e-3", "line 2: 'lr 1e-3' lacks a sign"),
    _refused("two words behind an equals sign", "data=small full", "line 2: data: 'full' belongs to no name"),
    _refused("a mapping as a value", "```yaml\nlr:\n  a: 1\n```", "line 3: lr: is not taken"),
    _refused("a list in a list", "```yaml\nlr: [[1]]\n```", "line 3: lr: is not taken"),
    _refused("an empty list", "lr: []", "line 2: lr: needs a value"),
    _refused("two pairs on a line", "lr: 1, epochs: 5", "line 2: lr: is not taken"),
    _refused("a quote that is not closed", "data: 'full", "line 2: data: cannot be read as it is"),
    _refused("a curly quote that is not closed", "data: “full", "line 2: data: cannot be read as it is"),
    _refused("a block that is no YAML", "```yaml\nlr: 1\n\tepochs: 5\n```", "cannot be read as YAML"),
    _refused("a block that is no mapping", "```yaml\nsmall\n```", "is not a mapping"),
    _refused("a block that is not closed", "```yaml\nlr: 1", "line 2: the block of code is not closed"),
    _refused("a block of TOML", "```toml\nlr = 1\n```", "line 3: lr: stands in a block that is not read"),
    _refused("below prose", "Please take these:\nlr: 1e-3", "line 3: lr: stands below other text"),
    _refused("in a block below prose", "With these:\n```yaml\nlr: 1e-3\n```", "line 4: lr: stands below other text"),
    _refused("below a quote", "> Which rate?\n\nlr: 1e-3", "line 4: lr: stands below other text"),
    # Given twice
    Case(
        "below: also on the line",
        "parameters",
        "/train lr=1\nlr: 0.5",
        inputs=SCHEMA,
        reply=("lr: is given on the line of the command and in line 2",),
    ),
    Case(
        "below: also on the line of a free command",
        "parameters",
        "/train a-b=1\na_b: 2",
        reply=("a_b: is given on the line of the command and in line 2",),
    ),
    _refused("twice", "lr: 1\n- lr: 0.5", "lr: is given in line 2 and in line 3"),
    _refused("twice in a block", "```yaml\nlr: 1\nlr: 0.5\n```", "lr: is given in line 3 and in line 4"),
    # The commit
    Case(
        "below: the commit",
        "ok",
        "/train\nsha: " + "a" * 40 + "\nx: 1",
        before=lambda sample: sample.pull.push(sha="a" * 40),
        params={"x": "1"},
    ),
    Case(
        "below: repeated with the commit",
        "head-not-seen",
        "/train now\nlr: 1e-3\n- note: 'a: b'\n```yaml\ntags: [x, \"<y>\"]\ntext: |\n  1\n  2\n```",
        after=lambda sample: sample.pull.push(sha="b" * 40),
        reply=(f'/train sha={"b" * 40} now\nlr: 1e-3\nnote: "a: b"\ntags: [x, "\\x3cy>"]\ntext: "1\\n2\\n"\n',),
    ),
    # Attacks
    _train("a parameter in collapsed details", "<details>\n\nlr: 1\n\n</details>"),
    _train("a parameter in collapsed details of a paragraph", "See <details>\nlr: 1\n</details>"),
    _train("a block in collapsed details", "<details>\n\n```yaml\nlr: 1\n```\n\n</details>"),
    _train("a parameter in an HTML comment", "<!--\nlr: 1\n-->"),
    _train("a parameter in an e-mail below", "\nFrom: Ada\nSent: Monday\n\nlr: 1"),
    _train("a block in an e-mail below", "\nOn 2 Nov 2026, Ada wrote:\n```yaml\nlr: 1\n```"),
    _train("a quoted parameter", "> lr: 1\n\n> ```yaml\n> lr: 1\n> ```"),
    _train("the target of a link definition", "\n[x]:\nlr:1\n"),
    _refused("text that no reader sees in a value", "data: full<b title=x>", "holds text that a reader does not see"),
    Case("below: an invisible character", "arguments", "/train\nlr: 1\u200b", inputs=SCHEMA, reply=("U+200B",)),
    _refused("an object of Python", "```yaml\nlr: !!python/object/apply:os.system ['id']\n```", "tags (!) are not read"),
    _refused("a tag on a line", "lr: !!float 1", "line 2: lr: cannot be read as it is"),
    _refused("billions of nodes", f"```yaml\n{_BOMB}\n```", "anchors (&), aliases (*)"),
    _refused("a merge key", "```yaml\n<<: {lr: 1}\n```", "line 3: <<: is not the name of a parameter"),
    _refused("a list nested deeply", "```yaml\nlr: " + "[" * 5000 + "\n```", "nested too deeply"),
    _refused("a long block", "```yaml\n" + "lr: 1\n" * 4000 + "```", "more than 16384 characters"),
    _refused("two documents", "```yaml\nlr: 1\n---\nlr: 0.5\n```", "cannot be read as YAML"),
    _free("text of a shell", "a: $(id) `id` ${{ x }}", a="$(id) `id` ${{ x }}"),
]
