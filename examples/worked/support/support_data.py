"""A support desk: conversations from the ticket system, and the customers' ratings in a file of their own."""

import csv
from pathlib import Path

import msgspec

from reverie.testing.worlds import support_desk

SEED, SESSIONS, TASKS = 11, 1_200, 60
IMPORT = (["import", "tickets.jsonl", "--scores", "ratings.csv", "--score", "reward=happy"],)
"""Conversations and ratings meet by the conversation's id."""


def make(folder: Path) -> None:
    """Write ``tickets.jsonl`` (chat lines without a score) and ``ratings.csv`` (``session_id,happy,stars``)."""
    tickets, ratings = folder / "tickets.jsonl", folder / "ratings.csv"
    with tickets.open("wb") as lines, ratings.open("w", newline="", encoding="utf-8") as rows:
        table = csv.writer(rows)
        table.writerow(["session_id", "happy", "stars"])
        for line in support_desk(SEED, SESSIONS, TASKS).lines:
            happy = line.pop("reward")
            lines.write(msgspec.json.encode(line) + b"\n")
            table.writerow([line["id"], "true" if happy else "false", 5 if happy else 2])
