"""Public long dialogues with questions whose evidence is known, as memories: LoCoMo and BEAM files, read by path.

LoCoMo: Maharana et al., "Evaluating Very Long-Term Conversational Memory of LLM Agents", 2024. BEAM: Tavakoli et al.,
"Beyond a Million Tokens", 2025. One turn is one memory, in a numbered series for each meeting; the answers, the
rubrics and the derived summaries are never read.
"""

import gzip
import re
import tarfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

_STRUCTURE_MARK = re.compile(r"\s*->->\s*[\d,\s]+$")
_LONGEST_MESSAGE = 25_000
"""Characters kept of a message: a memory holds at most 102,400 bytes."""
ADVERSARIAL = "5"
"""LoCoMo's category of questions that cannot be answered; their evidence is where the false trail leads."""


class Question(msgspec.Struct, frozen=True):
    """A question and the memories that hold its answer."""

    text: str
    evidence: frozenset[str]
    """Paths."""
    category: str


class Dialogue(msgspec.Struct, frozen=True):
    """One conversation as memories (path → content), and the questions about it that have evidence."""

    name: str
    memories: dict[str, str]
    questions: tuple[Question, ...]


def read_locomo(path: Path) -> list[Dialogue]:
    """The conversations of ``locomo10.json.gz``, in file order."""
    with gzip.open(path) as file:
        return [_locomo_dialogue(record) for record in msgspec.json.decode(file.read())]


def read_beam(path: Path) -> list[Dialogue]:
    """The conversations of ``beam-100K.tar.gz``, by number."""
    parts: dict[str, dict[str, Any]] = defaultdict(dict)
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None and member.name.endswith(".json"):
                *_, folder, name = member.name.split("/")
                parts[folder][name] = msgspec.json.decode(file.read())
    return [
        _beam_dialogue(folder, files["chat.json"], files["probing_questions.json"])
        for folder, files in sorted(parts.items(), key=lambda item: int(item[0]))
    ]


def _locomo_dialogue(record: Mapping[str, Any]) -> Dialogue:
    conversation = record["conversation"]
    path_of: dict[str, str] = {}
    memories: dict[str, str] = {}
    meeting = 1
    while (turns := conversation.get(f"session_{meeting}")) is not None:
        date = conversation[f"session_{meeting}_date_time"]
        for number, turn in enumerate(turns, 1):
            path = path_of[turn["dia_id"]] = f"/meeting-{meeting:02}/{number:03}.md"
            photo = f"\n(photo: {turn['blip_caption']})" if turn.get("blip_caption") else ""
            memories[path] = f"{turn['speaker']}, {date}: {turn['text']}{photo}"
        meeting += 1
    questions = tuple(
        Question(item["question"], evidence, str(item["category"]))
        for item in record["qa"]
        # Some entries hold several ids, and a few name no turn.
        if (evidence := frozenset(path_of[key] for key in _ids(item.get("evidence", ())) if key in path_of))
    )
    return Dialogue(record["sample_id"], memories, questions)


def _ids(evidence: list[str]) -> Iterator[str]:
    for entry in evidence:
        yield from re.split(r"[;,\s]+", entry)


def _beam_dialogue(name: str, chat: list[dict[str, Any]], probing: Mapping[str, list[dict[str, Any]]]) -> Dialogue:
    path_of: dict[int, str] = {}
    memories: dict[str, str] = {}
    for batch in chat:
        messages = [message for turn in batch["turns"] for message in turn]
        for number, message in enumerate(messages, 1):
            path = path_of[message["id"]] = f"/meeting-{batch['batch_number']:02}/{number:03}.md"
            date = f", {message['time_anchor']}" if message.get("time_anchor") else ""
            text = _STRUCTURE_MARK.sub("", message["content"])[:_LONGEST_MESSAGE]
            memories[path] = f"{message['role']}{date}: {text}"
    questions = tuple(
        Question(item["question"], evidence, ability)
        for ability, items in sorted(probing.items())
        for item in items
        if (evidence := frozenset(path_of[key] for key in _numbers(item.get("source_chat_ids")) if key in path_of))
    )
    return Dialogue(f"beam-{name}", memories, questions)


def _numbers(ids: Any) -> Iterator[int]:
    """Message ids, which come as a list or a dictionary of lists."""
    if isinstance(ids, int):
        yield ids
    elif isinstance(ids, dict | list):
        for part in ids.values() if isinstance(ids, dict) else ids:
            yield from _numbers(part)
