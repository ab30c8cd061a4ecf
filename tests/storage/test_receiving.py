"""Sessions from received spans: whatever order they came in, the same session; what people gave it stays."""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reverie.sessions.event import text_of
from reverie.sessions.importers import RawRecord
from reverie.sessions.session import Score, Transcript
from reverie.storage.postgres.database import Database
from reverie.storage.sessions.prepare import PrepareOptions, prepare_batch
from reverie.storage.sessions.received import forget_session, keep_parts, waiting_traces
from reverie.storage.sessions.receiving import Assembled, assemble_received, give_up_old
from reverie.storage.sessions.reception import read_parts_of
from reverie.storage.sessions.replacement import follow_events
from reverie.storage.sessions.scores import record_scores
from reverie.storage.sessions.store_batch import reserve_keys, store_batch
from reverie.storage.sessions.transcripts import read_transcript
from tests.sessions.otlp_spans import TRACE, chat, desk, request, span, text
from tests.storage.test_ingest import NOW

KEY = b"k" * 32
OPTIONS = PrepareOptions(overrides={}, redaction_key=KEY)
DAY = timedelta(days=1)
NONE = timedelta()


async def receive(database: Database, spans: Sequence[dict[str, Any]], now: datetime = NOW) -> None:
    parts, _ = read_parts_of("traces", "json", json.dumps(request(spans)).encode(), KEY)
    async with database.connection() as connection:
        await keep_parts(connection, parts, now)


async def assemble(database: Database, now: datetime = NOW) -> list[Assembled]:
    """Put together all that waits."""
    async with database.connection() as connection:
        waiting = await waiting_traces(connection, now, NONE, NONE, 1000)
    done = [await assemble_received(database, trace_id, OPTIONS, now) for trace_id in waiting]
    return [one for one in done if one is not None]


async def stored(database: Database, session_id: str = "conv-1") -> Transcript:
    async with database.connection() as connection:
        return await read_transcript(connection, session_id)


async def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    async with database.connection() as connection:
        return await (await connection.execute(query.encode())).fetchall()


async def clear(database: Database) -> None:
    async with database.connection() as connection:
        for table in ("sessions", "received_spans", "received_traces", "received_conversations", "received_sessions"):
            await connection.execute(f"DELETE FROM {table}".encode())


def judged() -> list[dict[str, Any]]:
    """The desk's conversation with a score, of which some spans alone know the conversation's name."""
    score = {"gen_ai.evaluation.name": "helpful", "gen_ai.evaluation.score.value": 0.5}
    verdict = span(11, 22.5, 22.6, {}, parent=10, trace="1" * 32, events=[("gen_ai.evaluation.result", 22.6, score)])
    return [*desk(), verdict]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_any_order_and_division_of_spans_gives_the_same_session(database: Database, data: st.DataObject) -> None:
    await clear(database)
    await receive(database, judged())
    await assemble(database)
    whole = await stored(database)
    await clear(database)
    shuffled = data.draw(st.permutations(judged() + data.draw(st.lists(st.sampled_from(judged()), max_size=3))))
    while shuffled:
        size = data.draw(st.integers(1, len(shuffled)))
        await receive(database, shuffled[:size])
        shuffled = shuffled[size:]
        if data.draw(st.booleans()):
            await assemble(database)
    await assemble(database)
    assert await stored(database) == whole
    assert await rows(database, "SELECT id, reward FROM sessions") == [("conv-1", 0.5)]


def words(transcript: Transcript) -> list[str]:
    return [text_of(event) for event in transcript.events]


def question(number: int, said: str, **options: Any) -> dict[str, Any]:
    return chat(number, number, number + 1, [text("user", said)], [text("assistant", f"re {said}")], **options)


async def digested(database: Database, session_id: str) -> None:
    """As if a dream had read the session."""
    columns = (
        "session_key, version, event_count, opening, steps, codes, sequences, first_steps, errors, "
        "input_tokens, output_tokens"
    )
    async with database.connection() as connection:
        await connection.execute(
            f"INSERT INTO digests ({columns}) SELECT key, 1, event_count, '', 0, '', '', '', 0, 0, 0 FROM sessions "
            "WHERE id = %s".encode(),
            [session_id],
        )


async def test_late_spans_replace_the_beginning_and_scores_and_tags_that_people_gave_stay(database: Database) -> None:
    helpful = {"gen_ai.evaluation.name": "helpful", "gen_ai.evaluation.score.value": 0.5}
    verdict = span(9, 6, 7, {}, parent=5, events=[("gen_ai.evaluation.result", 6, helpful)])
    await receive(database, [question(5, "two"), verdict])
    await assemble(database)
    async with database.connection() as connection:
        ((key,),) = await (await connection.execute("SELECT key FROM sessions")).fetchall()
        await record_scores(connection, [(key, Score("helpful", 1.0)), (key, Score("csat", 0.25))])
        await connection.execute("UPDATE sessions SET task_id = 'mine', metadata = metadata || '{\"team\": \"a\"}'")
    await receive(database, [question(1, "one")])
    await assemble(database)
    found = await stored(database, TRACE)
    assert words(found) == ["one", "re one", "two", "re two"]
    assert found.scores == (Score("csat", 0.25), Score("helpful", 1.0))
    assert (found.session.task_id, found.session.metadata["team"]) == ("mine", "a")
    assert await rows(database, "SELECT key FROM sessions") == [(key,)]


