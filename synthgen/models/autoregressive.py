"""Each code column given the ones before it, by one shallow network; trained in torch, sampled in numpy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import zip_longest
from typing import Any, ClassVar, Final, Literal

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.domain import UNOBSERVED, Domain
from synthgen.errors import NotApplicable
from synthgen.models import _device
from synthgen.models._autoregressive.associations import Associations
from synthgen.models._autoregressive.chain import Chain, Network
from synthgen.models._autoregressive.heard import heard
from synthgen.models._autoregressive.layout import Layout
from synthgen.models._autoregressive.levels import levelled
from synthgen.models._autoregressive.pair_rates import PairRates
from synthgen.models._autoregressive.pair_terms import PairTerms
from synthgen.models._autoregressive.scales import Scales
from synthgen.models._autoregressive.slopes import Slopes
from synthgen.models._autoregressive.weights import packed, unpacked
from synthgen.models._marginals import shares_of
from synthgen.models._possible import possible, require_possible
from synthgen.models.base import (
    RARE_BELOW,
    Codes,
    CodeSource,
    Condition,
    FittedModel,
    Given,
    Model,
    code_counts,
    fixes,
    of_rows,
)
from synthgen.progress import Progress, silent

#: Passes over 80,000 rows; fewer rows need more passes, but held-out patients decide how many.
_EPOCHS: Final = 4
_ROWS_OF_EPOCHS: Final = 80_000
_FEWEST_EPOCHS, _MOST_EPOCHS = 3, 60
#: Beyond so many rows fewer passes do.
_ROWS_OF_FEWEST: Final = 1_000_000
_BATCHES: Final = (64, 1024)
_BATCHES_PER_EPOCH: Final = 25
#: The share of patients by whom learning is stopped; so many at least, but no larger share than the last. Without any,
#: a few hundred patients with their histories are learned by heart.
_HELD_OUT: Final = 0.05
_FEWEST_HELD_OUT: Final = 40
_MOST_HELD_OUT: Final = 0.15
#: Of fewer patients those by whom learning is stopped are a larger share, and count in what is told after it. Where
#: they are a small one, an attack gains by that more than the records do.
_FEW_PATIENTS: Final = round(_FEWEST_HELD_OUT / _HELD_OUT)
#: The penalty on weights for each code that could be generated, of all columns: the more codes, the more there is in
#: which noise could be taken for something. By trial against a membership attack by likelihood ratio.
_PENALTY: Final = 0.25
#: Of many rows each weighs little, and less has to be held back: from so many to so many, less and less.
_FEW_TO_MANY: Final = (8000.0, 80_000.0)
_HELD_BACK: Final = (1.0, 0.3)
#: Of so many rows at most associations are looked for that the penalty has erased, as of more it erases few; and of so
#: many cells, as with more looking takes longer than learning.
_FEW_ROWS: Final = 40_000
_FEW_CELLS: Final = 4_000_000
#: Where rows are given more than they have themselves, few codes could be told by all of it, patient by patient. There
#: each counts as so many, but no more than so many together; and for the weights by which the given is told as many as
#: all codes are, up to so many. By trial on tables of two extracts: with as much on all weights, held-out rows are less
#: probable and an attack by likelihood finds as many members.
_COUNTED_AS: Final = 3
_MOST_COUNTED: Final = 300
_MOST_GIVEN: Final = 750
#: Candidates per row from which a conditional draw is chosen, and how many there may be at a time.
_CANDIDATES: Final = 16
_PARTICLES: Final = 1 << 16
_ROUNDS: Final = 8
#: What the state keeps of the layout and, beside which scales they are of, of the slopes.
_SIZES: Final = ("order", "dims", "widths")
_OF_SLOPES: Final = ("slopes", "narrower", "scores")


@dataclass(frozen=True)
class Autoregressive(Model):
    """Learn every conditional distribution of a chain of columns.

    Attributes:
        condition_on: columns that are drawn first, so that single values asked of them are exact and cost nothing, as
            is one range.
        epochs: at most so many passes over the rows; chosen by the number of rows where left out.
        penalty: on weights, for each code that could be generated. Where left out it is so strong for few rows that a
            membership attack on the fitted model finds few, and weaker for many. With less the records are more
            faithful, and the model remembers more of who it was learned from.
        device: where to learn; ``auto`` takes a GPU where there is one.
    """

    follows: ClassVar[bool] = True

    condition_on: tuple[str, ...] = ()
    epochs: int | None = None
    penalty: float | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def __post_init__(self) -> None:
        if self.epochs is not None and self.epochs < 1:
            raise ValueError(f"epochs: found {self.epochs}; expected at least 1")
        if self.penalty is not None and not 0 <= self.penalty < float("inf"):
            raise ValueError(f"penalty: found {self.penalty}; expected 0 or more")

    @staticmethod
    def fitted() -> type[FittedAutoregressive]:
        return FittedAutoregressive

    def fit(
        self,
        source: CodeSource,
        *,
        rng: np.random.Generator,
        context: CodeSource | None = None,
        groups: Iterable[NDArray[np.int64]] | None = None,
        weights: Iterable[NDArray[np.float64]] | None = None,
        validation: CodeSource | None = None,
        rare_below: int = RARE_BELOW,
        progress: Progress = silent,
    ) -> FittedAutoregressive:
        from synthgen.models._autoregressive.descent import Rows, Schedule, train

        context_domains = () if context is None else context.domains
        domains = (*context_domains, *source.domains)
        weights = None if weights is None else [np.asarray(block, np.float64) for block in weights]
        counts = (code_counts(context, weights) if context is not None else []) + code_counts(source, weights)
        layout = Layout.of(domains, len(context_domains), counts, self.condition_on)
        each = None if weights is None else np.concatenate([*weights, np.zeros(0)]).astype(np.float32)
        rows = Rows(_gathered(layout, source, context), each)
        whose = np.arange(len(rows)) if groups is None else np.concatenate([*groups, np.zeros(0, np.int64)])
        everyone = rows, whose
        if validation is not None:
            held = Rows(_gathered(layout, validation, None), None)
        else:
            kept, apart = _held_out(whose, rng)
            rows, held, whose = rows.take(kept), rows.take(apart), whose[kept]
        layout, n = replace(layout, heard=heard(layout, rows.codes)), len(rows)
        batch = int(np.clip(1 << int(np.log2(max(n / _BATCHES_PER_EPOCH, 1))), *_BATCHES))
        usual = round(_EPOCHS * (_ROWS_OF_EPOCHS / max(n, 1)) ** 0.5)
        fewest = max(1, round(_FEWEST_EPOCHS * min(1.0, _ROWS_OF_FEWEST / max(n, 1))))
        epochs = self.epochs or int(np.clip(usual, fewest, _MOST_EPOCHS))
        with np.errstate(divide="ignore"):  # what was never seen has a logarithm of minus infinity
            level = [np.log(shares_of(domains[i], counts[i])) for i in layout.order]
        found = train(
            layout,
            level,
            rows,
            held if len(held) else None,
            Schedule(epochs, batch, max(3, epochs // 2), *_penalties(n, layout, self.penalty)),
            rng=rng,
            device=_device.chosen(self.device),
            progress=lambda epoch, loss, done: progress(f"epoch {epoch}, held-out loss {loss:.2f}", done),
        )
        is_small = n <= _FEW_ROWS and n * len(layout.order) <= _FEW_CELLS
        if len(np.unique(everyone[1])) < _FEW_PATIENTS:
            rows, whose = everyone
        drifting = Network(layout, tuple(found), PairTerms.none(), Slopes.none(layout))
        shares, rates = [np.exp(of) for of in level], PairRates.of(layout, rows, whose, rare_below)
        few = Associations.of(layout, rows, whose, rare_below) if is_small else None
        scales = Scales.of(layout, rows, whose, shares, rare_below) if is_small else None
        network = levelled(drifting, rows, shares, rates, few, scales, rng)
        return FittedAutoregressive(source.domains, context_domains, network)


def _gathered(layout: Layout, source: CodeSource, context: CodeSource | None) -> NDArray[np.integer[Any]]:
    """The rows of a source as ``train`` takes them, ``(n, entries)``, in the least room."""
    small = max(layout.sizes, default=0) <= np.iinfo(np.int16).max
    rows = np.empty((source.n_rows, len(layout.order)), np.int16 if small else np.int32)
    first = 0
    known: Iterable[Codes | None] = context if context is not None else iter(lambda: None, 0)
    for block, given in zip(source, known, strict=False):
        both = block if given is None else np.concatenate([given, block], axis=1)
        chosen = both[:, list(layout.order)]
        rows[first : first + len(block)] = np.where(chosen < 0, np.array(layout.sizes, np.int32), chosen)
        first += len(block)
    return rows


def _held_out(whose: NDArray[np.int64], rng: np.random.Generator) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The rows to learn from, and those of some patients by whom to stop; none of a handful of patients."""
    patients, dense = np.unique(whose, return_inverse=True)
    n = max(round(_HELD_OUT * len(patients)), min(_FEWEST_HELD_OUT, int(_MOST_HELD_OUT * len(patients))))
    apart = np.zeros(len(patients), bool)
    apart[rng.permutation(len(patients))[:n]] = True
    return np.flatnonzero(~apart[dense]), np.flatnonzero(apart[dense])


