"""A session is handed over: nothing planted is inside, everything else is, and elsewhere it is the same session."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import tarfile
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from agentd.chain.frame import FIRST_LINK, Line, encode_line
from agentd.session.breaker import seen
from agentd.session.entries import Begun, Done, Entry, Finished, Notice, Opened, Partial, Replied, Requested, Started
from agentd.session.fold import fold
from agentd.session.folders import session_folder
from agentd.session.handover import counts_of
from agentd.session.handover_copy import lines_of
from agentd.session.handover_jobs import DOING, perform
from agentd.session.state import SessionState
from agentd.session.state_hash import state_hash
from agentd.worker import JOBS, run_job
from agentd.world.files import RealFiles
from agentd.world.processes import RealProcesses
from agentproto.api.turn import TurnUsage
from agentproto.content import ImageBlock, TextBlock, ToolUseBlock
from support.canaries import Canary, canaries, forms_of
from support.planted_logs import AT, PERSON, SESSION, Planted, planted, sha256, tool_entries

NEW = "s01k9z3v7qq0zzzzz"
KEY = "AKIA" + "QWERTYUIOPASDFG7"


def job(name: str, **arguments: object) -> dict[str, object]:
    """As the worker does it."""
    answer = run_job(name, arguments)
    assert isinstance(answer, dict)
    return answer


def bundle(data: Path, path: Path, **changed: object) -> dict[str, object]:
    arguments = {"redacted": True, "known": [], "product": "0", "again": False, "session": SESSION, **changed}
    return job("bundle-session", data=str(data), path=str(path), **arguments)


def redact(data: Path, new: str = NEW) -> dict[str, object]:
    return job("redact-session", data=str(data), session=SESSION, new=new, known=[])


def take_in(data: Path, path: Path, expected: str = "") -> dict[str, object]:
    return job("import-session", data=str(data), path=str(path), expected=expected, only_look=False)


def lines(data: Path, session: str = SESSION) -> list[Line[Entry]]:
    handle = RealFiles().open_read(f"{session_folder(str(data), session)}/log.jsonl")
    try:
        return list(lines_of(handle))
    finally:
        handle.close()


def entries(data: Path, session: str = SESSION) -> list[Entry]:
    return [line.entry for line in lines(data, session)]


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]


def shown(some: list[Canary], texts: Mapping[str, bytes]) -> list[str]:
    """Planted words, or halves of them, that can be read in `texts`: as they are, or through JSON's escapes."""
    found = []
    for name, data in texts.items():
        raw = data.decode()
        plain = raw
        for _ in range(3):  # JSON in JSON in JSON
            plain = re.sub(r"\\+u([0-9a-f]{4})", lambda match: chr(int(match[1], 16)), plain).replace('\\"', '"')
        for one in some:
            halves = {part[: max(8, len(part) // 2)] for part in one.parts} | {part[-8:] for part in one.parts}
            found += [
                f"{one.kind}, {one.place}: in {name}"
                for half in halves
                for form in forms_of(half)
                if form in raw or form in plain
            ]
    return found


@pytest.fixture
def data(home: Path) -> Path:
    (home / "data").mkdir()
    return home / "data"


@pytest.fixture
def elsewhere(home: Path) -> Path:
    (home / "elsewhere").mkdir()
    return home / "elsewhere"


def a_talk(plan: Planted | None = None) -> Planted:
    plan = plan or Planted()
    plan.open()
    plan.turn("what is in a.txt?", "nothing much")
    return plan


# -- secrets ---------------------------------------------------------------------------------------------------------


def test_of_hundreds_of_planted_secrets_none_is_inside(data: Path, home: Path) -> None:
    some = [one for one in canaries(11) if one.place != "long line"]
    planted(some).write(data)
    answer = bundle(data, home / "x.agentd")
    texts = members(home / "x.agentd")
    assert shown(some, texts) == []
    assert len(some) > 400
    assert sum(answer["replaced"].values()) > 400  # type: ignore[attr-defined]
    assert len(json.loads(texts["manifest.json"])["members"]) > 10


def test_a_redacted_session_holds_none_and_says_what_was_cut(data: Path) -> None:
    some = [one for one in canaries(12) if one.place != "long line"]
    plan = planted(some)
    plan.write(data)
    answer = redact(data)
    folder = Path(session_folder(str(data), NEW))
    texts = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert shown(some, texts) == []
    *_, last = entries(data, NEW)
    assert isinstance(last, Notice)
    assert (last.code, counts_of(last)) == ("redacted", answer["replaced"])
    assert "earlier contents of files, with secrets in them left out: " in last.text


def test_a_secret_that_is_split_over_streamed_pieces_has_no_piece_left(data: Path) -> None:
    plan = Planted()
    plan.open()
    turn = plan.next_turn()
    plan.turns = 0
    pieces = [
        Partial(turn=turn, item=f"{turn}.1.t", kind="text", offset=0, text=KEY[:9]),
        Partial(turn=turn, item=f"{turn}.1.t", kind="text", offset=9, text=KEY[9:]),
    ]
    plan.turn("say it", f"it is {KEY}", pieces)
    plan.write(data)
    redact(data)
    raw = (Path(session_folder(str(data), NEW)) / "log.jsonl").read_text()
    assert [half for half in (KEY[:9], KEY[9:]) if half in raw] == []
    assert not any(isinstance(entry, Partial) for entry in entries(data, NEW))


# -- the new log -----------------------------------------------------------------------------------------------------


def test_the_copy_is_a_whole_log_of_its_own(data: Path) -> None:
    plan = a_talk()
    plan.write(data)
    before = plan.raw()
    assert redact(data) == {"session": NEW, "replaced": {}}
    made = lines(data, NEW)
    first = made[0].entry
    assert isinstance(first, Opened)
    assert (first.session, first.parent, first.kind, first.title) == (
        NEW,
        (SESSION, len(plan.entries)),
        "chat",
        "a session",
    )
    assert [line.seq for line in made] == list(range(1, len(plan.entries) + 2))
    request = made[1].entry
    assert isinstance(request, Requested)
    assert (request.turn, request.prompt, request.key) == (f"{NEW}.t1", "what is in a.txt?", "")
    assert (Path(session_folder(str(data), SESSION)) / "log.jsonl").read_bytes() == before
    assert list((data / "handover").iterdir()) == []


def test_pictures_go_along_with_a_whole_copy_and_stay_out_of_one_without_secrets(data: Path, elsewhere: Path) -> None:
    plan = Planted()
    plan.open()
    given, read = (ImageBlock("image/png", plan.blob(data), 3, 3) for data in (b"\x89PNG\0given", b"\x89PNG\0read"))
    turn = f"{SESSION}.t1"
    done = Done(
        turn=turn,
        call=f"{turn}.1.1",
        tool="read",
        status="ok",
        text="[x.png is an image]",
        summary="x.png",
        images=(read,),
        touched={"/work/x.png": (read.blob, read.blob)},
    )
    plan.turn("look", inner=[done], pictures=(("/work/y.png", given),))
    plan.write(data)
    redact(data)
    bundle(data, data.parent / "x", redacted=False)
    take_in(elsewhere, data.parent / "x")
    for home, session, images in ((data, NEW, ((), ())), (elsewhere, SESSION, ((given,), (read,)))):
        made = entries(home, session)
        folder = Path(session_folder(str(home), session)) / "blobs"
        kept = {image.blob for some in images for image in some}
        assert [tuple(image for _, image in one.pictures) for one in made if isinstance(one, Requested)] == [images[0]]
        assert [one.images for one in made if isinstance(one, Done)] == [images[1]]
        assert {path.name for path in folder.iterdir()} == kept if kept else not folder.exists()
    assert read.blob not in (Path(session_folder(str(data), NEW)) / "log.jsonl").read_text()


def test_done_again_it_answers_from_what_is_there(data: Path) -> None:
    plan = Planted()
    plan.open()
    plan.turn(f"use {KEY}", f"I used {KEY}")
    plan.write(data)
    first = redact(data)
    assert redact(data) == first == {"session": NEW, "replaced": {"aws-key": 1}}


def test_of_files_with_secrets_no_digest_is_told_and_of_others_it_is(data: Path) -> None:
    plan = Planted()
    plan.open()
    secret, plain = plan.blob(f"KEY={KEY}\n"), plan.blob("hello\n")
    turn = f"{SESSION}.t1"
    touched = {"/work/.env": (secret, sha256("other")), "/work/a.txt": (plain, sha256("hello you\n"))}
    plan.turn(
        "edit them",
        inner=[
            Begun(turn=turn, call=f"{turn}.1.1", tool="edit", before={path: both[0] for path, both in touched.items()}),
            Done(turn=turn, call=f"{turn}.1.1", tool="edit", status="ok", text="ok", summary="ok", touched=touched),
        ],
    )
    plan.write(data)
    redact(data)
    begun, done = (entry for entry in entries(data, NEW) if isinstance(entry, Begun | Done))
    assert isinstance(begun, Begun)
    assert isinstance(done, Done)
    assert begun.before == {"/work/.env": f"{1:064x}", "/work/a.txt": plain}
    assert done.touched == {"/work/.env": (f"{1:064x}", f"{2:064x}"), "/work/a.txt": touched["/work/a.txt"]}
    names = {path.name for path in (Path(session_folder(str(data), NEW)) / "blobs").iterdir()}
    assert names == {plain}


def test_a_changed_output_has_a_new_name_and_the_entry_knows_it(data: Path) -> None:
    plan = Planted()
    plan.open()
    turn, whole = f"{SESSION}.t1", plan.blob(f"long\n{KEY}\n")
    image = plan.blob(b"\x89PNG\x00\x01")
    call = f"{turn}.1.1"
    plan.turn(
        "run",
        inner=[
            Done(turn=turn, call=call, tool="shell", status="ok", text="long", summary="ok", blob=whole),
            Done(turn=turn, call=call, tool="shell", status="ok", text="binary", summary="ok", blob=image),
        ],
    )
    plan.write(data)
    redact(data)
    first, second = (entry for entry in entries(data, NEW) if isinstance(entry, Done))
    cut = b"long\n[redacted:aws-key#1]\n"
    assert (first.blob, second.blob) == (sha256(cut), None)
    assert (Path(session_folder(str(data), NEW)) / "blobs" / sha256(cut)).read_bytes() == cut


@pytest.mark.parametrize("cut", [1, 20])
def test_a_log_that_still_grows_is_taken_up_to_its_last_whole_line(data: Path, cut: int) -> None:
    folder = a_talk().write(data)
    raw = (folder / "log.jsonl").read_bytes()
    (folder / "log.jsonl").write_bytes(raw + raw[:cut])
    assert redact(data)["session"] == NEW


# -- refusals --------------------------------------------------------------------------------------------------------


def test_an_open_turn_is_not_handed_over(data: Path, home: Path) -> None:
    plan = a_talk()
    plan.entries.append(Requested(turn=f"{SESSION}.t2", actor=PERSON, key="k", hash="h", prompt="more"))
    plan.write(data)
    fault = bundle(data, home / "x")["fault"]
    assert fault == [
        "ConflictError",
        f"session {SESSION} can't be handed over now",
        f"turn {SESSION}.t2 waits to be run",
        "Let the turn end, or interrupt it.",
    ]
    assert not (home / "x").exists()


def test_a_damaged_log_is_not_handed_over(data: Path, home: Path) -> None:
    folder = a_talk().write(data)
    raw = bytearray((folder / "log.jsonl").read_bytes())
    raw[300] ^= 1
    (folder / "log.jsonl").write_bytes(raw)
    assert bundle(data, home / "x")["fault"][0] == "DamagedLogError"  # type: ignore[index]


def test_a_file_that_is_there_is_not_written_over(data: Path, home: Path) -> None:
    a_talk().write(data)
    (home / "x").write_text("mine")
    assert bundle(data, home / "x")["fault"][0] == "FileExistsError_"  # type: ignore[index]
    assert bundle(data, home / "x", again=True)["fault"][0] == "FileExistsError_"  # type: ignore[index]
    assert (home / "x").read_text() == "mine"


def test_a_session_that_is_not_there_is_named(data: Path, home: Path) -> None:
    assert bundle(data, home / "x", session=NEW)["fault"][:2] == ["NotFoundError", f"there is no session {NEW}"]  # type: ignore[index]


# -- elsewhere -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("redacted", [True, False])
def test_elsewhere_it_is_the_same_state(data: Path, home: Path, elsewhere: Path, redacted: bool) -> None:
    planted(canaries(13)[:60]).write(data)
    made = bundle(data, home / "x", redacted=redacted)
    taken = take_in(elsewhere, home / "x")
    assert taken == {"session": SESSION, "entries": made["entries"], "state_hash": made["state_hash"]}
    assert taken == take_in(elsewhere, home / "x", SESSION)
    assert (home / "x").stat().st_size == made["bytes"]
    assert list((elsewhere / "handover").iterdir()) == []


def test_the_same_session_gives_the_same_bytes(data: Path, home: Path) -> None:
    planted(canaries(14)[:40]).write(data)
    bundle(data, home / "x")
    bundle(data, home / "y")
    assert (home / "x").read_bytes() == (home / "y").read_bytes()
    assert (home / "x").read_bytes()[4:8] == bytes(4)  # gzip's time
    with tarfile.open(home / "x") as archive:
        assert {(member.mtime, member.uid, member.uname, member.mode) for member in archive} == {(0, 0, "", 0o600)}


def test_made_again_for_the_same_request_it_is_answered_for(data: Path, home: Path) -> None:
    a_talk().write(data)
    assert bundle(data, home / "x", again=True) == bundle(data, home / "x", again=True)


def test_with_its_secrets_it_still_brings_no_power_over_another_home(data: Path, home: Path) -> None:
    plan = planted(canaries(15)[:30])
    plan.write(data)
    bundle(data, home / "x", redacted=False)
    texts = members(home / "x")
    log = [msgspec.json.decode(line) for line in texts["log.jsonl"].splitlines()]
    assert "env" not in log[0]
    assert [line["scope"] for line in log if line["type"] == "question.answered" and "scope" in line] == []
    digests = {digest for line in log for digest in line.get("before", {}).values()}
    assert all(digest.startswith("0" * 48) for digest in digests)
    assert any(canaries(15)[0].parts[0] in text.decode() for text in texts.values())


def test_the_manifest_says_what_was_in_force(data: Path, home: Path) -> None:
    plan = a_talk()
    plan.write(data)
    bundle(data, home / "x")
    manifest = json.loads(members(home / "x")["manifest.json"])
    assert manifest["settings"] == {"mode": "ask", "model": "", "max_steps": 50, "max_faults": 3, "parallel_calls": 10}
    assert manifest["models"] == {"talk": {"calls": 1, "input": 9, "output": 3}}
    assert (manifest["session"], manifest["machine"], manifest["product"]) == (SESSION, 1, "0")
    assert manifest["members"][0]["sha256"] == sha256(members(home / "x")["log.jsonl"])


# -- what comes from elsewhere ---------------------------------------------------------------------------------------


def repacked(path: Path, change: object, log: bytes | None = None) -> None:
    """The bundle anew with its manifest changed and perhaps another log, digests made to fit."""
    texts = members(path)
    manifest = json.loads(texts["manifest.json"])
    if log is not None:
        texts["log.jsonl"] = log
        manifest["members"][0] |= {"bytes": len(log), "sha256": sha256(log)}
    change(manifest)  # type: ignore[operator]
    texts["manifest.json"] = json.dumps(manifest).encode()
    write_tar(path, texts)


def write_tar(path: Path, texts: Mapping[str, bytes]) -> None:
    out = bytearray()
    for name, data in texts.items():
        info = tarfile.TarInfo(name)
        info.size = len(data)
        out += info.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % 512)
    path.write_bytes(gzip.compress(bytes(out + bytes(1024)), mtime=0))


def state_of(plan: Planted) -> tuple[int, str]:
    state = SessionState()
    for seq, entry in enumerate(plan.entries, 1):
        state = fold(state, seq, AT + seq, entry)
    return state.seq, state_hash(state)


def foreign(home: Path, data: Path, plan: Planted) -> Path:
    """A bundle made by hand of `plan`, as somebody with bad intent would: everything fits, but for what it says."""
    if not (home / "x").exists():
        a_talk().write(data)
        bundle(data, home / "x")
    seq, digest = state_of(plan)
    repacked(home / "x", lambda manifest: manifest.update(entries=seq, state_hash=digest), plan.raw())
    return home / "x"


def why_not(elsewhere: Path, path: Path) -> str:
    fault = take_in(elsewhere, path)["fault"]
    assert isinstance(fault, list)
    assert fault[0] in ("BadInputError", "ConflictError", "DamagedLogError", "TooLargeError")
    assert not (elsewhere / "sessions").exists() or not list((elsewhere / "sessions").rglob("log.jsonl"))
    stage = elsewhere / "handover"
    assert not stage.exists() or list(stage.iterdir()) == []
    return f"{fault[1]}: {fault[2]}"


def test_a_fork_is_taken_in_with_its_parent_s_turns(data: Path, home: Path, elsewhere: Path) -> None:
    plan = Planted()
    plan.open(parent=(NEW, 12))
    turn = f"{NEW}.t1"
    plan.entries += [
        Requested(turn=turn, actor=PERSON, key="", hash="", prompt="hello"),
        Started(turn=turn, model="talk", mode="ask"),
        Finished(turn=turn, stop="end", steps=0, usage=TurnUsage(), text="hi"),
    ]
    plan.turn("more")
    plan.write(data)
    made = bundle(data, home / "x")
    assert take_in(elsewhere, home / "x")["state_hash"] == made["state_hash"]


def test_a_log_made_by_hand_that_is_harmless_is_taken(data: Path, home: Path, elsewhere: Path) -> None:
    plan = Planted()
    plan.open(env={})
    plan.turn("hello")
    assert take_in(elsewhere, foreign(home, data, plan))["session"] == SESSION


def grants_everything(plan: Planted) -> None:
    turn = f"{SESSION}.t1"
    plan.turn("x", inner=tool_entries(plan, turn, f"{turn}.1.1", ["x", "rm -rf ~"]))
    plan.entries = [entry for entry in plan.entries if not isinstance(entry, Begun | Done)]


def waits_to_run(plan: Planted) -> None:
    plan.entries.append(Requested(turn=f"{SESSION}.t1", actor=PERSON, key="k", hash="h", prompt="rm -rf ~"))


def undoes_files(plan: Planted) -> None:
    turn, touched = f"{SESSION}.t1", {"/home/u/.bashrc": (sha256("evil"), sha256("usual"))}
    done = Done(turn=turn, call=f"{turn}.1.1", tool="edit", status="ok", text="", summary="", touched=touched)
    plan.turn("x", inner=[done])


def undoes_what_a_command_did(plan: Planted) -> None:
    turn, changed = f"{SESSION}.t1", {"/home/u/.profile": (sha256("evil"), "unknown")}
    done = Done(turn=turn, call=f"{turn}.1.1", tool="shell", status="ok", text="", summary="", changed=changed)
    plan.turn("x", inner=[done])


def speaks_of_no_turn(plan: Planted) -> None:
    plan.entries.append(Notice(code="x", text="y", turn=f"../{NEW}.t1"))


def begins_twice(plan: Planted) -> None:
    plan.open(env={})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (grants_everything, "approvals for commands that nobody here has approved"),
        (waits_to_run, "waits to be run"),
        (undoes_files, r"tells what /home/u/\.bashrc is to hold"),
        (undoes_what_a_command_did, r"tells what /home/u/\.profile is to hold"),
        (speaks_of_no_turn, "which is no turn's id"),
        (begins_twice, "one first line"),
    ],
)
def test_a_log_that_would_do_something_here_is_refused(
    data: Path, home: Path, elsewhere: Path, change: object, why: str
) -> None:
    plan = Planted()
    plan.open(env={})
    change(plan)  # type: ignore[operator]
    assert re.search(why, why_not(elsewhere, foreign(home, data, plan)))


