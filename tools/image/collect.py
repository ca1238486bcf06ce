"""Collect the files of an image: `collect.py OUT [--system] [--program FILE]… [--below DIR]…`.

It runs in Dockerfile.base where packages are installed, and copies files under their own paths into two folders:
OUT/packages, and OUT/own with this suite's package. What a folder below (`--below`) has already is left out: the image has
it in another layer. Nothing is listed by hand that can be found out:

- Modules: those that the actions import at any time. The byte code of a module says what it imports. Of the standard library
  the image has only these; of the installed packages each one that an import leads to, whole, since packages also import by
  name.
- Shared libraries: those that `ldd` names for the programs and the extension modules.
- What Debian's package manager knows about the packages of these files, for bills of materials and scanners.

Byte code lies where the source would be. It names file and line in a traceback, and nothing compares it with a source.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import marshal
import os
import py_compile
import re
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from dis import opmap
from functools import cached_property
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import cache_from_source
from modulefinder import ModuleFinder
from pathlib import Path
from types import CodeType

OURS = "mlops_actions"
ACTIONS = ("chatops", "docker_publish", "argo_submit", "wandb_runs")
# The commands for a developer's machine; what they import is no reason to be in an image.
COMMANDS = ("boundary.doctor", "cli", "docs", "doctor", "pipeline", "starter", "verify")
ROOT = Path("/opt/mlops-actions")
VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
SITE = ROOT / "lib" / VERSION / "site-packages"
LIBRARY = Path("/usr/lib") / VERSION
PROGRAMS = (Path("/usr/bin") / VERSION, Path("/usr/bin/openssl"))
# Tests, prompts, and what is optional where it is imported: compressions that no server here uses, the asynchronous
# transport of Azure's and Google's libraries, and the fast loader of YAML, which the safe loader does not need.
NEVER = frozenset((
    "_pyrepl", "aiohttp", "bz2", "curses", "doctest", "ensurepip", "grpc_status", "idlelib", "lzma", "pdb", "pydoc",
    "readline", "rlcompleter", "test", "tkinter", "trio", "turtle", "unittest", "venv", "yaml._yaml",
))  # fmt: skip
# Imported by a name that is made up, or from C: what cryptography's extension and `strptime` ask for; and below the codecs,
# and the data of `sysconfig`, which is called after the platform.
BY_NAME = ("_strptime", "_cffi_backend")
# Codecs of Chinese, Japanese and Korean are 1 MB of tables, and those of Windows exist on Windows alone.
CODECS = re.compile(r"(?!big5|cp932|cp949|cp950|euc_|gb|hz|iso2022|johab|mbcs|oem|shift_jis)\w+")
# Of packages: what no program reads, W&B's monitor of the machine, and its library for Parquet files.
LEFT_OUT = re.compile(
    r"(?:^|/)(?:tests?|__pycache__)/|\.(?:pyc|pyi|pyx|pxd|c|cc|h|sh)$|\.dist-info/(?:RECORD|INSTALLER|REQUESTED)$"
    r"|^wandb/bin/(?:wandb-symon|librust_parquet_ffi)"
)
FILES = (
    "/etc/os-release", "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/openssl.cnf", "/usr/bin/python3",
    "/usr/lib/os-release", "/usr/lib/ssl/cert.pem", "/usr/lib/ssl/certs", "/usr/lib/ssl/openssl.cnf",
)  # fmt: skip
TEXTS = {
    "etc/passwd": "root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
SUFFIXES = (*EXTENSION_SUFFIXES, ".py")
IMPORT_NAME = opmap["IMPORT_NAME"]


class Modules:
    """What modules import, found in their byte code without running them; `files` has the files of all that were reached."""

    def __init__(self, never: Iterable[str]) -> None:
        self._never = frozenset(never)
        self._places: dict[str, list[Path]] = {"": [SITE, LIBRARY, LIBRARY / "lib-dynload"]}
        self._scanner = ModuleFinder(path=[])
        self.files: dict[str, Path] = {}

    def reach(self, names: Iterable[str]) -> None:
        """Follow these modules."""
        waiting = list(names)
        while waiting:
            parts = waiting.pop().split(".")
            for length in range(1, len(parts) + 1):
                waiting += self._enter(".".join(parts[:length]))

    def _enter(self, name: str) -> Iterable[str]:
        """Find a module; return what it imports, where this is the first time."""
        if name in self._places or name in self._never:
            return ()
        parent, _, last = name.rpartition(".")
        folders = [place / last for place in self._places.get(parent, ()) if (place / last).is_dir()]
        candidates = [folder / "__init__.py" for folder in folders]
        candidates += [place / f"{last}{suffix}" for place in self._places.get(parent, ()) for suffix in SUFFIXES]
        file = next((file for file in candidates if file.is_file()), None)
        is_package = file is None or file.name == "__init__.py"
        # A package without a file of its own has the modules of all folders of its name.
        self._places[name] = folders if file is None else [file.parent] if is_package else []
        if file is None:
            return ()
        self.files[name] = file
        return list(self._imports(code_of(file), name if is_package else parent)) if file.suffix == ".py" else ()

    def _imports(self, code: CodeType, package: str) -> Iterator[str]:
        if IMPORT_NAME in code.co_code[::2]:
            for what, given in self._scanner.scan_opcodes(code):
                if what == "store":
                    continue
                level, (names, base) = (0, given) if what == "absolute_import" else (given[0], given[1:])
                if level:
                    around = package.rsplit(".", level - 1)[0] if level > 1 else package
                    base = f"{around}.{base}" if base else around
                yield base
                yield from (f"{base}.{name}" for name in names or () if name != "*")
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                yield from self._imports(constant, package)


def code_of(file: Path) -> CodeType:
    """Return a module's byte code: what Debian compiled of the standard library, else what is compiled now."""
    cached = Path(cache_from_source(str(file)))
    if cached.is_file():
        code = marshal.loads(cached.read_bytes()[16:])
        assert isinstance(code, CodeType)
        return code
    return compile(file.read_bytes(), str(file), "exec", dont_inherit=True)


