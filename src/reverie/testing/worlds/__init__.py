"""Planted worlds: made-up agents' sessions whose true causes are known, to test what a dream finds."""

from reverie.testing.worlds.desk import (
    confounded_world,
    drift_world,
    flips_world,
    graded_world,
    hand_off_world,
    missing_world,
    null_variant_world,
    null_world,
    plain_world,
    rare_world,
    shadows_world,
    sizes_world,
    support_desk,
    variant_world,
    wording_world,
)
from reverie.testing.worlds.score import ScoreRow, WorldScore, in_own_words, own_words, score_lessons, words_of
from reverie.testing.worlds.sql import early_stop_null_world, early_stop_world
from reverie.testing.worlds.team import null_team_world, team_failures, team_world
from reverie.testing.worlds.trades import incident_desk_world, pipeline_world, tutor_world
from reverie.testing.worlds.world import Truth, World, finding, write_world

__all__ = [
    "ScoreRow",
    "Truth",
    "World",
    "WorldScore",
    "confounded_world",
    "drift_world",
    "early_stop_null_world",
    "early_stop_world",
    "finding",
    "flips_world",
    "graded_world",
    "hand_off_world",
    "in_own_words",
    "incident_desk_world",
    "missing_world",
    "null_team_world",
    "null_variant_world",
    "null_world",
    "own_words",
    "pipeline_world",
    "plain_world",
    "rare_world",
    "score_lessons",
    "shadows_world",
    "sizes_world",
    "support_desk",
    "team_failures",
    "team_world",
    "tutor_world",
    "variant_world",
    "wording_world",
    "words_of",
    "write_world",
]