@pytest.mark.parametrize(
    ("opened", "why"),
    [
        ({"env": {"PATH": "/evil"}}, "brings an environment"),
        ({"env": {}, "parent": None, "title": "x"}, ""),
    ],
)
def test_an_environment_is_refused(
    data: Path, home: Path, elsewhere: Path, opened: dict[str, object], why: str
) -> None:
    plan = Planted()
    plan.open(**opened)
    path = foreign(home, data, plan)
    if why:
        assert why in why_not(elsewhere, path)
    else:
        assert take_in(elsewhere, path)["session"] == SESSION


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda manifest: manifest.update(session="../../x"), "is no session id"),
        (lambda manifest: manifest.update(session=NEW), "another session's"),
        (lambda manifest: manifest.update(format=2), "this version reads 1"),
        (lambda manifest: manifest.update(kind="zoo"), "its kind is 'zoo'"),
        (lambda manifest: manifest.update(entries=3), "does not come to the state"),
        (lambda manifest: manifest.update(state_hash="0" * 64), "does not come to the state"),
        (lambda manifest: manifest["members"][0].update(sha256="0" * 64), "its digest differs"),
        (lambda manifest: manifest["members"][0].update(bytes=1), "where the manifest has"),
        (lambda manifest: manifest["members"][0].update(name="../log.jsonl"), "one log and then"),
        (lambda manifest: manifest["members"].append(manifest["members"][0]), "different blobs"),
        (
            lambda manifest: manifest["members"].append({"name": "blobs/../../x", "bytes": 1, "sha256": "0" * 64}),
            "no part of a session",
        ),
        (
            lambda manifest: manifest["members"].append(
                {"name": f"blobs/{'0' * 64}", "bytes": 1 << 40, "sha256": "0" * 64}
            ),
            "are allowed",
        ),
        (lambda manifest: manifest.update(members=[]), "one log"),
        (lambda manifest: manifest.clear(), "can't be read"),
    ],
)
def test_a_manifest_that_lies_is_refused(data: Path, home: Path, elsewhere: Path, change: object, why: str) -> None:
    a_talk().write(data)
    bundle(data, home / "x")
    repacked(home / "x", change)
    assert why in why_not(elsewhere, home / "x")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE, tarfile.XHDTYPE])
