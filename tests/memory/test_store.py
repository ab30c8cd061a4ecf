import pytest

from reverie.errors import InputError
from reverie.memory.store import check_store


def test_a_store_may_be_as_large_as_the_limits() -> None:
    check_store("n" * 255, "d" * 1_024, {f"{number:064}": "v" * 512 for number in range(16)})


@pytest.mark.parametrize(
    ("name", "description", "metadata", "field"),
    [
        ("", "", {}, "store name"),
        ("n" * 256, "", {}, "store name"),
        ("a\tb", "", {}, "control character"),
        ("n", "d" * 1_025, {}, "store description"),
        ("n", "", {str(number): "" for number in range(17)}, "17 pairs"),
        ("n", "", {"k" * 65: ""}, "store metadata 'k"),
        ("n", "", {"key": "v" * 513}, "store metadata 'key'"),
    ],
)
def test_a_field_that_breaks_its_rule_is_named(
    name: str, description: str, metadata: dict[str, str], field: str
) -> None:
    with pytest.raises(InputError, match=field):
        check_store(name, description, metadata)
