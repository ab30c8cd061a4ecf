"""Names of situations and behaviours: what is written is read again as the same record, whatever tools are called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.digests.behaviour_name import (
    FAMILIES_WITH_SUBJECT,
    PLAIN_FAMILIES,
    SESSION,
    START,
    Argument,
    BehaviourName,
    Situation,
    called,
    read_label,
    read_name,
    read_situation,
    write_label,
)
from reverie.digests.vocabulary import kind_of

_texts = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [" | ", "a | b", "x | call:y", "before x | ask", "sql:show", "a b", "session", "", '"', '"a" | ask']
    ),
    st.lists(st.sampled_from(["a", " | ", ":", " ", "call:", "ask", '"', "before ", "→", "=", "."]), max_size=8).map(
        "".join
    ),
)
_situations = st.one_of(
    st.sampled_from([SESSION, START]),
    st.builds(Situation, st.sampled_from(["after", "before", "seen", "given", "delegating", "reporting"]), _texts),
)
_names = st.one_of(
    st.builds(BehaviourName, st.sampled_from(sorted(PLAIN_FAMILIES))),
    st.builds(BehaviourName, st.sampled_from(sorted(FAMILIES_WITH_SUBJECT)), _texts),
)


@given(_situations, _names)
def test_every_record_of_the_vocabulary_is_read_from_its_text(situation: Situation, name: BehaviourName) -> None:
    assert read_situation(situation.text) == situation
    assert read_name(name.text) == name
    assert read_label(write_label(situation, name)) == (situation, name)
    assert kind_of(name)


@given(_texts, _texts)
def test_texts_of_other_versions_are_kept_as_they_are(situation: str, name: str) -> None:
    assert read_situation(situation).text == situation
    assert read_name(name).text == name


@pytest.mark.parametrize(
    ("label", "situation", "name"),
    [
        ("ask", SESSION, BehaviourName("ask")),
        ("call:refund", SESSION, called("refund")),
        ("call:a | b", SESSION, called("a | b")),
        ("start | call:sql:show", START, called("sql:show")),
        ("after error:no such file | same call again",
         Situation("after", "error:no such file"), BehaviourName("same call again")),
        ("before look | up | call:a | b", Situation("before", "look | up"), called("a | b")),
        ("seen T.tier=gold | ask", Situation("seen", "T.tier=gold"), BehaviourName("ask")),
        ("given search.limit | arg:search.limit=5",
         Situation("given", "search.limit"), BehaviourName("arg", "search.limit=5")),
        ("delegating writer | brief:writer done",
         Situation("delegating", "writer"), BehaviourName("brief", "writer done")),
        ("reporting a | b | asked back:a | b", Situation("reporting", "a | b"), BehaviourName("asked back", "a | b")),
        ("repeats another thread:bash:grep", SESSION, BehaviourName("repeats another thread", "bash:grep")),
        ("category:late | parcels", SESSION, BehaviourName("category:late | parcels")),
        ("after lunch | nap:twice", Situation("after", "lunch"), BehaviourName("nap:twice")),
    ],
)  # fmt: skip
def test_stored_labels_are_read_and_written_alike(label: str, situation: Situation, name: BehaviourName) -> None:
    assert read_label(label) == (situation, name)
    assert write_label(situation, name) == label


def test_a_name_of_an_action_that_reads_like_a_label_is_quoted() -> None:
    odd = Situation("before", "a | call:b")
    assert write_label(odd, called("c")) == 'before "a | call:b" | call:c'


def test_the_parts_of_a_name_are_fields() -> None:
    assert BehaviourName("then", "a b→sql:show").order == ("a b", "sql:show")
    assert BehaviourName("arg", "a.b.rate=0.5").argument == Argument("a.b", "rate", "0.5")
    assert BehaviourName("args", "list: all.path").argument == Argument("list: all", "path")
    assert BehaviourName("brief", "senior writer done").brief == ("senior writer", "done")
    assert Situation("after", "error:timed out").error == "timed out"
    assert Situation("after", "error").error is None
    seen = Situation("seen", "get_user.trip.cabin=economy")
    assert (seen.source, seen.fact, seen.without_value) == (
        "get_user",
        "trip.cabin=economy",
        "seen get_user.trip.cabin",
    )
