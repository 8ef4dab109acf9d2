"""Exact copies: synthetic records that equal a real record in every variable."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from synthgen.metrics.base import Comparison, Measure
from synthgen.metrics.equal import too_few
from synthgen.metrics.exchangeable import obstacle
from synthgen.metrics.identity import identities, integer_columns, pooled, without_repeats
from synthgen.metrics.result import Metric, Verdict
from synthgen.metrics.statistics.permutation import detectable_hits, excess_p
from synthgen.metrics.unanswered import unanswered
from synthgen.metrics.verdicts import LEAK_P
from synthgen.progress import Progress, silent

NAME = "exact_copies"
SOURCE = "exact hypergeometric test over patients; none beyond the holdout's rate"
#: A record of which chance would make fewer copies than this is surprising.
SURPRISING = 0.001


@dataclass(frozen=True)
class ExactCopies(Measure):
    """The share of synthetic records equal to a training record, beside what chance explains.

    ``value`` is that share, on raw values, missing being a value; ``ceiling`` is the share of holdout records equal to
    a training record. Common records repeat by chance, and repeat more where the training set is larger than the
    holdout, so neither share is tested. Tested are records that are *unique*: held by exactly one patient of training
    and holdout pooled. If the generator owes nothing to the training set, the owner of a copied unique record is as
    likely to be in the holdout as any patient; so of the patients of whom a unique record was copied, those in
    training are hypergeometric (an exact permutation test with patients as clusters, each counted once however many
    of their records were copied). One-sided.

    Where records have few possible values, chance copies many unique records and drowns a small leak. So the test is
    done twice, over all unique records and over the *surprising* among them, of which independent columns would
    make fewer than one copy in a thousand synthetic sets, and p is twice the smaller (Bonferroni). Which records are
    surprising depends on the pooled records only, not on who is in training, so both tests stay exact.

    Detectable: the smallest share of training patients whose copied records make either excess significant in 80 % of
    plantings, given the copies that chance makes of the holdout.
    """

    def measure(
        self, comparison: Comparison, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        """The metric ``exact_copies``; without a holdout it has a value and no ceiling."""
        reason = too_few(replace(comparison, holdout=None))
        if not comparison.variables:
            reason = "there is no variable to compare"
        if reason:
            return (unanswered(NAME, "privacy", comparison, reason),)
        copies = _Copies.of(comparison)
        reason = obstacle(comparison)
        details: dict[str, object] = {"test": reason or "done", "rows": copies.rows()}
        if comparison.holdout is not None and not reason:
            details |= copies.test(comparison.train.n_patients, comparison.holdout.n_patients)
        progress(NAME, 1.0)
        return (
            Metric(
                name=NAME,
                family="privacy",
                table=comparison.table,
                value=copies.of_train,
                ceiling=copies.holdout_of_train,
                better="lower",
                unit="share",
                n=copies.sizes,
                details=details,
            ),
        )

    def judge(self, metrics: tuple[Metric, ...], comparison: Comparison) -> tuple[Verdict, ...]:
        """One line; its p is not yet corrected for the number of lines."""
        return tuple(_verdict(metric) for metric in metrics if metric.name == NAME)


@dataclass(frozen=True)
class _Owners:
    """Patients (training, holdout) who have a unique record of some sort, and of whom one was copied."""

    sort: str
    owners: tuple[int, int]
    copied: tuple[int, int]

    def p(self, training: int, holdout: int) -> float:
        return excess_p(*self.copied, training, holdout)

    def detectable(self, training: int, holdout: int) -> float:
        needed = detectable_hits(self.copied[1], training, holdout, LEAK_P / 2)
        return float("inf") if needed is None or not self.owners[0] else needed / self.owners[0]

    def row(self) -> dict[str, object]:
        return {"records": self.sort} | {
            f"{side} patients {what}": count
            for what, counts in (("with one", self.owners), ("copied", self.copied))
            for side, count in zip(("training", "holdout"), counts, strict=True)
        }


@dataclass(frozen=True, eq=False)
class _Copies:
    """Shares of copied records, and the owners of unique and of surprising records."""

    of_train: float
    of_holdout: float | None
    holdout_of_train: float | None
    of_unique_train: float
    owners: tuple[_Owners, _Owners]
    sizes: dict[str, int]

    @classmethod
    def of(cls, comparison: Comparison) -> _Copies:
        train, synthetic = comparison.train, comparison.synthetic
        real = pooled(train, *([] if comparison.holdout is None else [comparison.holdout]))
        columns = integer_columns(comparison.variables, pooled(real, synthetic))
        identity = identities(columns)
        size = int(identity.max()) + 1
        ids = {"train": identity[: train.n], "holdout": identity[train.n : real.n], "synthetic": identity[real.n :]}
        found = {name: _marked(values, size) for name, values in ids.items()}
        kept = without_repeats(comparison.variables, real)
        patient, record = real.patient[kept], identity[kept]
        alone = np.bincount(record, minlength=size)[record] == 1
        surprising = alone & (_expected_copies(columns[:, kept], synthetic.n) < SURPRISING)
        copied = found["synthetic"][record]
        unique_train = _marked(record[alone & (patient < train.n_patients)], size)
        held = comparison.holdout is not None
        return cls(
            of_train=float(found["train"][ids["synthetic"]].mean()),
            of_holdout=float(found["holdout"][ids["synthetic"]].mean()) if held else None,
            holdout_of_train=float(found["train"][ids["holdout"]].mean()) if held and len(ids["holdout"]) else None,
            of_unique_train=float(unique_train[ids["synthetic"]].mean()),
            owners=(
                _owners("unique", patient, alone, copied, train.n_patients),
                _owners("unique and surprising", patient, surprising, copied, train.n_patients),
            ),
            sizes={name: len(values) for name, values in ids.items()},
        )

    def rows(self) -> list[dict[str, object]]:
        return [
            {"share of records": "synthetic equal to a training record", "value": self.of_train},
            {"share of records": "synthetic equal to a holdout record", "value": self.of_holdout},
            {"share of records": "holdout equal to a training record", "value": self.holdout_of_train},
            {"share of records": "synthetic equal to a unique training record", "value": self.of_unique_train},
        ]

    def test(self, training: int, holdout: int) -> dict[str, object]:
        if not self.owners[0].owners[0]:
            return {"test": "no training record is unique, so a copy of one cannot be told from chance"}
        detectable = min(owners.detectable(training, holdout) for owners in self.owners)
        return {
            "p": min(1.0, 2 * min(owners.p(training, holdout) for owners in self.owners)),
            "detectable": detectable if detectable <= 1 else None,
            "owners": [owners.row() for owners in self.owners],
        }


def _expected_copies(columns: NDArray[np.int64], draws: int) -> NDArray[np.float64]:
    """How many copies of each record ``draws`` records with independent columns would hold."""
    logarithm = np.full(columns.shape[1], np.log(draws))
    for column in columns:
        counts = np.bincount(column + 1)
        logarithm += np.log(counts[column + 1] / len(column))
    return np.asarray(np.exp(logarithm))


def _owners(
    sort: str, patient: NDArray[np.int64], chosen: NDArray[np.bool_], copied: NDArray[np.bool_], training: int
) -> _Owners:
    return _Owners(sort, _by_side(patient[chosen], training), _by_side(patient[chosen & copied], training))


def _marked(values: NDArray[np.int64], size: int) -> NDArray[np.bool_]:
    marks = np.zeros(size, dtype=bool)
    marks[values] = True
    return marks


def _by_side(patients: NDArray[np.int64], training: int) -> tuple[int, int]:
    distinct = np.unique(patients)
    inside = int((distinct < training).sum())
    return inside, len(distinct) - inside


def _verdict(metric: Metric) -> Verdict:
    details = metric.details
    reason = metric.reason or ("" if "p" in details else str(details["test"]))
    if not reason and details["p"] >= LEAK_P and details["detectable"] is None:
        reason = "too few patients with unique records: copies of all of them would not have been seen"
    if reason:
        return Verdict(name=NAME, verdict="not_assessable", metric=NAME, detail=reason, source=SOURCE)
    owners = details["owners"][0]
    training, holdout = (
        _share(owners[f"{side} patients copied"], owners[f"{side} patients with one"])
        for side in ("training", "holdout")
    )
    return Verdict(
        name=NAME,
        verdict="leak" if details["p"] < LEAK_P else "none_detected",
        metric=NAME,
        p=details["p"],
        detectable=details["detectable"],
        detail=f"a unique record was copied of {training} of the training patients who have one, "
        f"and of {holdout} of the holdout patients",
        source=SOURCE,
    )


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2%}" if whole else "0%"
