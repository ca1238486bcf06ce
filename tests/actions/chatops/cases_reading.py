"""What a person means by a comment that a phone, an input method or a mail program wrote differently."""

from __future__ import annotations

from tests.actions.chatops.case import Case
from tests.actions.chatops.cases_language import SCHEMA

_DEFAULTS = {"lr": 3e-4, "epochs": 20, "augment": True}


def _train(name: str, body: str, **params: object) -> Case:
    return Case(name, "ok", body, inputs=SCHEMA, params={**_DEFAULTS, **params})


CASES = [
    # Typographic characters
    _train("em dash before an option", "/train —epochs 5", epochs=5),
    _train("en dash before an option", "/train –epochs=5", epochs=5),
    _train("dash and hyphen before an option", "/train –-epochs 5", epochs=5),
    _train("full-width hyphens before an option", "/train －－epochs 5", epochs=5),
    _train("em dash before a negated switch", "/train —no-augment", augment=False),
    _train("minus sign in an exponent", "/train lr=3e−4", lr=3e-4),
    _train("full-width equals sign", "/train epochs＝5", epochs=5),
    _train("full-width equals sign after a dash", "/train —epochs＝5", epochs=5),
    _train("curly quotes around a value", "/train epochs=“5”", epochs=5),
    _train("full-width slash", "／train epochs=5", epochs=5),
    _train("division slash", "∕train epochs=5", epochs=5),
    _train("full-width name", "/ｔｒａｉｎ epochs=5", epochs=5),
    _train("byte-order mark before the command", "\ufeff/train epochs=5", epochs=5),
    _train("zero-width space before the command", "Now:\n\u200b/train epochs=5", epochs=5),
    _train("zero-width space in the name", "/tr\u200bain epochs=5", epochs=5),
    _train("variation selector after the name", "/train\ufe0f epochs=5", epochs=5),
    _train("ideographic space", "/train\u3000epochs=5", epochs=5),
    _train("narrow no-break space", "\u202f/train\u202fepochs=5", epochs=5),
    Case("English curly quotes", "ok", "/train name=“my run”", params={"name": "my run"}),
    Case("single curly quotes", "ok", "/train name=‘it’s on’", params={"name": "it’s on"}),
    Case("German quotes", "ok", "/train name=„mein Lauf“", params={"name": "mein Lauf"}),
    Case("French quotes", "ok", "/train name=«essai 1»", params={"name": "essai 1"}),
    Case("Swedish quotes", "ok", "/train name=”min körning”", params={"name": "min körning"}),
    Case("straight quotes within curly ones", "ok", '/train name=“say "hi\\"”', params={"name": 'say "hi\\"'}),
    Case("an apostrophe is no quote", "ok", "/train don’t", outputs={"positional": '["don’t"]'}),
    Case("typographic text in straight quotes", "ok", '/train name="a — “b"', params={"name": "a — “b"}),
    Case("full-width equals sign in a value", "ok", "/train name=a＝b", params={"name": "a＝b"}),
    Case("curly quote that is not closed", "arguments", "/train name=“my run", reply=("“ is not clear", "straight quotes")),
    Case("a dash alone", "arguments", "/train a — b", reply=("— is not clear", "write -- for an option")),
    Case("invisible argument", "arguments", "/train\u200b \u200bepochs=5", reply=("U+200B",)),
    Case("reordered command", "arguments", "\u202e/train epochs=5", reply=("U+202E",)),
    Case(
        "legacy phrase keeps typographic characters",
        "ok",
        "/train —epochs “5",
        inputs={"commands": "", "trigger_phrase": "/train"},
        outputs={"TRAILING_LINE": "—epochs “5", "TRAILING_TOKEN": "—epochs", "positional": '["—epochs", "“5"]'},
    ),
    Case("own prefix in full width", "ok", "！train a=b", inputs={"prefix": "!", "commands": "train"}, params={"a": "b"}),
    # Text that no reader sees
    Case("collapsed details", "no-command", "<details><summary>Log</summary>\n\n/train\n\n</details>"),
    Case("collapsed details within a paragraph", "no-command", "Log: <details>\n/train\n</details>"),
    Case("collapsed details that are not closed", "no-command", "<details>\n\n/train"),
    Case("open details within collapsed ones", "no-command", "<details>\n\n<details open>\n\n/train\n\n</details>"),
    Case("open details", "ok", "<details open>\n\n/train\n\n</details>"),
    Case("after collapsed details", "ok", "<details>\n\n/deploy\n\n</details>\n\n/train", outputs={"command": "train"}),
    Case("after details that were quoted", "ok", "> <details>\n> /deploy\n\n/train", outputs={"command": "train"}),
    Case("after the word details in code", "ok", "Fold it in `<details>`, please\n/train"),
    *(
        Case(name, "no-command", f"{before}\n\n/train")
        for name, before in {
            "details whose end stands in a comment": "<details>\n\n<div><!-- </details> --></div>",
            "details whose end stands in an attribute": '<details>\n\n<div title="</details>"></div>',
            "details whose end stands in a table": "<details>\n\n<table></details>",
            "details with the word open in another attribute": '<details title=" open ">',
            "details behind an HTML comment that browsers end early": "<!-- --!> <details> -->",
            "raw HTML with a comment that is not closed": "<div><!--",
            "raw HTML with an attribute that is not closed": '<div title="',
            "raw HTML that a quote leaves open": "> <div><!--",
            "details behind an element that GitHub shows as text": '<div><style x="><details>">',
        }.items()
    ),
    Case("after raw HTML that is closed", "ok", '<table><tr><td title="a>b">1 < 2</table>\n\n/train'),
    Case("after a table of raw HTML within details", "ok", "<details>\n<table><td>1</table>\n</details>\n\n/train"),
    Case("definition of a footnote", "no-command", "[^1]: see\n/train"),
    Case("definition of a footnote below other text", "no-command", "So[^1]\n[^1]: see\n/train"),
    Case("after a footnote", "ok", "So[^1]\n\n[^1]: see\n\n/train"),
    Case("target of a link definition", "no-command", "[log]:\n/train"),
    Case("target of a link definition with a long name", "no-command", "[the\nlog]:\n/train"),
    Case("title of a link definition", "no-command", "[log]: /log '\n/train\n'"),
    Case("target of a link", "no-command", "[log](\n/train\n)"),
    Case("description of an image", "no-command", "![\n/train\n](a.png)"),
    Case("description of an image by reference", "no-command", "![\n/train\n][a]\n\n[a]: a.png"),
    Case("description of an image by its own name", "no-command", "![\n/train\n]\n\n[/train]: a.png"),
    Case("after an image", "ok", "Look: ![logo](a.png)\n/train x=[1]", params={"x": "[1]"}),
    # Text of an e-mail that somebody else wrote
    *(
        Case(f"e-mail: {name}", "no-command", f"Thanks!\n\n{above}\n\n/train")
        for name, above in {
            "English": "On Mon, 2 Nov 2026 at 10:00, Ada <a@example.org> wrote:",
            "English, wrapped": "On Mon, 2 Nov 2026 at 10:00, Ada\n<a@example.org> wrote:",
            "Japanese, which has no verb": "2026年11月2日(月) 10:00 Ada <a@example.org>:",
            "German": "Am 2. November 2026 um 10:00 schrieb Ada <a@example.org>:",
            "French": "Le lun. 2 nov. 2026 à 10:00, Ada <a@example.org> a\nécrit :",
            "Spanish": "El lun, 2 nov 2026 a las 10:00, Ada escribió:",
            "Italian": "Il giorno lun 2 nov 2026 alle ore 10:00 Ada ha scritto:",
            "Portuguese": "Em seg., 2 de nov. de 2026 às 10:00, Ada escreveu:",
            "Dutch": "Op ma 2 nov 2026 om 10:00 schreef Ada <a@example.org>:",
            "Swedish": "Den mån 2 nov. 2026 kl 10:00 skrev Ada:",
            "Polish": "pon., 2 lis 2026 o 10:00 Ada napisał(a):",
            "Russian": "пн, 2 нояб. 2026 г. в 10:00, Ada пишет:",
            "Chinese": "Ada <a@example.org> 于2026年11月2日周一 10:00写道：",
            "Japanese": "2026年11月2日(月) 10:00 Ada <a@example.org>のメール:",
            "a verb that is not known": "Pada Sen, 2 Nov 2026 pukul 10.00 Ada <a@example.org> menulis:",
            "an address in parentheses": "2026-11-02 10:00, Ada (a@example.org):",
            "without a time": "On Monday, Ada wrote:",
            "a divider of equals signs": "=== Original message ===",
            "what GitHub's mails begin with": "@ada commented on this pull request.",
            "what GitHub's newer mails begin with": "Ada left a comment (octo-org/digits#7)",
            "what GitHub's mails end with": "—\nReply to this email directly, view it on GitHub, or unsubscribe.",
            "Outlook": "From: Ada\nSent: Monday\nTo: Grace\nSubject: Training",
            "Outlook below its rule": "________________________________\nFrom: Ada\nSent: Monday",
            "Outlook, spaced out": "From: Ada\n\nSent: Monday",
            "Outlook on one line": "**From:** Ada <a@example.org> **Sent:** Monday",
            "Outlook in German": "Von: Ada\nGesendet: Montag\nAn: Grace",
            "Outlook in French": "De : Ada\nEnvoyé : lundi\nÀ : Grace",
            "original message": "-----Original Message-----",
            "original message in German": "-----Ursprüngliche Nachricht-----",
            "forwarded": "---------- Forwarded message ---------",
            "forwarded by Apple Mail": "Begin forwarded message:",
            "signature": "-- \nAda",
            "signature without its blank": "--\nAda",
        }.items()
    ),
    Case(
        "e-mail: Outlook directly below text",
        "no-command",
        "Ok.\nFrom: Ada\nSent: Monday\nTo: Bo\nSubject: It\n\n/train",
    ),
    Case("parameters with the names of a header", "ok", "/train\nfrom: 1\nto: 2", params={"from": "1", "to": "2"}),
    *(
        Case(f"no e-mail: {above}", "ok", f"{above}\n\n/train")
        for above in (
            "Ada approved this pull request.",
            "She left a comment (see above).",
            "On to the next run:",
            "Note: on Monday Ada wrote: this is fine.",
            "Ada wrote:",
            "The run of 2026 at 10:00 is for a@example.org:",
        )
    ),
    Case("above an e-mail", "ok", "/train a=b\n\nOn 2 Nov 2026, Ada wrote:\n/deploy", params={"a": "b"}),
    Case("below a marked quote of an e-mail", "ok", "On 2 Nov 2026, Ada wrote:\n> Really?\n\n/train"),
    Case("above a signature", "ok", "/train a=b\n\n-- \nAda", params={"a": "b"}),
    Case("below prose about writing", "ok", "As I wrote:\n/train"),
    Case("below a table", "ok", "| a | b |\n|---|---|\n| 1 | 2 |\n\n/train"),
    Case("below a heading of two dashes", "ok", "Now\n--\n/train"),
    Case("help of one command", "help", "/deploy —help", inputs=SCHEMA, reply=("/deploy", "run")),
]
