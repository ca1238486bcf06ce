"""The places that a user names: own layer caches and exported files."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_actions.boundary.workspace import WorkspaceFiles
from mlops_actions.core.errors import BadInput
from mlops_actions.docker_publish.build.locations import read_caches, read_exports

REF = "ghcr.io/octo/digits:layers"


@pytest.mark.parametrize(
    ("input_name", "text", "record"),
    [
        ("cache-from", REF, f"type=registry,ref={REF}"),
        ("cache-from", f"type=registry,ref={REF}", f"type=registry,ref={REF}"),
        ("cache-from", "type=gha,scope=train", "type=gha,scope=train"),
        ("cache-from", "type=local,src=cache", "type=local,src=ROOT/cache"),
        ("cache-from", 'type=local,"src=a,b"', 'type=local,"src=ROOT/a,b"'),
        ("cache-from", "TYPE=s3,bucket=b,region=eu-west-1", "type=s3,bucket=b,region=eu-west-1"),
        (
            "cache-from",
            "type=azblob,account_url=https://a.example,name=n",
            "type=azblob,account_url=https://a.example,name=n",
        ),
        ("cache-to", f"type=registry,ref={REF},mode=max", f"type=registry,ref={REF},mode=max"),
        ("cache-to", "type=registry,ref=x:1,compression=zstd", "type=registry,ref=x:1,compression=zstd"),
        ("cache-to", "type=inline", "type=inline"),
        ("cache-to", "type=local,dest=cache,mode=max", "type=local,dest=ROOT/cache,mode=max"),
        ("cache-to", "type=gha,mode=max,ignore-error=true", "type=gha,mode=max,ignore-error=true"),
    ],
)
def test_a_cache_of_one_s_own_is_named_as_buildx_takes_it(tmp_path: Path, input_name: str, text: str, record: str) -> None:
    (location,) = read_caches([text], input_name, WorkspaceFiles(tmp_path).path)
    assert location.record() == record.replace("ROOT", str(tmp_path.resolve()))


@pytest.mark.parametrize(
    ("text", "record"),
    [
        ("out", "type=local,dest=ROOT/out"),
        ("type=local,dest=out", "type=local,dest=ROOT/out"),
        ("type=tar,dest=out/files.tar", "type=tar,dest=ROOT/out/files.tar"),
        ("type=oci,dest=image.tar,compression=zstd", "type=oci,dest=ROOT/image.tar,compression=zstd"),
        ("type=docker,dest=image.tar,name=digits:test", "type=docker,dest=ROOT/image.tar,name=digits:test"),
        ("type=local,dest=a/../out", "type=local,dest=ROOT/out"),
    ],
)
def test_files_are_exported_into_the_workspace(tmp_path: Path, text: str, record: str) -> None:
    (location,) = read_exports([text], WorkspaceFiles(tmp_path).path)
    assert location.record() == record.replace("ROOT", str(tmp_path.resolve()))


@pytest.mark.parametrize(
    ("input_name", "text", "cause"),
    [
        ("cache-from", "type=inline", "type=inline"),
        ("cache-from", "type=magic", "'magic'"),
        ("cache-from", "ref=x", "the type ''"),
        ("cache-from", "type=registry", "without 'ref'"),
        ("cache-from", "type=local", "without 'src'"),
        ("cache-from", "type=local,src=../elsewhere", "leads out of the workspace"),
        ("cache-from", "type=local,src=/etc", "leads out of the workspace"),
        ("cache-from", "type=registry,ref=x,mode=max", "'mode'"),
        ("cache-from", 'type=registry,"ref=x', "no list of fields"),
        ("cache-from", "type=gha,token=abc", "command line"),
        ("cache-from", "type=gha,url_v2=https://attacker.example", "command line"),
        ("cache-to", "type=s3,bucket=b,secret_access_key=abc", "command line"),
        ("cache-to", "type=s3,region=x", "without 'bucket'"),
        ("cache-to", "type=azblob,account_url=u,secret_access_key=abc", "command line"),
        ("cache-to", "type=local,src=x", "without 'dest'"),
        ("cache-to", "type=local,dest=..", "leads out of the workspace"),
        ("cache-to", "type=registry,ref=ghcr.io/octo/digits:buildcache", "keeps for its own cache"),
        ("cache-to", "type=registry,ref=ghcr.io/octo/digits:buildcache-pr-7", "keeps for its own cache"),
        ("cache-to", "ghcr.io/octo/digits:ctx-" + "0" * 64, "keeps for its own cache"),
        ("cache-from", "ghcr.io/octo/digits:buildcache-pr-7", "keeps for its own cache"),
    ],
)
def test_a_cache_that_could_reach_elsewhere_is_refused(tmp_path: Path, input_name: str, text: str, cause: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_caches([text], input_name, WorkspaceFiles(tmp_path).path)
    assert cause in caught.value.cause
    assert f"'{input_name}'" in caught.value.cause
    assert "abc" not in caught.value.cause + caught.value.remedy


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("type=registry,name=ghcr.io/octo/other", "'registry'"),
        ("type=image,push=true", "'image'"),
        ("type=cacheonly", "'cacheonly'"),
        ("type=local", "without 'dest'"),
        ("-", "without 'dest'"),
        ("type=docker", "without 'dest'"),
        ("type=tar,dest=-", "without 'dest'"),
        (".", "the whole workspace"),
        ("type=local,dest=out/..", "the whole workspace"),
        ("/etc", "leads out of the workspace"),
        ("../out", "leads out of the workspace"),
        ("type=oci,dest=a.tar,push=true", "'push'"),
        ("link/out", "leads out of the workspace"),
    ],
)
def test_an_export_that_is_no_file_of_the_workspace_is_refused(tmp_path: Path, text: str, cause: str) -> None:
    (tmp_path / "link").symlink_to("/tmp")
    with pytest.raises(BadInput) as caught:
        read_exports([text], WorkspaceFiles(tmp_path).path)
    assert cause in caught.value.cause
    assert "'outputs'" in caught.value.cause
