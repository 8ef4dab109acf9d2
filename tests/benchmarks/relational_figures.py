"""How faithful the tables of an extract are by the definitions of the peers' figures, and a split by patient.

python tests/benchmarks/relational_figures.py --config C --train DIR --holdout DIR --synthetic DIR [--tables t1,t2]
python tests/benchmarks/relational_figures.py --config C --split 0.2 --data DIR --out DIR [--patients N]

The second form writes DIR/train and DIR/holdout.

`synthgen evaluate` differs on purpose: it gives intervals and verdicts; this repeats a published table.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthgen.errors import NotApplicable
from synthgen.metrics.boosting import tell_apart
from synthgen.metrics.coding.features import Features
from synthgen.metrics.extract import Extract, Extracts
from synthgen.metrics.history import Histories
from synthgen.metrics.longitudinal import children_per_parent, date_window, gaps, key_integrity, time_order, transitions
from synthgen.metrics.longitudinal.base import Series
from synthgen.metrics.longitudinal.parent_child_association import Pairing
from synthgen.relational.belonging.kinship import Kinship
from synthgen.schema import load as schema_file
from synthgen.schema.config import Schema
from synthgen.tables.dataset import Dataset
from synthgen.tables.part import Part
from synthgen.tables.read import SUFFIXES, read
from synthgen.tables.split import Split
from synthgen.tables.write import write_dataset
from tests.benchmarks.clock import table

CODES = 20
#: Codes whose numbers and values the per-patient aggregates hold.
AGGREGATED = 40
STRONG = 0.1
#: Sets of patients, all of the same size, that a figure is averaged over; one where a table is long.
DRAWS = 10
LONG = 300_000
#: Rows at one time that are told apart.
MOST_AT_ONCE = 64
DEFINITIONS = f"""\
All sets are cut to as many patients as the smallest has (mean over {DRAWS} draws of patients); score and floor compare
with the training set, and so does the ceiling, which has the holdout in the synthetic set's place. The floor is the
training set with every column, and every link, resampled by itself.
children     total variation of the number of rows per patient, in ten bins with edges from the training set (the
             published ceilings are of that size); per parent: of rows per row of the parent table
gap          Kolmogorov-Smirnov distance of the time between successive records of a patient in a table
moment       total variation of the number of rows of a patient that have the same time; the most is printed below
transition   total variation of pairs of successive codes of a patient: {CODES} commonest, other, missing
association  mean absolute error of Cramer's V (label x code) or the correlation ratio (number by code; value within a
             code by label or tenth) of patients' attributes and children, over pairs of at least {STRONG} in training
