"""Texts as vectors of unit length, by embedders that need no network."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import HashingVectorizer

try:
    import wordllama
except ImportError:  # the optional extra ``vectors``
    wordllama = None

Vectors = npt.NDArray[np.float32]

_LONGEST = 4_000
_STORED = np.dtype("<f2")


class TextEmbedder(Protocol):
    """Turns texts into vectors whose inner product is their likeness."""

    @property
    def name(self) -> str:
        """Names the method and its version: only vectors of one name may be compared."""

    @property
    def dimensions(self) -> int:
        """Length of a vector."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row per text, of unit length; zeros where the first 4,000 characters hold nothing to read."""


class HashedEmbedder:
    """Words, pairs of words and the 3- and 4-grams of their letters, hashed with random signs into 256 dimensions.

    The hashing is itself a sparse random projection, whose inner products are unbiased (Weinberger et al., ICML 2009).
    """

    name = "hashed-256"
    dimensions = 256

    def __init__(self) -> None:
        self._letters = _hashing(analyzer="char_wb", ngram_range=(3, 4))
        self._words = _hashing(analyzer="word", ngram_range=(1, 2))

    def embed(self, texts: Sequence[str]) -> Vectors:
        cut = _cut(texts)
        if not cut:
            return np.zeros((0, self.dimensions), np.float32)
        hashed: Vectors = (self._letters.transform(cut) + self._words.transform(cut)).toarray()
        return _unit(hashed)


class StaticEmbedder:
    """Mean of static token vectors distilled from a language model: the 256-dimensional weights inside ``wordllama``.

    Raises:
        ModuleNotFoundError: the optional package ``wordllama`` is not installed.
        FileNotFoundError: this release of it does not ship the weights.
    """

    name = "wordllama-l2-supercat-256"
    dimensions = 256

    def __init__(self) -> None:
        if wordllama is None:
            raise ModuleNotFoundError("static embeddings need wordllama: pip install 'reverie[vectors]'")
        # Without these two, it looks in the user's home and then asks the network.
        folder = Path(wordllama.__file__).parent
        self._model = wordllama.WordLlama.load(dim=self.dimensions, cache_dir=folder, disable_download=True)

    def embed(self, texts: Sequence[str]) -> Vectors:
        # A batch is padded to its longest text, so texts of like length go together.
        cut = _cut(texts)
        order = sorted(range(len(cut)), key=lambda i: len(cut[i]))
        vectors = np.zeros((len(cut), self.dimensions), np.float32)
        if cut:
            vectors[order] = self._model.embed([cut[i] for i in order])
        return _unit(vectors)


@cache
def best_embedder() -> TextEmbedder:
    """Static vectors where the optional package is installed, else hashed ones; loaded once a process."""
    return HashedEmbedder() if wordllama is None else StaticEmbedder()


def pack_vectors(vectors: Vectors) -> list[bytes]:
    """Each row as little-endian float16: 512 bytes for 256 dimensions, inner products off by less than 0.001."""
    return [row.tobytes() for row in vectors.astype(_STORED)]


def unpack_vectors(packed: Sequence[bytes], dimensions: int) -> Vectors:
    """What :func:`pack_vectors` packed, as n rows of ``dimensions`` float32.

    Raises:
        ValueError: a row has another length.
    """
    return np.frombuffer(b"".join(packed), _STORED).reshape(-1, dimensions).astype(np.float32)


def _hashing(**settings: Any) -> HashingVectorizer:
    return HashingVectorizer(n_features=HashedEmbedder.dimensions, norm="l2", dtype=np.float32, **settings)


def _cut(texts: Sequence[str]) -> list[str]:
    return [text[:_LONGEST] for text in texts]


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return unit
