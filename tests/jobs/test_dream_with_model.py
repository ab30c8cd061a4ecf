"""A model in a dream: asked once, tested like everything else, never a condition of the result."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from reverie.clock import SystemClock
from reverie.dreams.asking import ColleaguePolicy
from reverie.dreams.budget import ModelBudget
from reverie.dreams.dream import DreamRequest, DreamResult
from reverie.dreams.policy import DreamPolicy
from reverie.errors import ModelUnavailable, SettingsError
from reverie.jobs import dreams
from reverie.jobs.dreams import Runtime
from reverie.jobs.engine import dream, estimate_dream
from reverie.language_model import LanguageModel, ModelPrice
from reverie.models.open import open_model
from reverie.patterns.policy import MiningPolicy
from reverie.settings import ModelSettings, Secret, Settings
from reverie.storage.database import Database, open_database
from reverie.storage.embedded import EmbeddedServer
from reverie.storage.import_summary import ImportOptions
from reverie.storage.ingest import import_sessions
from reverie.testing.scripted_model import ScriptedModel
from tests.dreams.small_desk import small_desk
from tests.models.endpoint import completion, serve

POLICY = DreamPolicy(mining=MiningPolicy(placebo_runs=1), colleague=ColleaguePolicy(pairs=2))
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
def template(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name of a database that holds the wordy desk, digested."""
    folder = tmp_path_factory.mktemp("desk")
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE wordy TEMPLATE template")
    settings = Settings(folder, database_url=server.url("wordy"), workers=1)
    asyncio.run(prepare(settings, wordy_desk(folder / "desk.jsonl")))
    return "wordy"


@pytest.fixture
def database_url(server: EmbeddedServer, template: str) -> Iterator[str]:
    """The address of a fresh copy of it."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE wordy_copy TEMPLATE {template}")
        yield server.url("wordy_copy")
        connection.execute("DROP DATABASE wordy_copy WITH (FORCE)")


async def dream_with(
    database: Database, settings: Settings, model: LanguageModel | None, policy: DreamPolicy = POLICY
) -> DreamResult:
    return await dream(runtime_of(database, settings, model, policy), DreamRequest("desk"))


def verdicts(result: DreamResult) -> dict[str, str]:
    return {proposal.words: proposal.verdict for proposal in result.proposals}


async def test_probe(database: Database, settings: Settings) -> None:
    model = ScriptedModel([PROPOSED, NOTHING, NOTHING, NOTHING])
    result = await dream_with(database, settings, model)
    print([r.purpose for r in model.requests])
    print(result.proposals, result.usage, result.notes)
    print([(x.status, x.behaviour, x.statement, x.reason) for x in result.lessons])
    print(result.stages, result.overview.themes, result.overview.themes_note)
    print(result.lessons[0].evidence)
    assert 0
