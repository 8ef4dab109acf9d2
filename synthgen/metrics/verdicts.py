"""The one place where verdict lines are corrected for being many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from synthgen.metrics.result import Verdict, Word

#: A line on its own speaks of a leak below this p. Planned so that about five lines together keep to FAMILY_P.
LEAK_P = 0.01
#: At most this share of generators that leak nothing gets any line that says otherwise.
FAMILY_P = 0.05

_BELOW: dict[Word, Word] = {"leak": "leak", "none_detected": "leak", "pass": "fail", "fail": "fail"}
_ABOVE: dict[Word, Word] = {
    "leak": "none_detected",
    "none_detected": "none_detected",
    "pass": "pass",
    "fail": "pass",
}


def family_wise(verdicts: Sequence[Verdict]) -> tuple[Verdict, ...]:
    """The lines in their order, their p corrected (Holm 1979) and their words set from the corrected p at 5 %.

    Lines without p, and lines that are not assessable, stay as they are.
    """
    tested = [i for i, line in enumerate(verdicts) if line.p is not None and line.verdict in _BELOW]
    corrected = dict(zip(tested, holm([verdicts[i].p or 0.0 for i in tested]), strict=True))
    return tuple(
        line if i not in corrected else replace(line, p=corrected[i], verdict=_word(line.verdict, corrected[i]))
        for i, line in enumerate(verdicts)
    )


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down correction: the i-th smallest of k times k - i + 1, never below its predecessor, at most 1."""
    corrected = [0.0] * len(p)
    reached = 0.0
    for rank, i in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        reached = max(reached, min(1.0, p[i] * (len(p) - rank)))
        corrected[i] = reached
    return corrected


def _word(word: Word, p: float) -> Word:
    return (_BELOW if p < FAMILY_P else _ABOVE)[word]
