"""A flat table as an implied patient table plus rows: generated in keyed blocks."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits

from synthgen.encoding.domain import Domain, Scale
from synthgen.encoding.quantiser import Quantiser
from synthgen.errors import InputError, NotApplicable
from synthgen.models._rejection import probability_met
from synthgen.models.base import Codes, FittedModel, Given, of_rows
from synthgen.relational.asked.balance import Balance
from synthgen.relational.asked.condition import Condition, chosen
from synthgen.relational.asked.meeting import Share, sampled, share_of
from synthgen.relational.asked.on_codes import on_codes
from synthgen.relational.codec import Codec
from synthgen.relational.flat.past import Past
from synthgen.relational.flat.person import Persons, own_codes
from synthgen.relational.flat.rules import FlatRules
from synthgen.relational.occurrences import occurrences
from synthgen.relational.rules.bounds import narrowed
from synthgen.relational.rules.judged import Timeless
from synthgen.relational.rules.real import Rules

#: Patients (rows, without a patient column) per block of output: part of the format, since draws are keyed by block.
BLOCK: Final = 8192
_AHEAD: Final = 4
_WORKERS: Final = 2
#: More rows than anyone asks for; and so many without one that meets the conditions are taken for none.
_ENDLESS: Final = 1 << 62
_MOST_TRIED: Final = 2_000_000


@dataclass(frozen=True, eq=False)
class FlatSynthesizer:
    """Everything that generates one flat table.

    Attributes:
        codec: between text and codes.
        person: the patients' own columns and, last, the number of their rows; ``None`` without a patient column.
        personal: the code columns that ``person`` generates.
        numbers: how the number of rows is coded; ``None`` without a patient column.
        rows: the other code columns, given the patient's codes where there are patients and the model takes context.
        rates: the share of real rows that break each rule of the table; ``None`` where it is too small to tell.
        past: what rows are given of those before, beside their patient; ``None`` where they stand by themselves.
        ids: the columns of ids, the patient's apart, of which each patient has one, such as an insurance number.
    """

    codec: Codec
    person: FittedModel | None
    personal: tuple[int, ...]
    numbers: Quantiser | None
    rows: FittedModel
    rates: tuple[float | None, ...] = ()
    past: Past | None = None
    ids: tuple[str, ...] = ()

    @cached_property
    def ruled(self) -> FlatRules | None:
        """What makes patients and rows obey the rules of the table; ``None`` where there are none."""
        rules = Rules(self.codec.plan.config, self.codec.plan.format)
        return FlatRules.of(self.codec, self.personal, rules, self.rates) if self.rates else None

    @cached_property
    def rest(self) -> tuple[int, ...]:
        """The code columns that ``rows`` generates."""
        mine = set(self.personal)
        return tuple(i for i in range(len(self.codec.domains)) if i not in mine)

    @cached_property
    def constant_columns(self) -> tuple[str, ...]:
        """The columns that stay constant within a patient."""
        return (*self.ids, *dict.fromkeys(self.codec.domains[i].owner for i in self.personal))

    def blocks(
        self, n: int, *, seed: int, conditions: Sequence[Condition] = (), balance: Sequence[str] = ()
    ) -> Iterator[pa.RecordBatch]:
        """The first ``n`` rows of the endless output of this seed, in batches.

        Patients are generated whole, the last one is cut. Output depends on the seed and on what is asked alone.

        Args:
            balance: columns whose combinations of levels are made equally frequent among patients.

        Raises:
            InputError: a condition makes no sense for its column, or the model never generates what it asks for.
        """
        on_computed, others = self._apart(conditions)
        if not on_computed:
            yield from self._blocks(n, seed, others, balance)
            return
        if balance:
            raise InputError(
                f"--balance: cannot be kept while --where asks for {on_computed[0].column}, which follows from others"
            )
        plan, made = self.codec.plan, self._blocks(_ENDLESS, seed, others, ())
        yield from chosen(made, n, on_computed, plan.config, plan.format, most_tried=_MOST_TRIED)

    def _blocks(
        self, n: int, seed: int, conditions: Sequence[Condition], balance: Sequence[str]
    ) -> Iterator[pa.RecordBatch]:
        key = hashlib.sha256(f"synthgen sample {seed}".encode()).digest()
        generator, given = self.conditioned(conditions)
        shared = generator.balanced(balance, given)
        ruled = generator._raked(given, shared)
        offset, number, per_block = 0, 0, BLOCK
        seen: dict[int, set[Any]] = {}
        ahead = 1 if ruled is not None and ruled.rows.of_all else _AHEAD
        # The products of one block are too small to share out: threads of their own would only wait for each other.
        with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(_WORKERS) as pool:
            drawn: deque[Future[_Drawn]] = deque()
            decoded: deque[Future[pa.RecordBatch]] = deque()
            try:
                while offset < n or decoded:
                    # Ahead of the writer, but no further than the rows asked for seem to need.
                    while len(drawn) < ahead and offset + len(drawn) * per_block < n:
                        drawn.append(pool.submit(generator._draw, seed, number, given, shared, ruled, seen))
                        number += 1
                    if drawn and len(decoded) < _AHEAD:
                        block = drawn.popleft().result()
                        per_block = len(block.codes)
                        if offset < n and per_block:
                            rows = offset + np.arange(min(per_block, n - offset))
                            decoded.append(pool.submit(generator._decode, block, rows, key))
                            offset += len(rows)
                    else:
                        yield decoded.popleft().result()
            except NotApplicable as error:
                option = "--where" if conditions else "--balance"
                raise InputError(f"{option}: {error}; ask for something the training data had") from None
            finally:
                for waiting in (*drawn, *decoded):
                    waiting.cancel()

    def _apart(self, conditions: Sequence[Condition]) -> tuple[list[Condition], list[Condition]]:
        """Conditions on what follows from other columns, for which rows are chosen among those made; and all others."""
        plan = self.codec.plan
        follows = {*plan.computed, *plan.since, *plan.until}
        return (
            [each for each in conditions if each.column in follows],
            [each for each in conditions if each.column not in follows],
        )

    @property
    def likelihood(self) -> bool:
        """Whether ``log_prob`` has an answer."""
        return self.rows.likelihood and (self.person is None or self.person.likelihood)

    def log_prob(
        self, block: pa.RecordBatch, patient: NDArray[np.int64], rows: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """How probable each row at ``rows`` is together with what belongs to its patient: the natural logarithm.

        Args:
            block: all rows of every patient in it, in the dialect of the source.
            patient: whose row each row of the block is.

        Raises:
            NotApplicable: the model has no likelihood.
        """
        codes = self.codec.encode(block)
        if self.person is None or self.numbers is None:
            return self.rows.log_prob(codes[rows])
        persons = Persons.of(patient.astype(np.uint64))
        asked, at = np.unique(persons.of_row[rows], return_inverse=True)
        own = own_codes(persons, codes, self.personal, self.numbers)[asked]
        found = self.person.log_prob(own)[at]
        if self.rest:
            context = own[at]
            if self.past is not None:
                given = np.empty((len(codes), len(self.past.domains)), np.int32, order="F")
                given[persons.order] = self.past.told(codes[persons.order][:, self.rest], persons.of_row[persons.order])
                context = np.asfortranarray(np.c_[context, given[rows]])
            found = found + self.rows.log_prob(codes[rows][:, self.rest], context=context)
        return found

    @property
    def told_domains(self) -> tuple[Domain, ...]:
        """The code columns whose codes ``log_prob`` finds more or less probable: the patient's, then the row's."""
        own = () if self.person is None else self.person.domains
        return (*own, *(self.codec.domains[i] for i in self.rest))

    def occurrences(self, block: pa.RecordBatch, patient: NDArray[np.int64], rows: NDArray[np.int64]) -> csr_array:
        """Which codes of ``told_domains`` each row at ``rows`` and its patient have; arguments as for ``log_prob``."""
        codes = self.codec.encode(block)
        told = codes[rows][:, self.rest]
        if self.person is not None and self.numbers is not None:
            persons = Persons.of(patient.astype(np.uint64))
            own = own_codes(persons, codes, self.personal, self.numbers)
            told = np.concatenate([own[persons.of_row[rows]], told], axis=1)
        return occurrences(told, self.told_domains)

    def _raked(self, given: Given, balance: Balance | None) -> FlatRules | None:
        """The rules, and how often draws are looked at so that margins stay: learned from one block without that."""
        if self.ruled is None:
            return None
        block, domains = self._draw(0, 0, given, balance, self.ruled, {}), self.codec.domains
        of_patients = np.unique(block.persons, return_index=True)[1]
        return self.ruled.raked(
            [domains[i] for i in self.personal],
            (block.first[0][:, :-1], block.codes[of_patients][:, self.personal]),
            [domains[i] for i in self.rest],
            (block.first[1], block.codes[:, self.rest]),
        )

    def _draw(
        self,
        seed: int,
        number: int,
        given: Given,
        balance: Balance | None,
        ruled: FlatRules | None,
        seen: dict[int, set[Any]],
    ) -> _Drawn:
        rng = np.random.default_rng([seed, number])
        group = np.zeros(BLOCK, np.int64) if balance is None else balance.deal(BLOCK, rng)
        given = given if balance is None else {**given, **balance.given(group)}
        asked = frozenset(self.codec.domains[column].owner for column in given)
        own, rows_given = self._parted(given)
        persons, times = self._persons(own, rows_given, group, rng)
        first_persons = persons
        kept: dict[str, pa.Array] = {}
        if ruled is not None and self.person is not None:
            first_persons, again = persons.copy(), self._persons_again(persons.copy(), own, rows_given, rng)
            kept, lost = ruled.settle_persons(persons, times, again, rng, asked=asked)
            times[lost] = 0
        whose = np.repeat(np.arange(BLOCK), times)
        judged = None if ruled is None else ruled.rows_of(whose, kept, rng, asked=asked, seen=seen)
        first = np.empty((len(whose), len(self.rest)), np.int32, order="F")

        def rows(at: NDArray[np.int64], past: Codes | None) -> Codes:
            def some(which: NDArray[np.int64]) -> Codes:
                told = None if past is None else past[which]
                return self._rows_of(persons, whose[at[which]], told, rows_given, rng)

            draw, every = Timeless(some), np.arange(len(at))
            found = some(every)
            first[at] = found
            if judged is not None:
                judged.settle(at, found, draw.moments(every), draw)
            return found

        codes = np.empty((len(whose), len(self.codec.domains)), np.int32, order="F")
        codes[:, self.personal] = persons[whose, :-1]
        if self.rest:
            every = np.arange(len(whose))
            codes[:, self.rest] = rows(every, None) if self.past is None else self.past.drawn(whose, rows)[0]
        if judged is None:
            return _Drawn(codes, number * BLOCK + whose, rng, None, (first_persons, first))
        left = judged.left("the table")
        kept = {name: cells.take(pa.array(whose[left])) for name, cells in kept.items()} | judged.texts(left)
        return _Drawn(codes[left], number * BLOCK + whose[left], rng, kept, (first_persons, first))

    def _persons(
        self, own: Given, rows_given: Given, group: NDArray[np.int64], rng: np.random.Generator
    ) -> tuple[Codes, NDArray[np.int64]]:
        """The codes of the patients of a block, the number of rows last, and these numbers; else rows by themselves."""
        if self.person is None or self.numbers is None:
            return np.empty((BLOCK, 1), np.int32), np.ones(BLOCK, np.int64)
        persons = sampled(self.person, BLOCK, self._share_of_persons, rng=rng, given=own or None)
        if rows_given and self.rows.context_domains:
            persons = self._resampled(persons, rows_given, group, rng)
        return persons, self.numbers.decode(persons[:, -1], rng)

    def _rows_of(
        self, persons: Codes, whose: NDArray[np.int64], past: Codes | None, given: Given, rng: np.random.Generator
    ) -> Codes:
        """Codes of rows of the patients ``whose``, given these and what is told of the rows before."""
        context = self._context(persons[whose], past) if self.rows.context_domains else None
        share, given = self._share_of_rows, of_rows(given, whose)
        return sampled(self.rows, len(whose), share, rng=rng, given=given or None, context=context)

    @cached_property
    def _share_of_rows(self) -> Share | None:
        """What conditions leave to reckon with in the codes of rows."""
        return share_of(self.codec, self.rest)

    @cached_property
    def _share_of_persons(self) -> Share | None:
        """What conditions leave to reckon with in the codes of patients."""
        return share_of(self.codec, self.personal)

    def _nothing_before(self, persons: Codes, rng: np.random.Generator) -> Codes | None:
        """What the first rows of patients are told of rows before; ``None`` where rows stand by themselves."""
        if self.past is None or self.numbers is None:
            return None
        return self.past.nothing(self.numbers.decode(persons[:, -1], rng))

    @staticmethod
    def _context(persons: Codes, past: Codes | None) -> Codes:
        return np.asfortranarray(persons if past is None else np.c_[persons, past])

    def _parted(self, given: Given) -> tuple[Given, Given]:
        """The conditions on the patient's columns and on the others, each by its place in its model."""
        own = {at: given[column] for at, column in enumerate(self.personal) if column in given}
        return own, {at: given[column] for at, column in enumerate(self.rest) if column in given}

    def _resampled(
        self, persons: Codes, rows_given: Given, group: NDArray[np.int64], rng: np.random.Generator
    ) -> Codes:
        """Patients in proportion to how probable it is that a row of theirs meets the condition, group by group."""
        log_mass = self._log_mass_of_a_row(persons, rows_given, rng)
        result = persons.copy()
        for one in np.unique(group):
            members = np.flatnonzero(group == one)
            highest = log_mass[members].max()
            if np.isneginf(highest):
                raise NotApplicable("the model never generates what is asked")
            weight = np.exp(log_mass[members] - highest)
            places = (np.arange(len(members)) + rng.random()) / len(members)
            chosen = np.minimum(np.searchsorted(np.cumsum(weight) / weight.sum(), places), len(members) - 1)
            result[members] = persons[members[rng.permutation(chosen)]]
        return result

    def _log_mass_of_a_row(self, persons: Codes, given: Given, rng: np.random.Generator) -> NDArray[np.float64]:
        """How probable it is that a row of each patient meets the condition; without a likelihood, one draw tells."""
        context = self._context(persons, self._nothing_before(persons, rng))
        likely, share = self.rows.likelihood, self._share_of_rows
        log_mass = self.rows.log_mass(given, n=len(persons), context=context) if likely else np.zeros(len(persons))
        if likely and share is None:
            return log_mass
        # What is not known is estimated from one row, without bias.
        tried = self.rows.sample(len(persons), rng=rng, given=given if likely else None, context=context)
        met = 1.0 if likely else probability_met(tried, given)
        with np.errstate(divide="ignore"):  # what cannot be has a logarithm of minus infinity
            return np.asarray(log_mass + np.log(met * (1.0 if share is None else share(tried))))

    def _persons_again(
        self, persons: Codes, own: Given, rows_given: Given, rng: np.random.Generator
    ) -> Callable[[NDArray[np.int64]], Codes]:
        """Draws some patients again under the same conditions, given how many rows each has."""
        assert self.person is not None

        def again(at: NDArray[np.int64]) -> Codes:
            assert self.person is not None
            if self.rows.context_domains and rows_given:
                # Those of the block were chosen by how well their rows meet the conditions.
                others = persons[rng.integers(len(persons), size=len(at))]
                others[:, -1] = persons[at, -1]
                return others
            given = {**of_rows(own, at), persons.shape[1] - 1: persons[at, -1]}
            try:
                return sampled(self.person, len(at), self._share_of_persons, rng=rng, given=given)
            except NotApplicable:
                return persons[at]

        return again

    def _decode(self, block: _Drawn, rows: NDArray[np.int64], key: bytes) -> pa.RecordBatch:
        # Decoded whole, so that what the cut leaves out draws from the generator as well.
        batch = self.codec.decode(
            block.codes,
            rng=block.rng,
            key=key,
            rows=np.arange(rows[0], rows[0] + len(block.codes)),
            persons=block.persons,
            constant=self.constant_columns,
            kept=block.kept,
        )
        return batch.slice(0, len(rows))

    def conditioned(self, conditions: Sequence[Condition]) -> tuple[FlatSynthesizer, Given]:
        """A synthesizer whose bins reach no further than the conditions, and how probable each code is to meet them.

        Raises:
            InputError: see ``on_codes``.
        """
        bound = narrowed(self.codec, self.codec.plan.config.rules, self.rates) if self.rates else self.codec
        codec, given = on_codes(bound, conditions)
        return replace(self, codec=codec), given

    def balanced(self, names: Sequence[str], given: Given) -> Balance | None:
        """The groups to share patients out among; ``None`` where nothing is to be balanced.

        Raises:
            InputError: a name is no column of levels.
        """
        columns = []
        for name in names:
            domains = [i for i, domain in enumerate(self.codec.domains) if domain.owner == name]
            domains = [] if name in self.codec.plan.computed else domains
            if len(domains) != 1 or self.codec.domains[domains[0]].scale is Scale.NUMERIC:
                parts = Counter(domain.owner for domain in self.codec.domains)
                known = [d.owner for d in self.codec.domains if d.scale is not Scale.NUMERIC and parts[d.owner] == 1]
                levels = ", ".join(each for each in known if each not in self.codec.plan.computed)
                by = self.codec.plan.determined.get(name)
                what = f"follows from {by.by}, so it is drawn with that" if by else "is no column of levels"
                raise InputError(f"--balance: {name} {what}; columns of levels are {levels}")
            columns.append(domains[0])
        if not columns:
            return None
        masks = {column: np.asarray(mask, bool) for column, mask in given.items()}
        return Balance.of(columns, self.codec.domains, masks, self._log_share)

    def _log_share(self, fixed: Mapping[int, NDArray[np.int32]], n: int) -> NDArray[np.float64]:
        """The logarithm of how often fixed codes occur: by likelihood where that is all in one model, else counted."""
        own, rows_given = self._parted(fixed)
        model, asked = (self.rows, rows_given) if rows_given or self.person is None else (self.person, own)
        if model.likelihood and not (own and rows_given) and not model.context_domains:
            return model.log_mass(asked, n=n)
        codes = self._draw(0, 0, {}, None, None, {}).codes
        every: list[Given] = [{c: np.full(len(codes), of[at]) for c, of in fixed.items()} for at in range(n)]
        met = [probability_met(codes, each) for each in every]
        with np.errstate(divide="ignore"):  # what never occurs has a logarithm of minus infinity
            return np.asarray(np.log(np.mean(met, axis=1)))

    def effective_share(self, conditions: Sequence[Condition], *, seed: int) -> float:
        """How many independent rows a row under these conditions is worth, from one block; 1 where draws are exact.

        Effective sample size of importance resampling (Kong 1992): (sum of weights)^2 / sum of squares, over n.
        """
        generator, given = self.conditioned(self._apart(conditions)[1])
        rng = np.random.default_rng([seed, 0])
        if generator.person is None:
            return generator.rows.effective_share(given, n=BLOCK, rng=rng)
        own, rows_given = generator._parted(given)
        share = generator.person.effective_share(own, n=BLOCK, rng=rng) if own else 1.0
        if rows_given and generator.rows.context_domains:
            persons = sampled(generator.person, BLOCK, generator._share_of_persons, rng=rng, given=own or None)
            weight = np.exp(generator._log_mass_of_a_row(persons, rows_given, rng))
            share *= float(weight.sum() ** 2 / max((weight**2).sum(), 1e-300) / BLOCK)
            context = generator._context(persons, generator._nothing_before(persons, rng))
            share *= generator.rows.effective_share(rows_given, n=BLOCK, rng=rng, context=context)
        return share


@dataclass(frozen=True, eq=False)
class _Drawn:
    """The codes of one block.

    Attributes:
        persons: the ordinal of each row's person.
        rng: for what is left to draw.
        kept: by encoder, the texts that rules judged the rows by; ``None`` where there are no rules.
        first: the codes of patients and of rows as they were drawn first, before they were judged.
    """

    codes: Codes
    persons: NDArray[np.int64]
    rng: np.random.Generator
    kept: dict[str, pa.Array] | None
    first: tuple[Codes, Codes]
