"""English words that say nothing of a topic: the list of scikit-learn (BSD-3-Clause, see ``stop_words.LICENSE``).

It goes back to the information retrieval group of the University of Glasgow.
"""

from importlib import resources

ENGLISH_STOP_WORDS = frozenset(resources.files(__package__).joinpath("stop_words.txt").read_text("utf-8").split())
