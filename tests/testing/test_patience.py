import pytest

from reverie.errors import SettingsError
from reverie.testing.patience import VARIABLE, read_patience


@pytest.mark.parametrize(("environment", "seconds"), [({}, 300.0), ({VARIABLE: ""}, 300.0), ({VARIABLE: "2.5"}, 2.5)])
def test_patience_is_generous_unless_told_otherwise(environment: dict[str, str], seconds: float) -> None:
    assert read_patience(environment) == seconds


@pytest.mark.parametrize("text", ["soon", "0", "-1", "inf", "nan"])
def test_patience_that_is_no_number_of_seconds_is_refused_by_name(text: str) -> None:
    with pytest.raises(SettingsError, match=VARIABLE):
        read_patience({VARIABLE: text})