def _penalties(n_rows: int, layout: Layout, asked: float | None) -> tuple[float, float]:
    """How much weights cost, so that no row is remembered: in general, and those by which the given is told."""
    usual = _PENALTY * np.interp(np.log(max(n_rows, 1)), np.log(_FEW_TO_MANY), _HELD_BACK)
    each = float(usual if asked is None else asked)
    own, every = sum(layout.sizes[layout.first_own :]), sum(layout.sizes)
    counted = max(own, min(every, _COUNTED_AS * own, _MOST_COUNTED))
    return each * counted, each * max(counted, min(every, _MOST_GIVEN))


@dataclass(frozen=True, eq=False)
class FittedAutoregressive(FittedModel):
    """What was learned, with the domains of what is generated and of what is given."""

    domains: tuple[Domain, ...]
    context_domains: tuple[Domain, ...]
    network: Network

    @property
    def layout(self) -> Layout:
        """The order of the columns, and how much room each has."""
        return self.network.layout

    def sample(
        self, n: int, *, rng: np.random.Generator, given: Given | None = None, context: Codes | None = None
    ) -> Codes:
        conditions = dict(given or {})
        require_possible(conditions, self._seen, self.domains, n)
        chain = Chain.begin(self.network, n, context)
        last = self._last_conditioned(conditions)
        decided = self._decided(conditions, n, last)
        weight = np.zeros(n)
        for own, at in enumerate(decided, self.layout.first_own):
            met = chain.draw_until(own + 1, conditions, rng)
            if np.isneginf(met[~at]).any():
                raise self._nothing(conditions)
            weight += np.where(at, met, 0.0)
        if decided.any():
            self._choose(chain, np.flatnonzero(rng.random(n) >= np.exp(weight)), conditions, rng)
        chain.draw_until(len(self.layout.order), {}, rng)
        return chain.codes()

    def _choose(
        self, chain: Chain, open_rows: NDArray[np.intp], conditions: Mapping[int, Condition], rng: np.random.Generator
    ) -> None:
        """Draw rows of a chain again up to where it is, by importance resampling: one of several candidates each.

        Candidates follow the chain with conditioned columns kept to what is asked; the weight of one is the product of
        the probabilities that these would have been so by themselves (Rubin 1987, sampling importance resampling). It
        is 1 at most, so a first candidate may be taken with that probability (von Neumann 1951, rejection), and only
        rows whose first is not taken need more.
        """
        per_call = max(1, _PARTICLES // _CANDIDATES)
        for _ in range(_ROUNDS):
            still: list[NDArray[np.intp]] = []
            for first in range(0, len(open_rows), per_call):
                rows = open_rows[first : first + per_call]
                given = Chain.of(self.network, chain.drawn[: self.layout.first_own, rows].T)
                candidates = given.take(np.repeat(np.arange(len(rows)), _CANDIDATES))
                own = of_rows(conditions, np.repeat(rows, _CANDIDATES))
                weight = candidates.draw_until(chain.entry, own, rng).reshape(len(rows), _CANDIDATES)
                top = weight.max(axis=1)
                met = ~np.isneginf(top)
                shares = np.exp(weight[met] - top[met, None]).cumsum(axis=1)
                chosen = (shares <= (rng.random(met.sum()) * shares[:, -1])[:, None]).sum(axis=1)
                picked = np.flatnonzero(met) * _CANDIDATES + np.minimum(chosen, _CANDIDATES - 1)
                chain.put(rows[met], candidates, picked)
                still.append(rows[~met])
            open_rows = np.concatenate([*still, np.zeros(0, np.intp)])
            if not len(open_rows):
                return
        raise self._nothing(conditions)

    def _nothing(self, conditions: Mapping[int, Condition]) -> NotApplicable:
        names = ", ".join(sorted({self.domains[column].owner for column in conditions}))
        return NotApplicable(f"the model finds nothing that meets what is asked of {names} together")

    def log_mass(self, given: Given, *, n: int, context: Codes | None = None) -> NDArray[np.float64]:
        """As the contract says; exact where every column before a conditioned one is fixed, else estimated.

        The estimate is the mean weight of candidates drawn as in ``sample``, by a generator of its own.
        """
        conditions = dict(given)
        last = self._last_conditioned(conditions)
        start = Chain.begin(self.network, n, context)
        exact = self._is_exact(conditions, n, last)
        result = np.empty(n)
        for rows, copies in ((np.flatnonzero(exact), 1), (np.flatnonzero(~exact), self._copies(n))):
            rng = np.random.default_rng(0)
            per_call = max(1, _PARTICLES // copies)
            for first in range(0, len(rows), per_call):
                some = np.repeat(rows[first : first + per_call], copies)
                own = of_rows(conditions, some)
                weight = start.take(some).draw_until(last, own, rng).reshape(-1, copies)
                with np.errstate(divide="ignore"):
                    result[rows[first : first + per_call]] = np.logaddexp.reduce(weight, axis=1) - np.log(copies)
        result[~possible(conditions, self._seen, n)] = -np.inf
        return result

    def effective_share(self, given: Given, *, n: int, rng: np.random.Generator, context: Codes | None = None) -> float:
        conditions = dict(given)
        last = self._last_conditioned(conditions)
        if self._is_exact(conditions, n, last).all():
            return 1.0
        some = np.repeat(np.arange(min(n, _PARTICLES // _CANDIDATES)), _CANDIDATES)
        own = of_rows(conditions, some)
        weight = Chain.begin(self.network, n, context).take(some).draw_until(last, own, rng).reshape(-1, _CANDIDATES)
        weight = weight[~np.isneginf(weight).all(axis=1)]
        if not len(weight):
            return 0.0
        shares = np.exp(weight - weight.max(axis=1, keepdims=True))
        return float((shares.sum(axis=1) ** 2 / (shares**2).sum(axis=1)).mean() / _CANDIDATES)

    @staticmethod
    def _copies(n: int) -> int:
        """Candidates per row of an estimate: many for few rows, a few for many."""
        return int(np.clip(_PARTICLES // max(n, 1), 8, 512))

    def _is_exact(self, conditions: Mapping[int, Condition], n: int, last: int) -> NDArray[np.bool_]:
        """Rows in which nothing that is drawn decides how probable a condition is, shape ``(n,)``."""
        exact: NDArray[np.bool_] = ~np.logical_or.reduce(self._decided(conditions, n, last), axis=0)
        return exact

    def _decided(self, conditions: Mapping[int, Condition], n: int, last: int) -> NDArray[np.bool_]:
        """Where what is drawn decides how probable a condition is: by own entry before ``last`` and row."""
        decided = np.zeros((last - self.layout.first_own, n), bool)
        drawn = np.zeros(n, bool)
        for at, e in enumerate(range(self.layout.first_own, last)):
            condition = conditions.get(self.layout.column(e))
            if condition is None:
                drawn[:] = True
                continue
            fixed, free = _of_cells(condition)
            decided[at] = drawn & ~free
            drawn |= ~fixed
        return decided

    def _last_conditioned(self, conditions: Mapping[int, Condition]) -> int:
        """The entry behind the last one that has a condition."""
        layout = self.layout
        entries = [e for e in range(layout.first_own, len(layout.order)) if layout.column(e) in conditions]
        return max((entry + 1 for entry in entries), default=layout.first_own)

    @cached_property
    def _seen(self) -> tuple[NDArray[np.bool_], ...]:
        """Which codes of each column may be generated."""
        seen = [np.ones(domain.size, bool) for domain in self.domains]
        for e in range(self.layout.first_own, len(self.layout.order)):
            seen[self.layout.column(e)] = ~np.isneginf(self.network.weights[e].level)
        return tuple(seen)

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        sizes = {name: np.array(getattr(self.layout, name), np.int32) for name in _SIZES}
        # Where there is room for more than a run hears, -1 stands.
        heard = {"heard": np.array([*zip_longest(*self.layout.heard, fillvalue=-1)], np.int32).T}
        pairs = {"pairs": self.network.pairs.pairs, "pair_terms": self.network.pairs.terms}
        slopes = self.network.slopes
        of_scales = {"slope_pairs": slopes.pairs} | {name: getattr(slopes, name) for name in _OF_SLOPES}
        return {}, sizes | (heard if self.layout.heard else {}) | packed(self.network.weights) | pairs | of_scales

    @classmethod
    def from_state(
        cls,
        domains: tuple[Domain, ...],
        context_domains: tuple[Domain, ...],
        values: Mapping[str, Any],
        arrays: Mapping[str, NDArray[Any]],
    ) -> FittedAutoregressive:
        order, dims, widths = (_integers(arrays[name]) for name in _SIZES)
        heard = tuple(_integers(run[run >= 0]) for run in arrays.get("heard", ()))
        layout = Layout((*context_domains, *domains), len(context_domains), order, dims, widths, heard)
        pairs = PairTerms(arrays["pairs"], arrays["pair_terms"])
        if not pairs.fits(layout):
            raise ValueError("the pairs of codes do not fit the layout")
        slopes = Slopes(arrays["slope_pairs"], *(arrays[name] for name in _OF_SLOPES))
        if not slopes.fits(layout):
            raise ValueError("the slopes of scales do not fit the layout")
        return cls(domains, context_domains, Network(layout, unpacked(layout, arrays), pairs, slopes))


def _of_cells(condition: Condition) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Of which rows a condition leaves one code, and of which it asks nothing, ``(n,)`` or of all alike."""
    if fixes(condition):
        return condition != UNOBSERVED, condition == UNOBSERVED
    return (condition > 0).sum(axis=-1) == 1, (condition == 1).all(axis=-1)


def _integers(array: NDArray[Any]) -> tuple[int, ...]:
    if array.dtype != np.int32 or array.ndim != 1:
        raise ValueError("the layout is not of whole numbers")
    return tuple(array.tolist())
