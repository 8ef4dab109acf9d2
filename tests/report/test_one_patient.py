"""Known answer 13: with and without its most extreme patient, a data set has the same shareable report."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from synthgen import plugins
from synthgen.metrics.prepare import Sheet, compare
from synthgen.metrics.result import Evaluation, Metric
from synthgen.report.document import to_json
from synthgen.report.shareable import redact
from synthgen.report.shareable.grain import COUNT_STEP, step
from synthgen.schema.load import load
from synthgen.tables.read import read

#: A patient with three hundred rows, each of which has what nobody else has.
EXTREME = {
    "patient_id": "P-9999999", "sex": "X", "birth_date": "29.03.1873", "age": "149", "municipality_code": "0999",
    "municipality": "Atlantis", "admitted_at": "01.01.1921 00:00", "los_days": "9999", "department": "Cryonics",
    "diagnosis": "Q87.4", "secondary_diagnoses": "A01.0, B02.0, C03.0, D04.0, E05.0, F06.0, G07.0, H08.0",
    "atc_code": "V99ZZ99", "diabetes": "maybe", "hba1c": "99,9", "creatinine": "123456", "crp": "77777",
    "systolic_bp": "999", "smoker": "chimney", "severity": "off the scale", "icu": "7", "readmitted_30d": "9",
}  # fmt: skip
MEASURES = ("marginals", "missingness", "accuracy", "association", "exact_copies", "rare_values_leaked")
MEASURES += ("rare_categories", "structural_zeros", "lost_links", "representation", "group_accuracy")


@pytest.fixture(scope="module")
def reports(sample_csv: Path, sample_config: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The shareable documents without and with the extreme patient."""
    schema = load(sample_config)
    (config,) = schema.tables.values()
    config = config.model_copy(update={"groups": ("sex", "department")})
    (table,) = read(sample_csv, schema=schema).tables.values()
    whole = Sheet.of(table, table.format)
    person = np.asarray(whole.columns["patient_id"].indices) % 2 == 0
    train, synthetic = whole.rows(person), whole.rows(~person)
    found = []
    for real in (train, _with_extreme(train)):
        both = compare(config, table="t", train=real, holdout=None, synthetic=synthetic, rare_below=5)
        metrics: list[Metric] = []
        for name in MEASURES:
            metrics += plugins.load_metric(name)().measure(both, rng=np.random.default_rng(1))
        inputs = {
            name: {"rows": one.n, "patients": one.n_patients, "effective_patients": one.effective_patients}
            for name, one in (("train", both.train), ("synthetic", both.synthetic))
        }
        evaluation = Evaluation(seed=1, synthgen="0", inputs=inputs, verdicts=(), metrics=tuple(metrics))
        found.append(to_json(redact(evaluation), "shareable"))
    return found[0], found[1]


def _with_extreme(sheet: Sheet, rows: int = 300) -> Sheet:
    columns = {}
    for name, cells in sheet.columns.items():
        more = pa.array([EXTREME.get(name, "")] * rows, pa.string())
        columns[name] = pa.concat_arrays([cells.cast(pa.string()), more]).dictionary_encode()
    return dataclasses.replace(sheet, columns=columns)


def _details(document: dict[str, Any], metric: str, shape: str) -> dict[str, Any]:
    (found,) = [one for one in document["metrics"] if one["name"] == metric]
    return {str(item["column"]): item for item in found["details"][shape]}


def test_no_label_edge_or_small_cell_of_a_histogram_differs(reports: tuple[dict[str, Any], dict[str, Any]]) -> None:
    without, with_it = (_details(report, "marginals", "histograms") for report in reports)
    assert without.keys() == with_it.keys()
    assert len(without) > 15
    for column, item in without.items():
        other = with_it[column]
        assert item.get("labels") == other.get("labels"), column
        assert item.get("edges") == other.get("edges"), column
        for name in ("train", "synthetic"):
            assert [cell is None for cell in item[name]] == [cell is None for cell in other[name]], column
            assert (item["missing"][name] is None) == (other["missing"][name] is None), column
            # What one patient moves may tip a rounding over, by one grain.
            grain = step(max(item["n"][name] - COUNT_STEP, 110)) or 0.0
            for one, another in zip(item[name], other[name], strict=True):
                assert one == another or abs(one - another) <= grain * 1.001, column


def test_the_columns_and_figures_spoken_of_are_the_same(reports: tuple[dict[str, Any], dict[str, Any]]) -> None:
    for shape in ("n", "details"):
        for one, other in zip(*(report["metrics"] for report in reports), strict=True):
            assert one["name"] == other["name"]
            assert one[shape].keys() == other[shape].keys()


def test_nothing_of_the_extreme_patient_stands_anywhere(reports: tuple[dict[str, Any], dict[str, Any]]) -> None:
    for value in EXTREME.values():
        for part in value.split(", "):
            if len(part) > 2:
                assert not re.search(rf'"{re.escape(part)}"', str(reports[1]).replace("'", '"'))
    assert "1873" not in str(reports[1])
    assert "1921" not in str(reports[1])
