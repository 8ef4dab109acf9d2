"""Known answers of the evaluator in full form: perfect generators must pass, planted leaks must be found.

    python tests/benchmarks/known_answers.py                      # hours
    python tests/benchmarks/known_answers.py --seeds 40 --columns 5 --patients 300 --planted 600

Perfect generators are fresh draws from the world below, in which patients have one to three rows that resemble each
other. The tests beside each measure hold the short forms, and the faults that have one right answer.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.stats import binomtest, kstest
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from synthgen.metrics.attacks.neighbours import Frame, Points, nearest
from synthgen.metrics.base import Comparison, Likelihood, Measure, Side
from synthgen.metrics.coding.cells import cut
from synthgen.metrics.fairness.group_accuracy import GroupAccuracy
from synthgen.metrics.fairness.representation import Representation
from synthgen.metrics.fidelity.accuracy import Accuracy
from synthgen.metrics.fidelity.association import Association
from synthgen.metrics.fidelity.c2st import C2st
from synthgen.metrics.fidelity.lost_links import LostLinks
from synthgen.metrics.fidelity.marginals import Marginals
from synthgen.metrics.fidelity.missingness import Missingness
from synthgen.metrics.fidelity.rare_categories import RareCategories
from synthgen.metrics.privacy.attribute_inference import AttributeInference
from synthgen.metrics.privacy.exact_copies import ExactCopies
from synthgen.metrics.privacy.linkability import Linkability
from synthgen.metrics.privacy.membership_by_group import MembershipByGroup
from synthgen.metrics.privacy.membership_by_model import MembershipByModel
from synthgen.metrics.privacy.membership_disclosure import MembershipDisclosure
from synthgen.metrics.privacy.membership_inference import MembershipInference
from synthgen.metrics.privacy.near_copies import NearCopies
from synthgen.metrics.privacy.nearest_neighbour_share import NearestNeighbourShare
from synthgen.metrics.privacy.rare_values_leaked import RareValuesLeaked
from synthgen.metrics.privacy.singling_out import SinglingOut
from synthgen.metrics.privacy.vulnerable_records import VulnerableRecords
from synthgen.metrics.result import Metric
from synthgen.metrics.utility.inference import Inference
from synthgen.metrics.verdicts import family_wise
from tests.benchmarks.clock import at_least, machine, table
from tests.metrics.build import comparison, records
from tests.metrics.privacy.populations import Columns, rows, stacked

FIDELITY: tuple[Measure, ...] = (
    *(Accuracy(), Marginals(), Association(), LostLinks(), Missingness(columns=2), C2st(), RareCategories()),
    *(Inference(), Representation(fewest=30), GroupAccuracy(fewest=30)),
)
PRIVACY: tuple[Measure, ...] = (
    NearestNeighbourShare(),
    ExactCopies(),
    RareValuesLeaked(),
    MembershipInference(),
    MembershipByModel(),
    MembershipByGroup(),
    MembershipDisclosure(),
    NearCopies(),
    SinglingOut(),
    Linkability(),
    AttributeInference(),
    VulnerableRecords(),
)
#: Lines whose p is continuous, and so uniform; counts of patients are discrete.
CONTINUOUS = ("nearest_neighbour_share", "membership_inference", "membership_by_model", "membership_by_group")
SPLITS = {"50/50": 0.5, "80/20": 0.8, "90/10": 0.9}
PATIENT = "patient"


def world(patients: int, columns: int, rng: np.random.Generator, first: int = 0) -> Columns:
    """Fresh patients with one to three rows; every column follows the same severity, of patient and row."""
    who = np.repeat(np.arange(patients), rng.choice([1, 2, 3], patients, p=[0.6, 0.3, 0.1]))
    severity = 0.8 * rng.normal(size=patients)[who] + 0.6 * rng.normal(size=len(who))
    drawn: Columns = {PATIENT: first + who}
    for j in range(columns):
        column = _COLUMNS[j % len(_COLUMNS)](severity, rng)
        # One column in ten belongs to the patient: all rows have the value of the first.
        drawn[f"x{j}"] = column[np.unique(who, return_index=True)[1]][who] if j % 10 == 0 else column
    return drawn


def _gapped(severity: NDArray[np.float64], rng: np.random.Generator) -> NDArray[Any]:
    missing = rng.random(len(severity)) < 1 / (1 + np.exp(1.5 - severity))
    return np.where(missing, np.nan, severity + rng.normal(size=len(severity)))


_COLUMNS: tuple[Callable[[NDArray[np.float64], np.random.Generator], NDArray[Any]], ...] = (
    lambda severity, rng: np.round(60 + 10 * severity + 8 * rng.normal(size=len(severity))),
    lambda severity, rng: np.char.add("ward ", np.clip(np.round(2 * severity + 4), 0, 8).astype(int).astype(str)),
    _gapped,
    lambda severity, rng: np.char.add("code ", (rng.zipf(1.7, len(severity)) % 40).astype(str)),
    lambda severity, rng: np.where(severity + rng.normal(size=len(severity)) > 0, "yes", "no"),
)


@dataclass(frozen=True)
class Findings:
    """What one evaluation of a perfect generator said.

    Attributes:
        flagged: whether any line says ``leak`` or ``fail``.
        p: of each line that has one, before correction for many lines.
        zero: whether the interval of the difference from the ceiling covers zero, by metric.
        values: value and interval by metric.
    """

    flagged: bool = False
    p: dict[str, float] = field(default_factory=dict)
    zero: dict[str, bool] = field(default_factory=dict)
    values: dict[str, tuple[float, float, float]] = field(default_factory=dict)


def judged(compared: Comparison, measures: Sequence[Measure], seed: int) -> Findings:
    """Run measures and gather what this benchmark looks at."""
    found = Findings()
    lines = []
    for measure in measures:
        metrics = measure.measure(compared, rng=np.random.default_rng(seed))
        lines += measure.judge(metrics, compared)
        for metric in metrics:
            _note(metric, found)
    found.p.update({line.name: line.p for line in lines if line.p is not None})
    flagged = any(line.verdict in ("leak", "fail") for line in family_wise(lines))
    return Findings(flagged, found.p, found.zero, found.values)


def _note(metric: Metric, found: Findings) -> None:
    difference = metric.details.get("below_ceiling") or metric.details.get("above_ceiling")
    if difference and difference["interval"]:
        low, high = difference["interval"]
        found.zero[metric.name] = low <= 0 <= high
    # Which group is furthest below its ceiling, and which links there are, differs: there is no one expected value.
    if metric.value is not None and metric.interval is not None and metric.name not in {"group_accuracy", "lost_links"}:
        found.values[metric.name] = (metric.value, *metric.interval)


def perfect(seed: int, *, patients: int, columns: int, share: float, measures: Sequence[Measure]) -> Findings:
    """A perfect generator under this seed; ``share`` of the real patients are training patients."""
    rng = np.random.default_rng([seed, columns, round(100 * share)])
    training = round(share * patients)
    sets = (world(n, columns, rng, first) for n, first in ((training, 0), (patients - training, training)))
    compared = comparison(*sets, world(training, columns, rng), patient=PATIENT, target="x4")
    model = stranger(compared, world(training, columns, rng))
    return judged(replace(compared, groups=("x1",)).told_by(model), measures, seed)


def stranger(compared: Comparison, others: Columns) -> Likelihood:
    """A model that knows how common each cell is among other patients, and so nothing of those who are compared."""
    assert compared.holdout is not None
    learned = records(others, compared.variables, PATIENT)
    cells = cut(compared.variables, learned)
    columns = np.repeat(np.arange(len(cells)), [each.size for each in cells])
    first = np.searchsorted(columns, np.arange(len(cells)))
    places = {
        side: np.stack([each.of(known) for each in cells], axis=1) + first
        for side, known in (("train", compared.train), ("holdout", compared.holdout), ("others", learned))
    }
    seen = np.bincount(places["others"].ravel(), minlength=len(columns)) + 0.5
    log_share = np.log(seen / np.bincount(columns, seen)[columns])

    def occurrences(which: Side, rows: NDArray[np.int64]) -> csr_array:
        at = places[which][rows]
        of = np.repeat(np.arange(len(rows)), len(cells))
        return csr_array((np.ones(at.size), (of, at.ravel())), shape=(len(rows), len(columns)))

    return Likelihood(lambda which, rows: log_share[places[which][rows]].sum(axis=1), occurrences, columns)


def leaking(seed: int, *, patients: int, leak: str) -> bool:
    """Whether some line flags a planted leak; half of ``patients`` are training patients, with ten columns."""
    rng = np.random.default_rng([seed, patients])
    train, holdout, fresh = (world(patients // 2, 10, rng, first) for first in (0, patients, 0))
    synthetic = LEAKS[leak](train, fresh, rng)
    return judged(comparison(train, holdout, synthetic, patient=PATIENT), PRIVACY, seed).flagged


def _of_patients(columns: Columns, chosen: NDArray[Any]) -> Columns:
    return rows(columns, np.flatnonzero(np.isin(columns[PATIENT], chosen)))


def _copied(train: Columns, fresh: Columns, rng: np.random.Generator, share: float) -> Columns:
    """All rows of a share of the patients are those of training patients."""
    present = np.unique(train[PATIENT])
    chosen = rng.permutation(present)[: round(share * len(present))]
    return stacked(_of_patients(train, chosen), _of_patients(fresh, np.setdiff1d(present, chosen)))


def _in_columns(train: Columns, fresh: Columns, rng: np.random.Generator) -> Columns:
    """Half of the columns are those of training rows."""
    at = rng.permutation(len(fresh[PATIENT])) % len(train[PATIENT])
    return fresh | {name: train[name][at] for name in list(train)[1:6]}


def _in_a_subgroup(train: Columns, fresh: Columns, rng: np.random.Generator) -> Columns:
    """Whoever is in the last wards is a training patient, copied; all others are fresh."""
    ward, last = "x1", ("ward 6", "ward 7", "ward 8")
    copied = rows(train, np.flatnonzero(np.isin(train[ward], last)))
    kept = rows(fresh, np.flatnonzero(~np.isin(fresh[ward], last)))
    copied[PATIENT] = copied[PATIENT] + 10**6
    return stacked(copied, kept)


def _moved(train: Columns, fresh: Columns, rng: np.random.Generator) -> Columns:
    """Training rows whose numbers are moved by a tenth of a standard deviation."""
    numbers = [name for name, values in train.items() if values.dtype.kind == "f" and name != PATIENT]
    noise = {name: rng.normal(0, 0.1 * np.nanstd(train[name]), len(train[name])) for name in numbers}
    return train | {name: train[name] + noise[name] for name in numbers}


def _altered(train: Columns, fresh: Columns, rng: np.random.Generator, share: float) -> Columns:
    """All rows of a share of the patients are those of training patients, one number moved: no copy is exact."""
    return _copied(train | {"x0": train["x0"] + rng.choice([-1.0, 1.0], len(train["x0"]))}, fresh, rng, share)


def _avoiding(train: Columns, fresh: Columns, rng: np.random.Generator) -> Columns:
    """Of twice as many fresh patients, the half whose records are furthest from any training record."""
    patients = len(np.unique(fresh[PATIENT]))
    more = world(patients, 10, rng, 10**7)
    drawn = stacked(fresh, more)
    compared = comparison(train, train, drawn, patient=PATIENT)
    frame = Frame.of(compared.variables, compared.train)
    points = [Points.of(compared.variables, records, frame) for records in (compared.synthetic, compared.train)]
    distance = np.concatenate([block.distance for block in nearest(*points)])
    far = np.full(2 * patients, np.inf)
    np.minimum.at(far, compared.synthetic.patient, distance)
    present = np.unique(drawn[PATIENT])
    return _of_patients(drawn, present[np.argsort(-far)[:patients]])


LEAKS: dict[str, Callable[[Columns, Columns, np.random.Generator], Columns]] = {
    "all patients copied": lambda train, fresh, rng: train,
    "one patient in a hundred copied": partial(_copied, share=0.01),
    "one patient in twenty copied": partial(_copied, share=0.05),
    "half of the columns copied": _in_columns,
    "one subgroup copied": _in_a_subgroup,
    "all copied, numbers moved": _moved,
    "one patient in a hundred copied, none exactly": partial(_altered, share=0.01),
    "training records avoided": _avoiding,
}


def lines_of(found: Sequence[Findings]) -> Iterator[tuple[str, ...]]:
    """The rows of one table: what was looked at, how often, what was found, what is expected."""
    yield share_of("any line says leak or fail", [each.flagged for each in found], high=0.07)
    for name in sorted({name for each in found for name in each.p}):
        # Counts of patients are discrete: their p may be too large, never too small. A line that tells its p only
        # where it is small has accused nobody elsewhere.
        discrete = name not in CONTINUOUS
        p = np.array([each.p.get(name, 1.0) for each in found if discrete or name in each.p])
        uniform = float(kstest(p, "uniform", alternative="greater" if discrete else "two-sided").pvalue)
        words = "not too small" if discrete else "uniform"
        yield (f"p of {name} {words}: KS p", str(len(p)), *at_least(uniform, 0.01))
        yield share_of(f"p of {name} below .05", p < 0.05, high=0.05)
    for name in sorted({name for each in found for name in each.zero}):
        covered = [each.zero[name] for each in found if name in each.zero]
        yield share_of(f"{name}: difference from ceiling covers 0", covered, low=0.93)
    for name in sorted({name for each in found for name in each.values}):
        values = np.array([each.values[name] for each in found if name in each.values])
        expected = values[:, 0].mean()
        covers = (values[:, 1] <= expected) & (expected <= values[:, 2])
        yield share_of(f"{name}: interval covers its mean {expected:.4f}", covers, low=0.93, high=0.97)


def share_of(
    what: str, hits: Sequence[bool] | NDArray[np.bool_], low: float = 0.0, high: float = 1.0
) -> tuple[str, ...]:
    """A share of runs and the bounds it should keep; missed only where chance alone does not explain it (p < .01)."""
    times, runs = int(np.sum(hits)), len(hits)
    below = binomtest(times, runs, low, alternative="less").pvalue if low > 0 else 1.0
    above = binomtest(times, runs, high, alternative="greater").pvalue if high < 1 else 1.0
    bounds = f"{low:g} - {high:g}" if low > 0 and high < 1 else f">= {low:g}" if low > 0 else f"<= {high:g}"
    return what, str(runs), f"{times / runs:.3f}", bounds, "MISSED" if min(below, above) < 0.01 else "met"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--patients", type=int, default=1000, help="training and holdout together")
    parser.add_argument("--columns", type=int, nargs="+", default=[5, 20, 100])
    parser.add_argument("--splits", nargs="+", choices=list(SPLITS), default=list(SPLITS))
    parser.add_argument("--planted", type=int, default=6000, help="patients where leaks are planted; 0 for no planting")
    every = {type(measure).__name__: measure for measure in (*PRIVACY, *FIDELITY)}
    parser.add_argument("--measures", nargs="+", choices=list(every), default=list(every), help="C2st takes longest")
    parser.add_argument("--leaks", nargs="+", choices=list(LEAKS), default=list(LEAKS))
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    options = parser.parse_args()
    measures = [every[name] for name in options.measures]
    header = ("", "runs", "found", "expected", "")
    print(machine(), flush=True)
    with ProcessPoolExecutor(options.workers, initializer=threadpool_limits, initargs=(1,)) as pool:
        for columns in options.columns:
            for split in options.splits:
                one = partial(
                    perfect, patients=options.patients, columns=columns, share=SPLITS[split], measures=measures
                )
                found = list(pool.map(one, range(options.seeds)))
                print("", f"perfect generator, {columns} columns, {split}", sep="\n")
                print(table(header, list(lines_of(found))), flush=True)
        if not options.planted:
            return
        shares = []
        plantings = range(max(1, options.seeds // 4))
        for leak in options.leaks:
            flagged = list(pool.map(partial(leaking, patients=options.planted, leak=leak), plantings))
            shares.append(share_of(leak, flagged, low=0.8))
        print("", f"planted leaks, {options.planted // 2} training patients, 10 columns, 50/50", sep="\n")
        print(table(header, shares), machine(), sep="\n")


if __name__ == "__main__":
    main()
