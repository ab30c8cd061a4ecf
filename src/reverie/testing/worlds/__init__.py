"""Planted worlds: made-up agents' sessions whose true causes are known, to test what a dream finds."""

from reverie.testing.worlds.desk import graded_world, missing_world, null_world, support_desk, variant_world
from reverie.testing.worlds.score import ScoreRow, WorldScore, score_lessons
from reverie.testing.worlds.sql import early_stop_world
from reverie.testing.worlds.world import Truth, World, finding, write_world

__all__ = [
    "ScoreRow",
    "Truth",
    "World",
    "WorldScore",
    "early_stop_world",
    "finding",
    "graded_world",
    "missing_world",
    "null_world",
    "score_lessons",
    "support_desk",
    "variant_world",
    "write_world",
]
