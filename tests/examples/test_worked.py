"""The worked examples find what is planted in their data, and nothing that is not."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from reverie.testing.patience import PATIENCE_SECONDS

RUN = Path(__file__).parents[2] / "examples" / "worked" / "work_through.py"
FOUND = {
    "support": {"verify_identity", "make the same call again", "offer_voucher", "check_policy"},
    "coding": {"Run `pytest` before the first `Edit` call", "“no match”, call `Read`"},
    "health": {"`age_group=infant`, call `ask_red_flags`", "call `ask_measured_value`", "call `offer_call_back`"},
    "education": {"`mode` set to `guided`", "call `request_photo`", "`level=beginner`, call `show_worked_example`"},
}
LEFT_ALONE = {
    "support": {"transfer", "apolog"},
    "coding": {"Grep"},
    "health": {"book_appointment", "list_practices"},
    "education": {"grade_answer", "search_library"},
}


@pytest.mark.parametrize("field", FOUND)
def test_a_worked_example_says_what_is_so_and_no_more(field: str, database_url: str, tmp_path: Path) -> None:
    finished = subprocess.run(
        [sys.executable, RUN, field, "--folder", tmp_path],
        env={**os.environ, "DATABASE_URL": database_url, "REVERIE_WORKERS": "1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    _, _, briefing = finished.stdout.partition(f"$ reverie briefing {field}")
    said = " ".join(briefing.split())
    assert {lesson for lesson in FOUND[field] if lesson not in said} == set()
    assert {lesson for lesson in LEFT_ALONE[field] if lesson in said} == set()
    assert (tmp_path / "report.html").stat().st_size > 10_000


def test_every_field_of_the_examples_is_held_to_what_was_planted() -> None:
    assert set(runpy.run_path(str(RUN))["FIELDS"]) == set(FOUND) == set(LEFT_ALONE)
