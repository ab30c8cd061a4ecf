"""The figures of the recall benchmark, as far as they are tabled."""

import msgspec

from evaluation.recall_evaluation import RecallGain


class DialogueGains(msgspec.Struct, frozen=True):
    """One set of dialogues, its settings chosen on all conversations but one, or but two."""

    one_left_out: RecallGain
    two_left_out: RecallGain | None


class RecallQuality(msgspec.Struct, frozen=True):
    """What ``benchmarks/recall_quality.py`` prints."""

    embedder: str
    results: dict[str, DialogueGains]