def own_modules() -> Iterator[str]:
    """Yield the names of the actions' modules."""
    yield f"{OURS}.__main__"
    for action in ACTIONS:
        for file in (SITE / OURS / action).rglob("*.py"):
            yield ".".join(file.relative_to(SITE).with_suffix("").parts).removesuffix(".__init__")


def python_files(only: Collection[str], without: Iterable[str]) -> tuple[list[Path], list[Path]]:
    """Return the files of the standard library and of packages, and those of this suite's own package."""
    never = {*NEVER, *without, *(f"{OURS}.{name}" for name in COMMANDS)}
    reached = Modules(never)
    reached.reach([*own_modules(), *BY_NAME])
    needed = set(reached.files.values())
    files: set[Path] = set()
    names: list[str] = [*BY_NAME, *made_up()]
    for distribution in importlib.metadata.distributions(path=[str(SITE)]):
        installed = {SITE / str(path): str(path) for path in distribution.files or () if not str(path).startswith("..")}
        name = distribution.metadata["Name"]
        if only and name not in only:
            continue
        if needed.isdisjoint(installed):
            print(f"no import leads to {name}: left out")
            continue
        for path, place in installed.items():
            if LEFT_OUT.search(place) or module_name(place) in never:
                continue
            files.add(path)
            if path.suffix == ".py":
                names.append(module_name(place))
    # What the rest of these packages imports of the standard library; it is no reason for another package.
    whole = Modules(never)
    whole.reach([*own_modules(), *names])
    files |= {path for path in whole.files.values() if path.is_relative_to(LIBRARY)}
    own = {path for path in reached.files.values() if path.is_relative_to(SITE / OURS)}
    own |= {
        path for path in (SITE / OURS).rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc") and is_data(path)
    }
    return sorted(files), sorted(own)


def is_data(path: Path) -> bool:
    """Tell whether a data file of the own package belongs to no command."""
    return not any(path.is_relative_to(SITE / OURS / command.replace(".", "/")) for command in COMMANDS)