C2ST         cross-fitted AUC of boosted trees on per-patient aggregates against the holdout; ceiling: training against
             holdout; c2st_train: against the training set"""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Figure:
    """One figure of one table; what has no meaning is NaN."""

    table: str
    name: str
    score: float
    ceiling: float = float("nan")
    floor: float = float("nan")


@dataclass(frozen=True, eq=False)
class Judging:
    """What the figures of one comparison share.

    Attributes:
        codes: by table, the column whose labels are the codes; else the most diverse.
    """

    extracts: Extracts
    seed: int
    tables: tuple[str, ...]
    codes: Mapping[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """m, in patients."""
        return min(each.n_patients for each in self.extracts.sets.values())

    def draws(self, which: str, at_most: int) -> Iterator[NDArray[np.bool_]]:
        """Patients of a set, ``size`` of them, some times; all of them once where there are no more."""
        patients = self.extracts.sets[which].n_patients
        rng = np.random.default_rng([self.seed, *which.encode()])
        for _ in range(1 if patients == self.size else at_most):
            chosen = np.zeros(patients, bool)
            chosen[rng.permutation(patients)[: self.size]] = True
            yield chosen

    def averaged(self, name: str, figure: str, far: Callable[[str, NDArray[np.bool_]], float]) -> Figure:
        """The mean distance to the training set over draws of patients."""
        rows = max(each.tables[name].n for each in self.extracts.sets.values())
        draws = DRAWS if rows <= LONG else 1
        score, ceiling, floor = (
            float(np.mean([far(which, chosen) for chosen in self.draws(which, draws)]))
            for which in ("synthetic", "holdout", "floor")
        )
        return Figure(name, figure, score, ceiling, floor)

    def of_series(self, name: str, figure: str, series: Series) -> Figure:
        """The distance of something counted."""
        real = np.bincount(series.cells["train"], minlength=series.size) / max(len(series.cells["train"]), 1)

        def far(which: str, chosen: NDArray[np.bool_]) -> float:
            cells, whose = series.cells[which], series.patient[which]
            owned = (whose >= 0) & chosen[np.maximum(whose, 0)]
            counts = np.bincount(cells[owned], minlength=series.size)
            apart = counts / max(counts.sum(), 1) - real
            return float(np.abs(np.cumsum(apart)).max() if series.ordered else np.abs(apart).sum() / 2)

        return self.averaged(name, figure, far)

    def children(self, name: str) -> Figure:
        counts = children_per_parent.per_patient(self.extracts, name)
        return self.of_series(name, "children", children_per_parent.counted(counts))

    def per_parent(self, name: str) -> Figure:
        if children_per_parent.of_patients(self.extracts, name):
            raise NotApplicable("the parent is the patient")
        counts = children_per_parent.per_parent(self.extracts, name)
        return self.of_series(name, "per parent", children_per_parent.counted(counts))

    def gap(self, name: str) -> Figure:
        found = {which: gaps.between(self.extracts, name, each) for which, each in self.extracts.sets.items()}
        values, whose = ({which: each[k] for which, each in found.items()} for k in (0, 1))
        return self.of_series(name, "gap", gaps.lengths(values, whose))

    def moment(self, name: str) -> Figure:
        found = {which: at_once(self.extracts, name, each) for which, each in self.extracts.sets.items()}
        cells = {which: np.minimum(number, MOST_AT_ONCE) for which, (number, _) in found.items()}
        whose = {which: patient for which, (_, patient) in found.items()}
        return self.of_series(name, "moment", Series(cells, whose, MOST_AT_ONCE + 1, ordered=False))

    def transition(self, name: str) -> Figure:
        cells = transitions.coded(self.extracts, name, CODES, self.codes.get(name))
        found = {w: transitions.pairs(self.extracts, name, each, cells) for w, each in self.extracts.sets.items()}
        return self.of_series(name, "transition", transitions.successions(found, cells))

    def association(self, name: str) -> Figure:
        pairing = Pairing.of(self.extracts, name, CODES, column=self.codes.get(name), parent=False)

        def strengths(which: str, chosen: NDArray[np.bool_] | None) -> NDArray[np.float64]:
            found = pairing.strengths(self.extracts, which, chosen)
            return np.concatenate([each[0] for _, each in found]) if found else np.empty(0)

        real = strengths("train", None)
        strong = real >= STRONG
        if not strong.any():
            raise NotApplicable("no association is strong")
        return self.averaged(
            name, "association", lambda which, chosen: float(np.abs(strengths(which, chosen) - real)[strong].mean())
        )

    def told_apart(self) -> list[Figure]:
        """C2ST on per-patient aggregates."""
        flat = Histories(self.extracts, self.tables, counted=AGGREGATED, valued=AGGREGATED, columns=self.codes)
        sides = {which: flat.records(each) for which, each in self.extracts.sets.items()}
        features = Features.of(flat.variables, list(sides.values()))
        matrices = {which: features.matrix(each) for which, each in sides.items()}
        repeats = 3 if self.size < 1000 else 1

        def auc(first: str, second: str) -> float:
            found = []
            for k in range(repeats):
                rng = np.random.default_rng([self.seed, k])
                chosen = [rng.permutation(len(matrices[which]))[: self.size] for which in (first, second)]
                pair = [(matrices[w][rows], rows) for w, rows in zip((first, second), chosen, strict=True)]
                found.append(tell_apart(features, pair[0], pair[1], rng).auc.value)
            return float(np.mean(found))

        ceiling = auc("train", "holdout")
        return [
            Figure("all", "c2st", auc("synthetic", "holdout"), ceiling, auc("floor", "holdout")),
            Figure("all", "c2st_train", auc("synthetic", "train"), ceiling, auc("floor", "train")),
        ]

    def figures(self) -> Iterator[Figure]:
        """All of them, table by table."""
        for name in self.tables:
            for figure in (self.children, self.per_parent, self.gap, self.moment, self.transition, self.association):
                try:
                    yield figure(name)
                except NotApplicable:
                    continue
        yield from self.told_apart()


def at_once(extracts: Extracts, name: str, extract: Extract) -> tuple[Integers, Integers]:
    """How many rows each time of a patient holds, and whose it is.

    Raises:
        NotApplicable: the table has no order in time.
    """
    times = extracts.times(name, extract)
    if times is None:
        raise NotApplicable("the config names no column that orders the rows in time")
    patient = extract.tables[name].patient
    known = np.flatnonzero(np.isfinite(times) & (patient >= 0))
    order = known[np.lexsort((times[known], patient[known]))]
    starts = np.flatnonzero(np.r_[True, (np.diff(patient[order]) != 0) | (np.diff(times[order]) != 0)][: len(order)])
    return np.diff(np.r_[starts, len(order)]).astype(np.int64), patient[order[starts]]


def faults(extracts: Extracts, extract: Extract) -> Iterator[tuple[str, str, float]]:
    """Shares of keys, links and dates: by table, what, share; 1 is perfect of keys and links, 0 of dates."""
    for check in key_integrity.checks(extract, extracts):
        yield check.table, check.what, check.share
    for name in extracts.children:
        for what, early in time_order.checks(extracts, name, extract):
            yield name, what, float(np.nanmean(early)) if np.isfinite(early).any() else float("nan")
    for name in (each for each in extracts.train.tables if extracts.structure.members[each].role != "lookup"):
        for variable, window in date_window.windows(extracts, name).items():
            values = extract.tables[name].records.numbers[variable.name]
            apart = date_window.outside(values[np.isfinite(values)], window)
            yield name, f"{variable.name} outside the window", float(apart.mean()) if len(apart) else float("nan")


def split(data: Path, schema: Schema, share: float, seed: int, out: Path, patients: int | None = None) -> None:
    """Write ``out``/train and ``out``/holdout; tables of no patient go to both.

    Args:
        patients: of the training set at most so many, and of the holdout in proportion.
    """
    dataset = read(data, schema=schema)
    kinship = Kinship.of(dataset, schema)
    drawn = Split.draw(dataset, share=share, patient=None, seed=seed)
    sides = kinship.sides(drawn)
    kept = np.ones(kinship.n_patients, bool)
    if patients is not None:
        held = drawn.holds_out(drawn.of_patients(kinship.ids))
        rng = np.random.default_rng(seed)
        for side, number in ((False, patients), (True, round(patients * share / (1 - share)))):
            some = rng.permutation(np.flatnonzero(held == side))
            kept[some[number:]] = False
    endings = {_table_of(file): file.name[len(_table_of(file)) :] for file in data.iterdir() if _table_of(file)}
    out.mkdir(parents=True, exist_ok=True)
    for side, folder in ((False, "train"), (True, "holdout")):
        parts = {}
        for name, table_ in dataset.tables.items():
            rows = kinship.tables[name]
            own = rows.member.role in ("patient", "child")
            there = kept[np.maximum(rows.patient, 0)] if own else np.ones(rows.n_rows, bool)
            parts[name] = Part(table_, there & ((sides[name][1] == side) | (not own)))
        write_dataset(out / folder, Dataset(parts), endings)
        print(f"{out / folder}: " + ", ".join(f"{name} {int(part.chosen.sum()):,}" for name, part in parts.items()))


def _table_of(file: Path) -> str:
    return next((file.name[: -len(s)] for s in SUFFIXES if file.name.lower().endswith(s)), "")


def judge(
    schema: Schema,
    train: Path,
    holdout: Path,
    synthetic: Path,
    tables: Sequence[str],
    seed: int,
    codes: Mapping[str, str],
) -> None:
    """Print all figures."""
    began = time.process_time()
    sets = [read(folder, schema=schema) for folder in (train, holdout, synthetic)]
    extracts = Extracts.of(schema, sets[0], sets[1], sets[2])
    chosen = tuple(name for name in extracts.children if not tables or name in tables)
    judging = Judging(extracts, seed, chosen, codes)
    print(f"{judging.size:,} patients of each set; read in {time.process_time() - began:.0f} s of processor time")
    figures = list(judging.figures())
    lines = [(f.table, f.name, *(f"{value:.3f}" for value in (f.score, f.ceiling, f.floor))) for f in figures]
    for name in ("children", "per parent", "gap", "moment", "transition", "association"):
        own = [f for f in figures if f.name == name]
        if own:
            means = (np.mean([getattr(f, part) for f in own]) for part in ("score", "ceiling", "floor"))
            lines.append(("all", name, *(f"{mean:.3f}" for mean in means)))
    print(table(("table", "figure", "score", "ceiling", "floor"), lines))
    for name in (figure.table for figure in figures if figure.name == "moment"):
        most = {which: int(at_once(extracts, name, each)[0].max(initial=0)) for which, each in extracts.sets.items()}
        print(f"most rows of {name} at one time: " + ", ".join(f"{which} {most[which]}" for which in most))
    found = {name: extracts.code(name, codes.get(name)) for name in chosen}
    print("codes: " + ", ".join(f"{name}.{each.name}" for name, each in found.items() if each is not None))
    both = [
        {(t, what): share for t, what, share in faults(extracts, each)} for each in (extracts.synthetic, extracts.train)
    ]
    rows, perfect = [], 0
    for t, what in dict.fromkeys([*both[0], *both[1]]):
        shares = [each.get((t, what), float("nan")) for each in both]
        ideal = 1.0 if "→" in what or what in ("key", "patient as its parent's") else 0.0
        perfect += shares == [ideal, ideal]
        if shares != [ideal, ideal]:
            rows.append((t, what, *(f"{share:.4f}" for share in shares)))
    print(table(("table", "share", "synthetic", "train"), rows))
    print(f"{perfect} other shares of keys, links and dates are perfect in both sets")
    print(f"{time.process_time() - began:.0f} s of processor time")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    for name in ("--train", "--holdout", "--synthetic", "--data", "--out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--tables", default="")
    parser.add_argument("--codes", default="", help="TABLE=COLUMN,...: the column of codes")
    parser.add_argument("--split", type=float)
    parser.add_argument("--patients", type=int)
    given = parser.parse_args()
    schema = schema_file.load(given.config)
    if given.split is not None:
        split(given.data, schema, given.split, given.seed, given.out, given.patients)
        return
    print(DEFINITIONS)
    codes = dict(pair.split("=") for pair in given.codes.split(",") if pair)
    tables = [name for name in given.tables.split(",") if name]
    judge(schema, given.train, given.holdout, given.synthetic, tables, given.seed, codes)


if __name__ == "__main__":
    sys.exit(main())
