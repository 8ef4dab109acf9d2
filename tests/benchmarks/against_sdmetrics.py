"""Our figures beside those of SDMetrics: the same where SDMetrics is right, and what each says where it is not.

    python tests/benchmarks/against_sdmetrics.py

Needs SDMetrics, which comes with sdv; imported where it is used, so that this file can be read without it. The truth of
every case is known: by hand, or because the records are fresh draws from one law. Exits with 1 where a figure of ours
is not the truth, or where the two disagree and should not.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthgen.metrics.base import Measure
from synthgen.metrics.fidelity.accuracy import Accuracy
from synthgen.metrics.fidelity.association import Association
from synthgen.metrics.fidelity.c2st import C2st
from synthgen.metrics.fidelity.marginals import Marginals
from synthgen.metrics.fidelity.missingness import Missingness
from synthgen.metrics.privacy.exact_copies import ExactCopies
from synthgen.metrics.privacy.nearest_neighbour_share import NearestNeighbourShare
from synthgen.metrics.result import Metric
from tests.benchmarks.clock import machine, table
from tests.metrics.build import comparison

Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Case:
    """One case: what is true, what each says, and whether ours is the truth."""

    name: str
    truth: str
    theirs: str
    ours: str
    met: bool

    def row(self) -> tuple[str, ...]:
        return self.name, self.truth, self.theirs, self.ours, "met" if self.met else "MISSED"


def draw(rng: np.random.Generator, n: int) -> Columns:
    """Two numbers that hang together, and two labels, one of which follows them."""
    severity = rng.normal(size=n)
    return {
        "crp": np.exp(severity + 0.5 * rng.normal(size=n)),
        "lactate": severity + 0.5 * rng.normal(size=n),
        "ward": np.where(severity + 0.5 * rng.normal(size=n) > 0.5, "icu", "general"),
        "code": np.char.add("c", (rng.zipf(1.7, n) % 30).astype(str)),
    }


def figure(measure: Measure, name: str, train: Columns, holdout: Columns | None, synthetic: Columns) -> Metric:
    """One of our figures."""
    found = measure.measure(comparison(train, holdout, synthetic), rng=np.random.default_rng(0))
    return next(metric for metric in found if metric.name == name)


def row(metric: Metric, column: str) -> dict[str, Any]:
    return next(each for each in metric.details["rows"] if each.get("column") == column)


# --- where SDMetrics is right --------------------------------------------------------------------------------------


def agreeing(rng: np.random.Generator) -> Iterator[Case]:
    """Complete columns of as many rows: distances of single columns, missing rates, Spearman."""
    from sdmetrics.column_pairs import CorrelationSimilarity
    from sdmetrics.single_column import KSComplement, MissingValueSimilarity, TVComplement

    real, made = draw(rng, 4000), draw(rng, 4000)
    made["crp"], made["ward"] = made["crp"] * 1.3, np.where(rng.random(4000) < 0.1, "icu", made["ward"])
    marginals = figure(Marginals(), "marginals", real, None, made)
    for column, theirs_of in (
        ("crp", KSComplement),
        ("lactate", KSComplement),
        ("ward", TVComplement),
        ("code", TVComplement),
    ):
        theirs = theirs_of.compute(real_data=pd.Series(real[column]), synthetic_data=pd.Series(made[column]))
        ours = 1 - row(marginals, column)["distance"]
        # Numbers are looked at in 2,000 places.
        yield Case(
            f"{theirs_of.__name__} of {column}", "the same", f"{theirs:.4f}", f"{ours:.4f}", abs(theirs - ours) < 1e-3
        )
    holed = made | {"lactate": np.where(rng.random(4000) < 0.25, np.nan, made["lactate"])}
    theirs = MissingValueSimilarity.compute(pd.Series(real["lactate"]), pd.Series(holed["lactate"]))
    difference = row(figure(Missingness(fewest=10**9), "missingness", real, None, holed), "lactate")["difference"]
    yield Case(
        "MissingValueSimilarity",
        "the same",
        f"{theirs:.4f}",
        f"{1 - difference:.4f}",
        abs(theirs - 1 + difference) < 1e-9,
    )
    weaker = made | {"lactate": made["lactate"] + rng.normal(size=4000)}
    pair = ["crp", "lactate"]
    theirs = CorrelationSimilarity.compute(pd.DataFrame(real)[pair], pd.DataFrame(weaker)[pair], coefficient="Spearman")
    numbers = ({name: each[name] for name in pair} for each in (real, weaker))
    found = figure(Association(), "association", *_around(*numbers)).value or 0.0
    yield Case(
        "CorrelationSimilarity, Spearman",
        "the same",
        f"{theirs:.4f}",
        f"{1 - found / 2:.4f}",
        abs(theirs - 1 + found / 2) < 1e-6,
    )


def _around(real: Columns, made: Columns) -> tuple[Columns, None, Columns]:
    return real, None, made


# --- where it is not -----------------------------------------------------------------------------------------------


def disagreeing(rng: np.random.Generator) -> Iterator[Case]:
    """The cases of the evaluation's first table that speak of SDMetrics."""
    yield from _unequal_sizes(rng)
    yield from _copy_with_ties(rng)
    yield from _scaled(rng)
    yield from _missing(rng)
    yield from _shuffled(rng)