def module_name(path: str) -> str:
    """Return the name that a file below site-packages would have as a module."""
    *folders, file = Path(path).parts
    stem = file.partition(".")[0]
    return ".".join(folders if stem == "__init__" else [*folders, stem])


def made_up() -> Iterator[str]:
    """Yield the modules of the standard library that Python imports by a name that is made up."""
    yield from (path.stem for path in LIBRARY.glob("_sysconfigdata_*.py"))
    yield from (f"encodings.{path.stem}" for path in (LIBRARY / "encodings").glob("*.py") if CODECS.fullmatch(path.stem))


@dataclass
class Image:
    """A folder that becomes a layer; `below` are the folders of the layers below it."""

    folder: Path
    below: list[Path]
    taken: set[Path] = field(default_factory=set)

    def add(self, path: Path, source: Path | None = None) -> None:
        """Copy a file, or a link as it is; `path` is where the image has it."""
        target = self._target(path)
        if target is not None:
            shutil.copy2(source or path, target, follow_symlinks=False)

    def compiled(self, path: Path) -> Path | None:
        """Return where the byte code of a module goes; None where a layer below has it."""
        return self._target(path.with_suffix(".pyc"))

    def write(self, path: str, text: str) -> None:
        """Write a text."""
        target = self._target(Path("/") / path)
        if target is not None:
            target.write_text(text, encoding="utf-8")

    def _target(self, path: Path) -> Path | None:
        place = path.relative_to("/")
        self.taken.add(path)
        if any(os.path.lexists(folder / place) for folder in self.below):
            return None
        target = self.folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        return target


class Debian:
    """What dpkg knows about files."""

    @cached_property
    def _owners(self) -> dict[str, str]:
        found = {}
        for path in Path("/var/lib/dpkg/info").glob("*.list"):
            package = path.stem.partition(":")[0]
            found.update({usr_merged(line): package for line in path.read_text().splitlines()})
        return found

    @cached_property
    def _stanzas(self) -> dict[str, str]:
        stanzas = Path("/var/lib/dpkg/status").read_text(encoding="utf-8").split("\n\n")
        return {
            stanza.splitlines()[0].removeprefix("Package: "): stanza.strip() + "\n" for stanza in stanzas if stanza.strip()
        }

    def packages(self, files: Iterable[Path]) -> list[str]:
        """Return the names of the packages that these files are of."""
        # A folder is of many packages, and the one that dpkg names last says nothing.
        places = (file for path in files for file in (path, path.resolve()) if not file.is_dir())
        names = {self._owners.get(usr_merged(str(file))) for file in places}
        return sorted(filter(None, names))

    def describe(self, package: str, image: Image) -> None:
        """Copy a package's entry, where scanners of images without dpkg look for it, and its licence."""
        image.write(f"var/lib/dpkg/status.d/{package}", self._stanzas[package])
        licence = Path(f"/usr/share/doc/{package}/copyright")
        if licence.is_file():
            image.add(licence, licence.resolve())


def usr_merged(path: str) -> str:
    """Return a path below /usr, where Debian's /bin, /lib and /lib64 lead to."""
    return re.sub(r"^/(bin|sbin|lib|lib64)(?=/)", r"/usr/\1", path)


def libraries(files: Iterable[Path]) -> dict[Path, Path]:
    """Return the shared libraries that these are linked with, and where each one is; raises ValueError for a missing one."""
    found = {}
    for file in files:
        done = subprocess.run(["ldd", str(file)], capture_output=True, text=True, check=False)
        if "not found" in done.stdout:
            raise ValueError(f"{file} needs a library that is not here:\n{done.stdout}")
        # The first path of a line: `libz.so.1 => /lib/…/libz.so.1 (0x…)`, `/lib64/ld-linux-x86-64.so.2 (0x…)`.
        paths = re.findall(r"^\s+(?:\S+ => )?(/\S+)", done.stdout, re.MULTILINE)
        found.update({Path(usr_merged(path)): Path(path).resolve() for path in paths if not path.startswith(str(SITE))})
    return found


