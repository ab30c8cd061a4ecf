"""Texts as vectors of unit length, by embedders that need no network."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from reverie.digests.hashing import letter_counts, word_counts
from reverie.errors import SettingsError
from reverie.extensions import EMBEDDERS, GROUPS, Extension, ExtensionPoint, called, load, names, refusal

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

    def embed(self, texts: Sequence[str]) -> Vectors:
        cut = _cut(texts)
        letters, words = letter_counts(cut, self.dimensions), word_counts(cut, self.dimensions)
        return _unit(_unit_of_counts(letters) + _unit_of_counts(words))


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
def open_embedder(name: str | None) -> TextEmbedder:
    """The embedder of that registered name, loaded once a process.

    None is the best at hand: static vectors where the optional package is installed, else hashed ones.

    Raises:
        SettingsError: there is none of that name, or its package is not installed.
        ExtensionError: it is another package's, and broken.
    """
    chosen = name or ("hashed" if wordllama is None else "wordllama")
    embedder = load(POINT, chosen)
    if embedder is None:
        raise SettingsError(f"REVERIE_EMBEDDER={chosen!r} is unknown; known are {', '.join(names(POINT))}")
    try:
        return embedder()
    except ModuleNotFoundError as error:
        raise SettingsError(f"REVERIE_EMBEDDER={chosen!r}: {error}, or unset it") from error


def _fitted(extension: Extension, given: Any) -> Callable[[], TextEmbedder]:
    """The embedder that an entry point refers to, which is made when it is called and then looked at."""
    if not callable(given):
        raise refusal(extension, f"is {type(given).__name__}, not {GROUPS[EMBEDDERS]}", "see docs/extensions.md")
    return lambda: _OtherEmbedder(extension, called(extension, given))


class _OtherEmbedder:
    """An embedder of another package, held to what is promised; its vectors are known by distribution and name."""

    def __init__(self, extension: Extension, given: Any) -> None:
        self._extension = extension
        self._given = given
        name, dimensions = getattr(given, "name", None), getattr(given, "dimensions", None)
        if not isinstance(name, str) or not name or not isinstance(dimensions, int) or dimensions < 1:
            raise refusal(extension, "gave no embedder with a name and dimensions", "report it to its makers")
        self.name = f"{extension.name}/{name}"
        self.dimensions = dimensions

    def embed(self, texts: Sequence[str]) -> Vectors:
        cut = _cut(texts)
        if not cut:
            return np.zeros((0, self.dimensions), np.float32)
        vectors = called(self._extension, _as_floats, self._given, cut)
        if vectors.shape != (len(cut), self.dimensions) or not np.isfinite(vectors).all():
            fault = f"gave vectors of shape {vectors.shape} for {len(cut)} texts of {self.dimensions} dimensions"
            raise refusal(self._extension, f"{fault}, or some that are not finite", "report it to its makers")
        return _unit(vectors)


def _as_floats(embedder: TextEmbedder, texts: Sequence[str]) -> Vectors:
    return np.asarray(embedder.embed(texts), np.float32)


POINT: ExtensionPoint[Callable[[], TextEmbedder]] = ExtensionPoint(
    EMBEDDERS, {"hashed": HashedEmbedder, "wordllama": StaticEmbedder}, _fitted
)
"""By the names that ``REVERIE_EMBEDDER`` takes."""


def pack_vectors(vectors: Vectors) -> list[bytes]:
    """Each row as little-endian float16: 512 bytes for 256 dimensions, inner products off by less than 0.001."""
    return [row.tobytes() for row in vectors.astype(_STORED)]


def unpack_vectors(packed: Sequence[bytes], dimensions: int) -> Vectors:
    """What :func:`pack_vectors` packed, as n rows of ``dimensions`` float32.

    Raises:
        ValueError: a row has another length.
    """
    return np.frombuffer(b"".join(packed), _STORED).reshape(-1, dimensions).astype(np.float32)


def _cut(texts: Sequence[str]) -> list[str]:
    return [text[:_LONGEST] for text in texts]


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return unit


def _unit_of_counts(counts: Vectors) -> Vectors:
    """As ``_unit``, the division in double precision: stored vectors were made so, to the last bit."""
    lengths = np.sqrt(np.square(counts, dtype=np.float64).sum(axis=1, keepdims=True))
    return np.divide(counts, np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
