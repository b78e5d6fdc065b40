from __future__ import annotations

import os
import threading

import pytest

from core.data.receive import Limits, Uploads
from core.data.receive_answers import Incomplete
from core.data.receive_batch import HEAD, PART_BYTES, PARTS_IN_BATCH, BatchParser, TooMuch
from core.data.receive_state import NoSpace
from core.errors import BadInput, Busy, NotFound
from core.workspace import Workspace


def record(index: int, name: str, data: bytes, *, part: int = 0, size: int | None = None) -> bytes:
    raw = name.encode()
    head = HEAD.pack(index, part, len(data) if size is None else size, len(raw))
    return head + raw + data


def send(uploads: Uploads, upload_id: str, body: bytes, chunk: int = 1 << 20) -> None:
    parser = uploads.batch(upload_id)
    for start in range(0, len(body), chunk):
        parser.feed(body[start : start + chunk])
    parser.finish()


@pytest.fixture
def uploads(workspace: Workspace) -> Uploads:
    return Uploads(workspace)


@pytest.mark.parametrize("chunk", [1, 7, 18, 19, 64, 100_000])
def test_files_arrive_whole_however_the_body_is_cut(uploads: Uploads, chunk: int) -> None:
    sent = {"photos/katze ä.jpg": b"x" * 300, "photos/empty.jpg": b"", "a/b/c.png": bytes(range(256))}
    body = b"".join(record(i, name, data) for i, (name, data) in enumerate(sent.items()))
    upload_id = uploads.begin(3, 556)
    send(uploads, upload_id, body, chunk)
    received = uploads.finish(upload_id, 3, 556)
    assert {file.name: file.path.read_bytes() for file in received.files} == sent


def test_outside_names_never_become_paths(uploads: Uploads, workspace: Workspace) -> None:
    names = ["../../../evil.txt", "/etc/evil", "C:\\evil", "a\0b", "files/../../x", "..", "."]
    upload_id = uploads.begin(len(names), len(names))
    send(uploads, upload_id, b"".join(record(i, name, b"!") for i, name in enumerate(names)))
    received = uploads.finish(upload_id, len(names), len(names))
    home = workspace.incoming / upload_id / "files"
    assert [file.name for file in received.files] == names
    assert sorted(path.name for path in home.iterdir()) == [f"{i:06d}" for i in range(len(names))]
    assert {file.path.parent for file in received.files} == {home}


def test_a_large_file_arrives_in_parts_in_any_order(uploads: Uploads) -> None:
    data = os.urandom(2 * PART_BYTES + 1234)
    upload_id = uploads.begin(1, len(data), "photos.zip", "zip")
    for part in (2, 0, 1):
        piece = data[part * PART_BYTES : (part + 1) * PART_BYTES]
        send(uploads, upload_id, record(0, "photos.zip", piece, part=part, size=len(data)))
    received = uploads.finish(upload_id, 1, len(data))
    assert received.kind == "zip"
    assert received.files[0].path.name == "000000.zip"
    assert received.files[0].path.read_bytes() == data


def test_a_batch_that_is_sent_twice_counts_once(uploads: Uploads) -> None:
    upload_id = uploads.begin(2, 8)
    for _attempt in range(3):
        send(uploads, upload_id, record(0, "a.jpg", b"aaaa"))
    state = uploads.state(upload_id)
    assert (state.files, state.bytes, state.missing) == (1, 4, 1)


def test_a_short_count_is_an_error_with_both_numbers_and_keeps_what_arrived(
    uploads: Uploads,
) -> None:
    upload_id = uploads.begin(3, 12)
    send(uploads, upload_id, record(0, "a", b"aaaa") + record(2, "c", b"cccc"))
    with pytest.raises(Incomplete) as caught:
        uploads.finish(upload_id, 3, 12)
    assert "2 of 3 files" in str(caught.value)
    assert "8 of 12 bytes" in str(caught.value)
    assert caught.value.missing == [(1, -1)]
    send(uploads, upload_id, record(1, "b", b"bbbb"))
    assert len(uploads.finish(upload_id, 3, 12).files) == 3


def test_missing_parts_of_a_large_file_are_named(uploads: Uploads) -> None:
    size = 2 * PART_BYTES + 5
    upload_id = uploads.begin(1, size)
    send(uploads, upload_id, record(0, "big", b"z" * 5, part=2, size=size))
    with pytest.raises(Incomplete) as caught:
        uploads.finish(upload_id, 1, size)
    assert caught.value.missing == [(0, 0), (0, 1)]


def test_a_broken_body_keeps_complete_files_and_drops_the_torn_one(uploads: Uploads) -> None:
    upload_id = uploads.begin(2, 8)
    body = record(0, "a", b"aaaa") + record(1, "b", b"bbbb")[:-1]
    with pytest.raises(BadInput):
        send(uploads, upload_id, body)
    assert uploads.state(upload_id).files == 1


