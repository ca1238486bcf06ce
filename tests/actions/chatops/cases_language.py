"""The command language: which text is a command, and how its arguments are parsed."""

from __future__ import annotations

from tests.actions.chatops.case import Case
from tests.support.payloads import Sample

TRAIN = """
train:
  description: Train on the cluster
  params:
    lr: {type: float, default: 3e-4, min: 0, max: 1, description: Learning rate}
    epochs: {type: int, default: 20, min: 1}
    data: {choices: [small, full], positional: true}
    augment: {type: bool, default: true}
deploy:
  permission: maintain
  params:
    run: {required: true, positional: true, pattern: "[a-z0-9]{8}"}
"""
SCHEMA = {"commands": TRAIN}

ROLE = ("GET /repos/octo-org/digits/collaborators/maintainer/permission",)
ROLE_OF_WRITER = ("GET /repos/octo-org/digits/collaborators/writer/permission",)
ROLE_OF_OUTSIDER = ("GET /repos/octo-org/digits/collaborators/outsider/permission",)


def _no_role(sample: Sample) -> None:
    sample.github.faults.answer("GET /repos/*/*/collaborators/*/permission", 403)


CASES = [
    # Text that is a command, and text that is not
    Case("command alone", "ok", outputs={"command": "train", "args": ""}, params={}),
    Case("command among prose", "ok", "Nice.\r\n\r\n  /train  \r\nThanks!", outputs={"command": "train"}),
    Case("no-break space after the command", "ok", "/train\u00a0a=b", params={"a": "b"}),
    Case("tabs between arguments", "ok", "/train\ta=b\tc=d", params={"a": "b", "c": "d"}),
    Case("prose", "no-command", "Please /train this"),
    Case("longer word", "no-command", "/trainer"),
    Case("path", "no-command", "/usr/bin/train"),
    Case("another bot's command", "no-command", "/lgtm"),
    Case("empty comment", "no-command", ""),
    Case("only the prefix", "no-command", "/"),
    Case("quoted", "no-command", "> /train"),
    Case("quoted twice", "no-command", "> > /train\n>> /train"),
    Case("quoted in a list", "no-command", "- > /train"),
    Case("fenced", "no-command", "```\n/train\n```"),
    Case("fenced, never closed", "no-command", "```sh\n/train"),
    Case("fenced by tildes with backticks inside", "no-command", "~~~\n```\n/train\n```\n~~~"),
    Case("fenced in a list", "no-command", "- a\n  ```\n  /train\n  ```"),
    Case("indented code", "no-command", "Text.\n\n    /train"),
    Case("indented by a tab", "no-command", "\t/train"),
    Case("inline code", "no-command", "`/train`"),
    Case("inline code over lines", "no-command", "See `a\n/train\nb`"),
    Case("HTML comment", "no-command", "<!--\n/train\n-->"),
    Case("HTML comment within a line", "no-command", "x <!--\n/train\n--> y"),
    Case("preformatted HTML", "no-command", "<pre>\n/train\n</pre>"),
    Case("list item", "no-command", "- /train"),
    Case("heading", "no-command", "# /train"),
    Case("after a quote-reply", "ok", "> please train\n\n/train", outputs={"command": "train"}),
    Case("after a closed fence", "ok", "```\ncode\n```\n/train"),
    Case("own prefix", "ok", "!train a=b", inputs={"prefix": "!", "commands": "train"}, params={"a": "b"}),
    Case("own prefix is not the default one", "no-command", "/train", inputs={"prefix": "!", "commands": "train"}),
    Case("long prefix", "ok", "@bot/train", inputs={"prefix": "@bot/", "commands": "train"}),
    Case("command of a single word among many", "ok", "/deploy x", outputs={"command": "deploy", "positional": '["x"]'}),
    # Several commands, misspelt commands, help
    Case("two commands", "multiple-commands", "/train\n/deploy", reply=("holds several", "/train", "/deploy")),
    Case("one command twice", "multiple-commands", "/train\n/train", reply=("holds several",)),
    Case("command and help", "multiple-commands", "/train\n/help", reply=("holds several",)),
    Case("two, one of them quoted", "ok", "> /deploy\n\n/train"),
    Case("misspelt", "unknown-command", "/trian", reply=("/trian", "did you mean /train?")),
    Case("help, misspelt", "unknown-command", "/hlep", reply=("did you mean /help?",)),
    Case("help, misspelt by an outsider", "no-command", "/hlep", by="outsider", reactions=(), requests=ROLE_OF_OUTSIDER),
    Case("help turned off, misspelt", "no-command", "/hlep", inputs={"help": "false"}),
    Case("misspelt with mentions", "unknown-command", "/trian @octo-org/all", reply=("did you mean /train?",)),
    Case("misspelt by an outsider", "no-command", "/trian", by="outsider", reactions=(), requests=ROLE_OF_OUTSIDER),
    Case(
        "misspelt by a reader where readers may",
        "unknown-command",
        "/trian",
        by="outsider",
        inputs={"permission": "read"},
        reply=("did you mean /train?",),
    ),
    Case(
        "misspelt by a writer, meant for maintainers",
        "no-command",
        "/deplyo x",
        by="writer",
        inputs=SCHEMA,
        requests=ROLE_OF_WRITER,
    ),
    Case("misspelt by who is not on the list", "no-command", "/trian", inputs={"allow-users": "writer"}, requests=()),
    Case("misspelt, and the role is not known", "no-command", "/trian", before=_no_role, requests=ROLE),
    Case("misspelt by a bot", "bot", "/trian", by="renovate[bot]", requests=()),
    Case(
        "misspelt, quoted in the reply",
        "unknown-command",
        "/trian lr=1 @ada",
        reply=("Correct the name.", "`/trian lr=1 @ada` by [maintainer](", "in [a comment](", "was **not** run"),
    ),
    *(
        Case(
            f"another bot's /{name}, near a command",
            "no-command",
            f"/{name} x",
            inputs={"commands": f"/{near}"},
            requests=(),
        )
        for name, near in {
            "drain": "train",
            "Retest": "retrain",
            "hold": "fold",
            "merge": "emerge",
            "rebase": "rebased",
            "cc": "ccc",
        }.items()
    ),
    Case("a declared command that another bot has too", "ok", "/test", inputs={"commands": "/test"}),
    Case("help", "help", "/help", reply=("/train", "/deploy", "`write`")),
    Case(
        "help of typed commands",
        "help",
        "/help",
        inputs=SCHEMA,
        reply=("[lr=float]", "Train on the cluster", "Learning rate"),
    ),
    Case("help turned off", "no-command", "/help", inputs={"help": "false"}),
    Case("a declared help is a command", "ok", "/help", inputs={"commands": "/help", "help": "true"}),
    # Arguments without a schema
    Case(
        "all forms of arguments",
        "ok",
        "/train a=1 --b 2 --c=3 --d --no-e f \"g h\" k='l m' -- --n o=p",
        params={"a": "1", "b": "2", "c": "3", "d": "true", "e": "false", "k": "l m"},
        outputs={"positional": '["f", "g h", "--n", "o=p"]'},
    ),
    Case("repeated key", "ok", "/train a=1 a=2", params={"a": ["1", "2"]}),
    Case("no expansion", "ok", "/train $HOME `id` $(id) *.py", outputs={"positional": '["$HOME", "`id`", "$(id)", "*.py"]'}),
    Case("open quote", "arguments", "/train 'a", reply=("quote is not closed",)),
    Case("option without a name", "arguments", "/train --=x", reply=("is not an option",)),
    Case("hidden arguments are not read", "ok", "/train <!-- env=prod -->", params={}, outputs={"args": ""}),
    Case(
        "every text arrives as it was",
        "ok",
        "/train x='%0A::set-output name=a::b' y='${{ github.token }}' z='ü❤\\'",
        params={"x": "%0A::set-output name=a::b", "y": "${{ github.token }}", "z": "ü❤\\"},
    ),
    # Arguments with a schema
    Case(
        "typed, defaults filled in",
        "ok",
        "/train lr=1e-3 full --no-augment",
        inputs=SCHEMA,
        params={"lr": 1e-3, "epochs": 20, "data": "full", "augment": False},
    ),
    Case(
        "hyphens and underscores",
        "ok",
        "/train --a-b=1",
        inputs={"commands": "train: {params: {a_b: {type: int}}}"},
        params={"a_b": 1},
    ),
    Case("sweep", "ok", "/train lr=0.1 lr=0.2", inputs=SCHEMA, params={"lr": [0.1, 0.2], "epochs": 20, "augment": True}),
    Case(
        "unknown parameter",
        "parameters",
        "/train epoch=3",
        inputs=SCHEMA,
        reply=("'epoch'", "known are lr", "did you mean epochs?"),
    ),
    Case(
        "ill-typed",
        "parameters",
        "/train epochs=many",
        inputs=SCHEMA,
        reply=("epochs", "a whole number, at least 1", "'many'"),
    ),
    Case("out of bounds", "parameters", "/train lr=2", inputs=SCHEMA, reply=("lr", "from 0 to 1", "'2'")),
    Case("not a choice", "parameters", "/train ful", inputs=SCHEMA, reply=("one of small, full", "did you mean full?")),
    # A word that is nearly a parameter is not the value of another one
    *(
        Case(f"no value: {word}", "parameters", f"/train {word}", inputs=SCHEMA, reply=(said,))
        for word, said in {
            "lr:3e-4": "'lr:3e-4' looks like the parameter lr: write lr=VALUE",
            "lr: 3e-4": "'lr:' looks like the parameter lr",
            "-lr=3e-4": "'-lr=3e-4' looks like the parameter lr",
            "-epochs 3": "'-epochs' looks like the parameter epochs",
            "`lr=3e-4`": "looks like the parameter lr",
            "data：full": "looks like the parameter data: write data=VALUE",
            f"sha:{'a' * 40}": "looks like the parameter sha",
            "-v": "'-v' is not an option: options begin with --",
        }.items()
    ),
    *(
        Case(
            f"a value: {word}",
            "ok",
            f"/train {word}",
            inputs={"commands": "train: {params: {data: {positional: true}}}"},
            params={"data": value},
        )
        for word, value in {
            "'data:full'": "data:full",
            "\\-x": "-x",
            "-- -x": "-x",
            "-1": "-1",
            "s3:full": "s3:full",
            "https://x.org/data=1": "https://x.org/data=1",
            "data": "data",
        }.items()
    ),
    # Arguments that are attached to the name
    *(
        Case(f"attached: {body}", "unknown-command", body, reply=(f"{body} is not a command; did you mean /train?",))
        for body in ("/train—epochs=20", "/train:lr=1", "/train=full", "/train(lr=1)", "/train,lr=1", "/train;lr=1")
    ),
    *(
        Case(f"another word: {body}", "no-command", body)
        for body in ("/train/data.csv", "/train's", "/train’s", "/train-model", "/train.py", "/train_data", "/train--x")
    ),
    Case(
        "too many positionals",
        "parameters",
        "/train full more",
        inputs=SCHEMA,
        reply=("'more'", "takes only data without a name"),
    ),
    Case("missing", "parameters", "/deploy", inputs=SCHEMA, reply=("run: is required",)),
    Case("pattern", "parameters", "/deploy ABC", inputs=SCHEMA, reply=("matching [a-z0-9]{8}", "'ABC'")),
    Case("several problems at once", "parameters", "/train lr=x epochs=0", inputs=SCHEMA, reply=("lr:", "epochs:")),
    Case(
        "a command without parameters, and a word",
        "parameters",
        "/train full",
        inputs={"commands": "train: {params: }"},
        reply=("'full' is one positional argument too many: this command takes none",),
    ),
    Case(
        "a command without parameters",
        "parameters",
        "/train a=1",
        inputs={"commands": "train: {params: }"},
        reply=("takes none",),
    ),
    Case("commands as a YAML list", "ok", inputs={"commands": "- /deploy\n- train"}),
    Case("commands as a flow list", "ok", inputs={"commands": "['train', '/deploy']"}),
    # The legacy phrase
    Case(
        "legacy phrase",
        "ok",
        "I would /train gpu-1 tonight",
        inputs={"commands": "", "trigger_phrase": "/train"},
        outputs={
            "TRAILING_LINE": "gpu-1 tonight",
            "TRAILING_TOKEN": "gpu-1",
            "PULL_REQUEST_NUMBER": "1",
            "COMMENTER_USERNAME": "maintainer",
            "BRANCH_NAME": "schedule",
            "command": "/train",
        },
    ),
    Case(
        "legacy phrase, last occurrence",
        "ok",
        "/train a\n/train b",
        inputs={"commands": "", "trigger_phrase": "/train"},
        outputs={"TRAILING_TOKEN": "b"},
    ),
    Case(
        "legacy phrase takes any words",
        "ok",
        "ship it! don't wait",
        inputs={"commands": "", "trigger_phrase": "ship it!"},
        outputs={"TRAILING_LINE": "don't wait"},
    ),
    Case("legacy phrase within a word", "no-command", "/training", inputs={"commands": "", "trigger_phrase": "/train"}),
    Case("legacy phrase in code", "no-command", "Say `/train`", inputs={"commands": "", "trigger_phrase": "/train"}),
    Case("legacy phrase in a quote", "no-command", "> /train x", inputs={"commands": "", "trigger_phrase": "/train"}),
    Case(
        "legacy phrase, text that only looks like a pin",
        "ok",
        "/train msg='revert sha=deadbeef' sha=" + "a" * 40 + " -- sha=deadbeef",
        inputs={"commands": "", "trigger_phrase": "/train"},
        before=lambda sample: sample.pull.push(sha="a" * 40),
        outputs={"TRAILING_LINE": "msg='revert sha=deadbeef' -- sha=deadbeef", "positional": '["sha=deadbeef"]'},
        params={"msg": "revert sha=deadbeef"},
    ),
    Case(
        "legacy phrase with a pin",
        "ok",
        "/train sha=" + "a" * 40 + " run1",
        inputs={"commands": "", "trigger_phrase": "/train"},
        before=lambda sample: sample.pull.push(sha="a" * 40),
        outputs={"TRAILING_LINE": "run1", "TRAILING_TOKEN": "run1"},
    ),
    Case(
        "legacy phrase of an outsider, in a step with an id",
        "permission",
        by="outsider",
        inputs={"commands": "", "trigger_phrase": "/train"},
        environ={"GITHUB_ACTION": "heard"},
        reply=("Your role does not allow it",),
        log=("the job goes on without a commit", "if: steps.heard.outputs.BOOL_TRIGGERED == 'True'"),
    ),
    Case(
        "legacy phrase on a commit that nobody has seen, in a step without an id",
        "head-not-seen",
        inputs={"commands": "", "trigger_phrase": "/train"},
        environ={"GITHUB_ACTION": "__octo-org_chatops"},
        after=lambda sample: sample.pull.push(sha="e" * 40),
        reply=("Somebody pushed",),
        log=("the job goes on without a commit", "if: steps.ID.outputs.BOOL_TRIGGERED == 'True'"),
    ),
]