def _unequal_sizes(rng: np.random.Generator) -> Iterator[Case]:
    train, holdout, made = draw(rng, 1200), draw(rng, 300), draw(rng, 1200)
    closer = _dcr(train, holdout, made)["closer_to_training"]
    measure, sets = NearestNeighbourShare(), comparison(train, holdout, made)
    (found, *_) = measure.measure(sets, rng=np.random.default_rng(0))
    words = {line.verdict for line in measure.judge((found, *_), sets)}
    yield Case(
        "perfect generator, 1200 train, 300 holdout", "as by chance", f"{closer:.0%} closer to training",
        f"{', '.join(sorted(words))}; share {found.value:.3f}, by chance {found.ceiling:.3f}", "leak" not in words,
    )  # fmt: skip


def _copy_with_ties(rng: np.random.Generator) -> Iterator[Case]:
    labels = ("ward", "code")
    train, holdout = ({name: draw(rng, 600)[name] for name in labels} for _ in range(2))
    score = _dcr(train, holdout, train)["score"]
    measure = NearestNeighbourShare()
    sets = comparison(train, holdout, train)
    found = measure.measure(sets, rng=np.random.default_rng(0))
    words = {line.verdict for line in measure.judge(found, sets)}
    copies = figure(ExactCopies(), "exact_copies", train, holdout, train).value
    yield Case(
        "verbatim copy of labels with ties", "all copied", f"score {score:.3f} (1 is safe)",
        f"{', '.join(sorted(words))}; exact copies {copies:.0%}", copies == 1,
    )  # fmt: skip


def _dcr(train: Columns, holdout: Columns, made: Columns) -> dict[str, float]:
    from sdmetrics.single_table import DCROverfittingProtection

    frames = [pd.DataFrame(each) for each in (train, made, holdout)]
    found = DCROverfittingProtection.compute_breakdown(
        real_training_data=frames[0],
        synthetic_data=frames[1],
        real_validation_data=frames[2],
        metadata={"tables": {"t": _metadata(train)}},
        table_name="t",
    )
    shares = found["synthetic_data_percentages"]
    return {"score": float(found["score"]), "closer_to_training": float(shares["closer_to_training"])}


def _scaled(rng: np.random.Generator) -> Iterator[Case]:
    real, made = draw(rng, 3000), draw(rng, 3000)
    wrong = made | {"crp": made["crp"] * 1000 + 500}
    before, after = (_pair_score(_report(real, each), "crp", "ward") for each in (made, wrong))
    ours = [
        _our_pair(figure(Accuracy(), "accuracy_2", real, draw(rng, 3000), each), "crp", "ward")
        for each in (made, wrong)
    ]
    yield Case(
        "crp times 1000 plus 500, pair with ward", "falls far", f"{before:.3f} -> {after:.3f}",
        f"{ours[0]:.3f} -> {ours[1]:.3f}", ours[1] < ours[0] - 0.5,
    )  # fmt: skip


def _missing(rng: np.random.Generator) -> Iterator[Case]:
    real, made = draw(rng, 3000), draw(rng, 3000)
    wrong = {
        name: np.where(rng.random(3000) < 0.9, np.nan if values.dtype.kind == "f" else None, values)
        for name, values in made.items()
    }
    shapes = _report(real, wrong).get_properties().set_index("Property")["Score"]["Column Shapes"]
    found = figure(Accuracy(), "accuracy_1", real, draw(rng, 3000), wrong)
    yield Case(
        "every cell missing in 90 %, none in reality", "0.1 is alike", f"Column Shapes {shapes:.3f}",
        f"accuracy_1 {found.value:.3f}", abs((found.value or 1) - 0.1) < 0.02,
    )  # fmt: skip


def _shuffled(rng: np.random.Generator) -> Iterator[Case]:
    real, made = draw(rng, 3000), draw(rng, 3000)
    wrong = {name: rng.permutation(values) for name, values in made.items()}
    score = _report(real, wrong).get_score()
    found = figure(C2st(), "c2st", real, draw(rng, 3000), wrong)
    yield Case(
        "columns shuffled independently", "told apart", f"quality {score:.3f}",
        f"c2st {found.value:.3f}, ceiling {found.ceiling:.3f}", (found.value or 0) > 0.75,
    )  # fmt: skip


def _metadata(columns: Columns) -> dict[str, Any]:
    kinds = {"f": "numerical", "U": "categorical", "O": "categorical"}
    return {"columns": {name: {"sdtype": kinds[values.dtype.kind]} for name, values in columns.items()}}


def _report(real: Columns, made: Columns) -> Any:
    from sdmetrics.reports.single_table import QualityReport

    report = QualityReport()
    report.generate(pd.DataFrame(real), pd.DataFrame(made), _metadata(real), verbose=False)
    return report


def _pair_score(report: Any, one: str, other: str) -> float:
    pairs = report.get_details("Column Pair Trends")
    chosen = pairs[(pairs["Column 1"].isin([one, other])) & (pairs["Column 2"].isin([one, other]))]
    return float(chosen["Score"].iloc[0])


def _our_pair(metric: Metric, one: str, other: str) -> float:
    rows = metric.details["rows"]
    return float(next(each["value"] for each in rows if set(each["pair"].split(" × ")) == {one, other}))


def main() -> None:
    argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0]).parse_args()
    import sdmetrics

    rng = np.random.default_rng(0)
    missed = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SDMetrics warns of what is being shown here
        for title, cases in (("where SDMetrics is right", agreeing(rng)), ("where it is not", disagreeing(rng))):
            found = list(cases)
            missed |= not all(case.met for case in found)
            print("", title, sep="\n")
            print(
                table(("case", "truth", f"SDMetrics {sdmetrics.__version__}", "synthgen", ""), [c.row() for c in found])
            )
    print("", machine(), sep="\n")
    sys.exit(missed)


if __name__ == "__main__":
    main()
