"""Tables stand between their markers, and say what they must."""

import pytest
from evaluation.planted import DriftRun, run_world
from evaluation.recall_evaluation import RecallGain
from evaluation.recall_quality import DialogueGains, RecallQuality
from evaluation.stages import StageRow, measure_stages
from evaluation.tables import (
    drift_table,
    nulls_table,
    place_table,
    recall_table,
    stages_table,
    traces_tables,
    worlds_tables,
)

from reverie.mining.policy import MiningPolicy

DOCUMENT = "# Page\n\n<!-- begin one -->\nold\n<!-- end one -->\n\nText.\n\n<!-- begin two -->\n<!-- end two -->\n"


def test_a_table_replaces_what_stands_between_its_markers() -> None:
    placed = place_table(DOCUMENT, "one", "| a \\| b |")
    assert "old" not in placed
    assert placed.count("| a \\| b |") == 1
    assert place_table(placed, "one", "| a \\| b |") == placed
    assert placed.endswith("Text.\n\n<!-- begin two -->\n<!-- end two -->\n")


def test_a_document_without_the_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="no markers for 'three'"):
        place_table(DOCUMENT, "three", "")


def test_world_tables_name_worlds_truths_and_mistakes() -> None:
    run = run_world("rare-and-weak", 1, MiningPolicy(placebo_runs=1), sessions=400)
    text = worlds_tables([run])
    assert "`session \\| call:get_customer_profile`" in text
    assert "| rare-and-weak | 1 | 400 |" in text
    assert "All null worlds together: 0.000" in nulls_table([run])


def test_linear_growth_shows_as_one() -> None:
    rows = [StageRow("digest", size, size / 1_000, 100.0) for size in (500, 1_000, 4_000)]
    assert stages_table(rows).endswith("| digest | 0.50 s, 100 MB | 1.00 s, 100 MB | 4.00 s, 100 MB | 1.00 |")


def test_each_stage_is_timed() -> None:
    rows = measure_stages(80, MiningPolicy(placebo_runs=1))
    assert [row.stage for row in rows][:3] == ["make and parse", "digest", "lay out"]
    assert all(row.seconds > 0 and row.peak_mb > 10 for row in rows)


def test_a_lesson_kept_too_long_is_counted() -> None:
    runs = [DriftRun(1, True, True), DriftRun(2, True, False), DriftRun(3, False, True)]
    assert drift_table(runs).endswith("| 3 | 2 | 1 |")


def test_absent_traces_are_said_to_be() -> None:
    assert "| InterCode SQL | absent |" in traces_tables({"InterCode SQL": None})


def test_a_gain_in_recall_is_shown_with_its_interval() -> None:
    gain = RecallGain(5, 700, 0.6, 0.5, 0.1, 0.05, 0.15, ())
    text = recall_table(RecallQuality("hashed", {"locomo": DialogueGains(gain, None)}))
    assert "| locomo | all but one | 5 | 700 | 0.600 | 0.500 | +0.100 [+0.050, +0.150] |" in text
