"""Archived, removed and listed in a real home, with kill -9 in between."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from agentclient.blocking import BlockingClient
from agentclient.errors import RefusedError
from agentproto.api.session import ListParams, ListResult, ReadParams, ReadResult, SessionSummary
from agentproto.keeping import ArchiveParams, ArchiveResult, RemoveParams, RemoveResult, RetainParams, RetainResult
from support.daemon import RealDaemon


def asked(daemon: RealDaemon, workspace: Path, *arguments: str) -> str:
    ran = daemon.agentctl("ask", "which file defines LIMIT?", "--json", *arguments, cwd=workspace)
    assert ran.code == 0, ran.err
    return str(ran.fields["session"])


def listed(client: BlockingClient) -> dict[str, SessionSummary]:
    return {row.id: row for row in client.call("session.list", ListParams(), ListResult).sessions}


def folder_of(daemon: RealDaemon, id: str) -> Path:
    (found,) = Path(daemon.folders.data, "sessions").glob(f"*/*/{id}")
    return found


def logs_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def archive(client: BlockingClient, id: str, key: str = "a", restore: bool = False) -> ArchiveResult:
    return client.call("session.archive", ArchiveParams(key=key, session=id, restore=restore), ArchiveResult)


def test_an_archived_session_is_as_before_over_kills_until_it_is_gone_on_with(
    daemon: RealDaemon, workspace: Path
) -> None:
    id, other = asked(daemon, workspace), asked(daemon, workspace)
    folder = folder_of(daemon, id)
    plain = (folder / "log.jsonl").read_bytes()
    with daemon.client() as client:
        done = archive(client, id)
        assert archive(client, id) == done
    assert (done.before_bytes, done.after_bytes) == (len(plain), (folder / "log.jsonl.gz").stat().st_size)
    assert (logs_in(folder), gzip.decompress((folder / "log.jsonl.gz").read_bytes())) == (["log.jsonl.gz"], plain)

    shown = daemon.agentctl("sessions", "show", id)
    daemon.restart()  # kill -9 while it is unpacked for who has just read it
    assert logs_in(folder) == ["log.jsonl.gz"]
    assert daemon.agentctl("sessions", "show", id).out == shown.out
    with daemon.client() as client:
        rows = listed(client)
        assert {row.id: (row.archived, row.turns) for row in rows.values()} == {id: (True, 1), other: (False, 1)}
        assert client.call("session.read", ReadParams(id), ReadResult).summary.archived

    assert asked(daemon, workspace, "-s", id) == id
    daemon.restart()
    assert logs_in(folder) == ["log.jsonl"]
    assert (folder / "log.jsonl").read_bytes().startswith(plain)
    with daemon.client() as client:
        assert {row.id: (row.archived, row.turns) for row in listed(client).values()} == {
            id: (False, 2),
            other: (False, 1),
        }


def test_a_removed_session_is_gone_with_all_its_files(daemon: RealDaemon, workspace: Path) -> None:
    id, other = asked(daemon, workspace), asked(daemon, workspace)
    folder = folder_of(daemon, id)
    with daemon.client() as client:
        gone = client.call("session.remove", RemoveParams(key="r", session=id), RemoveResult)
        assert gone.bytes > 0
    daemon.restart()
    with daemon.client() as client:
        assert client.call("session.remove", RemoveParams(key="r", session=id), RemoveResult) == gone
        assert list(listed(client)) == [other]
        with pytest.raises(RefusedError, match=f"there is no session {id}"):
            client.call("session.read", ReadParams(id), ReadResult)
    assert not folder.exists()
    assert list(Path(daemon.folders.data, "removed", id).iterdir()) == []
    daemon.stop()
    daemon.start()
    assert daemon.agentctl("ask", "x", "-s", id, cwd=workspace).code == 1


def test_retention_by_default_touches_nothing_and_today_s_sessions_never(daemon: RealDaemon, workspace: Path) -> None:
    id = asked(daemon, workspace)
    with daemon.client() as client:
        for params in (RetainParams(key="1"), RetainParams(key="2", max_bytes=1, dry_run=False)):
            result = client.call("session.retain", params, RetainResult)
            assert result == RetainResult((), params.dry_run)
        assert list(listed(client)) == [id]


def test_the_rows_are_right_after_a_kill_and_without_the_file_that_keeps_them(
    daemon: RealDaemon, workspace: Path
) -> None:
    ids = [asked(daemon, workspace) for _ in range(3)]
    asked(daemon, workspace, "-s", ids[0])
    assert daemon.agentctl("sessions", "rename", ids[1], "A late name").code == 0
    with daemon.client() as client:
        archive(client, ids[2])
        before = listed(client)
    expected = {ids[0]: (2, False), ids[1]: (1, False), ids[2]: (1, True)}
    assert before[ids[1]].title == "A late name"
    daemon.restart()
    with daemon.client() as client:
        kept = listed(client)
    daemon.kill()
    Path(daemon.folders.state, "listing").unlink()
    daemon.start()
    with daemon.client() as client:
        found = listed(client)
    assert kept == found == before
    assert {row.id: (row.turns, row.archived) for row in found.values()} == expected
