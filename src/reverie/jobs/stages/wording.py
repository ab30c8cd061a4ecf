"""The stage in which a model is asked for better words; no connection is held while it thinks."""

import asyncio
from collections.abc import Mapping, Sequence

from reverie.assist.budget import BudgetedModel, ModelBudget, Spending
from reverie.assist.merger import merge_groups, mergeable_groups
from reverie.assist.wording import ModelWording, word_lessons, word_themes
from reverie.dreams.policy import DreamPolicy
from reverie.jobs.found import read_found
from reverie.jobs.stages.proposals import propose_lessons
from reverie.jobs.stages.stage import Stage
from reverie.language_model import LanguageModel
from reverie.lessons.lesson import Lesson
from reverie.memory.tiers import Document
from reverie.overview.overview import Overview
from reverie.storage.learning.consultations import read_contribution, write_contribution
from reverie.storage.memory.uses import read_documents


async def ask_for_words(stage: Stage) -> None:
    """Ask the model for better words; what it answered is kept, and then it is not asked again."""
    runtime, policy = stage.runtime, stage.runtime.policy
    async with stage.opened() as dream:
        connection = dream.connection
        if await read_contribution(connection, stage.dream_id, ModelWording) is not None:
            return
        found = await read_found(connection, dream.row)
        lessons = await propose_lessons(connection, dream.row, found, policy)
        documents = await read_documents(connection, dream.row.memory_store_id)
    spent = found.consultation.spent if found.consultation else {}
    wording = await find_words(
        runtime.model, runtime.budget, spent, found.words, lessons, found.overview, documents, policy
    )
    async with runtime.database.connection() as connection:
        await write_contribution(connection, stage.dream_id, wording)


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
