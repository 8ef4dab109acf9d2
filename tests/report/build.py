"""A realistic evaluation of twenty columns, made from a seed: what the report's tests look at."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgen.metrics.result import Evaluation, KnownAnswer, Metric, Verdict

NUMERIC = ("age", "los_days", "hba1c", "creatinine", "systolic_bp", "bmi", "sodium", "num_medications")
CATEGORICAL = (
    *("sex", "race", "admission_type", "discharge_disposition", "diag_1", "diag_2", "insulin", "metformin"),
    *("smoker", "readmitted", "payer_code", "medical_specialty_of_the_admitting_provider"),
)
COLUMNS = NUMERIC + CATEGORICAL
SIZES = {"train": 4000, "holdout": 1000, "synthetic": 4000}


def evaluation(columns: tuple[str, ...] = COLUMNS, seed: int = 7) -> Evaluation:
    """The same evaluation every time for the same columns and seed."""
    rng = np.random.default_rng(seed)
    return Evaluation(
        seed=seed,
        synthgen="0.1.0",
        inputs=_inputs(),
        verdicts=_verdicts(),
        metrics=(
            *_headlines(rng, columns),
            _marginals(rng, columns),
            _association(rng, columns),
            _links(),
            *_privacy(rng),
            *_attacks(rng),
            *_groups(),
        ),
        required=("exact copies",),
        self_test=(
            KnownAnswer(case="full copy", expected="a leak", said="leak: exact copies", answer="as_expected"),
            KnownAnswer(case="copy of one per cent", expected="a leak", said="of 20 patients", answer="not_assessable"),
        ),
    )


def _inputs() -> dict[str, Any]:
    return {
        "train": {"rows": 5213, "patients": 4000, "effective_patients": 3000, "path": "extract.csv"},
        "holdout": {"rows": 1302, "patients": 1000, "effective_patients": 800, "path": "extract.csv"},
        "synthetic": {"rows": 5213, "patients": 4000, "effective_patients": 3000, "path": "synthetic.csv"},
        "columns": 20,
        "hash": "5f7c0ffee0ddba11",
        "versions": {"python": "3.11.2", "numpy": "2.4.6"},
    }


def _verdicts() -> tuple[Verdict, ...]:
    return (
        Verdict(
            name="nearest_neighbour_label_test",
            verdict="none_detected",
            metric="nearest_neighbour_share",
            p=0.412,
            detectable=0.0123,
            detail="share 0.803, expected 0.800",
            source="Platzer and Reutterer 2021",
        ),
        Verdict(
            name="exact_copies_of_unique_records",
            verdict="leak",
            metric="exact_copies",
            p=0.0004,
            detectable=0.0008,
            threshold=0.0005,
            detail="7 training records that occur once appear in the synthetic set; the holdout has 1",
            source="no more than the holdout's rate",
        ),
        Verdict(
            name="rare_values",
            verdict="not_assessable",
            metric="rare_values_leaked",
            detail="no categorical column has a value below the limit",
        ),
        Verdict(
            name="membership",
            verdict="pass",
            metric="membership",
            p=0.2,
            threshold=0.2,
            detectable=0.04,
            source="relative F1, El Emam et al. 2022",
        ),
    )


def _headlines(rng: np.random.Generator, columns: tuple[str, ...]) -> tuple[Metric, ...]:
    def figure(name: str, value: float, floor: float, ceiling: float, better: Any, unit: str, **more: Any) -> Metric:
        return Metric(
            name=name, family=more.pop("family", "fidelity"), table="encounters", value=value,
            interval=(value - 0.004, value + 0.004), floor=floor, ceiling=ceiling, better=better,
            unit=unit, n=SIZES, **more,
        )  # fmt: skip

    one = [
        {"column": name, "value": 0.995 - gap, "floor": 0.991, "ceiling": 0.9971}
        for name, gap in zip(columns, rng.gamma(1.2, 0.004, len(columns)), strict=True)
    ]
    two = [
        {"pair": [columns[i], columns[j]], "value": 0.985 - gap, "floor": 0.93, "ceiling": 0.991}
        for (i, j), gap in zip(rng.integers(0, len(columns), (30, 2)), rng.gamma(1.2, 0.02, 30), strict=True)
    ]
    for rows in (one, two):
        rows.sort(key=lambda row: row["value"])
    return (
        figure("accuracy_1", 0.9957, 0.9976, 0.9971, "higher", "accuracy", details={"rows": one}),
        figure("accuracy_2", 0.987, 0.961, 0.992, "higher", "accuracy", details={"rows": two}),
        figure("accuracy_3", 0.962, 0.921, 0.981, "higher", "accuracy"),
        figure("c2st", 0.641, 0.932, 0.503, "lower", "AUC"),
        figure("missingness", 0.012, 0.094, 0.006, "lower", "total variation"),
        figure("tstr", 0.631, 0.502, 0.655, "higher", "AUC", family="utility"),
    )


def _marginals(rng: np.random.Generator, columns: tuple[str, ...]) -> Metric:
    histograms = [_numeric(rng, name) if name in NUMERIC else _categorical(rng, name) for name in columns]
    rows = [
        {
            "column": name,
            "ks": float(rng.gamma(2, 0.01)),
            "wasserstein": float(rng.gamma(2, 0.02)),
            "missing_train": 0.1,
        }
        for name in columns
        if name in NUMERIC
    ]
    details = {"rows": rows, "histograms": histograms}
    return Metric(
        name="marginals", family="fidelity", table="encounters", value=0.021, unit="KS", better="lower", n=SIZES,
        details=details,
    )  # fmt: skip


def _numeric(rng: np.random.Generator, name: str) -> dict[str, Any]:
    shape = float(rng.uniform(1.5, 8))
    draws = {key: rng.gamma(shape, 10, n) for key, n in SIZES.items()}
    draws["synthetic"] = draws["synthetic"] * rng.uniform(0.85, 1.1)
    edges = np.linspace(draws["train"].min(), draws["train"].max(), 25)
    missing = float(rng.choice([0.0, 0.08, 0.3]))
    shares = {
        key: (np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0] / len(values)).tolist()
        for key, values in draws.items()
    }
    return {
        "column": name,
        "kind": "numeric",
        "edges": edges.tolist(),
        **shares,
        "n": SIZES,
        "missing": {"train": missing, "holdout": missing * 1.05, "synthetic": missing * 0.9},
    }


def _categorical(rng: np.random.Generator, name: str) -> dict[str, Any]:
    k = int(rng.integers(2, 24))
    truth = np.sort(rng.dirichlet(np.full(k, 0.6)))[::-1]
    wrong = 0.8 * truth + 0.2 * rng.dirichlet(np.full(k, 0.6))
    shares = {
        key: (rng.multinomial(n, wrong if key == "synthetic" else truth) / n).tolist() for key, n in SIZES.items()
    }
    labels = [f"{name.partition('_')[0]} level {i}" for i in range(k)]
    missing = {"train": 0.0, "holdout": 0.0, "synthetic": 0.0}
    return {"column": name, "kind": "categorical", "labels": labels, **shares, "n": SIZES, "missing": missing}


def _association(rng: np.random.Generator, columns: tuple[str, ...]) -> Metric:
    k = len(columns)
    draws = rng.normal(size=(400, k)) @ (np.eye(k) + 0.35 * rng.normal(size=(k, k)))
    train: NDArray[np.float64] = np.asarray(np.corrcoef(draws, rowvar=False))
    noise = rng.normal(0, 0.06, (k, k))
    holdout, synthetic = (np.clip(train * f + (noise + noise.T) / 2, -1, 1) for f in (1.0, 0.75))
    np.fill_diagonal(synthetic, 1.0)
    pairs = [(columns[i], columns[j], i, j) for i in range(k) for j in range(i)]
    pairs.sort(key=lambda pair: -abs(train[pair[2], pair[3]] - synthetic[pair[2], pair[3]]))
    rows = [
        {"pair": [a, b], "train": float(train[i, j]), "synthetic": float(synthetic[i, j])} for a, b, i, j in pairs[:20]
    ]
    matrices = {
        "columns": list(columns),
        "train": train.tolist(),
        "holdout": holdout.tolist(),
        "synthetic": synthetic.tolist(),
    }
    return Metric(
        name="association", family="fidelity", table="encounters", value=0.041, interval=(0.038, 0.045), floor=0.19,
        ceiling=0.011, better="lower", unit="mean absolute difference", n=SIZES | {"pairs": len(pairs)},
        details={"rows": rows, "matrices": matrices},
    )  # fmt: skip


def _links() -> Metric:
    told = (("diag_1 = A41 where discharge_disposition = icu", 79, 1.0, 0.98, 0.016, 0.1),)
    told += (("metformin missing where sex = F", 150, 0.8, 0.79, 0.7, 0.4),)
    keys = ("level", "patients", "rate_train", "rate_holdout", "rate_synthetic", "rate_of_all")
    return Metric(
        name="lost_links", family="fidelity", table="encounters", value=0.31, interval=(0.28, 0.34), floor=0.97,
        ceiling=0.05, better="lower", unit="share of links", n=SIZES | {"links": 150},
        details={"more_than_half_lost": 1, "rows": [dict(zip(keys, row, strict=True)) for row in told]},
    )  # fmt: skip


def _privacy(rng: np.random.Generator) -> tuple[Metric, ...]:
    curves = []
    for name, shift in (("synthetic to train", 1.0), ("holdout to train", 1.08)):
        x = np.sort(rng.gamma(9, 0.3, 500)) * shift
        curves.append({"name": name, "x": x[::5].tolist(), "y": np.linspace(0, 1, 100).tolist()})
    return (
        Metric(
            name="nearest_neighbour_share", family="privacy", table="encounters", value=0.803, ceiling=0.8,
            unit="share", interval=(0.789, 0.817), n=SIZES, better="lower",
            details={"curves": curves, "x_label": "distance", "y_label": "share of records within it"},
        ),
        Metric(
            name="exact_copies", family="privacy", table="encounters", value=7 / 4000, ceiling=1 / 1000, unit="share",
            better="lower", n=SIZES,
        ),
        Metric(
            name="rare_values_leaked", family="privacy", table="encounters", status="not_assessable", n=SIZES,
            reason="no categorical column has a value below the limit", better="lower",
        ),
    )  # fmt: skip


def _attacks(rng: np.random.Generator) -> tuple[Metric, ...]:
    fpr = np.geomspace(1 / 500, 1, 40)
    listed = [
        {
            "attack": attack, "columns": "all columns", "auc": 0.5 + power / 8, "interval": [0.5, 0.6], "p": 0.2,
            "fpr": fpr.tolist(), "tpr": (fpr ** (1 - power)).tolist(), "epsilon_lower": power,
        }
        for attack, power in (("distance to the closest", 0.3), ("density ratio", 0.1))
    ]  # fmt: skip
    rates = {"attack_rate": 0.12, "control_rate": 0.1}
    secrets = [
        {"attack": f"guess {name}", "risk": 0.02 + gap, "low": gap, "high": 0.04 + gap, **rates}
        for name, gap in zip(COLUMNS[:5], rng.gamma(1, 0.01, 5), strict=True)
    ]
    sizes = {"train_patients": 4000, "holdout_patients": 1000}
    return (
        Metric(
            name="membership_inference", family="privacy", table="encounters", value=0.537, interval=(0.519, 0.556),
            ceiling=0.5, better="lower", unit="AUC", n=sizes, details={"attacks": listed},
        ),
        Metric(
            name="attribute_inference", family="privacy", table="encounters", value=0.021, interval=(0.001, 0.04),
            ceiling=0.0, better="lower", unit="risk", n=sizes | {"attacks": 2000}, details={"rows": secrets},
        ),
    )  # fmt: skip


def _groups() -> tuple[Metric, ...]:
    """A figure in each of the two shapes that groups have; one group is of seven patients."""
    sizes = {"sex=X": 7, "sex=M": 1893, "sex=F": 2100}
    listed = [
        {
            "group": name, "patients": n, "value": 0.97 - 10 / n, "low": 0.95 - 20 / n, "high": 0.98,
            "floor": 0.9, "ceiling": 0.98,
        }
        for name, n in sizes.items()
    ]  # fmt: skip
    aucs = [
        {"group": name, "train_patients": n, "holdout_patients": n // 4, "auc": 0.5 + 1 / n, "z": 1.5, "p": 0.1}
        for name, n in sizes.items()
    ]
    return (
        Metric(
            name="group_accuracy", family="fairness", table="encounters", value=0.9, floor=0.9, ceiling=0.98,
            unit="accuracy", n=SIZES, details={"groups": listed},
        ),
        Metric(
            name="membership_by_group", family="privacy", table="encounters", value=0.51, ceiling=0.5, better="lower",
            unit="AUC", n=SIZES, details={"rows": aucs},
        ),
    )  # fmt: skip
