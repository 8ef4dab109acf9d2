"""What may be told by its words: keys of details by what the figure under them is, and texts without numbers."""

from __future__ import annotations

import re
from typing import Any

# Words that a row's key may be made of, by what the figure under it is. A key with any other word is left out.
NAMES = frozenset(
    "column columns table link pair triple target metric measure model learner task set attack subset family status "
    "group".split()
)
SCORES = frozenset(
    "accuracy auc c2st floor ceiling ks wasserstein tv variation total error difference delta association spearman "
    "cramers v correlation gap importance gain brier r2 slope calibration score overlap standardised p z excess alone "
    "drop when shuffled distance risk low high log ratio epsilon lower".split()
)
SHARES = frozenset("missing rate share coverage proportion fraction violations copies tpr fpr recall".split())
_SETS = frozenset("train holdout synthetic real value interval to of on the at and".split())
COUNTS = frozenset("n rows patients records count".split())
# Beside a rate these say whose it is, and are no name: `attack_rate`, `control_rate`.
_WHOSE = frozenset("attack control".split())
EXACT = frozenset("columns pairs links tables permutations repeats folds seeds subsets coefficients targets".split())
_NUMBER_IN_WORDS = re.compile(r"\d|\b(one|two|three|four|five|six|seven|eight|nine|ten|single|only|once|twice)\b", re.I)


def without_numbers(text: str) -> str:
    """A free text, unless a number could hide in it."""
    return "" if _NUMBER_IN_WORDS.search(text) else text


def words_of(key: str) -> list[str]:
    """The words of a key, in small letters."""
    return [word for word in re.split(r"[^a-z0-9]+", key.lower()) if word]


def is_known(key: str) -> bool:
    """Whether a key says of the figure under it how it may be told."""
    words = set(words_of(key))
    return words <= SCORES | SHARES | _SETS | COUNTS or ("rate" in words and words <= SHARES | _WHOSE)


def is_texts(value: Any) -> bool:
    """Whether it is a list of texts."""
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
