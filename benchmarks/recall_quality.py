"""Recall@5 on public dialogues whose evidence is known, as one JSON document on standard output.

    python -m benchmarks.recall_quality --locomo FILE [--beam FILE] [--categories 1 2 3 4] [--seed 1]

Settings are chosen on all conversations but one and reported on that one, in turn, and once more on three of five
against the other two. The files are not part of the project; a file that is absent is skipped with a word.
"""

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import msgspec
from evaluation.dialogues import ADVERSARIAL, Dialogue, read_beam, read_locomo
from evaluation.recall_evaluation import PLAIN, cross_choose, mean_by_policy, score_questions

from reverie.digests.vector import TextEmbedder, open_embedder
from reverie.memory.policy import RecallPolicy
from reverie.settings import Settings
from reverie.storage.postgres.database import Database, open_database

POLICIES = [
    PLAIN,
    RecallPolicy(context_reach=0, meaning_weight=0.3),
    *(
        RecallPolicy(context_reach=reach, context_decay=decay, meaning_weight=weight)
        for reach, decay, weights in (
            (1, 0.5, (0, 0.3)),
            (2, 0.3, (0, 0.2, 0.3, 0.4)),
            (2, 0.5, (0, 0.2, 0.3, 0.4)),
        )
        for weight in weights
    ),
]


async def evaluate(database: Database, dialogues: Sequence[Dialogue], embedder: TextEmbedder, seed: int) -> object:
    """All policies on all questions, and the gain with settings chosen elsewhere."""
    scores = await score_questions(database, dialogues, POLICIES, embedder)
    ones = [[i] for i in range(len(dialogues))]
    pairs = [list(pair) for pair in combinations(range(len(dialogues)), 2)]
    return {
        "one_left_out": msgspec.to_builtins(cross_choose(scores, ones, seed)),
        "two_left_out": msgspec.to_builtins(cross_choose(scores, pairs, seed)) if len(dialogues) == 5 else None,
        "every_policy": [
            {**msgspec.to_builtins(policy), "recall": round(value, 4)}
            for policy, value in mean_by_policy(scores).items()
        ],
    }


async def run(locomo: Path | None, beam: Path | None, categories: set[str], seed: int) -> dict[str, object]:
    """Each data set that is there."""
    embedder = open_embedder(None)
    results: dict[str, object] = {}
    with tempfile.TemporaryDirectory(prefix="reverie-evaluation-") as folder:
        async with open_database(Settings(home=Path(folder))) as database:
            for name, path, read in (("locomo", locomo, read_locomo), ("beam", beam, read_beam)):
                if path is None or not path.is_file():
                    print(f"{name}: skipped, no file {path}", file=sys.stderr)
                    continue
                dialogues = read(path) if name == "beam" else [_of(each, categories) for each in read(path)]
                began = time.perf_counter()
                results[name] = await evaluate(database, dialogues, embedder, seed)
                print(f"{name}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
    machine = {"processors": os.cpu_count(), "platform": platform.platform(), "python": platform.python_version()}
    return {"seed": seed, "embedder": embedder.name, "machine": machine, "results": results}


def _of(dialogue: Dialogue, categories: set[str]) -> Dialogue:
    kept = tuple(question for question in dialogue.questions if question.category in categories)
    return msgspec.structs.replace(dialogue, questions=kept)


def main() -> None:
    """Evaluate and print."""
    parser = argparse.ArgumentParser(description="Recall@5 on public dialogues.")
    parser.add_argument("--locomo", type=Path)
    parser.add_argument("--beam", type=Path)
    parser.add_argument("--categories", nargs="+", default=["1", "2", "3", "4"], help=f"{ADVERSARIAL} is adversarial")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    found = run(arguments.locomo, arguments.beam, set(arguments.categories), arguments.seed)
    print(json.dumps(asyncio.run(found), indent=2))


if __name__ == "__main__":
    main()
