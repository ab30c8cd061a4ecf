"""Asking a model, in a dream: what to look for, and how to put what was found.

No connection is held while a model thinks.
"""

import asyncio
from collections.abc import Mapping, Sequence

import numpy as np

from reverie.assist.assistant import Proposals, propose_behaviours
from reverie.assist.budget import BudgetedModel, ModelBudget, Spending
from reverie.assist.consultation import Consultation
from reverie.assist.merger import merge_groups, mergeable_groups
from reverie.assist.pairs import SessionPair, choose_pairs
from reverie.assist.predicate import Proposal
from reverie.assist.wording import ModelWording, word_lessons, word_themes
from reverie.dreams.policy import DreamPolicy
from reverie.language_model import LanguageModel
from reverie.lessons.lesson import Lesson
from reverie.memory.tiers import Document
from reverie.overview.overview import Overview
from reverie.sessions.session import Transcript
from reverie.statistics.corpus import Corpus, form_strata
from reverie.storage.postgres.database import Database
from reverie.storage.sessions.transcripts import read_transcripts

_NO_MODEL = Consultation("", Proposals((), notes=("the dream was taken up without the model it was begun with",)))


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


async def find_words(
    model: LanguageModel | None,
    budget: ModelBudget,
    spent: Mapping[str, Spending],
    known: ModelWording,
    lessons: Sequence[Lesson],
    overview: Overview | None,
    documents: Sequence[Document],
    policy: DreamPolicy,
) -> ModelWording:
    """``known`` and what the model adds to it, in what is left of the budget after ``spent``."""
    if model is None:
        return ModelWording(known.advice, known.themes, spent=dict(spent))
    budgeted = BudgetedModel(model, budget, spent)
    advice, lesson_notes = await word_lessons(budgeted, lessons, known.advice, policy.assistant)
    themes, theme_notes = await word_themes(budgeted, overview, known.themes, policy.assistant)
    groups = await asyncio.to_thread(mergeable_groups, documents, policy.memory.consolidation.near_duplicate)
    merged, merge_notes = await merge_groups(budgeted, groups, policy.assistant)
    return ModelWording(advice, themes, merged, (*lesson_notes, *theme_notes, *merge_notes), dict(budgeted.spent))
