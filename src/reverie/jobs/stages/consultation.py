"""The stage in which a model is asked what to look for; no connection is held while it thinks."""

import asyncio
from collections.abc import Sequence

import numpy as np

from reverie.assist.assistant import Proposals, propose_behaviours
from reverie.assist.budget import BudgetedModel, ModelBudget
from reverie.assist.consultation import Consultation
from reverie.assist.pairs import SessionPair, choose_pairs
from reverie.digests.predicate import Proposal
from reverie.dreams.policy import DreamPolicy
from reverie.jobs.stages.stage import Stage
from reverie.language_model import LanguageModel
from reverie.sessions.session import Transcript
from reverie.statistics.corpus import Corpus, form_strata
from reverie.storage.learning.consultations import earlier_proposals, read_contribution, write_contribution
from reverie.storage.postgres.database import Database
from reverie.storage.sessions.transcripts import read_transcripts

_NO_MODEL = Consultation("", Proposals((), notes=("the dream was taken up without the model it was begun with",)))


async def consult_model(stage: Stage) -> None:
    """Ask the model for behaviours to look for; what it answered is kept, and then it is not asked again."""
    runtime, policy = stage.runtime, stage.runtime.policy
    async with stage.opened() as dream:
        if await read_contribution(dream.connection, stage.dream_id, Consultation) is not None:
            return
        earlier = await earlier_proposals(dream.connection, dream.row)
        corpus = await dream.corpus()
    families = await dream.families(corpus)
    pairs = await asyncio.to_thread(pairs_to_read, corpus, families, policy.assistant.pairs)
    read = await read_pairs(runtime.database, pairs)
    consultation = await consult(runtime.model, runtime.budget, read, earlier, policy, dream.row.request.instructions)
    async with runtime.database.connection() as connection:
        await write_contribution(connection, stage.dream_id, consultation)


async def consult(
    model: LanguageModel | None,
    budget: ModelBudget,
    pairs: Sequence[tuple[Transcript, Transcript]],
    earlier: Sequence[Proposal],
    policy: DreamPolicy,
    instructions: str | None = None,
) -> Consultation:
    """What the model proposes to look for, after reading ``pairs`` (the better session first)."""
    if model is None:
        return _NO_MODEL
    budgeted = BudgetedModel(model, budget)
    proposals = await propose_behaviours(budgeted, pairs, earlier, policy.assistant, instructions)
    return Consultation(model.name, proposals, dict(budgeted.spent))


def pairs_to_read(corpus: Corpus, families: Sequence[str] | None, most: int) -> tuple[SessionPair, ...]:
    """Contrasting sessions of the discovery part, in the very strata that mining compares within."""
    scored = np.flatnonzero(~np.isnan(corpus.reward)).tolist()
    chosen = None if families is None else [families[i] for i in scored]
    corpus = corpus.scored_only()
    return choose_pairs(corpus, form_strata(corpus, chosen), most)


async def read_pairs(database: Database, pairs: Sequence[SessionPair]) -> list[tuple[Transcript, Transcript]]:
    """The transcripts of each pair."""
    async with database.connection() as connection:
        transcripts = await read_transcripts(connection, [name for pair in pairs for name in (pair.better, pair.worse)])
    by_id = {transcript.session.id: transcript for transcript in transcripts}
    return [(by_id[pair.better], by_id[pair.worse]) for pair in pairs]
