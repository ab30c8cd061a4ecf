"""The same forty notes and questions in six languages, written for this project: how well each language is recalled.

A question uses other forms of the note's words, as people do. ``recall_languages.tsv`` holds language, number, note and
question.
"""

from collections.abc import Mapping, Sequence
from importlib import resources

from evaluation.dialogues import Dialogue, Question
from evaluation.recall_evaluation import score_questions
from reverie.digests.vector import TextEmbedder
from reverie.memory.policy import RecallPolicy
from reverie.storage.postgres.database import Database

POLICIES = {"words": RecallPolicy(meaning_weight=0), "words and meaning": RecallPolicy()}


def read_languages() -> list[Dialogue]:
    """The notes and questions of each language."""
    text = resources.files(__package__).joinpath("recall_languages.tsv").read_text("utf-8")
    rows = [line.split("\t") for line in text.splitlines()]
    return [
        Dialogue(
            name=language,
            memories={_path(language, number): note for code, number, note, _ in rows if code == language},
            questions=tuple(
                Question(question, frozenset({_path(language, number)}), language)
                for code, number, _, question in rows
                if code == language
            ),
        )
        for language in dict.fromkeys(row[0] for row in rows)
    ]


def together(dialogues: Sequence[Dialogue]) -> list[Dialogue]:
    """Each language's questions, asked of a store that holds the notes of all."""
    everything = {path: note for dialogue in dialogues for path, note in dialogue.memories.items()}
    return [Dialogue(f"{each.name} among all", everything, each.questions) for each in dialogues]


async def recall_by_language(
    database: Database, dialogues: Sequence[Dialogue], embedder: TextEmbedder
) -> dict[str, Mapping[str, float]]:
    """Recall@5 of each language's questions, by words alone and with meaning."""
    scores = await score_questions(database, dialogues, list(POLICIES.values()), embedder)
    return {
        dialogue.name: {
            name: round(float(scores.found[row, scores.conversation == number].mean()), 4)
            for row, name in enumerate(POLICIES)
        }
        for number, dialogue in enumerate(dialogues)
    }


def _path(language: str, number: str) -> str:
    return f"/{language}/n{number}x"  # no numbered series
