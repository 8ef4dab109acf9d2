"""Links to rows that are no ancestors: how each is told in training, and found again among generated rows."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthgen.relational.belonging.structure import Link, Structure
from synthgen.relational.fold import ECHO, NONE, OTHER, SAME, link_of, named_by
from synthgen.relational.rows import Rows, places
from synthgen.relational.time.moments import UNKNOWN, Moments, integers
from synthgen.schema.table import TableConfig

#: How many rows before and after are told by their number.
_NEAREST: Final = 3
#: More than any patient's moments are apart, in seconds.
_FAR: Final = 1 << 40

#: The columns of a table while they are put together.
Cells = MutableMapping[str, pa.Array]


def told_drawn(
    patient: NDArray[np.int64],
    named: NDArray[np.int64],
    echo: NDArray[np.int64] | None,
    subjects: NDArray[np.object_] | None = None,
) -> pa.StringArray:
    """How a link to a table of no patient is told: as an ancestor's, as that of the row before, or as another.

    Args:
        named: the row that each row names, negative for none.
        echo: the row that an ancestor of each row names, where one has such a link.
        subjects: of each row of that table what it is about; another row is told with that.
    """
    texts = np.full(len(named), OTHER, object)
    if subjects is not None and len(subjects):
        texts += subjects[np.maximum(named, 0)]
    same = np.zeros(len(named), bool)
    same[1:] = (named[1:] == named[:-1]) & (patient[1:] == patient[:-1])
    texts[same] = SAME
    if echo is not None:
        texts[named == echo] = ECHO
    texts[named < 0] = NONE
    return pa.array(texts, pa.string())


def popularity(
    told: pa.StringArray, named: NDArray[np.int64], patient: NDArray[np.int64], n: int, rare_below: int
) -> NDArray[np.int64]:
    """How many rows name each row of a lookup table anew: not that of an ancestor or of the row before.

    Rows that fewer than ``rare_below`` patients name count as those of them do on average.

    Args:
        told: how each row's link is told.
        named: the row that it names, negative for none.
        patient: whose it is.
        n: rows of the lookup table.
    """
    anew = np.asarray(pc.starts_with(told, OTHER), bool) & (named >= 0)
    counts = np.bincount(named[anew], minlength=n)
    pairs = np.unique(np.stack([named[anew], patient[anew]], axis=1), axis=0)
    few = np.bincount(pairs[:, 0], minlength=n) < rare_below
    if few.any():
        counts[few] = round(float(counts[few].mean()))
    return counts


def told_kin(rows: Rows, targets: Rows, named: NDArray[np.int64], *, itself: bool) -> pa.StringArray:
    """How a link to a row of the same patient is told: by how many rows it came before this one.

    Args:
        named: the row of ``targets`` that each row names, negative for none.
        itself: whether both are one table; then rows are counted as they stand, else by their moments.
    """
    _, ranks, at = _standing(rows, targets, itself=itself)
    known = named >= 0
    offset = np.zeros(len(named), np.int64)
    offset[known] = at[known] - ranks[named[known]]
    texts = np.full(len(named), OTHER, object)
    own = known.copy()
    own[known] = targets.patient[named[known]] == rows.patient[known]
    near = own & (np.abs(offset) <= _NEAREST)
    texts[near] = [str(each) for each in offset[near]]
    texts[~known] = NONE
    return pa.array(texts, pa.string())


def _standing(
    rows: Rows, targets: Rows, *, itself: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The targets patient by patient in the order of time; the rank of each; and that of the last one at each row."""
    if itself:
        place = np.arange(len(rows))
        return place, place, place
    keys = _moment_keys(targets.patient, targets.moments)
    order = np.argsort(keys, kind="stable")
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    at = np.searchsorted(keys[order], _moment_keys(rows.patient, rows.moments), side="right") - 1
    return order, ranks, at


