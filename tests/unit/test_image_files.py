"""What an image holds is found out from the byte code of modules: every way to import leads to the module."""

from __future__ import annotations

from pathlib import Path

import pytest

from image import collect

TREE = {
    "own/__init__.py": "",
    "own/main.py": "",
    "own/room/helper.py": "import shared",  # a package without a file of its own
    "own/room/part/__init__.py": "from ... import other",
    "own/other.py": "",
    "shared/__init__.py": "",
    "shared/deep/__init__.py": "",
    "shared/deep/leaf.py": "import single",
    "single.py": "",
    "unused.py": "import shared",
    "extension.so": "",
}
# What own/main.py says, and which modules it leads to, itself left out.
SHARED = {"shared", "shared.deep"}
IMPORTS = {
    "import single": {"single"},
    "import shared.deep.leaf": {*SHARED, "shared.deep.leaf", "single"},
    "import shared.deep.leaf as leaf": {*SHARED, "shared.deep.leaf", "single"},
    "from shared.deep import leaf": {*SHARED, "shared.deep.leaf", "single"},
    "from shared import deep": SHARED,
    "from shared.deep import *": SHARED,
    "from . import other": {"own.other"},
    "from .room import helper": {"own.room.helper", "shared"},
    "from .room.part import anything": {"own.room.part", "own.other"},
    "def late():\n    import single": {"single"},
    "class A:\n    def late(self):\n        return lambda: __import__ and [single for _ in ()]\n    import single": {
        "single"
    },
    "try:\n    import missing.part\nexcept ImportError:\n    import single": {"single"},
    "import never.part, single": {"single"},
    "import sys, single": {"single"},
}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in {**TREE, "never/part.py": "", "never/__init__.py": "import unused"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(collect, "SITE", tmp_path)
    monkeypatch.setattr(collect, "LIBRARY", tmp_path / "library")
    return tmp_path


@pytest.mark.parametrize("statement", IMPORTS)
def test_every_way_to_import_is_followed(tree: Path, statement: str) -> None:
    (tree / "own/main.py").write_text(statement)
    modules = collect.Modules(["never"])
    modules.reach(["own.main"])
    assert set(modules.files) - {"own", "own.main"} == IMPORTS[statement]


def test_a_circle_ends(tree: Path) -> None:
    (tree / "own/main.py").write_text("from . import other")
    (tree / "own/other.py").write_text("from . import main")
    modules = collect.Modules([])
    modules.reach(["own.main"])
    assert set(modules.files) == {"own", "own.main", "own.other"}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("yaml/__init__.py", "yaml"),
        ("yaml/_yaml.cpython-313-x86_64-linux-gnu.so", "yaml._yaml"),
        ("six.py", "six"),
        ("wandb/.gitignore", "wandb."),
    ],
)
def test_a_file_is_named_as_a_module(path: str, name: str) -> None:
    assert collect.module_name(path) == name


LEFT_OUT = [
    "nacl/tests/test_a.py",
    "x/test/y.py",
    "google/a.pyi",
    "yaml/_yaml.pyx",
    "x-1.dist-info/RECORD",
    "a/__pycache__/b.pyc",
    "wandb/proto/a.sh",
]
KEPT = [
    "jwt/api_jwt.py",
    "testing/a.py",
    "certifi/cacert.pem",
    "x-1.dist-info/METADATA",
    "x-1.dist-info/licenses/LICENSE",
    "a.so",
]


def test_tests_and_what_only_compilers_read_is_left_out() -> None:
    assert [path for path in (*LEFT_OUT, *KEPT) if collect.LEFT_OUT.search(path)] == LEFT_OUT


@pytest.mark.parametrize(
    ("codec", "there"), [("utf_8", True), ("idna", True), ("cp1252", True), ("gb2312", False), ("mbcs", False)]
)
def test_codecs_of_other_scripts_are_left_out(codec: str, there: bool) -> None:
    assert bool(collect.CODECS.fullmatch(codec)) == there


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/lib/x86_64-linux-gnu/libz.so.1", "/usr/lib/x86_64-linux-gnu/libz.so.1"),
        ("/usr/lib/x86_64-linux-gnu/libz.so.1", "/usr/lib/x86_64-linux-gnu/libz.so.1"),
        ("/lib64/ld-linux-x86-64.so.2", "/usr/lib64/ld-linux-x86-64.so.2"),
        ("/lib/ld-linux-aarch64.so.1", "/usr/lib/ld-linux-aarch64.so.1"),
        ("/etc/lib/a", "/etc/lib/a"),
    ],
)
def test_a_path_has_one_name_whichever_of_debians_links_leads_to_it(path: str, name: str) -> None:
    assert collect.usr_merged(path) == name
