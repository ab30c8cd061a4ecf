from tests.conformance.divergences import CLIENT_SIDE
from tests.conformance.page import PAGE, compatibility_page, status_of
from tests.conformance.sdk_methods import sdk_methods


def test_the_compatibility_page_is_up_to_date() -> None:
    """``python -m tests.conformance.page`` writes it anew."""
    assert PAGE.read_text(encoding="utf-8") == compatibility_page()


def test_every_method_of_the_sdk_is_served() -> None:
    assert [method for method in sdk_methods() if status_of(method) == "not served"] == []
    assert CLIENT_SIDE.keys() <= set(sdk_methods())
