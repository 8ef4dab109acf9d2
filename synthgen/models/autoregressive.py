"""Each code column given the ones before it, by one shallow network; trained in torch, sampled in numpy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.domain import UNOBSERVED, Domain
from synthgen.errors import NotApplicable
from synthgen.models import _device
from synthgen.models._heard import heard
from synthgen.models._layout import Layout
from synthgen.models._unlikely import Seldom, Unlikely
from synthgen.models._weights import Weights, packed, unpacked
from synthgen.models.base import (
    Codes,
    CodeSource,
    Condition,
    FittedModel,
    Given,
    Model,
    code_counts,
    fixes,
    of_rows,
    shares_of,
)
from synthgen.progress import Progress, silent

if TYPE_CHECKING:
    from synthgen.models._descent import Rows

#: Passes over 80,000 rows; fewer rows need more passes, but held-out patients decide how many.
_EPOCHS: Final = 4
_ROWS_OF_EPOCHS: Final = 80_000
_FEWEST_EPOCHS, _MOST_EPOCHS = 3, 60
#: Beyond so many rows fewer passes do.
_ROWS_OF_FEWEST: Final = 1_000_000
_BATCHES: Final = (64, 1024)
_BATCHES_PER_EPOCH: Final = 25
#: The share of patients by whom learning is stopped, and how many have to be there for that.
_HELD_OUT: Final = 0.05
_FEWEST_HELD_OUT: Final = 20
#: The penalty on weights for each code that could be generated, of all columns: the more codes, the more there is in
#: which noise could be taken for something. By trial against a membership attack by likelihood ratio.
_PENALTY: Final = 0.21
#: Of many rows each weighs little, and less has to be held back: from so many to so many, less and less.
_FEW_TO_MANY: Final = (8000.0, 80_000.0)
_HELD_BACK: Final = (1.0, 0.35)
#: Rows by which levels are corrected, and the probabilities held for that.
_LEVELLED: Final = 25_000
_LEVELLED_LOGITS: Final = 1 << 25
#: How often each column's levels are corrected after its pairs are, and how often that is done in turn.
_LEVELLINGS: Final = 2
_MEETINGS: Final = 3
#: Rows added to both sides there, so that a code of a few rows is not taken at its word.
_PSEUDO_ROWS: Final = 10.0
#: Candidates per row from which a conditional draw is chosen, and how many there may be at a time.
_CANDIDATES: Final = 16
_PARTICLES: Final = 1 << 16
_ROUNDS: Final = 8
#: Codes of a column that are summed up together before one of them is drawn.
_STRETCH: Final = 32
#: Logits that are held at a time.
_MOST_LOGITS: Final = 1 << 23

#: What the state keeps of the layout.
_SIZES: Final = ("order", "dims", "widths")


@dataclass(frozen=True)
class Autoregressive(Model):
    """Learn every conditional distribution of a chain of columns.

    Attributes:
        condition_on: columns that are drawn first, so that conditions on them are exact and cost nothing.
        epochs: at most so many passes over the rows; chosen by the number of rows where left out.
        penalty: on weights, for each code that could be generated. Where left out it is so strong for few rows that a
            membership attack on the fitted model finds nobody, and weaker for many. With less the records are more
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
        progress: Progress = silent,
    ) -> FittedAutoregressive:
        from synthgen.models._descent import Rows, Schedule, train

        context_domains = () if context is None else context.domains
        domains = (*context_domains, *source.domains)
        weights = None if weights is None else [np.asarray(block, np.float64) for block in weights]
        counts = (code_counts(context, weights) if context is not None else []) + code_counts(source, weights)
        layout = Layout.of(domains, len(context_domains), counts, self.condition_on)
        each = None if weights is None else np.concatenate([*weights, np.zeros(0)]).astype(np.float32)
        rows = Rows(_gathered(layout, source, context), each)
        whose = np.arange(len(rows)) if groups is None else np.concatenate([*groups, np.zeros(0, np.int64)])
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
            Schedule(epochs, batch, max(3, epochs // 2), _penalty(n, layout, self.penalty)),
            rng=rng,
            device=_device.chosen(self.device),
            progress=lambda epoch, loss, done: progress(f"epoch {epoch}, held-out loss {loss:.2f}", done),
        )
        drifting = FittedAutoregressive(source.domains, context_domains, layout, tuple(found), Unlikely.none())
        return _levelled(drifting, rows, [np.exp(of) for of in level], Seldom.of(layout, rows, whose), rng)


def _levelled(
    model: FittedAutoregressive,
    rows: Rows,
    shares: Sequence[NDArray[np.float64]],
    seldom: Seldom,
    rng: np.random.Generator,
) -> FittedAutoregressive:
    """The model, with levels at which every column of generated rows has the shares of the real one.

    What a column is given in training are real columns, in sampling those drawn before it; these differ a little, more
    from column to column. So rows are drawn as in sampling, and each column's levels are raised until the mean
    probability of a code is its share (iterative proportional fitting), before the column is drawn itself. Pairs of
    codes that are seldom together are met in the same way.

    Args:
        model: as it was learned, with no pairs corrected.
        rows: whose contexts are given.
        shares: of the codes, per entry of the layout.
        seldom: the pairs, as real rows have them.
    """
    layout, weights = model.layout, list(model.weights)
    n = min(len(rows), _LEVELLED, _LEVELLED_LOGITS // max(layout.sizes, default=1))
    if n == 0:
        return model
    odds = None if rows.weights is None else rows.weights / rows.weights.sum(dtype=np.float64)
    chosen = rng.choice(len(rows), n, replace=odds is not None, p=odds)
    chain = _Chain.of(model, rows.codes[chosen, : layout.first_own].astype(np.int32))
    added = np.zeros(len(seldom.pairs), np.float32)
    for e in range(layout.first_own, len(layout.order)):
        mass = chain._mass(slice(None))
        for _ in range(_MEETINGS):
            seldom.meet(e, chain.drawn, mass, added)
            raised = np.ones(layout.sizes[e], np.float32)
            for _ in range(_LEVELLINGS):
                # Not by BLAS: its float32 kernels have told of invalid values where all of them were finite.
                mean = raised * np.einsum("nk,n->k", mass, 1 / np.einsum("nk,k->n", mass, raised))
                raised *= ((shares[e] * n + _PSEUDO_ROWS) / (mean + _PSEUDO_ROWS)).astype(np.float32)
            mass *= raised
            weights[e] = replace(weights[e], level=weights[e].level + np.log(raised))
        chain._set(e, _at_share(mass, rng.random(n, dtype=np.float32)))
        chain.entry += 1
    return replace(model, weights=tuple(weights), unlikely=Unlikely(seldom.pairs, added))


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
    """The rows to learn from, and those of some patients by whom to stop; none where there are too few."""
    patients, dense = np.unique(whose, return_inverse=True)
    n = round(_HELD_OUT * len(patients))
    apart = np.zeros(len(patients), bool)
    if n >= _FEWEST_HELD_OUT:
        apart[rng.permutation(len(patients))[:n]] = True
    return np.flatnonzero(~apart[dense]), np.flatnonzero(apart[dense])


def _penalty(n_rows: int, layout: Layout, asked: float | None) -> float:
    """How much weights cost, so that no row is remembered."""
    usual = _PENALTY * np.interp(np.log(max(n_rows, 1)), np.log(_FEW_TO_MANY), _HELD_BACK)
    return float((usual if asked is None else asked) * sum(layout.sizes[layout.first_own :]))


@dataclass(frozen=True, eq=False)
class FittedAutoregressive(FittedModel):
    """The weights of the network, entry by entry of its layout, and what corrects them for pairs of codes."""

    domains: tuple[Domain, ...]
    context_domains: tuple[Domain, ...]
    layout: Layout
    weights: tuple[Weights, ...]
    unlikely: Unlikely

    def sample(
        self, n: int, *, rng: np.random.Generator, given: Given | None = None, context: Codes | None = None
    ) -> Codes:
        conditions = dict(given or {})
        self._require_possible(conditions, n)
        chain = _Chain.begin(self, n, context)
        last = self._last_conditioned(conditions)
        free = sum(self._column(e) not in conditions for e in range(self.layout.first_own, last))
        if free and last > self.layout.first_own:
            chain = self._chosen(chain, last, conditions, rng)
        else:
            # No free column comes before a conditioned one, so each is drawn from what it asks for, exactly.
            chain.draw_until(last, conditions, rng)
        chain.draw_until(len(self.layout.order), {}, rng)
        return chain.codes(conditions)

    def _chosen(
        self, start: _Chain, last: int, conditions: Mapping[int, Condition], rng: np.random.Generator
    ) -> _Chain:
        """Rows up to entry ``last``, by importance resampling: one of several candidates each, by its weight.

        Candidates follow the chain with conditioned columns kept to what is asked; the weight of one is the product of
        the probabilities that these would have been so by themselves (Rubin 1987, sampling importance resampling).
        """
        done = _Chain.of(self, start.drawn[: self.layout.first_own].T)
        open_rows = np.arange(start.n)
        per_call = max(1, _PARTICLES // _CANDIDATES)
        for _ in range(_ROUNDS):
            still: list[NDArray[np.intp]] = []
            for first in range(0, len(open_rows), per_call):
                rows = open_rows[first : first + per_call]
                candidates = start.take(np.repeat(rows, _CANDIDATES))
                own = of_rows(conditions, np.repeat(rows, _CANDIDATES))
                weight = candidates.draw_until(last, own, rng).reshape(len(rows), _CANDIDATES)
                top = weight.max(axis=1)
                met = ~np.isneginf(top)
                shares = np.exp(weight[met] - top[met, None]).cumsum(axis=1)
                chosen = (shares <= (rng.random(met.sum()) * shares[:, -1])[:, None]).sum(axis=1)
                picked = np.flatnonzero(met) * _CANDIDATES + np.minimum(chosen, _CANDIDATES - 1)
                done.put(rows[met], candidates, picked)
                still.append(rows[~met])
            open_rows = np.concatenate([*still, np.zeros(0, np.intp)])
            if not len(open_rows):
                done.entry = last
                return done
        names = ", ".join(sorted({self.domains[column].owner for column in conditions}))
        raise NotApplicable(f"the model finds nothing that meets what is asked of {names} together")

    def log_mass(self, given: Given, *, n: int, context: Codes | None = None) -> NDArray[np.float64]:
        """As the contract says; exact where every column before a conditioned one is fixed, else estimated.

        The estimate is the mean weight of candidates drawn as in ``sample``, by a generator of its own.
        """
        conditions = dict(given)
        last = self._last_conditioned(conditions)
        start = _Chain.begin(self, n, context)
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
        impossible = ~self._possible(conditions, n)
        result[impossible] = -np.inf
        return result

    def effective_share(self, given: Given, *, n: int, rng: np.random.Generator, context: Codes | None = None) -> float:
        conditions = dict(given)
        last = self._last_conditioned(conditions)
        if self._is_exact(conditions, n, last).all():
            return 1.0
        some = np.repeat(np.arange(min(n, _PARTICLES // _CANDIDATES)), _CANDIDATES)
        own = of_rows(conditions, some)
        weight = _Chain.begin(self, n, context).take(some).draw_until(last, own, rng).reshape(-1, _CANDIDATES)
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
        exact = np.ones(n, bool)
        drawn = np.zeros(n, bool)
        for e in range(self.layout.first_own, last):
            condition = conditions.get(self._column(e))
            if condition is None:
                drawn[:] = True
                continue
            is_fixed = fixes(condition)
            fixed: NDArray[np.bool_] = condition != UNOBSERVED if is_fixed else np.zeros(n, bool)
            exact &= ~(drawn & (fixed if is_fixed else np.True_))
            drawn |= ~fixed
        return exact

    def _last_conditioned(self, conditions: Mapping[int, Condition]) -> int:
        """The entry behind the last one that has a condition."""
        entries = [e for e in range(self.layout.first_own, len(self.layout.order)) if self._column(e) in conditions]
        return max((entry + 1 for entry in entries), default=self.layout.first_own)

    def _column(self, entry: int) -> int:
        """The model's own column that an entry of the layout is."""
        return self.layout.order[entry] - self.layout.n_context

    @cached_property
    def _seen(self) -> tuple[NDArray[np.bool_], ...]:
        """Which codes of each column may be generated."""
        seen = [np.ones(domain.size, bool) for domain in self.domains]
        for e in range(self.layout.first_own, len(self.layout.order)):
            seen[self._column(e)] = ~np.isneginf(self.weights[e].level)
        return tuple(seen)

    @cached_property
    def _shared(self) -> dict[range, NDArray[np.float32]]:
        """For each run the hidden weights of what all of it are told, side by side."""
        layout = self.layout
        return {
            run: np.concatenate([self.weights[e].hidden[: layout.n_told(run.start)] for e in run], axis=1)
            for run in layout.runs
        }

    @cached_property
    def _same(self) -> dict[int, list[NDArray[np.int64]]]:
        """For each entry and each of its kin, which code is the same."""
        own = range(self.layout.first_own, len(self.layout.order))
        return {e: [self.layout.same(e, other) for other in self.layout.kin(e)] for e in own}

    def _possible(self, conditions: Mapping[int, Condition], n: int) -> NDArray[np.bool_]:
        """Rows that ask of each column for something that it can be."""
        possible = np.ones(n, bool)
        for column, condition in conditions.items():
            seen = self._seen[column]
            if not fixes(condition):
                possible &= np.logical_and(np.atleast_2d(condition), seen).any(axis=1)
            else:
                possible &= (condition == UNOBSERVED) | seen[condition]
        return possible

    def _require_possible(self, conditions: Mapping[int, Condition], n: int) -> None:
        if not self._possible(conditions, n).all():
            names = ", ".join(sorted({self.domains[column].owner for column in conditions}))
            raise NotApplicable(f"the model never generates what is asked of {names}")

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        sizes = {name: np.array(getattr(self.layout, name), np.int32) for name in _SIZES}
        # Where there is room for more than a run hears, -1 stands.
        heard = {"heard": np.array([*zip_longest(*self.layout.heard, fillvalue=-1)], np.int32).T}
        pairs = {"pairs": self.unlikely.pairs, "unlikely": self.unlikely.added}
        return {}, sizes | (heard if self.layout.heard else {}) | packed(self.weights) | pairs

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
        unlikely = Unlikely(arrays["pairs"], arrays["unlikely"])
        if not unlikely.fits(layout):
            raise ValueError("the pairs of codes do not fit the layout")
        return cls(domains, context_domains, layout, unpacked(layout, arrays), unlikely)


def _integers(array: NDArray[Any]) -> tuple[int, ...]:
    if array.dtype != np.int32 or array.ndim != 1:
        raise ValueError("the layout is not of whole numbers")
    return tuple(array.tolist())


@dataclass(eq=False)
class _Chain:
    """Rows on their way through the network: what is drawn of them, and all that it says about the rest.

    Attributes:
        entry: the entry of the layout that comes next.
        drawn: int32 ``(entries, n)``, the codes by entry; the slot behind a column's codes where unobserved.
        embedded: float32 ``(n, numbers)``, the embeddings of what is drawn.
        ahead: what is computed for all entries of a run, ``(n, units of the run)``, once the first of it is begun.
    """

    model: FittedAutoregressive
    entry: int
    drawn: NDArray[np.int32]
    embedded: NDArray[np.float32]
    ahead: tuple[range, NDArray[np.float32]] | None = None

    @classmethod
    def begin(cls, model: FittedAutoregressive, n: int, context: Codes | None) -> _Chain:
        """Rows of which nothing but the context is known."""
        layout = model.layout
        if context is None:
            if model.context_domains:
                raise ValueError("this model was fitted with context and needs it")
            context = np.zeros((n, 0), np.int32)
        given = context[:, layout.order[: layout.first_own]]
        return cls.of(model, np.where(given < 0, np.array(layout.sizes[: layout.first_own], np.int32), given))

    @classmethod
    def of(cls, model: FittedAutoregressive, given: NDArray[np.int32]) -> _Chain:
        """Rows of which nothing but the entries of the context is known, ``(n, entries)``."""
        layout, n = model.layout, len(given)
        drawn = np.zeros((len(layout.order), n), np.int32)
        chain = cls(model, layout.first_own, drawn, np.zeros((n, layout.starts[-1]), np.float32))
        for e in range(layout.first_own):
            chain._set(e, given[:, e])
        return chain

    @property
    def n(self) -> int:
        return len(self.embedded)

    def take(self, rows: NDArray[np.intp]) -> _Chain:
        """The same rows again, some of them, some more than once."""
        return _Chain(self.model, self.entry, self.drawn[:, rows], self.embedded[rows])

    def put(self, rows: NDArray[np.intp], other: _Chain, chosen: NDArray[np.intp]) -> None:
        """Take rows over from another chain."""
        self.drawn[:, rows] = other.drawn[:, chosen]
        self.embedded[rows] = other.embedded[chosen]

    def draw_until(
        self, end: int, conditions: Mapping[int, Condition], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Draw the entries up to ``end``, each within its condition.

        Returns:
            The logarithm of the probability that the conditions would have been met unasked, shape ``(n,)``.
        """
        log_weight = np.zeros(self.n)
        while self.entry < end:
            condition = conditions.get(self.model._column(self.entry))
            codes = np.empty(self.n, np.int32)
            rows_at_a_time = max(1, _MOST_LOGITS // self.model.layout.sizes[self.entry])
            for first in range(0, self.n, rows_at_a_time):
                rows = slice(first, min(first + rows_at_a_time, self.n))
                mass = self._mass(rows)
                codes[rows], log_met = _draw(mass, None if condition is None else _cut(condition, rows), rng)
                log_weight[rows] += log_met
            self._set(self.entry, codes)
            self.entry += 1
        return log_weight

    def _mass(self, rows: slice) -> NDArray[np.float32]:
        """The unnormalised probabilities of the next entry's codes, the largest 1: shape ``(rows, codes)``."""
        layout, weights = self.model.layout, self.model.weights[self.entry]
        hidden = self._told(rows)
        hidden += weights.offset
        np.maximum(hidden, 0, out=hidden)
        logits: NDArray[np.float32] = np.matmul(hidden, weights.head, dtype=np.float32)
        logits += weights.level
        for e, same, added in zip(layout.kin(self.entry), self.model._same[self.entry], weights.repeats, strict=True):
            stands = same[self.drawn[e, rows]]
            (known,) = np.nonzero(stands >= 0)
            logits[known, stands[known]] += added[stands[known]]
        first = 0
        for echo, gains in zip(layout.echoes(self.entry), weights.gains, strict=True):
            drawn = self.drawn[:, rows]
            unit = drawn[echo.unit]
            about = echo.told[unit]
            (known,) = np.nonzero(about >= 0)
            logits[known] += weights.echoes[first + drawn[about[known], known]] * gains[unit[known], None]
            first += echo.size
        self.model.unlikely.add(self.entry, self.drawn[:, rows], logits)
        logits -= logits.max(axis=1, keepdims=True)
        np.exp(logits, out=logits)
        return logits

    def _told(self, rows: slice) -> NDArray[np.float32]:
        """What the hidden units of the next entry are told, ``(rows, width)``.

        What all of its run are told is multiplied for all of them at once: many narrow products take longer than a
        wide one.
        """
        layout, e = self.model.layout, self.entry
        run = layout.run(e)
        shared = layout.n_told(run.start)
        if self.ahead is None or self.ahead[0] != run:
            told = self.embedded[:, layout.told(run.start) if layout.heard else slice(shared)]
            self.ahead = run, told @ self.model._shared[run]
        place = (e - run.start) * layout.widths[e]
        of_all = self.ahead[1][rows, place : place + layout.widths[e]]
        own = self.embedded[rows, layout.starts[run.start] : layout.starts[e]] @ self.model.weights[e].hidden[shared:]
        own += of_all
        return own

    def _set(self, entry: int, codes: NDArray[np.int32]) -> None:
        start, dims = self.model.layout.starts[entry], self.model.layout.dims[entry]
        self.drawn[entry] = codes
        place, told = self.embedded[:, start : start + dims], self.model.weights[entry].embedding[codes]
        # The context's share one place and are summed there.
        np.add(place, told, out=place) if entry < self.model.layout.first_own else np.copyto(place, told)

    def codes(self, conditions: Mapping[int, Condition]) -> Codes:
        """The rows when all is drawn, shape ``(n, columns)``."""
        codes = np.zeros((self.n, len(self.model.domains)), np.int32, order="F")
        for e in range(self.model.layout.first_own, len(self.model.layout.order)):
            codes[:, self.model._column(e)] = self.drawn[e]
        return codes


def _cut(condition: Condition, rows: slice) -> Condition:
    return condition if condition.ndim == 1 and not fixes(condition) else condition[rows]


def _draw(
    mass: NDArray[np.float32], condition: Condition | None, rng: np.random.Generator
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """A code per row in proportion to its mass that meets the condition, and the logarithm of all such mass.

    Where the condition has no mass the code is 0 and the logarithm minus infinity.
    """
    n = len(mass)
    log_met = np.zeros(n)
    if condition is not None:
        whole = mass.sum(axis=1, dtype=np.float64)
        if not fixes(condition):
            mass = (mass * condition).astype(np.float32, copy=False)
            within = mass.sum(axis=1, dtype=np.float64)
        else:
            fixed = condition != UNOBSERVED
            at = np.where(fixed, condition, 0)
            within = np.where(fixed, mass[np.arange(n), at], whole)
        with np.errstate(divide="ignore"):  # what cannot be has a logarithm of minus infinity
            log_met = np.log(within) - np.log(whole)
        if fixes(condition) and fixed.all():
            return at.astype(np.int32), log_met
    codes = _at_share(mass, rng.random(n, dtype=np.float32))
    if condition is not None:
        codes = np.where(np.isneginf(log_met), 0, codes)
        if fixes(condition):
            codes = np.where(fixed, at, codes)
    return codes.astype(np.int32), log_met


def _at_share(mass: NDArray[np.float32], share: NDArray[np.float32]) -> NDArray[np.int32]:
    """The code of each row at which this share of the row's mass is passed; one that has mass, where any has.

    Of many codes the stretch is found first, then the code within it, which spares most of the running totals.

    Args:
        share: from 0 to below 1, ``(rows,)``.
    """
    n, size = mass.shape
    if size < 2 * _STRETCH:
        cumulative = np.cumsum(mass, axis=1, out=mass)
        return _passed(cumulative, share * cumulative[:, -1])
    stretch_of = np.arange(size) // _STRETCH
    stretches = np.cumsum(mass @ np.eye(stretch_of[-1] + 1, dtype=np.float32)[stretch_of], axis=1)
    below = share * stretches[:, -1]
    stretch = _passed(stretches, below)
    before = np.where(stretch > 0, stretches[np.arange(n), stretch - 1], 0)
    codes = stretch[:, None] * _STRETCH + np.arange(_STRETCH, dtype=np.int32)
    within = np.take_along_axis(mass, np.minimum(codes, size - 1), axis=1) * (codes < size)
    return stretch * _STRETCH + _passed(np.cumsum(within, axis=1), below - before)


def _passed(cumulative: NDArray[np.float32], below: NDArray[np.float32]) -> NDArray[np.int32]:
    """The first place at which each row's running total is more than ``below``, which may be rounded up to the last."""
    total = cumulative[:, -1]
    below = np.minimum(below, np.nextafter(total, np.float32(0)))
    passed: NDArray[np.int32] = (cumulative <= below[:, None]).sum(axis=1, dtype=np.int32)
    last: NDArray[np.int32] = np.minimum(passed, np.int32(cumulative.shape[1] - 1))
    return last
