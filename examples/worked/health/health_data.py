"""A nurse line that sorts callers by how soon they need to be seen. All of it is made up; none of it is medical advice.

A session scores 1 where a later review agreed with the urgency that was given.
"""

from pathlib import Path

from reverie.testing.worlds import write_world
from reverie.testing.worlds.trade import Option, Trade, trade_world, with_truths

SEED, SESSIONS, TASKS = 3, 2_400, 80
IMPORT = (["import", "calls.jsonl.gz"],)
TRIAGE = with_truths(
    Trade(
        name="nurse-line",
        openings={
            "fever": "My little one has had a fever since last night.",
            "fall": "My father fell in the garden and his wrist is swollen.",
            "rash": "I have a rash on both arms that itches.",
            "headache": "I have had a headache for three days now.",
        },
        look_up="read_record",
        field="age_group",
        pays={"infant": 0.28, "adult": -0.28},
        check="ask_red_flags",
        topics=("fever", "fall", "rash", "headache"),
        work="score_urgency",
        error="Error: invalid value for temperature",
        recoveries=(
            Option("ask_measured_value", 0.4, 0.32),
            Option("score_urgency", 0.35, 0.0, {"mode": "estimate"}),
            Option("", 0.25),
        ),
        update="book_appointment",
        refusal="Error: slot not found",
        repairs=(Option("offer_call_back", 0.5, 0.32), Option("list_practices", 0.25), Option("", 0.25)),
        weak="headache",
    ),
    "invalid argument",
    "not found",
)
"""What is true in it: what pays, and when. A dream is not told."""


def make(folder: Path) -> None:
    """Write ``calls.jsonl.gz``: chat lines with a reward."""
    write_world(trade_world(TRIAGE, SEED, SESSIONS, TASKS), folder / "calls.jsonl.gz")