async def test_a_session_that_was_read_is_read_anew_and_its_events_are_followed(database: Database) -> None:
    await receive(database, [question(5, "two")])
    await assemble(database)
    await digested(database, TRACE)
    await receive(database, [question(1, "one")])
    later = NOW + timedelta(minutes=1)
    await assemble(database, later)
    assert await rows(database, "SELECT FROM digests") == []
    cited = [(TRACE, 0), (TRACE, 1), (TRACE, 7)]
    async with database.connection() as connection:
        assert await follow_events(connection, cited, NOW) == {
            (TRACE, 0): (TRACE, 2),
            (TRACE, 1): (TRACE, 3),
            (TRACE, 7): None,
        }
        assert await follow_events(connection, cited, later) == {one: one for one in cited}
    ((actor, details),) = await rows(database, "SELECT actor, details FROM audit_log WHERE action = 'sessions.replace'")
    assert (actor["name"], details) == ("receiver", {"events_before": 2, "events": 4, "gone": 0})


async def test_a_trace_whose_conversation_is_named_late_keeps_what_it_was_given(database: Database) -> None:
    await receive(database, [question(5, "two")])
    await assemble(database)
    async with database.connection() as connection:
        ((key,),) = await (await connection.execute("SELECT key FROM sessions")).fetchall()
        await record_scores(connection, [(key, Score("csat", 0.25))])
    await receive(database, [span(1, 0, 9, {"gen_ai.conversation.id": "named"})])
    await assemble(database)
    found = await stored(database, "named")
    assert (words(found), found.scores) == (["two", "re two"], (Score("csat", 0.25),))
    assert await rows(database, "SELECT key, id FROM sessions") == [(key, "named")]


async def test_a_trace_that_proves_part_of_a_stored_conversation_joins_it(database: Database) -> None:
    named = {"gen_ai.conversation.id": "named"}
    await receive(database, [question(1, "one", more=named), question(5, "two", trace="2" * 32)])
    await assemble(database)
    async with database.connection() as connection:
        ((key,),) = await (await connection.execute("SELECT key FROM sessions WHERE id = %s", ["2" * 32])).fetchall()
        await record_scores(connection, [(key, Score("csat", 0.25))])
    await receive(database, [span(9, 0, 9, named, trace="2" * 32)])
    await assemble(database)
    found = await stored(database, "named")
    assert (words(found), found.scores) == (["one", "re one", "two", "re two"], (Score("csat", 0.25),))
    assert await rows(database, "SELECT id FROM sessions") == [("named",)]


async def test_conversations_that_share_a_trace_are_sessions_of_their_own(database: Database) -> None:
    one, other = ({"gen_ai.conversation.id": name} for name in ("one", "other"))
    await receive(database, [question(1, "one", more=one), question(3, "other", more=other)])
    await assemble(database)
    await receive(database, [question(5, "again", more=other, trace="2" * 32)])
    await assemble(database)
    assert words(await stored(database, "one")) == ["one", "re one"]
    assert words(await stored(database, "other")) == ["other", "re other", "again", "re again"]


async def test_what_an_import_stored_is_not_replaced_by_less(database: Database) -> None:
    record = RawRecord("f", 1, "otlp", json.dumps(request([question(1, "one"), question(5, "two")])).encode())
    async with database.connection() as connection:
        done = prepare_batch([record], await reserve_keys(connection, 1), OPTIONS)
        await store_batch(connection, [record], done.sessions, OPTIONS, NOW, set())
    await receive(database, [question(5, "two")])
    (assembled,) = await assemble(database)
    assert len(assembled.problems) == 1
    assert words(await stored(database, TRACE)) == ["one", "re one", "two", "re two"]
    await receive(database, [question(1, "one"), question(7, "three")])
    (assembled,) = await assemble(database)
    assert assembled.problems == ()
    assert words(await stored(database, TRACE))[-1] == "re three"


async def test_spans_without_content_are_told_of(database: Database) -> None:
    await receive(database, [span(1, 0, 1, {"gen_ai.operation.name": "chat"})])
    (assembled,) = await assemble(database)
    assert "was content recorded" in assembled.problems[0]
    ((problem,),) = await rows(database, "SELECT problem FROM received_traces")
    assert problem == assembled.problems[0]


