"""Rules that no row can obey, alone or together, as far as comparisons of one or two columns tell.

Comparisons of bare columns with one another and with constants see only how values lie to those constants and to each
other. So finitely many points decide: the constants, and between any two that are neighbours as many points as there
are columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations, pairwise, product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synthgen.schema.rules import expression as ex
from synthgen.schema.rules.quantity import Quantity
from synthgen.schema.rules.truth import Values, truth

_DAY: Final = 86_400.0
#: A text that no rule names.
_OTHER: Final = "\0"


def contradictions(
    rules: Mapping[int, ex.Expression], resolve: Callable[[ex.Column], Quantity]
) -> Iterator[tuple[int, str]]:
    """Rules that exclude everything, each by its place, told at the last of those that together do.

    Args:
        rules: by their places in the list, such as make sense for their columns.
    """
    left = {place: rule for place, rule in rules.items() if _is_decided(rule)}
    every = {column: resolve(column) for rule in left.values() for column in ex.columns_of(rule)}
    for size in (1, 2):
        for columns in combinations(every, size):
            here = {place: rule for place, rule in left.items() if set(ex.columns_of(rule)) <= set(columns)}
            while here and (excluded := _excluded(here, {column: every[column] for column in columns})):
                last = excluded[-1]
                yield last, _words([here[place] for place in excluded])
                del left[last], here[last]


def _words(rules: Sequence[ex.Expression]) -> str:
    names = " and ".join(f"`{column}`" for column in dict.fromkeys(c for rule in rules for c in ex.columns_of(rule)))
    if len(rules) == 1:
        return f"no value of {names} obeys it; correct it"
    others = " and ".join(f"`{rule}`" for rule in rules[:-1])
    return f"together with {others} it leaves no value for {names}; correct one of them"


def _is_decided(rule: ex.Expression) -> bool:
    """Whether the points decide: a rule on single rows, in which nothing is computed."""
    if isinstance(rule, ex.BETWEEN_ROWS):
        return False
    return all(_is_bare(part) for part in ex.walk(rule)) and 0 < len(ex.columns_of(rule)) <= 2


def _is_bare(part: ex.Expression) -> bool:
    return not isinstance(part, ex.Sum | ex.Product | ex.Power | ex.Call) and not (
        isinstance(part, ex.Negative) and not isinstance(part.operand, ex.Number)
    )


def _excluded(rules: Mapping[int, ex.Expression], columns: Mapping[ex.Column, Quantity]) -> tuple[int, ...]:
    """The fewest rules that together leave nothing; none where all can be obeyed at once."""
    if any(quantity.sort in ("unknown", "list") for quantity in columns.values()):
        return ()
    points = _points(list(rules.values()), columns)
    if not len(next(iter(points.values())).numbers):
        return ()
    broken = {place: truth(rule, points).fails for place, rule in rules.items()}
    for size in (1, 2):
        for some in combinations(broken, size):
            if np.logical_or.reduce([broken[place] for place in some]).all():
                return some
    return tuple(broken) if np.logical_or.reduce(list(broken.values())).all() else ()


def _points(rules: Sequence[ex.Expression], columns: Mapping[ex.Column, Quantity]) -> dict[ex.Column, Values]:
    """All combinations of the points of each column; missing is one where a rule asks for it."""
    constants = _constants(rules, columns)
    axes = []
    for column, quantity in columns.items():
        can_lack = any(isinstance(part, ex.Missing) and part.column == column for r in rules for part in ex.walk(r))
        axes.append([*_axis(quantity, constants, len(columns)), *([np.nan] if can_lack else [])])
    grid = np.array([*product(*axes)], np.float64).reshape(-1, len(axes))
    labels = tuple(text for text in constants if isinstance(text, str))
    return {
        column: Values(quantity, grid[:, i], np.isnan(grid[:, i]), _labels(quantity, labels))
        for i, (column, quantity) in enumerate(columns.items())
    }


def _labels(quantity: Quantity, constants: tuple[str, ...]) -> tuple[str, ...]:
    if quantity.sort != "text":
        return ()
    return quantity.levels or tuple(dict.fromkeys((*constants, _OTHER, _OTHER * 2)))


def _constants(rules: Sequence[ex.Expression], columns: Mapping[ex.Column, Quantity]) -> list[float | str]:
    """What every constant of the rules can mean beside any of the columns."""
    found: list[float | str] = []
    for part in (part for rule in rules for part in ex.walk(rule)):
        if isinstance(part, ex.Number):
            found += [part.value, -part.value]
        elif isinstance(part, ex.Text):
            for quantity in columns.values():
                try:
                    found.append(quantity.constant(part.value))
                except ValueError:
                    continue  # it stands beside the other column
    for quantity in columns.values():
        found += [bound for bound in (quantity.low, quantity.high) if bound is not None]
    return list(dict.fromkeys(found))


def _axis(quantity: Quantity, constants: Sequence[float | str], between: int) -> NDArray[np.float64]:
    """The points of one column, within its declared bounds."""
    if quantity.sort == "level":
        return np.arange(len(quantity.levels), dtype=np.float64)
    if quantity.sort == "text":
        texts = tuple(constant for constant in constants if isinstance(constant, str))
        return np.arange(len(_labels(quantity, texts)), dtype=np.float64)
    edges = sorted({constant for constant in constants if isinstance(constant, float)}) or [0.0]
    step = 1.0 if quantity.whole else _DAY if quantity.sort == "date" else 1e-3
    reach = step * (between + 1)
    shares = np.arange(1, between + 1) / (between + 1)
    inner = [low + (high - low) * shares for low, high in pairwise(edges)]
    points = np.concatenate([edges, edges[0] - reach * shares, edges[-1] + reach * shares, *inner])
    if quantity.whole or quantity.sort == "date":
        # Beside an edge there may be fewer whole values than points, so the nearest are taken on either side.
        near = np.arange(-between, between + 1)
        points = np.unique([np.floor(point / step) * step + near * step for point in points])
    low, high = (-np.inf if quantity.low is None else quantity.low), np.inf if quantity.high is None else quantity.high
    return np.unique(points[(points >= low) & (points <= high)])
