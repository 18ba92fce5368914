"""Lists of items in chunks, as files and in SQL."""

from pathlib import Path

import pytest

from deeplab.errors import OutputError
from tests.worker.store import FOREVER, submit
from worker.jobs import item_lists, shards
from worker.jobs.database import open_session
from worker.jobs.item_lists import Cut, Item, ItemList, read_chunk, write_chunk
from worker.jobs.settings import Settings

WORK = [1, 1, 200, 5, 4, 2, 30]
ITEMS = [Item(f"{number}é\udce4.mp4", 10 * work, 1.5, work) for number, work in enumerate(WORK)]


def test_large_items_are_shards_of_their_own_and_each_is_read_alone(tmp_path: Path) -> None:
    path = tmp_path / "items" / "0.jsonl"
    cuts = write_chunk(path, ITEMS, size=10)
    assert [(cut.n_items, cut.work) for cut in cuts] == [(2, 2), (1, 200), (2, 9), (1, 2), (1, 30)]
    found = [read_chunk(path, cut.offset, cut.n_items) for cut in cuts]
    assert [item for items in found for item in items] == ITEMS


def test_a_damaged_chunk_is_named(tmp_path: Path) -> None:
    path = tmp_path / "0.jsonl"
    with pytest.raises(OutputError, match=r"0\.jsonl: the list of the job's items cannot be read: No such file"):
        read_chunk(path, 0, 1)
    write_chunk(path, ITEMS, size=10)
    content = path.read_bytes()
    for damaged in (content[:-4], content[: content.index(b"\n") + 1], b"[]\n" * 7, b'{"a":1}\n' * 7):
        path.write_bytes(damaged)
        with pytest.raises(OutputError, match=r"0\.jsonl: the list of the job's items cannot be read: "):
            read_chunk(path, 0, len(ITEMS))


def test_a_list_grows_by_chunks_until_it_is_complete(store: Settings) -> None:
    with open_session(store) as session:
        job_id = submit(session, store).id
        assert item_lists.find(session, job_id) is None
        assert shards.counts(session, job_id).all_done is False
        item_lists.begin(session, job_id)
        assert item_lists.find_last_cut(session, job_id) is None
        item_lists.extend(session, job_id, "1/items/0.jsonl", [Cut(2, 2, 0), Cut(1, 9, 70)], has_videos=True)
        item_lists.set_passed_over(session, job_id, {"txt": 1}, complete=False)
        assert item_lists.find(session, job_id) == ItemList(False, 3, 2, True, {"txt": 1})
        item_lists.extend(session, job_id, "2/items/3.jsonl", [Cut(4, 4, 0)], has_videos=False)
        item_lists.set_passed_over(session, job_id, {"txt": 2}, complete=True)
        assert item_lists.find(session, job_id) == ItemList(True, 7, 3, True, {"txt": 2})
        assert item_lists.find_last_cut(session, job_id) == ("2/items/3.jsonl", Cut(4, 4, 0))
        counts = shards.counts(session, job_id)
        assert (counts.n_open, counts.work, counts.work_done, counts.unit) == (3, 15, 0, "frame")
        taken = [shards.claim(session, job_id, "a", FOREVER) for _ in range(4)]
        assert [each and (each.first, each.last, each.chunk, each.offset) for each in taken] == [
            (0, 2, "1/items/0.jsonl", 0),
            (2, 3, "1/items/0.jsonl", 70),
            (3, 7, "2/items/3.jsonl", 0),
            None,
        ]
