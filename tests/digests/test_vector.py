"""Vectors of texts."""

import base64
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reverie.digests import vector
from reverie.digests.hashing import murmur3
from reverie.digests.vector import HashedEmbedder, StaticEmbedder, TextEmbedder, pack_vectors, unpack_vectors
from reverie.errors import SettingsError

STORED = Path(__file__).with_name("hashed_vectors.json")
"""Texts of many scripts, and their vectors as scikit-learn 1.9's HashingVectorizer made them."""
TEXTS = ["I want to cancel my order", "Please cancel the order I made", "How many singers are there?", "", "¡!"]


@pytest.fixture(scope="module", params=["hashed", "static"])
def embedder(request: pytest.FixtureRequest) -> TextEmbedder:
    if request.param == "hashed":
        return HashedEmbedder()
    pytest.importorskip("wordllama")
    return StaticEmbedder()


def test_rows_are_of_unit_length_or_zero_for_no_text(embedder: TextEmbedder) -> None:
    vectors = embedder.embed(TEXTS)
    assert vectors.shape == (5, embedder.dimensions)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), [1, 1, 1, 0, 1], atol=1e-5)
    assert embedder.embed([]).shape == (0, embedder.dimensions)


def test_like_requests_are_nearer_than_unlike_ones(embedder: TextEmbedder) -> None:
    likeness = embedder.embed(TEXTS) @ embedder.embed(TEXTS).T
    assert likeness[0, 1] > likeness[0, 2] + 0.2


def test_a_text_has_the_same_vector_alone_and_in_company(embedder: TextEmbedder) -> None:
    together = pack_vectors(embedder.embed(TEXTS))
    assert [pack_vectors(embedder.embed([text]))[0] for text in TEXTS] == together


def test_hashed_vectors_are_to_the_last_bit_those_that_databases_hold() -> None:
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    vectors = np.frombuffer(base64.b64decode(stored["vectors"]), "<f4").reshape(-1, 256)
    assert (HashedEmbedder().embed(stored["texts"]) == vectors).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=6), st.text(max_size=40))
def test_a_hashed_vector_does_not_depend_on_the_batch(texts: list[str], text: str) -> None:
    embedder = HashedEmbedder()
    assert (embedder.embed([*texts, text])[-1] == embedder.embed([text])[0]).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=5))
def test_stored_vectors_keep_their_likeness(texts: list[str]) -> None:
    embedder = HashedEmbedder()
    vectors = embedder.embed(texts)
    read = unpack_vectors(pack_vectors(vectors), embedder.dimensions)
    assert read.shape == vectors.shape
    assert np.allclose(read @ read.T, vectors @ vectors.T, atol=1e-3)


def test_without_the_optional_package_openings_are_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector, "wordllama", None)
    vector.open_embedder.cache_clear()
    assert vector.open_embedder(None).name == HashedEmbedder.name
    with pytest.raises(SettingsError, match=r"REVERIE_EMBEDDER='wordllama'.*reverie\[vectors\]"):
        vector.open_embedder("wordllama")
    vector.open_embedder.cache_clear()
    with pytest.raises(ModuleNotFoundError, match=r"reverie\[vectors\]"):
        StaticEmbedder()


def test_an_embedder_is_chosen_by_name_and_an_unknown_name_is_refused_with_those_that_are_known() -> None:
    assert vector.open_embedder("hashed").name == HashedEmbedder.name
    with pytest.raises(SettingsError, match="'other' is unknown; known are hashed, wordllama"):
        vector.open_embedder("other")


@pytest.mark.parametrize(
    ("text", "value"),
    [("", 0), ("a", 0x3C2569B2), ("aaaa", 0x7EEED987), ("Hello, world!", 0xC0363E43)],
)
def test_the_hash_is_murmur3_of_32_bits(text: str, value: int) -> None:
    data = np.frombuffer(text.encode(), np.uint8)
    assert murmur3(data, np.array([0]), np.array([len(data)])).view(np.uint32)[0] == value
