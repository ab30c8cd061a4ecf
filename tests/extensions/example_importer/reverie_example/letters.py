"""An embedder: how often each letter of the alphabet comes."""

from collections.abc import Sequence

import numpy as np

from reverie.digests.vector import Vectors


class LettersEmbedder:
    name = "letters-1"
    dimensions = 26

    def embed(self, texts: Sequence[str]) -> Vectors:
        alphabet = "abcdefghijklmnopqrstuvwxyz"
        return np.array([[text.lower().count(letter) for letter in alphabet] for text in texts], np.float32)