def test_links_devices_and_other_kinds_are_refused(data: Path, home: Path, elsewhere: Path, kind: bytes) -> None:
    a_talk().write(data)
    bundle(data, home / "x")
    raw = bytearray(gzip.decompress((home / "x").read_bytes()))
    for place in (0, 512 + (len(members(home / "x")["manifest.json"]) + 511) // 512 * 512):
        info = tarfile.TarInfo.frombuf(bytes(raw[place : place + 512]), "ascii", "strict")
        info.type, info.linkname = kind, "/etc/passwd"
        changed = raw[:place] + info.tobuf(tarfile.USTAR_FORMAT) + raw[place + 512 :]
        (home / "y").write_bytes(gzip.compress(bytes(changed)))
        assert "is no regular file" in why_not(elsewhere, home / "y")


def test_every_cut_and_every_flipped_byte_is_refused(data: Path, home: Path, elsewhere: Path) -> None:
    a_talk().write(data)
    bundle(data, home / "x")
    whole = (home / "x").read_bytes()
    for at in range(0, len(whole), 37):
        (home / "y").write_bytes(whole[:at])
        assert why_not(elsewhere, home / "y")
        if at > 9:  # before that stand gzip's own notes, which mean nothing
            (home / "y").write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
            assert why_not(elsewhere, home / "y")
    (home / "y").write_bytes(whole + b"x")
    assert "follows its last member" in why_not(elsewhere, home / "y")
    (home / "y").write_bytes(whole + whole)
    assert "follows its last member" in why_not(elsewhere, home / "y")


def test_a_bomb_is_refused_before_it_goes_off(home: Path, elsewhere: Path) -> None:
    manifest = {"kind": "agentd session", "format": 1, "product": "0", "machine": 1, "session": SESSION, "entries": 1}
    member = {"name": "log.jsonl", "bytes": 70 * 1024 * 1024, "sha256": "0" * 64}
    manifest |= {"state_hash": "0", "redacted": True, "members": [member]}
    write_tar(home / "x", {"manifest.json": json.dumps(manifest).encode(), "log.jsonl": bytes(70 * 1024 * 1024)})
    assert "longer than any entry" in why_not(elsewhere, home / "x")


def test_deep_nesting_in_a_log_is_refused(data: Path, home: Path, elsewhere: Path) -> None:
    class Deep(msgspec.Struct, tag="model.replied", tag_field="type"):
        blocks: msgspec.Raw

    plan = Planted()
    plan.open(env={})
    a_talk().write(data)
    bundle(data, home / "x")
    first, link = encode_line(1, 5, plan.entries[0], FIRST_LINK)
    nested = b"[" * 200_000 + b"]" * 200_000
    second, _ = encode_line(2, 5, Deep(msgspec.Raw(nested)), link)
    repacked(home / "x", lambda manifest: None, first + second)
    assert why_not(elsewhere, home / "x")


def test_a_session_that_is_here_is_not_written_over(data: Path, home: Path) -> None:
    a_talk().write(data)
    bundle(data, home / "x")
    raw = (Path(session_folder(str(data), SESSION)) / "log.jsonl").read_bytes()
    assert take_in(data, home / "x")["fault"][:2] == ["ConflictError", f"session {SESSION} is here already"]  # type: ignore[index]
    assert (Path(session_folder(str(data), SESSION)) / "log.jsonl").read_bytes() == raw


def test_only_looking_makes_nothing(data: Path, home: Path, elsewhere: Path) -> None:
    a_talk().write(data)
    made = bundle(data, home / "x")
    looked = job("import-session", data=str(elsewhere), path=str(home / "x"), expected="", only_look=True)
    assert looked == {"session": SESSION, "entries": made["entries"], "state_hash": made["state_hash"]}
    assert list(elsewhere.iterdir()) == []


def test_what_a_crash_left_is_cleared_by_the_next_one(data: Path, home: Path) -> None:
    a_talk().write(data)
    (data / "handover" / "old" / "blobs").mkdir(parents=True)
    (data / "handover" / "old" / "log.jsonl").write_text("half")
    (home / f"x.{SESSION}.part").write_text("half")
    bundle(data, home / "x")
    assert sorted(path.name for path in home.iterdir()) == ["data", "x"]
    assert list((data / "handover").iterdir()) == []


# -- events ----------------------------------------------------------------------------------------------------------


def test_events_are_cut_with_what_the_whole_log_gives_away(data: Path) -> None:
    plan = Planted()
    plan.open()
    plan.turn("it is hunter2xyz, I think", "no")
    plan.turn('password = "hunter2xyz"', f"and {KEY}")
    folder = plan.write(data)
    event = {"name": "turn.queued", "body": {"prompt": "it is hunter2xyz, I think", "seq": 2, "hash": "ab"}}
    delta = {"name": "turn.delta", "body": {"text": KEY[:9]}}
    arguments = {"folder": str(folder), "known": [], "values": [event, delta]}
    shown_now = [
        {"name": "turn.queued", "body": {"prompt": "it is [redacted:password#1], I think", "seq": 2, "hash": ""}}
    ]
    assert run_job("redact-events", arguments) == shown_now
    plan.turn(f"more: {KEY}")
    (folder / "log.jsonl").write_bytes(plan.raw())
    more = {"name": "step.replied", "body": {"items": [{"text": f"{KEY}", "provider": {"maker": "m", "data": {}}}]}}
    assert run_job("redact-events", arguments | {"values": [event, more]}) == [
        *shown_now,
        {"name": "step.replied", "body": {"items": [{"text": "[redacted:aws-key#1]", "provider": None}]}},
    ]


def test_events_without_a_log_are_cut_by_themselves() -> None:
    values = [{"name": "x", "body": {"text": f"{KEY}", "arguments": {"before": "kept", "password": "sw0rdfish"}}}]
    assert run_job("redact-events", {"folder": "", "known": [], "values": values}) == [
        {
            "name": "x",
            "body": {
                "text": "[redacted:aws-key#1]",
                "arguments": {"before": "kept", "password": "[redacted:password#1]"},
            },
        }
    ]


def test_the_worker_process_has_the_library_at_hand(home: Path) -> None:
    async def story() -> object:
        processes = RealProcesses(f"{home}/children")
        values = [{"name": "x", "body": {"text": f"a {KEY}"}}]
        try:
            return await processes.job("redact-events", {"folder": "", "known": [], "values": values}, 60_000)
        finally:
            await processes.end_all()

    assert asyncio.run(story()) == [{"name": "x", "body": {"text": "a [redacted:aws-key#1]"}}]


def test_every_job_is_where_the_worker_looks() -> None:
    assert {name: JOBS[name] for name in DOING} == {
        name: f"agentd.session.handover_jobs:{name.replace('-', '_')}" for name in DOING
    }


def test_a_reply_keeps_its_words_and_loses_what_only_its_maker_can_read(data: Path) -> None:
    planted(canaries(16)[:20]).write(data)
    redact(data)
    replies = [entry for entry in entries(data, NEW) if isinstance(entry, Replied)]
    assert replies
    assert [block.provider for reply in replies for block in reply.blocks if isinstance(block, TextBlock)] == [
        None
    ] * sum(isinstance(block, TextBlock) for reply in replies for block in reply.blocks)
    assert "signature" not in (Path(session_folder(str(data), NEW)) / "log.jsonl").read_text()


def test_a_fault_of_the_disk_comes_back_by_its_name(home: Path) -> None:
    answer = perform(
        RealFiles(), "import-session", {"data": str(home), "path": "/no/such", "expected": "", "only_look": True}
    )
    assert answer["fault"][0] == "MissingFileError"  # type: ignore[index]


def test_what_a_call_was_recognised_by_tells_nothing_of_a_secret_in_it(data: Path) -> None:
    plan = Planted()
    plan.open()
    turn = f"{SESSION}.t1"
    asked = {"command": f"curl -H 'Authorization: Bearer {KEY}' x"}
    one, other = (seen("shell", given, "ok", "fine", changed=False) for given in (asked, {"command": "ls"}))
    digests = [(one.call, one.outcome), (one.call, "0123456789abcdef"), (other.call, other.outcome)]
    uses = (
        ToolUseBlock(f"{turn}.1.1", "shell", asked, ""),
        ToolUseBlock(f"{turn}.1.2", "shell", asked, ""),
    )
    calls = [
        Done(turn=turn, call=f"{turn}.{step}", tool="shell", status="ok", text="fine", summary="", seen=two)
        for step, two in zip(("1.1", "1.2", "2.1"), digests, strict=True)
    ]
    said = Replied(turn=turn, step=f"{turn}.1", blocks=uses, stop="tool_use", usage=TurnUsage())
    plan.turn("fetch it", inner=[said, *calls])
    plan.write(data)
    redact(data)
    told = [entry.seen for entry in entries(data, NEW) if isinstance(entry, Done)]
    # What was the same is so still, and where there was none nothing changes.
    assert told == [("1", "2"), ("1", "3"), (other.call, other.outcome)]
