"""How many of the memories that answer a question recall finds, with parameters chosen elsewhere, and an interval."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import numpy as np
import numpy.typing as npt

from evaluation.dialogues import Dialogue
from reverie.digests.vector import TextEmbedder, Vectors
from reverie.dreams.policy import DreamPolicy
from reverie.memory.memory import Edit
from reverie.memory.policy import MemoryPolicy, RecallPolicy
from reverie.storage.memory.memories import apply_edits
from reverie.storage.memory.policies import write_policy
from reverie.storage.memory.recall import recall
from reverie.storage.memory.stores import create_store
from reverie.storage.postgres.database import Database

DEPTH = 5
PLAIN = RecallPolicy(context_reach=0, meaning_weight=0)
"""Stemmed words alone, each memory by itself."""
_AT = datetime(2026, 1, 1, tzinfo=UTC)
_ANY_SIZE = 1_000_000_000

Floats = npt.NDArray[np.float64]


class RecallGain(msgspec.Struct, frozen=True):
    """Mean recall@5 over questions, the settings chosen on other conversations, beside plain words."""

    conversations: int
    questions: int
    recall: float
    plain: float
    gain: float
    gain_low: float
    """95 % bootstrap interval over conversations, then questions within each."""
    gain_high: float
    chosen: tuple[RecallPolicy, ...]
    """For each part reported on."""


@dataclass(frozen=True)
class QuestionScores:
    """The share of its evidence found, for each question under each policy."""

    policies: tuple[RecallPolicy, ...]
    found: Floats
    """Policies × questions, 0 to 1."""
    conversation: npt.NDArray[np.int64]
    """Which conversation a question is about."""


class RememberingEmbedder:
    """An embedder that embeds each text once."""

    def __init__(self, embedder: TextEmbedder) -> None:
        self._embedder = embedder
        self._known: dict[str, npt.NDArray[np.float32]] = {}
        self.name = embedder.name
        self.dimensions = embedder.dimensions

    def embed(self, texts: Sequence[str]) -> Vectors:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known.update(zip(new, self._embedder.embed(new), strict=True))
        return np.array([self._known[text] for text in texts], np.float32).reshape(-1, self.dimensions)


async def score_questions(
    database: Database, dialogues: Sequence[Dialogue], policies: Sequence[RecallPolicy], embedder: TextEmbedder
) -> QuestionScores:
    """Ask every question of a store that holds its conversation, under every policy, through :func:`recall` itself."""
    remembering = RememberingEmbedder(embedder)
    columns = [await _score_dialogue(database, dialogue, policies, remembering) for dialogue in dialogues]
    sizes = [column.shape[1] for column in columns]
    return QuestionScores(tuple(policies), np.concatenate(columns, axis=1), np.repeat(np.arange(len(sizes)), sizes))


def cross_choose(scores: QuestionScores, folds: Sequence[Sequence[int]], seed: int) -> RecallGain:
    """Report each fold of conversations under the policy that is best on the other conversations, against plain words.

    ``scores.policies`` holds :data:`PLAIN`. Folds may overlap: a question's recall is then its mean over them.
    """
    plain = scores.found[scores.policies.index(PLAIN)]
    total, times, chosen = np.zeros(len(plain)), np.zeros(len(plain)), []
    for fold in folds:
        inside = np.isin(scores.conversation, fold)
        best = int(np.argmax(scores.found[:, ~inside].mean(axis=1)))
        chosen.append(scores.policies[best])
        total[inside] += scores.found[best, inside]
        times[inside] += 1
    asked = times > 0
    recalled, plainly, conversation = total[asked] / times[asked], plain[asked], scores.conversation[asked]
    low, high = _bootstrap(recalled - plainly, conversation, seed)
    return RecallGain(
        conversations=len(np.unique(conversation)),
        questions=len(recalled),
        recall=float(recalled.mean()),
        plain=float(plainly.mean()),
        gain=float((recalled - plainly).mean()),
        gain_low=low,
        gain_high=high,
        chosen=tuple(chosen),
    )


def mean_by_policy(scores: QuestionScores) -> Mapping[RecallPolicy, float]:
    """Mean recall of each policy over all questions, in the policies' order: for looking, not for choosing."""
    return dict(zip(scores.policies, scores.found.mean(axis=1).tolist(), strict=True))


async def _score_dialogue(
    database: Database, dialogue: Dialogue, policies: Sequence[RecallPolicy], embedder: TextEmbedder
) -> Floats:
    edits = [Edit(path, content, "") for path, content in dialogue.memories.items()]
    async with database.connection() as conn:
        store = await create_store(conn, dialogue.name, "", {}, _AT)
        await apply_edits(conn, store.id, edits, act="import", actor="user", reason="evaluation", now=_AT)
    found = np.zeros((len(policies), len(dialogue.questions)))
    for row, policy in enumerate(policies):
        async with database.connection() as conn:
            await write_policy(conn, store.id, msgspec.json.encode(DreamPolicy(memory=MemoryPolicy(recall=policy))))
            with_meaning = embedder if policy.meaning_weight else None
            for column, question in enumerate(dialogue.questions):
                hits = await recall(
                    conn, store.id, question.text, DEPTH, now=_AT, embedder=with_meaning, most_tokens=_ANY_SIZE
                )
                found[row, column] = len(question.evidence & {hit.path for hit in hits}) / len(question.evidence)
    return found


def _bootstrap(differences: Floats, conversation: npt.NDArray[np.int64], seed: int) -> tuple[float, float]:
    """Percentile interval of the mean; conversations are drawn first, then questions within each (Efron 1979)."""
    rng = np.random.default_rng(seed)
    groups = [differences[conversation == each] for each in np.unique(conversation)]
    means = []
    for _ in range(2_000):
        drawn = [groups[i] for i in rng.integers(len(groups), size=len(groups))]
        means.append(np.concatenate([rng.choice(group, len(group)) for group in drawn]).mean())
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