def compile_all(modules: Iterable[tuple[Path, Path]]) -> None:
    """Compile modules to where they go; what is no Python 3 (a template) is left out."""
    with ProcessPoolExecutor() as pool:
        for _ in pool.map(compile_one, modules, chunksize=64):
            pass


def compile_one(module: tuple[Path, Path]) -> None:
    """Compile one module; its byte code names the source, as a traceback shows it."""
    source, target = module
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    try:
        py_compile.compile(str(source), str(target), str(source), doraise=True, invalidation_mode=unchecked)
    except py_compile.PyCompileError as error:
        print(f"left out: {error.msg.strip().splitlines()[-1]}: {source}")


def fill(image: Image, files: Iterable[Path]) -> list[Path]:
    """Copy the files, modules as byte code; return the programs and extension modules among them."""
    modules, binaries = [], []
    for path in files:
        if path.suffix == ".py":
            if (target := image.compiled(path)) is not None:
                modules.append((path, target))
            continue
        if is_elf(path):
            binaries.append(path)
        image.add(path)
    compile_all(modules)
    return binaries


def add_system(image: Image) -> None:
    """Add what every image has beside Python's modules: links, certificates, time zones, names."""
    for name in ("bin", "lib", "lib64", "sbin"):
        if Path("/", name).is_symlink():
            image.add(Path("/", name))
    for path in [*map(Path, FILES), ROOT / "pyvenv.cfg", *(ROOT / "bin").glob("python*")]:
        image.add(path)
    # OpenSSL finds an authority by the hash of its name; the other links there are for people.
    for path in Path("/etc/ssl/certs").glob("*.[0-9]"):
        image.add(path, path.resolve())
    for path in Path("/usr/share/zoneinfo").rglob("*"):
        if not path.is_dir():
            image.add(path)
    for name, text in TEXTS.items():
        image.write(name, text)
    for folder, mode in (("tmp", 0o1777), ("root", 0o700), ("usr/lib", 0o755)):
        (image.folder / folder).mkdir(parents=True, exist_ok=True)
        (image.folder / folder).chmod(mode)
    (image.folder / LIBRARY.relative_to("/") / "lib-dynload").mkdir(parents=True, exist_ok=True)


def strip(folder: Path) -> None:
    """Remove from the packages' extension modules what only a debugger reads; Debian has done so with its own."""
    site = folder / SITE.relative_to("/")
    binaries = [path for path in site.rglob("*") if path.is_file() and not path.is_symlink() and is_elf(path)]
    for path in binaries:
        subprocess.run(["strip", "--strip-unneeded", str(path)], check=True)


def is_elf(path: Path) -> bool:
    """Tell whether a file is a program or a library."""
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def main() -> None:
    """Collect, and print how much it is."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--system", action="store_true", help="also what every image has")
    parser.add_argument("--program", type=Path, action="append", default=[], help="a program, with its libraries")
    parser.add_argument("--only", action="append", default=[], help="an installed package; no other is taken")
    parser.add_argument("--without", action="append", default=[], help="a module whose import is not followed")
    parser.add_argument("--below", type=Path, action="append", default=[], help="a folder of a layer below")
    options = parser.parse_args()
    packages = Image(options.out / "packages", options.below)
    own = Image(options.out / "own", options.below)
    files, own_files = python_files(options.only, options.without) if (SITE / OURS).is_dir() else ([], [])
    programs = [*options.program, *(PROGRAMS if options.system else ())]
    for program in programs:
        packages.add(program)
    binaries = [*programs, *fill(packages, files)]
    fill(own, own_files)
    for path in (ROOT / "bin").iterdir():
        if not path.name.startswith("python") and own_files:
            own.add(path)
    for name, file in libraries(binaries).items():
        packages.add(name, file)
    if options.system:
        add_system(packages)
    debian = Debian()
    for package in debian.packages(packages.taken):
        debian.describe(package, packages)
    for image in (packages, own):
        image.folder.mkdir(parents=True, exist_ok=True)
        strip(image.folder)
        for path in [image.folder, *image.folder.rglob("*")]:  # the same input gives the same layer
            os.utime(path, (0, 0), follow_symlinks=False)


if __name__ == "__main__":
    main()
