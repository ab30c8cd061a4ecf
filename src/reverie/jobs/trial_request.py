"""A trial that a person asks for: what of, in which store, and by which settings."""

from datetime import datetime
from typing import Any

import msgspec

from reverie.errors import InputError, StoreArchivedError
from reverie.jobs.trial_entry import try_advice, try_lesson
from reverie.lessons.lesson import Scope
from reverie.storage.live.trials import TrialRow
from reverie.storage.memory.policies import read_policy
from reverie.storage.memory.stores import lock_store
from reverie.storage.postgres.database import Connection
from reverie.trials.policy import LivePolicy

LONGEST_ADVICE = 600
_OF_THE_STORE = ("mode", "memory_holdout", "most_in_a_session")
"""Settings that go for all trials of a store at once."""


class TrialRequest(msgspec.Struct, frozen=True):
    """What is to be tried: a lesson that is there, or advice."""

    store_id: str
    lesson_id: str | None = None
    advice: str | None = None
    agent: str | None = None
    """Whose sessions advice is for; None: everybody's."""
    task_family: str | None = None
    policy: dict[str, Any] = {}
    """Settings of :class:`~reverie.trials.policy.LivePolicy` that differ from the store's."""


async def start_trial(connection: Connection, request: TrialRequest, now: datetime, by: str) -> TrialRow:
    """Begin the trial that a person asks for.

    Raises:
        NotFoundError: there is no such store, or no such lesson in it.
        StoreArchivedError: the store is archived.
        InputError: not exactly one of lesson and advice is given, or a setting cannot be.
        ConflictError: what is to be tried is in a trial.
    """
    store = await lock_store(connection, request.store_id)
    if store.archived_at is not None:
        raise StoreArchivedError(f"memory store {store.name!r} ({store.id}) is archived; nothing is tried in it")
    if (request.lesson_id is None) == (request.advice is None):
        raise InputError("give lesson_id or advice: one of them, not both")
    policy = with_overrides((await read_policy(connection, store.id)).live, request.policy)
    if request.lesson_id is not None:
        if request.agent is not None or request.task_family is not None:
            raise InputError("agent and task_family go with advice; a lesson has its own")
        return await try_lesson(connection, store.id, request.lesson_id, policy, now, by)
    advice = read_advice(request.advice or "")
    return await try_advice(connection, store.id, advice, Scope(request.agent, request.task_family), policy, now, by)


def read_advice(text: str) -> str:
    """Advice on one line.

    Raises:
        InputError: it is empty or too long to stand among others in a briefing.
    """
    advice = " ".join(text.split()).rstrip(".")
    if not advice:
        raise InputError("advice: say what to do, in a sentence")
    if len(advice) > LONGEST_ADVICE:
        raise InputError(f"advice: at most {LONGEST_ADVICE} characters, not {len(advice)}")
    return advice


def with_overrides(policy: LivePolicy, overrides: dict[str, Any]) -> LivePolicy:
    """A store's settings with those that differ for one trial.

    Raises:
        InputError: a setting is unknown, has a value that cannot be, or is the store's to say.
    """
    for name in _OF_THE_STORE:
        if name in overrides:
            raise InputError(f"policy.{name}: goes for all trials of the store; set it in the store's policy (live)")
    try:
        return msgspec.convert({**msgspec.to_builtins(policy), **overrides}, LivePolicy)
    except msgspec.ValidationError as error:
        raise InputError(f"policy: {error}") from error
