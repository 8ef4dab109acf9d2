"""Key integrity: every key there once, every link leading to a row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthgen.metrics.extract import Extract, Extracts
from synthgen.metrics.longitudinal.base import RelationalMeasure
from synthgen.metrics.result import HISTORIES, Metric, Verdict
from synthgen.progress import Progress, silent

NAME = "key_integrity"
SOURCE = "a key tells rows apart and a link leads to a row, or the tables cannot be joined"


@dataclass(frozen=True)
class Check:
    """One key or link of a set.

    Attributes:
        sound: rows where it is as it should be, ``of`` all that have one.
        binding: whether it has to hold in every row: not so of links to tables that are kept as they are, which the
            real rows break as well.
    """

    table: str
    what: str
    sound: int
    of: int
    binding: bool

    @property
    def share(self) -> float:
        """1 where there are no rows."""
        return self.sound / self.of if self.of else 1.0


@dataclass(frozen=True)
class KeyIntegrity(RelationalMeasure):
    """The share of keys and links of the synthetic set that are sound, rows of all tables together.

    A key is sound where it is there and no earlier row has it; a link where it is missing or names a row. A row whose
    own patient is another than its parent's is unsound where real rows are not so. The ceiling is the share in the
    training set. The line fails below 100 %, whatever the real data do.
    """

    def measure(
        self, extracts: Extracts, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        sets = {**extracts.real, "synthetic": extracts.synthetic}
        found = {which: list(checks(each, extracts)) for which, each in sets.items()}
        shares = {which: _share([check for check in each if check.binding]) for which, each in found.items()}
        rows: list[dict[str, Any]] = [
            {"link": f"{check.table}: {check.what}", "broken": check.of - check.sound, "rows": check.of}
            | {which: each[k].share for which, each in found.items()}
            | {"binding": check.binding}
            for k, check in enumerate(found["synthetic"])
        ]
        rows.sort(key=lambda row: (not row["binding"], row["synthetic"]))
        return (
            Metric(
                name=NAME,
                family="fidelity",
                table=HISTORIES,
                value=shares["synthetic"],
                ceiling=shares["train"],
                better="higher",
                unit="share",
                n={"patients": extracts.synthetic.n_patients},
                details={"rows": rows},
            ),
        )

    def judge(self, metrics: tuple[Metric, ...], extracts: Extracts) -> tuple[Verdict, ...]:
        """One line, without a p: a broken link is no matter of chance."""
        (metric,) = metrics
        broken = [row for row in metric.details["rows"] if row["binding"] and row["broken"]]
        told = "; ".join(f"{row['link']}: {row['broken']:,} of {row['rows']:,} rows" for row in broken)
        return (
            Verdict(
                name=NAME,
                verdict="fail" if broken else "pass",
                metric=NAME,
                threshold=1.0,
                detail=f"not sound: {told}" if broken else "every key is unique and every link leads to a row",
                source=SOURCE,
            ),
        )


def checks(extract: Extract, extracts: Extracts) -> Iterator[Check]:
    """Every key and link of a set, in the same order for every set."""
    for name, rows in extract.tables.items():
        member, relatives = extracts.structure.members[name], rows.relatives
        assert relatives is not None
        if extracts.schema.tables[name].key_columns:
            unsound = relatives.keyless + relatives.repeated
            yield Check(name, "key", rows.n - unsound, rows.n, True)
        joined = dict(relatives.links) | (
            {} if member.parent is None or relatives.parent is None else {member.parent: relatives.parent}
        )
        for link, found in joined.items():
            there = rows.n - found.missing
            called = f"{', '.join(link.columns)} → {link.table}"
            yield Check(name, called, there - found.dangling, there, link.how != "reference")
        if member.role == "child" and member.patient is not None and member.parent is not None:
            real = extracts.train.tables[name].relatives
            assert real is not None
            yield Check(name, "patient as its parent's", rows.n - relatives.contrary, rows.n, not real.contrary)


def _share(checks: list[Check]) -> float:
    rows = sum(check.of for check in checks)
    return sum(check.sound for check in checks) / rows if rows else 1.0
