"""What the files of a build context show: Git LFS pointers, submodules, logins, credentials, files that nothing reads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from mlops_actions.docker_publish.context_files import credential_files, findings, local_sources, warnings
from mlops_actions.docker_publish.context_files.findings import ContextFindings, SizedFile
from mlops_actions.docker_publish.dockerfile import instructions
from mlops_actions.docker_publish.reuse import dockerignore

POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4d' * 32}\nsize 98304\n"
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n"
# As actions/checkout writes it: the job's token as a header.
HEADER = '[http "https://github.com/"]\n\textraheader = AUTHORIZATION: basic eC1hY2Nlc3M=\n'
ALL = "FROM scratch\nCOPY . /app\n"


@pytest.mark.parametrize(
    ("dockerfile", "copied", "mounted"),
    [
        ("COPY . /app", [""], []),
        ("COPY ./ /app", [""], []),
        ("COPY / /app", [""], []),
        ("COPY src data/labels.csv /app/", ["src", "data/labels.csv"], []),
        ("COPY --chown=1000:1000 --chmod=755 src/ /app", ["src"], []),
        ('COPY ["a b", "/app/"]', ["a b"], []),
        ('COPY "a b" /app/', [""], []),  # BuildKit splits at blanks before it reads quotes
        ("COPY --from=build /out /app", [], []),
        ("ADD weights.tar https://example.com/x.tar /w/", ["weights.tar"], []),
        ("ADD git@github.com:o/r.git /w", [], []),
        ("COPY <<EOF /app/x\ntext\nEOF", [], []),
        ("COPY ../outside /x", ["outside"], []),
        ("COPY $FILES /x", [""], []),
        ("COPY a\\ b /x", ["a", "b"], []),
        ("ONBUILD COPY src /app", ["src"], []),
        ("RUN --mount=type=bind,source=data,target=/d train", [], ["data"]),
        ("RUN --mount=target=/d train", [], [""]),
        ("RUN --mount=type=bind,from=build,target=/d train", [], []),
        ("RUN --mount=type=cache,target=/root/.cache pip install x", [], []),
        ("RUN --mount=type=secret,id=T --mount=type=bind,src=a,target=/a x", [], ["a"]),
        ("RUN cp . /x", [], []),
    ],
)
def test_the_paths_that_instructions_read(dockerfile: str, copied: list[str], mounted: list[str]) -> None:
    found = local_sources.find(instructions.parse(f"FROM scratch\n{dockerfile}\n"))
    assert (list(found.copied), list(found.mounted)) == (copied, mounted)


@pytest.mark.parametrize(
    ("source", "path", "covered"),
    [
        ("", "any/file", True),
        ("src", "src", True),
        ("src", "src/a/b.py", True),
        ("src", "srcs/a.py", False),
        ("src/a", "src/b/c", False),
        ("*.py", "train.py", True),
        ("*.py", "lib/train.py", False),
        ("data/*", "data/x/y.bin", True),
        ("data/*.csv", "data/x.bin", False),
        ("**/x", "a/b/x", True),
        ("a/b/c", "a/b", False),
    ],
)
def test_what_a_source_covers(source: str, path: str, covered: bool) -> None:
    assert local_sources.LocalSources((source,)).copies(path) is covered
    assert local_sources.LocalSources((), (source,)).reads(path) is covered


@pytest.mark.parametrize(
    ("path", "content", "form"),
    [
        ("gha-creds-0123456789abcdef.json", '{"type": "external_account"}', "google-github-actions/auth"),
        ("gha-creds-x.json", '{"type": "external_account"}', ""),
        (".config/gcloud/application_default_credentials.json", '{"refresh_token": "1//x"}', "Google credentials"),
        (
            "conf/robot.json",
            '{"type": "service_account", "private_key": "-----BEGIN PRIVATE KEY-----\\nM"}',
            "Google service",
        ),
        ("data/annotations.json", '{"images": []}', ""),
        (".aws/credentials", "[default]\naws_secret_access_key = abc\n", "AWS credentials"),
        (".aws/config", "[default]\nregion = eu-west-1\n", ""),
        (".netrc", "machine api.wandb.ai login user password 0123\n", "netrc"),
        (".netrc", "machine api.wandb.ai\n", ""),
        (".git-credentials", "https://user:tok@github.com\n", "git's stored logins"),
        (".docker/config.json", '{"auths": {"ghcr.io": {"auth": "dTpw"}}}', "Docker login"),
        (".docker/config.json", '{"auths": {"ghcr.io": {}}, "credsStore": "desktop"}', ""),
        ("ci/kubeconfig.yaml", "users:\n- user:\n    token: abc\n", "kubeconfig"),
        ("deploy/kubeconfig", "users:\n- user:\n    exec: {command: gke-gcloud-auth-plugin}\n", ""),
        (".pypirc", "[pypi]\npassword = pypi-x\n", "PyPI login"),
        ("pip.conf", "[global]\nindex-url = https://u:p@pypi.example.com/simple\n", "package index"),
        ("pip.conf", "[global]\nindex-url = https://${USER}:${PASS}@pypi.example.com/simple\n", ""),
        (".npmrc", "//registry.npmjs.org/:_authToken=npm_x\n", "npm login"),
        (".npmrc", "//registry.npmjs.org/:_authToken=${NPM_TOKEN}\n", ""),
        ("deploy/id_ed25519", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n", "SSH key"),
        ("deploy/id_ed25519.pub", "ssh-ed25519 AAAA\n", ""),
        ("certs/server.key", KEY, "private key"),
        ("certs/ca.pem", "-----BEGIN CERTIFICATE-----\nMII\n", ""),
        ("tests/fixtures/server.pem", KEY, ""),
        ("kaggle.json", f'{{"username": "u", "key": "{"0a" * 16}"}}', "Kaggle"),
        (".cache/huggingface/token", "hf_abcdefghijklmnop", "Hugging Face"),
        (".env", f"GITHUB_TOKEN=ghp_{'a1' * 18}\n", "env file"),
        (".env.production", f"WANDB_API_KEY={'0a' * 20}\n", "env file"),
        (".env", "DEBUG=1\nWANDB_API_KEY=\n", ""),
        ("train.py", f'TOKEN = "ghp_{"a1" * 18}"', ""),
    ],
)
def test_credentials_are_known_by_name_and_content(path: str, content: str, form: str) -> None:
    found = credential_files.form_of(path, content.encode())
    assert form in found
    assert bool(found) is bool(form)
    assert not found or credential_files.is_candidate(path)


@pytest.mark.parametrize(
    ("config", "has_login"),
    [
        (HEADER, True),
        ('[remote "origin"]\n\turl = https://x-access-token:ghs_abc@github.com/o/r\n', True),
        (f'[remote "origin"]\n\turl = https://ghp_{"a" * 36}@github.com/o/r\n', True),
        ('[remote "origin"]\n\tpushurl = "https://user:secret@git.example.com/o/r"\n', True),
        ('[remote "origin"]\n\turl = https://github.com/o/r\n', False),
        ('[remote "origin"]\n\turl = git@github.com:o/r.git\n', False),
        ('[remote "origin"]\n\turl = https://github.com:8443/o/r@v1\n', False),
        ("[http]\n\textraheader = X-Trace: 1\n", False),
        ("\n" * 60_000 + HEADER, True),
        ("\n" * 60_000, False),
        ('[includeIf "gitdir:/w/.git"]\n\tpath = /tmp/git-credentials-1.config\n', False),
    ],
)
def test_logins_of_git_configurations(config: str, has_login: bool) -> None:
    assert credential_files.has_git_login(config.encode()) is has_login


def written(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir(exist_ok=True)
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def inspect(context: Path, dockerfile: str = ALL, ignored: str = "", root: Path | None = None) -> ContextFindings:
    sources = local_sources.find(instructions.parse(dockerfile))
    return findings.inspect(context, dockerignore.parse(ignored), sources, root=root or context)


MODULES = '[submodule "lib"]\n\tpath = lib\n\turl = https://example.com/lib\n[submodule "b c"]\n\tpath = "b c"\n'


@pytest.mark.parametrize(
    ("files", "dockerfile", "ignored", "expected"),
    [
        ({"model.bin": POINTER}, ALL, "", ContextFindings(pointers=("model.bin",))),
        ({"model.bin": POINTER.rstrip()}, ALL, "", ContextFindings(pointers=("model.bin",))),
        ({"a.md": f"A pointer is:\n{POINTER}"}, ALL, "", ContextFindings()),
        ({"model.bin": POINTER}, ALL, "*.bin", ContextFindings()),
        (
            {"model.bin": POINTER},
            "FROM x\nCOPY src /x\n",
            "",
            ContextFindings(unread=(SizedFile("model.bin", len(POINTER)),)),
        ),
        ({"m": POINTER}, "FROM x\nRUN --mount=target=/c train\n", "", ContextFindings(pointers=("m",))),
        ({".gitmodules": MODULES, "lib/": "", "b c/": ""}, ALL, "", ContextFindings(submodules=("lib", "b c"))),
        ({".gitmodules": MODULES, "lib/x.py": ""}, ALL, "", ContextFindings()),
        ({".gitmodules": MODULES, "lib/": ""}, ALL, "lib", ContextFindings()),
        ({".gitmodules": MODULES}, ALL, "", ContextFindings()),
        ({".gitmodules": MODULES.replace("\n", " \r\n"), "lib/": ""}, ALL, "", ContextFindings(submodules=("lib",))),
        # a line at which a search that goes back would stay for hours
        ({".gitmodules": f"path = a{' ' * 500_000}b\n{MODULES}", "lib/": ""}, ALL, "", ContextFindings(submodules=("lib",))),
        ({".gitmodules": '[submodule "x"]\n\tpath = ../../etc\n'}, ALL, "", ContextFindings()),
        ({"sub/.gitmodules": MODULES, "sub/lib/": ""}, ALL, "", ContextFindings(submodules=("sub/lib",))),
        ({".git/config": HEADER}, ALL, "", ContextFindings(logins=(".git/config",))),
        ({".git/modules/lib/config": HEADER}, ALL, "", ContextFindings(logins=(".git/modules/lib/config",))),
        ({"vendor/x/.git/config": HEADER}, ALL, "", ContextFindings(logins=("vendor/x/.git/config",))),
        ({".git/config": HEADER}, ALL, ".git", ContextFindings()),
        ({".git/config": HEADER}, "FROM x\nRUN --mount=target=/c x\n", "", ContextFindings()),
        ({"config": HEADER}, ALL, "", ContextFindings()),
        ({".git/pack": "x", "data": "xy"}, "FROM x\nCOPY src /x\n", "", ContextFindings(unread=(SizedFile("data", 2),))),
        ({".netrc": "machine x password y"}, ALL, "", ContextFindings(credentials=((".netrc", "a netrc file"),))),
        ({".netrc": "machine x password y"}, ALL, "**/.netrc", ContextFindings()),
        ({".netrc": "machine x password y"}, "FROM x\nRUN --mount=target=/c x\n", "", ContextFindings()),
    ],
)
def test_findings(
    tmp_path: Path, files: Mapping[str, str], dockerfile: str, ignored: str, expected: ContextFindings
) -> None:
    found = inspect(written(tmp_path, files), dockerfile, ignored)
    if expected.unread:
        assert found == expected
    else:
        assert replace(found, unread=()) == expected


def test_a_submodule_is_named_by_the_repository_above_the_context(tmp_path: Path) -> None:
    written(tmp_path, {".gitmodules": MODULES.replace("= lib", "= train/lib"), "train/lib/": "", "train/a.py": ""})
    assert inspect(tmp_path / "train", root=tmp_path).submodules == ("lib",)
    assert inspect(tmp_path / "train", root=tmp_path / "train").submodules == ()


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside = written(tmp_path / "outside", {"config": HEADER, "modules": MODULES, "pointer": POINTER})
    context = written(tmp_path / "context", {"lib/": "", ".git/": ""})
    (context / ".git/config").symlink_to(outside / "config")
    (context / ".gitmodules").symlink_to(outside / "modules")
    (context / "pointer").symlink_to(outside / "pointer")
    assert inspect(context) == ContextFindings()


@pytest.mark.parametrize(
    ("found", "parts"),
    [
        (ContextFindings(), []),
        (ContextFindings(pointers=("a",)), ["1 Git LFS pointer instead of the file's content: a; set 'lfs: true'"]),
        (
            ContextFindings(pointers=tuple(f"w{number}" for number in range(7))),
            ["7 Git LFS pointers instead of the file's content: w0, w1, w2, w3, w4 and 2 more;"],
        ),
        (ContextFindings(submodules=("lib",)), ["1 empty folder instead of a submodule: lib; set 'submodules: true'"]),
        (ContextFindings(logins=(".git/config",)), [".git/config holds the token of the checkout"]),
        (
            ContextFindings(credentials=((".netrc", "a netrc file"),)),
            ["credentials reach the image: .netrc (a netrc file);"],
        ),
        (ContextFindings(unread=(SizedFile("a", 99_999_999),)), []),
        (
            ContextFindings(unread=(SizedFile("s", 1), SizedFile("data.bin", 2_000_000_000))),
            ["reads 2.00 GB of the context: data.bin (2.00 GB), s (1 B); "],
        ),
        (
            ContextFindings(unread=tuple(SizedFile(f"f{number}", 20_000_000) for number in range(6))),
            ["f0 (20.0 MB), f1 (20.0 MB), f2 (20.0 MB), f3 (20.0 MB), f4 (20.0 MB) and 1 more;"],
        ),
        (
            ContextFindings(pointers=("a",), logins=(".git/config",)),
            ["a git login reaches the image", "1 Git LFS pointer"],
        ),
    ],
)
def test_warnings(found: ContextFindings, parts: list[str]) -> None:
    texts = list(warnings.texts(found))
    assert len(texts) == len(parts)
    assert all(part in text for part, text in zip(parts, texts, strict=True)), texts


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("a/b.bin", "a/b.bin"),
        ("a b", "'a b'"),
        ("x\n::error::y", "x\ufffd::error::y"),
        ("\u202efdp.exe", "\ufffdfdp.exe"),
        (os.fsdecode(b"\xff.bin"), "\ufffd.bin"),
        ("x" * 200, "…" + "x" * 119),
    ],
)
def test_names_are_printable_and_short(path: str, shown: str) -> None:
    assert warnings.shown(path) == shown
