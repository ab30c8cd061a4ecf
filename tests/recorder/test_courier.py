"""What becomes of sessions when their destination is away, or there is no room, or the program ends."""

import os
from pathlib import Path
from typing import Any

import pytest

from reverie.testing.patience import PATIENCE_SECONDS
from tests.recorder.conftest import Desk, Shelf, told


def say(desk: Desk, text: str, **about: Any) -> None:
    with desk.record(**about) as session:
        session.user(text)


def texts(desk: Desk) -> list[str]:
    return [text for one in desk.arrived() for _, text in told(one)]


def test_what_is_said_while_the_destination_is_away_arrives_when_it_is_back(
    desk: Desk, heard: pytest.LogCaptureFixture
) -> None:
    desk.shelf.is_away = True
    for number in range(5):
        say(desk, str(number))
    assert desk.courier().flush(PATIENCE_SECONDS) == 5
    assert heard.text.count("nobody is there") == 1
    desk.shelf.is_away = False
    assert texts(desk) == ["0", "1", "2", "3", "4"]


def test_what_a_program_could_not_send_the_next_one_sends(desk: Desk, heard: pytest.LogCaptureFixture) -> None:
    desk.shelf.is_away = True
    say(desk, "first", id="one")
    left_open = desk.record(id="two").begin()
    left_open.user("second")
    desk.courier().flush(PATIENCE_SECONDS)
    desk.end()
    assert "1 recorded sessions are not sent yet" in heard.text
    desk.shelf.is_away = False
    say(desk, "third", id="three")
    assert texts(desk) == ["first", "second", "third"]
    assert [one.session.metadata.get("interrupted") for one in desk.shelf.sessions] == [None, "true", None]
    desk.end()
    assert list(desk.folder.iterdir()) == []


def test_two_programs_at_once_leave_each_others_sessions_alone(desk: Desk) -> None:
    other = Desk(desk.folder, Shelf())
    desk.shelf.is_away = True
    say(desk, "mine")
    desk.courier().flush(PATIENCE_SECONDS)
    say(other, "theirs")
    assert texts(other) == ["theirs"]
    other.end()
    desk.shelf.is_away = False
    assert texts(desk) == ["mine"]


def test_what_there_is_no_room_for_is_dropped_counted_and_told_once(
    desk: Desk, heard: pytest.LogCaptureFixture
) -> None:
    desk.most = 2_000
    with desk.record() as session:
        for _ in range(10):
            session.user("x" * 1_000)
            desk.courier().flush(0)
    (found,) = desk.arrived()
    assert int(found.session.metadata["lines_lost"]) + len(found.events) == 10
    desk.end()
    assert heard.text.count("there is no room for what is recorded") == 1
    assert f"{found.session.metadata['lines_lost']} lines of recorded sessions were dropped in all" in heard.text


def test_what_the_destination_refuses_is_set_aside_and_the_rest_goes_on(
    desk: Desk, heard: pytest.LogCaptureFixture
) -> None:
    desk.shelf.unwanted = frozenset({"bad"})
    say(desk, "no", id="bad")
    say(desk, "yes", id="good")
    assert texts(desk) == ["yes"]
    assert "not this one" in heard.text
    assert [path.suffix for path in desk.folder.iterdir() if path.is_file()] == [".refused"]


def test_where_nothing_can_be_written_the_spool_is_a_temporary_folder(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    (tmp_path / "file").touch()
    desk.folder = tmp_path / "file" / "spool"
    say(desk, "still here")
    assert texts(desk) == ["still here"]
    assert desk.courier().spool.own.is_relative_to(tmp_path / "temporary")


def test_a_forked_process_carries_for_itself_alone(desk: Desk) -> None:
    desk.shelf.is_away = True
    say(desk, "of the parent")
    desk.courier().flush(PATIENCE_SECONDS)
    before = desk.courier().spool.own
    desk.courier().begin_anew()
    desk.shelf.is_away = False
    say(desk, "of the child")
    assert desk.courier().spool.own != before
    assert "of the child" in texts(desk)


def test_files_are_for_their_owner_alone(desk: Desk) -> None:
    desk.shelf.is_away = True
    say(desk, "private")
    desk.courier().flush(PATIENCE_SECONDS)
    modes = {path.stat().st_mode & 0o077 for path in (desk.courier().spool.own, *desk.courier().spool.own.iterdir())}
    assert modes == {0}


def test_a_temporary_folder_that_somebody_else_made_is_not_used(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, heard: pytest.LogCaptureFixture
) -> None:
    temporary = tmp_path / "temporary"
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    (temporary / f"reverie-recordings-{os.getuid()}").mkdir(parents=True, mode=0o777)
    (temporary / f"reverie-recordings-{os.getuid()}").chmod(0o777)
    (tmp_path / "file").touch()
    desk.folder = tmp_path / "file" / "spool"
    say(desk, "secret")
    desk.courier().flush(PATIENCE_SECONDS)
    assert "is not a folder of this user alone" in heard.text
    assert [*temporary.rglob("*.*")] == []


def test_a_temporary_folder_that_is_a_link_is_not_followed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "theirs").mkdir(mode=0o700)
    (tmp_path / "temporary" / f"reverie-recordings-{os.getuid()}").symlink_to(tmp_path / "theirs")
    (tmp_path / "file").touch()
    desk.folder = tmp_path / "file" / "spool"
    say(desk, "secret")
    desk.courier().flush(PATIENCE_SECONDS)
    assert [*(tmp_path / "theirs").iterdir()] == []


def test_links_that_lie_in_a_spool_are_neither_read_nor_followed(desk: Desk, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "private.ready").write_text("private\n")
    left = desk.folder / "1-left"
    left.mkdir(parents=True)
    (left / "0.ready").symlink_to(elsewhere / "private.ready")
    (desk.folder / "2-linked").symlink_to(elsewhere)
    say(desk, "own")
    assert texts(desk) == ["own"]
    assert (elsewhere / "private.ready").read_text() == "private\n"
    assert sorted(path.name for path in elsewhere.iterdir()) == ["private.ready"]