async def test_a_conversation_that_is_too_large_is_left_alone(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reverie.storage.sessions.receiving.MOST_BYTES", 10)
    await receive(database, desk())
    first, second = (await assemble(database) + [None])[:2]
    assert first is not None and "of one conversation" in first.problems[0]
    assert second is None
    assert await rows(database, "SELECT FROM sessions") == []


async def test_a_trace_rests_longer_while_its_first_span_is_missing(database: Database) -> None:
    child, root = question(5, "two", parent=1), span(1, 0, 9, {})
    rest, long = timedelta(seconds=5), timedelta(seconds=60)

    async def waiting(after: float) -> list[str]:
        async with database.connection() as connection:
            return await waiting_traces(connection, NOW + timedelta(seconds=after), rest, long, 10)

    await receive(database, [child])
    assert [await waiting(after) for after in (4, 6, 61)] == [[], [], [TRACE]]
    await receive(database, [root])
    assert [await waiting(after) for after in (4, 6)] == [[], [TRACE]]


async def test_a_repeated_request_adds_nothing(database: Database) -> None:
    await receive(database, desk())
    await assemble(database)
    await receive(database, desk())
    assert await assemble(database) == []


async def test_spans_are_given_up_when_all_of_a_conversation_is_old(database: Database) -> None:
    web = span(99, 0, 1, {"http.route": "/"}, trace="9" * 32)
    await receive(database, [*desk()[:8], web])
    await receive(database, desk()[8:], NOW + DAY)
    await assemble(database, NOW + DAY)
    kept = "SELECT trace_id FROM received_spans ORDER BY 1"
    assert await give_up_old(database, NOW + DAY, 7 * DAY) == 1
    assert await rows(database, kept) == [(TRACE,), ("1" * 32,)]
    assert await give_up_old(database, NOW + 7.5 * DAY, 7 * DAY) == 0
    assert await give_up_old(database, NOW + 8.5 * DAY, 7 * DAY) == 2
    for table in ("received_spans", "received_traces", "received_conversations"):
        assert await rows(database, f"SELECT FROM {table}") == []
    assert words(await stored(database))[-1] == "Bye"


async def test_what_comes_after_that_is_a_part_of_its_own(database: Database) -> None:
    await receive(database, desk()[:8])
    await assemble(database)
    before = await stored(database)
    await give_up_old(database, NOW + 8 * DAY, 7 * DAY)
    for late in (desk()[9:], desk()[8:9]):
        await receive(database, late, NOW + 8 * DAY)
        await assemble(database, NOW + 8 * DAY)
    assert await stored(database) == before
    (_, (part_id,)) = await rows(database, "SELECT id FROM sessions ORDER BY key")
    part = await stored(database, part_id)
    assert (part.session.metadata["part_of"], words(part)[-1]) == ("conv-1", "Bye")


async def test_spans_that_come_while_others_are_given_up_are_not_lost(database: Database) -> None:
    await receive(database, desk()[:8])
    await assemble(database)
    late = NOW + 8 * DAY
    async with database.connection() as keeping:
        parts, _ = read_parts_of("traces", "json", json.dumps(request([question(30, "late")])).encode(), KEY)
        await keep_parts(keeping, parts, late)
        giving_up = asyncio.create_task(give_up_old(database, late, 7 * DAY))
        await waits_for_lock(database)
    assert await giving_up == 0
    await assemble(database, late)
    assert "late" in words(await stored(database))


async def waits_for_lock(database: Database) -> None:
    while not await rows(database, "SELECT 1 FROM pg_locks WHERE NOT granted"):
        pass


async def test_a_session_whose_trace_was_deleted_with_another_is_not_replaced_by_less(database: Database) -> None:
    one, other = ({"gen_ai.conversation.id": name} for name in ("one", "other"))
    await receive(database, [question(1, "one", more=one), question(3, "other", more=other)])
    await assemble(database)
    async with database.connection() as connection:
        await forget_session(connection, "one")
    await receive(database, [question(5, "again", more=other, trace="2" * 32)])
    await assemble(database)
    assert words(await stored(database, "other")) == ["other", "re other"]


async def test_what_waits_is_not_given_up(database: Database) -> None:
    await receive(database, desk())
    assert await give_up_old(database, NOW + 99 * DAY, 7 * DAY) == 0
    assert len(await assemble(database, NOW + 99 * DAY)) == 1


async def test_two_servers_put_a_conversation_together_once(database: Database) -> None:
    for number in range(1, 6):
        await receive(database, [question(number, str(number), more={"session.id": "one"}, trace=str(number) * 32)])
    both = await asyncio.gather(assemble(database), assemble(database))
    assert sum(len(done) for done in both) == 1
    assert await rows(database, "SELECT id, event_count FROM sessions") == [("one", 10)]