def test_an_abandoned_body_keeps_complete_files(uploads: Uploads) -> None:
    upload_id = uploads.begin(2, 8)
    parser = uploads.batch(upload_id)
    parser.feed(record(0, "a", b"aaaa") + record(1, "b", b"bbbb")[:-2])
    parser.abandon()
    assert uploads.state(upload_id).files == 1


def test_an_upload_is_found_again_after_a_restart(uploads: Uploads, workspace: Workspace) -> None:
    upload_id = uploads.begin(2, 8, "cats & dogs")
    send(uploads, upload_id, record(0, "ä/a.jpg", b"aaaa"))
    with (workspace.incoming / upload_id / "journal.jsonl").open("a") as journal:
        journal.write('[1, 0, 4, "to')
    later = Uploads(workspace)
    assert later.state(upload_id).files == 1
    send(later, upload_id, record(1, "b.jpg", b"bbbb"))
    assert later.finish(upload_id, 2, 8).title == "cats & dogs"
    assert [file.name for file in Uploads(workspace).received(upload_id).files] == [
        "ä/a.jpg", "b.jpg"]


def test_files_the_sender_could_not_read_are_left_out_only_when_named(uploads: Uploads) -> None:
    upload_id = uploads.begin(3, 12)
    send(uploads, upload_id, record(0, "a", b"aaaa") + record(2, "c", b"cccc"))
    with pytest.raises(Incomplete):
        uploads.finish(upload_id, 2, 8)
    received = uploads.finish(upload_id, 2, 8, skipped=[1])
    assert received.skipped == 1
    assert [file.name for file in received.files] == ["a", "c"]


def test_a_file_given_up_halfway_is_not_received(uploads: Uploads) -> None:
    size = PART_BYTES + 5
    upload_id = uploads.begin(2, size + 1)
    send(uploads, upload_id, record(0, "half", b"x" * 5, part=1, size=size) + record(1, "b", b"b"))
    received = uploads.finish(upload_id, 1, 1, skipped=[0])
    assert [file.name for file in received.files] == ["b"]
    assert received.bytes == 1


@pytest.mark.parametrize(("body", "error"), [
    (record(5, "a", b"x"), TooMuch),
    (record(0, "a", b"x" * 101), TooMuch),
    (HEAD.pack(0, 0, 1, 0), BadInput),
    (HEAD.pack(0, 0, 1, 5000), BadInput),
    (HEAD.pack(0, 9, 1, 1) + b"a", BadInput),
    (HEAD.pack(0, 0, 1, 2) + b"\xff\xfe" + b"x", BadInput),
    (HEAD.pack(0, 0, 2**63, 1) + b"a", TooMuch),
    (HEAD.pack(0, 2**32 - 1, 2**64 - 1, 1) + b"a", TooMuch),
])
def test_a_body_that_lies_is_refused(uploads: Uploads, body: bytes, error: type[Exception]) -> None:
    upload_id = uploads.begin(2, 100)
    with pytest.raises(error):
        send(uploads, upload_id, body)
    assert uploads.state(upload_id).bytes == 0


def test_a_file_that_changes_between_parts_is_refused(uploads: Uploads) -> None:
    upload_id = uploads.begin(1, 100)
    send(uploads, upload_id, record(0, "a", b"xx"))
    with pytest.raises(BadInput, match="changed"):
        send(uploads, upload_id, record(0, "a", b"xxx"))


def test_too_many_files_in_one_body_are_refused(uploads: Uploads) -> None:
    upload_id = uploads.begin(PARTS_IN_BATCH + 1, 0)
    with pytest.raises(TooMuch):
        send(uploads, upload_id, b"".join(record(i, "a", b"") for i in range(PARTS_IN_BATCH + 1)))


def test_an_oversized_body_is_refused(uploads: Uploads) -> None:
    upload_id = uploads.begin(1, 8 * PART_BYTES)
    parser = uploads.batch(upload_id)
    parser.feed(record(0, "a", b"x" * PART_BYTES))
    with pytest.raises(TooMuch):
        parser.feed(record(0, "a", b"x" * PART_BYTES))
    parser.abandon()


@pytest.mark.parametrize(("files", "size", "kind"), [
    (0, 0, "folder"), (-1, 5, "folder"), (1, -1, "folder"), (2, 5, "zip"), (1, 5, "tar")])
def test_senseless_announcements_are_refused(
    uploads: Uploads, files: int, size: int, kind: str
) -> None:
    with pytest.raises(BadInput):
        uploads.begin(files, size, "", kind)


def test_limits_are_kept(workspace: Workspace) -> None:
    uploads = Uploads(workspace, Limits(files=3, file_bytes=4, bytes=10))
    with pytest.raises(TooMuch):
        uploads.begin(4, 1)
    with pytest.raises(TooMuch):
        uploads.begin(1, 11)
    upload_id = uploads.begin(1, 10)
    with pytest.raises(TooMuch):
        send(uploads, upload_id, record(0, "a", b"xxxxx"))


