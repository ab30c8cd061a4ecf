"""JSON in replies, and the names of failures."""

import pytest

from reverie.errors import ModelRefused, ModelReplyInvalid, ModelUnavailable
from reverie.language_model import ModelMessage, ModelRequest, ModelUsage
from reverie.models.reply import name_failure, read_reply

PLAIN = ModelRequest("test/1", (ModelMessage("user", "Hello"),), 50)
STRUCTURED = ModelRequest("test/1", (ModelMessage("user", "Hello"),), 50, schema={})
USAGE = ModelUsage(11, 7, cache_read_tokens=5)


@pytest.mark.parametrize("text", ['{"n": 4}', 'Here it is:\n```json\n{"n": 4}\n```\nAnything else? {}'])
def test_json_is_read_with_or_without_what_small_models_put_around_it(text: str) -> None:
    assert read_reply(STRUCTURED, text, USAGE).parsed == {"n": 4}


def test_text_is_left_alone_where_no_json_was_asked_for() -> None:
    assert read_reply(PLAIN, '{"n": 4}', USAGE).parsed is None


@pytest.mark.parametrize("text", ["", "I would say four.", '{"n": 4', "[4]", '{"a":' * 100_000])
def test_a_reply_that_is_not_the_json_asked_for_is_invalid_and_was_paid_for(text: str) -> None:
    with pytest.raises(ModelReplyInvalid) as raised:
        read_reply(STRUCTURED, text, USAGE)
    assert (raised.value.input_tokens, raised.value.output_tokens) == (16, 7)


@pytest.mark.parametrize(
    ("status", "kind", "hint"),
    [
        (400, ModelRefused, "400"),
        (413, ModelRefused, "413"),
        (401, ModelUnavailable, "REVERIE_MODEL_KEY"),
        (404, ModelUnavailable, "REVERIE_MODEL_URL"),
        (529, ModelUnavailable, "529"),
        (None, ModelUnavailable, "m: no"),
    ],
)
def test_a_failure_says_what_to_look_at(status: int | None, kind: type[Exception], hint: str) -> None:
    error = name_failure("m", status, "no")
    assert type(error) is kind and hint in str(error)