def _moment_keys(patient: NDArray[np.int64], moments: Moments) -> NDArray[np.int64]:
    within = np.clip(np.where(moments == UNKNOWN, _FAR // 2 - 1, moments) + _FAR // 2, 0, _FAR - 1)
    return np.asarray(patient * _FAR + within, np.int64)


def echoed(structure: Structure, name: str, link: Link) -> tuple[str, Link] | None:
    """The nearest ancestor's link to the same table."""
    return next(iter(structure.echoes(name, link)), None)


@dataclass(frozen=True, eq=False)
class Linking:
    """Fills in the links of generated rows.

    Attributes:
        structure: which links there are.
        configs: the tables as the user stated them.
        subjects: by lookup table the column that says what its rows are about, where links tell of that.
    """

    structure: Structure
    configs: Mapping[str, TableConfig]
    subjects: Mapping[str, str] = field(default_factory=dict)

    def of_lookup(self, name: str, found: Mapping[str, Cells], rng: np.random.Generator) -> None:
        """Give the rows of a lookup table rows of the lookup tables before it."""
        cells = found[name]
        n = len(next(iter(cells.values())))
        for link in self._drawn(name):
            if link.table in found:
                (column,), (key,) = link.columns, link.key
                told = np.full(n, OTHER, object)
                if link_of(column) in cells:
                    told = np.asarray(cells[link_of(column)].cast(pa.string()).to_numpy(zero_copy_only=False))
                chosen = self._anew(name, link, told, found[link.table], rng)
                chosen[told == NONE] = -1
                cells[column] = self._named(name, column, found[link.table][key], chosen)
        self._told_apart(name, cells, found, {}, {}, rng)

    def resolve(
        self,
        rows: Mapping[str, Rows],
        cells: Mapping[str, Cells],
        lookups: Mapping[str, Cells],
        ids: pa.StringArray,
        rng: np.random.Generator,
        seen: MutableMapping[str, set[str]] | None = None,
    ) -> dict[str, NDArray[np.int64]]:
        """Write the columns of links into ``cells``.

        Args:
            rows: of each table of the block.
            ids: of the patients of the block.
            seen: the keys of earlier blocks, of tables whose keys could come again; those of this one are added.

        Returns:
            By table the rows that no key is left for.
        """
        picked = _Picked()
        lost: dict[str, NDArray[np.int64]] = {}
        for name in (name for name in rows if name in self.structure.members):
            member = self.structure.members[name]
            if member.role == "child" and member.patient is not None:
                cells[name][member.patient] = ids.take(pa.array(rows[name].patient))
            if member.parent is not None:
                for column, key in zip(member.parent.columns, member.parent.key, strict=True):
                    cells[name][column] = self._named(name, column, cells[member.parent.table][key], rows[name].parent)
            for link in member.links:
                if link.how == "ancestor":
                    self._ancestor(name, link, rows, cells)
                elif link.how == "drawn":
                    self._draw(name, link, rows, cells, lookups, picked, rng)
            self._complete_key(name, rows[name], cells[name])
            gone = self._told_apart(
                name, cells[name], {**lookups, **cells}, picked.rows, {} if seen is None else seen, rng
            )
            lost |= {name: gone} if len(gone) else {}
        for name in (name for name in rows if name in self.structure.members):
            for link in self.structure.members[name].links:
                if link.how in ("kin", "itself") and link.table in cells:
                    self._kin(name, link, rows, cells, rng)

        return lost

    def _told_apart(
        self,
        name: str,
        cells: Cells,
        tables: Mapping[str, Cells],
        picked: MutableMapping[tuple[str, Link], NDArray[np.int64]],
        seen: MutableMapping[str, set[str]],
        rng: np.random.Generator,
    ) -> NDArray[np.int64]:
        """Let links that are drawn name other rows where a key of several columns would repeat.

        Gives the rows for which none is left.
        """
        key, member = self.configs[name].key_columns, self.structure.members[name]
        link = next((each for each in self._drawn(name) if each.columns[0] in key), None)
        if len(key) < 2 or link is None or link.table not in tables:
            return np.zeros(0, np.int64)
        (column,), (target,) = link.columns, link.key
        others = [cells[each].cast(pa.string()) for each in key if each != column]
        rest = pc.binary_join_element_wise(*others, "\0").to_pylist()
        names = cells[column].cast(pa.string()).to_pylist()
        possible = tables[link.table][target].cast(pa.string()).to_pylist()
        owned = {*(member.parent.columns if member.parent else ()), member.patient}
        earlier = set() if owned & {*key} else seen.setdefault(name, set())
        used: dict[str, set[str]] = {}
        lost = []
        for row, (beside, own) in enumerate(zip(rest, names, strict=True)):
            taken = used.setdefault(beside, set())
            if own in taken or f"{beside}\0{own}" in earlier:
                free = [
                    at for at, each in enumerate(possible) if each not in taken and f"{beside}\0{each}" not in earlier
                ]
                if not free:
                    lost.append(row)
                    continue
                chosen = int(rng.choice(free))
                names[row] = possible[chosen]
                if (name, link) in picked:
                    picked[name, link][row] = chosen
            taken.add(names[row])
        earlier |= {f"{beside}\0{own}" for beside, taken in used.items() for own in taken}
        cells[column] = pa.array(names, pa.string())
        return np.array(lost, np.int64)

    def _ancestor(self, name: str, link: Link, rows: Mapping[str, Rows], cells: Mapping[str, Cells]) -> None:
        at = up(self.structure, rows, name, link.table)
        for column, key in zip(link.columns, link.key, strict=True):
            if column == self.structure.members[name].patient:
                continue  # told already, also of rows without a parent
            told = cells[name].get(link_of(column))
            gone = np.zeros(len(at), bool) if told is None else np.asarray(pc.equal(told.cast(pa.string()), NONE), bool)
            cells[name][column] = self._named(name, column, cells[link.table][key], np.where(gone, -1, at))

    def _draw(
        self,
        name: str,
        link: Link,
        rows: Mapping[str, Rows],
        cells: Mapping[str, Cells],
        lookups: Mapping[str, Cells],
        picked: _Picked,
        rng: np.random.Generator,
    ) -> None:
        (column,), (key,) = link.columns, link.key
        targets = lookups.get(link.table) or cells[link.table]
        keys = targets[key]
        told = np.asarray(cells[name][link_of(column)].cast(pa.string()).to_numpy(zero_copy_only=False))
        chosen = self._anew(name, link, told, targets, rng)
        if (echo := echoed(self.structure, name, link)) is not None and (theirs := picked.rows.get(echo)) is not None:
            at = up(self.structure, rows, name, echo[0])
            above = np.where(at >= 0, theirs[np.maximum(at, 0)], -1) if len(theirs) else at
            chosen = np.where((told == ECHO) & (above >= 0), above, chosen)
        chosen = _carried(rows[name].patient, chosen, told == SAME)
        chosen[told == NONE] = -1
        picked.rows[name, link] = chosen
        cells[name][column] = self._named(name, column, keys, chosen)

    def _anew(
        self, name: str, link: Link, told: NDArray[np.object_], targets: Cells, rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """A row of a table for each that refers to it: of the subject that is told, rather an often named one."""
        (column,), (key,) = link.columns, link.key
        n = len(targets[key])
        chosen = np.full(len(told), -1, np.int64)
        if not n:
            return chosen
        weights = np.ones(n)
        if (times := targets.get(named_by(name, column))) is not None:
            weights = np.maximum(integers(times), 0).astype(np.float64)
        subjects = np.full(n, NONE, object)
        if (subject := self.subjects.get(link.table)) is not None:
            subjects = np.asarray(targets[subject].cast(pa.string()).to_numpy(zero_copy_only=False))
        for label in dict.fromkeys(told.tolist()):
            own = weights * (subjects == label.removeprefix(OTHER)) if label.startswith(OTHER) else weights
            shares = next((each for each in (own, weights) if each.sum() > 0), np.ones(n))
            rows = np.flatnonzero(told == label)
            chosen[rows] = rng.choice(n, size=len(rows), p=shares / shares.sum())
        return chosen

    def _kin(
        self, name: str, link: Link, rows: Mapping[str, Rows], cells: Mapping[str, Cells], rng: np.random.Generator
    ) -> None:
        (column,), (key,) = link.columns, link.key
        own, targets, itself = rows[name], rows[link.table], link.table == name
        told = cells[name][link_of(column)].cast(pa.string())
        order, _, at = _standing(own, targets, itself=itself)
        starts = np.searchsorted(targets.patient, own.patient, side="left")
        ends = np.searchsorted(targets.patient, own.patient, side="right")
        offset = np.array([int(text) if text.lstrip("-").isdecimal() else 0 for text in told.to_pylist()], np.int64)
        rank = at - offset
        # Where the number leads to another patient's row, any row of this one will do: an earlier one of its own table.
        last = at if itself else ends
        anywhere = starts + (rng.random(len(own)) * np.maximum(last - starts, 0)).astype(np.int64)
        other = np.asarray(pc.equal(told, OTHER), bool) | (rank < starts) | (rank >= ends)
        rank = np.where(other, anywhere, rank)
        gone = np.asarray(pc.equal(told, NONE), bool) | (other & (last <= starts))
        chosen = (
            np.where(gone, -1, order[np.clip(rank, 0, max(len(order) - 1, 0))]) if len(order) else np.full(len(own), -1)
        )
        cells[name][column] = self._named(name, column, cells[link.table][key], chosen)

    def _complete_key(self, name: str, rows: Rows, cells: Cells) -> None:
        """Number the rows of each parent anew where a composite key that is partly learned would repeat."""
        config = self.configs[name]
        key = config.key_columns
        if len(key) < 2:
            return
        joined = pc.binary_join_element_wise(*(cells[column].cast(pa.string()) for column in key), "\0")
        numbered = [column for column in key if config.columns[column].kind == "integer"]
        if len(pc.unique(joined)) < len(joined) and numbered:
            place, _ = places(rows.first)
            cells[numbered[-1]] = pa.array(place + 1).cast(pa.string())

    def _drawn(self, name: str) -> list[Link]:
        return [link for link in self.structure.members[name].links if link.how == "drawn"]

    def _named(self, name: str, column: str, keys: pa.Array, chosen: NDArray[np.int64]) -> pa.StringArray:
        """The keys of the chosen rows; where none is chosen, the text that means missing."""
        token = next(iter(self.configs[name].missing_in(column)), "")
        texts = pa.concat_arrays([keys.cast(pa.string()), pa.array([token])])
        return texts.take(pa.array(np.where(chosen < 0, len(keys), chosen)))


@dataclass(frozen=True, eq=False)
class _Picked:
    """The rows that drawn links name, by table and link."""

    rows: dict[tuple[str, Link], NDArray[np.int64]] = field(default_factory=dict)


def up(structure: Structure, rows: Mapping[str, Rows], name: str, ancestor: str) -> NDArray[np.int64]:
    """The row of an ancestor table that each row belongs to; -1 where a row on the way has no parent."""
    if ancestor == structure.patients:
        return rows[name].patient
    at = np.arange(len(rows[name]))
    while name != ancestor:
        parents, link = rows[name].parent, structure.members[name].parent
        assert link is not None
        at = np.where(at >= 0, parents[np.maximum(at, 0)], -1) if len(parents) else at
        name = link.table
    return at


def _carried(patient: NDArray[np.int64], chosen: NDArray[np.int64], same: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The choice of the row before where it is the same, as long as rows are of one patient."""
    first = np.r_[True, patient[1:] != patient[:-1]][: len(patient)]
    source = np.maximum.accumulate(np.where(~same | first, np.arange(len(chosen)), 0)) if len(chosen) else chosen
    return chosen[source]