def test_a_full_disk_is_said_before_anything_is_sent(workspace: Workspace) -> None:
    uploads = Uploads(workspace, Limits(spare_bytes=2**62))
    with pytest.raises(NoSpace):
        uploads.begin(1, 1)
    assert list(workspace.incoming.iterdir()) == []


@pytest.mark.parametrize("upload_id", [
    "", ".", "..", "../runs", "upload-", "upload-x/../..", "upload-00", "UPLOAD-0", "/etc",
    "upload-%2e%2e", "upload-\0"])
def test_ids_that_are_not_ours_are_not_found(uploads: Uploads, upload_id: str) -> None:
    for call in (uploads.state, uploads.batch, uploads.received, uploads.remove):
        with pytest.raises(NotFound):
            call(upload_id)


def test_a_folder_of_somebody_else_is_no_upload(uploads: Uploads, workspace: Workspace) -> None:
    (workspace.incoming / "upload-notours").mkdir()
    (workspace.incoming / "unpacking-1").mkdir()
    for name in ("upload-notours", "unpacking-1"):
        with pytest.raises(NotFound):
            uploads.state(name)


def test_nothing_is_added_to_a_finished_upload(uploads: Uploads) -> None:
    upload_id = uploads.begin(1, 4)
    late = uploads.batch(upload_id)
    send(uploads, upload_id, record(0, "a", b"aaaa"))
    uploads.finish(upload_id, 1, 4)
    with pytest.raises(Busy):
        uploads.batch(upload_id)
    with pytest.raises(Busy):
        late.feed(record(0, "a", b"bbbb"))
    late.abandon()
    assert uploads.received(upload_id).files[0].path.read_bytes() == b"aaaa"


def test_finishing_twice_gives_the_same(uploads: Uploads) -> None:
    upload_id = uploads.begin(1, 4)
    send(uploads, upload_id, record(0, "a", b"aaaa"))
    assert uploads.finish(upload_id, 1, 4) == uploads.finish(upload_id, 1, 4)


def test_an_unfinished_upload_is_not_handed_out(uploads: Uploads) -> None:
    with pytest.raises(Busy):
        uploads.received(uploads.begin(1, 4))


def test_removing_leaves_nothing_behind(uploads: Uploads, workspace: Workspace) -> None:
    upload_id = uploads.begin(1, 4)
    parser = uploads.batch(upload_id)
    parser.feed(record(0, "a", b"aaaa")[:-1])
    uploads.remove(upload_id)
    assert list(workspace.incoming.iterdir()) == []
    with pytest.raises(Busy):
        parser.feed(b"a" + record(0, "a", b"aaaa"))
    with pytest.raises(NotFound):
        uploads.state(upload_id)


def test_only_stale_uploads_are_swept(uploads: Uploads, workspace: Workspace) -> None:
    old, fresh = uploads.begin(1, 4), uploads.begin(1, 4)
    send(uploads, old, record(0, "a", b"aaaa"))
    long_ago = 1_000_000_000
    os.utime(workspace.incoming / old / "journal.jsonl", (long_ago, long_ago))
    (workspace.incoming / "unpacking").mkdir()
    os.utime(workspace.incoming / "unpacking", (long_ago, long_ago))
    assert uploads.sweep() == 1
    assert {path.name for path in workspace.incoming.iterdir()} == {fresh, "unpacking"}


def test_batches_in_parallel_lose_nothing(uploads: Uploads) -> None:
    upload_id = uploads.begin(400, 400 * 50)

    def worker(first: int) -> None:
        for start in range(first, 400, 40):
            send(uploads, upload_id, b"".join(
                record(i, f"{i}.jpg", bytes([i % 256]) * 50) for i in range(start, start + 10)), 333)

    threads = [threading.Thread(target=worker, args=(first,)) for first in (0, 10, 20, 30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    received = uploads.finish(upload_id, 400, 400 * 50)
    assert [file.name for file in received.files] == [f"{i}.jpg" for i in range(400)]
    assert all(file.path.read_bytes() == bytes([i % 256]) * 50
               for i, file in enumerate(received.files))


class _Forgetful:
    """A sink that keeps nothing, to see how much the parser itself holds."""

    def __init__(self) -> None:
        self.largest = 0

    def begin(self, head: object) -> None: ...

    def write(self, piece: bytes) -> None:
        self.largest = max(self.largest, len(piece))

    def commit(self) -> None: ...

    def close(self) -> None: ...


def test_the_parser_passes_bytes_on_as_they_come() -> None:
    sink = _Forgetful()
    parser = BatchParser(sink)
    body = record(0, "a", b"x" * 1_000_000)
    for start in range(0, len(body), 1000):
        parser.feed(body[start : start + 1000])
    parser.finish()
    assert sink.largest == 1000
