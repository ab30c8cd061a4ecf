import pytest

from reverie.memory.series import series_neighbours


@pytest.mark.parametrize(
    ("path", "around"),
    [
        ("/talk/017.md", {("/talk/016.md", 1), ("/talk/018.md", 1), ("/talk/16.md", 1), ("/talk/18.md", 1)}),
        ("/log/2026-11-09", {(f"/log/2026-11-{day}", 1) for day in ("08", "8", "10")}),
        ("/0.txt", {("/1.txt", 1)}),
    ],
)
def test_neighbours_have_the_next_numbers(path: str, around: set[tuple[str, int]]) -> None:
    assert set(series_neighbours(path, 1)) == around


def test_nearer_neighbours_come_first() -> None:
    distances = [distance for _, distance in series_neighbours("/turn-5", 3)]
    assert distances == sorted(distances)
    assert set(distances) == {1, 2, 3}


@pytest.mark.parametrize("path", ["/refunds.md", "/lessons/ask-first-a1b2c3.md", "/2026/plan.md", "/id-12345678901"])
def test_a_name_that_is_not_numbered_has_no_neighbours(path: str) -> None:
    assert list(series_neighbours(path, 2)) == []
