"""Errors that come from deeper down end with what to do next."""

import pytest

from reverie.cli.hints import with_next_step
from reverie.errors import DatabaseError, NotFoundError, ReverieError


@pytest.mark.parametrize(
    ("error", "command"),
    [
        (NotFoundError("there is no session 'x'"), "reverie export -"),
        (NotFoundError("memory store m has no memory '/x'"), "reverie memory list STORE"),
        (NotFoundError("there is no memory store 'x'"), "reverie memory list"),
        (NotFoundError("there is no lesson 'x'"), "reverie memory list STORE"),
        (NotFoundError("there is no key 'x' in this workspace"), "reverie keys list"),
        (NotFoundError("no dream x"), "reverie dream"),
        (DatabaseError("cannot reach the database: timeout"), "reverie doctor"),
    ],
)
def test_an_error_without_a_next_step_gets_one(error: ReverieError, command: str) -> None:
    assert command in with_next_step(error).removeprefix(str(error))


@pytest.mark.parametrize("said", ["x is not there; name one that is", "run `reverie label`", "the stores are: a, b"])
def test_an_error_that_has_one_is_left_as_it_is(said: str) -> None:
    assert with_next_step(NotFoundError(said)) == said
