"""The note on events completed ahead: a crash replays only what was unfinished; others' notes count for nothing."""
from __future__ import annotations

import base64

import pytest

from tests.servers.wait import eventually

from .ledger import Ledger

N = 60


@pytest.fixture
def note(kafka, function, read, ledger, group):
    """The head of one partition hangs, everything behind it is done and noted at the broker.  Then bridge is killed."""
    topic = kafka.create(partitions=1)
    ids = ledger.produce(kafka, topic, N)
    function.behave({"do": "hang", "id": ids[3]})
    b = read(topic, order="none", sessionTimeout="1500ms")
    eventually(lambda: function.taken() == set(ids) - {ids[3]}, 30, "all but the head are done")

    # one run: a gap of 1 (the head), then N - 4 done
    runs = base64.urlsafe_b64encode(bytes([1, N - 4])).rstrip(b"=").decode()
    whole = f"bridge/1 3 {runs} "
    eventually(lambda: kafka.note(group, topic)[1].startswith(whole), 15, "the broker has the whole note")
    offset, text = kafka.note(group, topic)
    assert offset == 3
    b.wait_in_flight()
    b.kill9()
    function.behave()
    return topic, ids, b, text


def test_after_a_kill_only_the_unfinished_head_comes_again(note, kafka, function, ledger):
    topic, ids, b, text = note
    b.start()
    ledger.wait(function)
    more = ledger.produce(kafka, topic, 10)
    ledger.wait(function)
    ledger.check(function, duplicates=0)
    assert [r.id for r in function.requests()].count(ids[3]) == 2
    assert b.count("recognised_total") == N - 4 and set(more) <= function.taken()


def test_another_replica_knows_the_note_too(note, kafka, function, read, ledger):
    topic, ids, b, text = note
    other = read(topic, order="key")
    ledger.wait(function)
    ledger.check(function, duplicates=0)
    assert other.count("recognised_total") == N - 4


def damaged(text: str) -> str:
    words = text.split(" ")
    return " ".join([words[0], words[1], words[2], f"{int(words[3], 16) ^ 1:08x}"])


@pytest.mark.parametrize("change", [
    pytest.param(lambda text: "", id="empty"),
    pytest.param(lambda text: "sarama was here", id="foreign"),
    pytest.param(damaged, id="wrong-checksum"),
    pytest.param(lambda text: text[:-1], id="cut"),
    pytest.param(lambda text: text.replace("bridge/1", "bridge/9"), id="version-of-tomorrow"),
    pytest.param(lambda text: "ä\u2603" * 500, id="not-ascii"),
])
def test_a_note_that_is_not_ours_or_not_whole_loses_nothing(note, kafka, function, ledger, group, change):
    topic, ids, b, text = note
    kafka.commit(group, topic, 0, 3, change(text))
    seen = len(function.requests())
    b.start()
    eventually(lambda: {r.id for r in function.requests()[seen:]} == set(ids[3:]), 30,
               "everything from the committed offset on comes again")


def test_a_note_made_for_another_offset_loses_nothing(note, kafka, function, ledger, group):
    topic, ids, b, text = note
    kafka.commit(group, topic, 0, 1, text)
    seen = len(function.requests())
    b.start()
    eventually(lambda: {r.id for r in function.requests()[seen:]} == set(ids[1:]), 30,
               "everything from offset 1 on comes again")


def test_a_note_does_not_outlive_its_topic(note, kafka, function, ledger):
    topic, ids, b, text = note
    kafka.delete(topic)
    kafka.create(topic, partitions=1)
    anew = Ledger()
    new = anew.produce(kafka, topic, 20)
    b.start()
    eventually(lambda: set(new) <= function.taken(), 60, "its events arrive, though their offsets are old")
