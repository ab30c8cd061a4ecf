import gzip
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluation.dialogues import Dialogue, Question, read_beam, read_locomo
from evaluation.recall_evaluation import PLAIN, QuestionScores, cross_choose, score_questions

from reverie.digests.vector import HashedEmbedder
from reverie.memory.policy import RecallPolicy
from reverie.storage.postgres.database import Database

LOCOMO = {
    "sample_id": "conv-1",
    "conversation": {
        "session_1_date_time": "8 May",
        "session_1": [
            {"speaker": "Ann", "dia_id": "D1:1", "text": "Look!", "blip_caption": "a kite"},
            {"speaker": "Bob", "dia_id": "D1:2", "text": "Nice."},
        ],
    },
    "qa": [
        {"question": "What flew?", "answer": "SECRET", "evidence": ["D1:1; D1:9"], "category": 4},
        {"question": "Unknown?", "evidence": [], "category": 5},
    ],
    "session_summary": {"session_1_summary": "LEAK"},
}
CHAT = [{"batch_number": 1, "turns": [[{"role": "user", "id": 7, "content": "I moved to Oslo. ->-> 1,1"}]]}]
PROBING = {"update": [{"question": "Where?", "ideal_answer": "LEAK", "source_chat_ids": {"new": [7]}}], "abstain": [{}]}


def pack(path: Path, files: dict[str, Any]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            data = json.dumps(content).encode()
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def test_locomo_turns_become_a_numbered_series_and_answers_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "locomo.json.gz"
    path.write_bytes(gzip.compress(json.dumps([LOCOMO]).encode()))
    memories = {
        "/meeting-01/001.md": "Ann, 8 May: Look!\n(photo: a kite)",
        "/meeting-01/002.md": "Bob, 8 May: Nice.",
    }
    question = Question("What flew?", frozenset({"/meeting-01/001.md"}), "4")
    assert read_locomo(path) == [Dialogue("conv-1", memories, (question,))]


def test_beam_messages_lose_their_structure_marks(tmp_path: Path) -> None:
    path = pack(tmp_path / "beam.tar.gz", {"100K/3/chat.json": CHAT, "100K/3/probing_questions.json": PROBING})
    question = Question("Where?", frozenset({"/meeting-01/001.md"}), "update")
    memories = {"/meeting-01/001.md": "user: I moved to Oslo."}
    assert read_beam(path) == [Dialogue("beam-3", memories, (question,))]


async def test_questions_are_asked_of_recall_itself(database: Database) -> None:
    turns = {"/m/1.md": "Ann: which bird?", "/m/2.md": "Bob: a heron.", "/m/3.md": "Ann: rain", "/m/4.md": "Bob: bye"}
    question = Question("the bird of Ann", frozenset({"/m/1.md", "/m/9.md"}), "1")
    dialogue = Dialogue("d", turns, (question,))
    scores = await score_questions(database, [dialogue], [PLAIN, RecallPolicy()], HashedEmbedder())
    assert scores.found.tolist() == [[0.5], [0.5]]
    assert scores.conversation.tolist() == [0]


def test_each_conversation_is_reported_under_what_is_best_elsewhere() -> None:
    other = RecallPolicy(context_reach=1)
    found = np.array([[0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 0.0, 0.0]])
    gain = cross_choose(QuestionScores((PLAIN, other), found, np.array([0, 0, 1, 1])), [[0], [1]], seed=1)
    assert gain.chosen == (PLAIN, other)
    assert (gain.recall, gain.plain, gain.questions, gain.conversations) == (0, 0.5, 4, 2)
    assert gain.gain == pytest.approx(-0.5)
    assert gain.gain_low == pytest.approx(-1)
    assert gain.gain_high == pytest.approx(0)
