"""A damaged log is one session's trouble: found, named, readable up to the damage; a torn tail is mended."""

from __future__ import annotations

from pathlib import Path

from support.conversations import events_of
from support.daemon import RealDaemon


def asked(daemon: RealDaemon, workspace: Path, *arguments: str) -> str:
    ran = daemon.agentctl("ask", "which file defines LIMIT?", "--json", *arguments, cwd=workspace)
    assert ran.code == 0, ran.err
    return str(ran.fields["session"])


def log_of(daemon: RealDaemon, id: str) -> Path:
    (path,) = Path(daemon.folders.data, "sessions").glob(f"*/*/{id}/log.jsonl")
    return path


def test_garbage_in_the_middle_leaves_that_session_read_only_and_all_others_working(
    daemon: RealDaemon, workspace: Path
) -> None:
    spoiled, whole = asked(daemon, workspace), asked(daemon, workspace)
    daemon.stop()
    path = log_of(daemon, spoiled)
    lines = path.read_bytes().splitlines(keepends=True)
    good = len(lines) // 2
    lines[good] = b"\xff\xfe garbage \x00\n"
    path.write_bytes(b"".join(lines))
    before_bytes = path.read_bytes()
    daemon.start()

    refused = daemon.agentctl("ask", "go on", "-s", spoiled, cwd=workspace)
    shown = daemon.agentctl("sessions", "show", spoiled, "--json")
    rows = {str(row["id"]): row for row in daemon.agentctl("sessions", "list", "--json").rows}
    went_on = asked(daemon, workspace, "-s", whole)

    assert refused.code == 7
    assert "damaged" in refused.err
    assert went_on == whole
    assert {id: row["state"] for id, row in rows.items()} == {spoiled: "read_only", whole: "idle"}
    offset = sum(map(len, lines[:good]))
    assert str(offset) in str(rows[spoiled]["damage"])
    summary = shown.fields["summary"]
    assert isinstance(summary, dict)
    assert (summary["state"], summary["seq"]) == ("read_only", good)
    assert [name for name, _ in events_of(daemon, spoiled)][:2] == ["session.opened", "turn.queued"]
    assert path.read_bytes() == before_bytes


def test_damage_is_in_the_list_before_anybody_opens_the_session(daemon: RealDaemon, workspace: Path) -> None:
    spoiled = asked(daemon, workspace)
    daemon.stop()
    path = log_of(daemon, spoiled)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b'"turn"', b'"torn"', 1)
    path.write_bytes(b"".join(lines))
    daemon.start()
    (row,) = daemon.agentctl("sessions", "list", "--json").rows

    assert (row["id"], row["state"], bool(row["damage"])) == (spoiled, "read_only", True)


def test_a_torn_tail_is_cut_off_and_kept_beside_the_log(daemon: RealDaemon, workspace: Path) -> None:
    id = asked(daemon, workspace)
    daemon.stop()
    path = log_of(daemon, id)
    whole = path.read_bytes()
    torn = b'{"seq":999,"at_ms":1,"type":"turn.requ'
    path.write_bytes(whole + torn)
    daemon.start()

    assert asked(daemon, workspace, "-s", id) == id
    after = path.read_bytes()
    assert after.startswith(whole)
    assert torn not in after
    (resumed,) = (line for line in daemon.lines(id) if line["type"] == "session.resumed")
    assert resumed["torn_bytes"] == len(torn)
    assert (path.parent / str(resumed["saved_as"])).read_bytes() == torn


def test_a_log_that_was_cut_at_a_lines_end_is_told_and_works(daemon: RealDaemon, workspace: Path) -> None:
    """Nothing in the file itself shows such a cut; the head that was kept beside does."""
    id = asked(daemon, workspace)
    daemon.stop()
    path = log_of(daemon, id)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-2]))
    daemon.start()
    end = asked(daemon, workspace, "-s", id)

    assert end == id
    (resumed,) = (line for line in daemon.lines(id) if line["type"] == "session.resumed")
    assert resumed["head_missing"] == 2


def test_a_session_whose_log_is_empty_or_gone_is_no_obstacle(daemon: RealDaemon, workspace: Path) -> None:
    empty, gone, whole = (asked(daemon, workspace) for _ in range(3))
    daemon.stop()
    log_of(daemon, empty).write_bytes(b"")
    log_of(daemon, gone).unlink()
    for id in (empty, gone):
        Path(daemon.folders.state, "open", id).touch(mode=0o600)
    daemon.start()

    rows = {str(row["id"]): row for row in daemon.agentctl("sessions", "list", "--json").rows}
    refused = [daemon.agentctl("ask", "x", "-s", id, cwd=workspace) for id in (empty, gone)]

    assert {id: (row["state"], row["damage"]) for id, row in rows.items()} == {
        whole: ("idle", None),
        empty: ("read_only", "the log is empty"),
    }
    assert [ran.code for ran in refused] == [1, 1]
    assert f"there is nothing in session {empty}" in refused[0].err
    assert f"there is no session {gone}" in refused[1].err
    assert asked(daemon, workspace, "-s", whole) == whole
