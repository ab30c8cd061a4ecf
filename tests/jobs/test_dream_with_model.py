"""A model in a dream: asked once, tested like everything else, never a condition of the result."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from reverie.assist.budget import ModelBudget
from reverie.assist.question import AssistantPolicy
from reverie.clock import SystemClock
from reverie.dreams.dream import DreamRequest, DreamResult
from reverie.dreams.policy import DreamPolicy
from reverie.errors import ModelUnavailable, SettingsError
from reverie.jobs.dream_runtime import Runtime
from reverie.jobs.engine import dream, estimate_dream
from reverie.language_model import LanguageModel, ModelPrice
from reverie.memory.memory import Edit
from reverie.mining.policy import MiningPolicy
from reverie.models.open import open_model
from reverie.settings import ModelSettings, Secret, Settings
from reverie.storage.memory.memories import apply_edits, list_memories
from reverie.storage.memory.stores import ensure_store
from reverie.storage.postgres.database import Database, open_database
from reverie.storage.postgres.embedded import EmbeddedServer
from reverie.storage.sessions.import_summary import ImportOptions
from reverie.storage.sessions.ingest import import_sessions
from reverie.testing.scripted_model import ScriptedModel
from tests.assist.test_merger import BOTH, NEW, OLD
from tests.dreams.small_desk import small_desk
from tests.models.endpoint import completion, serve

POLICY = DreamPolicy(mining=MiningPolicy(placebo_runs=1), assistant=AssistantPolicy(pairs=2))
NOTHING: dict[str, Any] = {"texts": []}


def says(words: str, pattern: str) -> dict[str, Any]:
    predicate = {"kind": "says", "pattern": pattern, "by": "agent", "before": None, "after": None}
    return {"words": words, "predicate": predicate}


PROPOSED = {"proposals": [says("go by the book", "by the book"), says("say magic", "magic"), says("x", "(?=x)")]}


def wordy_desk(path: Path) -> Path:
    """The small desk, but what helps is no call: it is that the agent goes by the book, and says so."""
    lines = [msgspec.json.decode(line) for line in small_desk(path).read_bytes().splitlines()]
    for line in lines:
        user, *_, call, result, last = line["messages"]
        goes_by_the_book = len(line["messages"]) == 6
        last["content"] = "That is settled by the book." if goes_by_the_book else "That is settled for now."
        line["messages"] = [user, call, result, last]
    path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    return path


async def prepare(settings: Settings, path: Path) -> None:
    """Import the sessions and have them digested, so that the tests need not."""
    async with open_database(settings) as database:
        await import_sessions(database, settings, [path], ImportOptions(), SystemClock(), lambda _: None)
        await dream(runtime_of(database, settings, None), DreamRequest("elsewhere"))


def runtime_of(
    database: Database, settings: Settings, model: LanguageModel | None, policy: DreamPolicy = POLICY
) -> Runtime:
    return Runtime(database, settings, policy, SystemClock(), lambda *_: None, model)


@pytest.fixture(scope="module")
def template(database_server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name of a database that holds the wordy desk, digested."""
    folder = tmp_path_factory.mktemp("desk")
    with psycopg.connect(database_server.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE wordy TEMPLATE template")
    settings = Settings(folder, database_url=database_server.url("wordy"), workers=1)
    asyncio.run(prepare(settings, wordy_desk(folder / "desk.jsonl")))
    return "wordy"


@pytest.fixture
def database_url(database_server: EmbeddedServer, template: str) -> Iterator[str]:
    """The address of a fresh copy of it."""
    with psycopg.connect(database_server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE wordy_copy TEMPLATE {template}")
        yield database_server.url("wordy_copy")
        connection.execute("DROP DATABASE wordy_copy WITH (FORCE)")


async def dream_with(
    database: Database, settings: Settings, model: LanguageModel | None, policy: DreamPolicy = POLICY
) -> DreamResult:
    return await dream(runtime_of(database, settings, model, policy), DreamRequest("desk"))


def verdicts(result: DreamResult) -> dict[str, str]:
    return {proposal.words: proposal.verdict for proposal in result.proposals}


def adopted(result: DreamResult) -> list[str]:
    return [lesson.behaviour for lesson in result.lessons if lesson.status == "adopted"]


async def test_what_a_model_proposes_is_tested_like_everything_else(database: Database, settings: Settings) -> None:
    model = ScriptedModel([PROPOSED, NOTHING, NOTHING])
    result = await dream_with(database, settings, model)
    assert [request.purpose.partition("/")[0] for request in model.requests] == [
        "propose_behaviours",
        "reword_advice",
        "name_themes",
    ]
    assert verdicts(result) == {"go by the book": "adopted", "say magic": "refused", "x": "refused"}
    assert adopted(result) == ["model:go by the book"]
    (lesson,) = result.lessons
    assert "counted as a message that matches “by the book”" in lesson.reason
    assert lesson.evidence and all(cited.event_id.endswith("3") for cited in lesson.evidence)
    assert (result.usage["calls"], result.usage["input_tokens"], result.notes) == (3, 300, ())
    assert [stage.stage for stage in result.stages] == ["survey", "digest", "consult", "mine", "describe", "word"]


async def test_a_dream_without_a_model_is_as_ever(database: Database, settings: Settings) -> None:
    result = await dream_with(database, settings, None)
    assert [stage.stage for stage in result.stages] == ["survey", "digest", "mine", "describe"]
    assert (result.usage, result.proposals, result.notes, result.lessons) == ({}, (), (), ())


async def test_proposals_and_words_that_stand_need_no_model_later(database: Database, settings: Settings) -> None:
    words = {"texts": [{"number": 1, "text": "Work by the book"}]}
    first = await dream_with(database, settings, ScriptedModel([PROPOSED, words, NOTHING]))
    assert first.lessons[0].statement.startswith("Work by the book. Sessions")
    second = await dream_with(database, settings, None)
    assert verdicts(second) == {"go by the book": "adopted"}
    assert [lesson.statement for lesson in second.lessons] == [lesson.statement for lesson in first.lessons]
    assert (second.changes, second.usage) == ((), {})
    third = ScriptedModel([PROPOSED, NOTHING])
    again = await dream_with(database, settings, third)
    assert [request.purpose.partition("/")[0] for request in third.requests] == ["propose_behaviours", "name_themes"]
    assert again.proposals[0].verdict == "adopted" and again.changes == ()


async def test_a_model_that_fails_costs_a_note_and_not_the_result(database: Database, settings: Settings) -> None:
    gone = ModelUnavailable("nobody listens")
    result = await dream_with(database, settings, ScriptedModel([gone, gone]))
    assert (result.status, result.proposals, result.usage["calls"]) == ("completed", (), 2)
    assert result.notes == ("propose_behaviours/2: nobody listens", "name_themes/1: nobody listens")


async def test_the_budget_stops_calls_and_never_the_dream(database: Database, settings: Settings) -> None:
    model = ScriptedModel([])
    policy = msgspec.structs.replace(POLICY, budget=ModelBudget(tokens=100))
    result = await dream_with(database, settings, model, policy)
    assert (result.status, model.requests, result.usage["calls"]) == ("completed", [], 0)
    assert "of 100 are left" in result.notes[0]


async def test_a_limit_in_money_without_a_price_is_told_before_anything_is_done(
    database: Database, settings: Settings
) -> None:
    policy = msgspec.structs.replace(POLICY, budget=ModelBudget(usd=1.0))
    with pytest.raises(SettingsError, match="REVERIE_MODEL_PRICE"):
        await dream_with(database, settings, ScriptedModel([]), policy)


async def test_a_local_endpoint_is_asked_and_its_price_reported(database: Database, settings: Settings) -> None:
    answers = [completion(msgspec.json.encode(answer).decode()) for answer in (PROPOSED, NOTHING, NOTHING)]
    with serve(*answers) as endpoint:
        named = ModelSettings("openai", "m", endpoint.url, Secret("made-up"), price=ModelPrice(1_000.0, 0.0))
        async with open_model(named) as model:
            result = await dream_with(database, msgspec.structs.replace(settings, model=named), model)
    assert len(endpoint.requests) == 3 and adopted(result) == ["model:go by the book"]
    assert result.usage["model"] == "openai:m" and result.usage["cost_usd"] == pytest.approx(0.048)


async def test_an_estimate_knows_the_calls_of_the_last_dream(database: Database, settings: Settings) -> None:
    named = ModelSettings("openai", "m", price=ModelPrice(3.0, 15.0))
    before = await estimate_dream(database, DreamRequest("desk"), POLICY, named)
    await dream_with(database, settings, None)
    after = await estimate_dream(database, DreamRequest("desk"), POLICY, named)
    assert before.model is not None and after.model is not None
    assert (before.model.calls, after.model.calls) == (3, 2), "no lesson has to be worded"
    assert after.cost_usd == after.model.usd and 0 < after.cost_usd < before.cost_usd
    assert (await estimate_dream(database, DreamRequest("desk"))).model is None


async def test_memories_that_a_model_merged_are_written_with_the_lessons(
    database: Database, settings: Settings
) -> None:
    now = SystemClock().now()
    async with database.connection() as connection:
        store = await ensure_store(connection, "desk", now)
        edits = [Edit("/a.md", OLD, "noted"), Edit("/b.md", NEW, "noted")]
        await apply_edits(
            connection, store.id, edits, act="write", actor="user", reason="noted", source_session_ids=[],
            created_by=None, now=now,
        )  # fmt: skip
    result = await dream_with(database, settings, ScriptedModel([{"proposals": []}, NOTHING, {"text": BOTH}]))
    assert [(change.action, change.path) for change in result.changes] == [("merge", "/b.md"), ("merge", "/a.md")]
    async with database.connection() as connection:
        memories = await list_memories(connection, store.id, with_content=True)
    assert [(memory.path, memory.content) for memory in memories] == [("/b.md", BOTH)]
