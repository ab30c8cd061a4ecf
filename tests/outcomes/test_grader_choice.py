import pytest

from reverie.errors import InputError
from reverie.outcomes.grader_choice import GraderChoice, read_choices


def test_a_line_names_graders_with_metric_and_argument() -> None:
    assert read_choices("helpful; brief = formula: 1 if turns < 9 else 0;kind=judge:Is it kind?") == (
        GraderChoice("helpful", "helpful"),
        GraderChoice("formula", "brief", {"formula": "1 if turns < 9 else 0"}),
        GraderChoice("judge", "kind", {"rubric": "Is it kind?"}),
    )


def test_an_entry_that_is_none_is_named() -> None:
    with pytest.raises(InputError, match="'9lives' is not"):
        read_choices("helpful; 9lives")
