"""Folders of several tables: what is asked of them, what is said of them, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import synthgen
from synthgen import plugins
from synthgen.errors import InputError
from synthgen.judgement import refusals
from synthgen.judgement.several import parted
from synthgen.metrics.extract import Extracts
from synthgen.metrics.result import HISTORIES, Evaluation
from synthgen.report.document import to_json
from synthgen.report.html import render
from synthgen.report.shareable import redact
from synthgen.tables.dataset import Dataset
from synthgen.tables.part import Part
from synthgen.tables.split import Split
from synthgen.tables.write import write_dataset
from tests.metrics.longitudinal.hospital import SCHEMA, Tables, dataset, hospital

PATIENTS = 80


@contextmanager
def only(*names: str) -> Iterator[None]:
    chosen = {name: plugins.metrics()[name] for name in names}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plugins, "metrics", lambda: chosen)
        yield


@pytest.fixture(autouse=True)
def _few_measures() -> Iterator[None]:
    with only("marginals", "exact_copies", "rare_values_leaked"):
        yield


def judged(synthetic: Tables, seed: int = 1) -> Evaluation:
    return synthgen.evaluate(
        dataset(synthetic),
        dataset(hospital(PATIENTS, 1)),
        holdout=dataset(hospital(PATIENTS, 2, "h")),
        schema=SCHEMA,
        seed=seed,
    )


@pytest.fixture(scope="module")
def sound() -> Tables:
    return hospital(PATIENTS, 3, "s")


@pytest.fixture(scope="module")
def found(sound: Tables) -> Evaluation:
    with only("marginals", "c2st", "exact_copies", "rare_values_leaked", "tstr"):
        return judged(sound)


def test_each_measure_sees_what_it_is_made_for(found: Evaluation) -> None:
    tables = {name: {metric.table for metric in found.metrics if metric.name == name} for name in ("c2st", "marginals")}
    tables |= {"copies": {metric.table for metric in found.metrics if metric.name == "exact_copies"}}
    assert tables == {
        "c2st": {HISTORIES, "patients", "visits", "labs"},
        "marginals": {"patients", "wards", "visits", "labs"},
        "copies": {HISTORIES},
    }
    assert found.metric("c2st").table == HISTORIES
    assert not any(metric.name == "tstr" for metric in found.metrics)  # no table has a target
    assert [line.name for line in found.verdicts] == ["key_integrity", "exact_copies", "rare_values_leaked"]
    assert {line.verdict for line in found.verdicts} <= {"pass", "none_detected"}
    assert found.inputs["train"] == {"patients": PATIENTS}
    assert found.inputs["tables"]["patients"]["train"]["rows"] == PATIENTS
    assert found.inputs["tables_not_judged"] == []


def test_the_same_seed_gives_the_same_document(sound: Tables) -> None:
    assert to_json(judged(sound)) == to_json(judged(sound))


def test_copied_histories_and_broken_links_are_found(sound: Tables) -> None:
    copied = hospital(PATIENTS, 1)
    said = {line.name: line.verdict for line in judged(copied).verdicts}
    assert said["exact_copies"] == "leak"
    assert said["key_integrity"] == "pass"
    broken = deepcopy(sound)
    broken["labs"]["visit"][0] = "nowhere"
    found = judged(broken)
    assert [line.split(":")[0] for line in refusals(found)] == ["key_integrity", "nearest_neighbour_share"]


def test_the_report_has_a_section_for_each_table_and_one_for_time(found: Evaluation) -> None:
    page = render(found, "internal")
    for heading in ("Tables and time", "Table by table", "Table visits", "Table labs", "Table wards"):
        assert f">{heading}</h2>" in page
    for drawn in ("labs per visits", "time to the next row of visits", "successive code of labs"):
        assert f"<h3>{drawn}</h3>" in page
    ids = [part.split('"')[0] for part in page.split(' id="')[1:]]
    assert len(ids) == len(set(ids))


def test_the_shareable_form_tells_of_no_small_number(found: Evaluation, sound: Tables) -> None:
    found = redact(found)
    shown = json.dumps(to_json(found, "shareable"))
    rare = hospital(PATIENTS, 1)
    rare["labs"]["code"][0] = "HIV"
    with_rare = redact(
        synthgen.evaluate(
            dataset(sound), dataset(rare), holdout=dataset(hospital(PATIENTS, 2, "h")), schema=SCHEMA, seed=1
        )
    )
    assert "HIV" not in json.dumps(to_json(with_rare, "shareable"))
    for metric in found.metrics:
        for item in metric.details.get("histograms") or ():
            for shares in (item["train"], item["holdout"]):
                assert all(share is None or share * PATIENTS >= 10.9 for share in shares or ())
    assert found.inputs["tables"]["labs"]["train"]["rows"] % 20 == 0
    for metric in found.metrics:
        if metric.name in ("children_per_parent", "gaps", "transitions") and metric.value is not None:
            assert round(10 * metric.value, 9) == round(10 * metric.value)  # a tenth is eight of eighty patients
    assert '"broken"' not in shown
    assert "Table visits" in render(found, "shareable")


def test_a_table_named_as_a_setting_is_no_less_protected(found: Evaluation) -> None:
    tables = {**found.inputs["tables"], "policy": {"train": {"rows": 3, "patients": 3}}}
    shown = redact(replace(found, inputs={**found.inputs, "tables": tables}))
    assert shown.inputs["tables"]["policy"] == {}


@pytest.fixture
def folder(tmp_path: Path, sound: Tables) -> Path:
    write_dataset(tmp_path / "s", dataset(sound), ".csv")
    return tmp_path / "s"


def _evaluated(folder: Path) -> Evaluation:
    return synthgen.evaluate(folder, dataset(hospital(PATIENTS, 1)), schema=SCHEMA, seed=1, quick=True)


def test_a_table_that_is_not_there_is_refused(folder: Path) -> None:
    (folder / "labs.csv").unlink()
    with pytest.raises(InputError, match="has no file for table labs; add it, or evaluate with a config without it"):
        _evaluated(folder)


def test_a_column_that_is_not_there_is_refused(folder: Path) -> None:
    lines = (folder / "labs.csv").read_text("utf-8").splitlines()
    (folder / "labs.csv").write_text("\n".join(",".join(line.split(",")[1:]) for line in lines), "utf-8")
    with pytest.raises(InputError, match=r"labs\.csv: lacks the columns visit; add them"):
        _evaluated(folder)


def test_other_tables_and_columns_are_named_and_passed_over(folder: Path) -> None:
    (folder / "notes.csv").write_text("a,b\n1,2\n", "utf-8")
    lines = (folder / "labs.csv").read_text("utf-8").splitlines()
    (folder / "labs.csv").write_text("\n".join(f"{line},x" for line in lines), "utf-8")
    found = _evaluated(folder)
    assert found.inputs["tables_only_in_synthetic"] == ["notes"]
    assert found.inputs["columns_only_in_synthetic"] == ["labs.x"]
    assert found.inputs["holdout"] is None


def test_a_table_without_rows_has_a_defined_answer(sound: Tables) -> None:
    tables = dict(dataset(sound).tables)
    tables["labs"] = Part(tables["labs"], np.zeros(len(sound["labs"]["visit"]), bool))
    found = synthgen.evaluate(Dataset(tables), dataset(hospital(PATIENTS, 1)), schema=SCHEMA, seed=1)
    values = {metric.name: metric.value for metric in found.metrics if metric.table == "labs"}
    assert (values["gaps"], values["transitions"]) == (1.0, 1.0)  # as far as can be
    assert values["children_per_parent"] is not None
    assert render(redact(found), "shareable")


def test_a_file_of_a_header_alone_is_a_table_without_rows(folder: Path) -> None:
    header = (folder / "labs.csv").read_text("utf-8").splitlines()[0]
    (folder / "labs.csv").write_text(header + "\n", "utf-8")
    found = _evaluated(folder)
    assert found.inputs["tables"]["labs"]["synthetic"]["rows"] == 0


def test_a_holdout_with_the_same_patients_is_refused() -> None:
    real = dataset(hospital(30, 1))
    with pytest.raises(InputError, match="30 of its 30 patients are in"):
        synthgen.evaluate(real, real, holdout=real, schema=SCHEMA)


def test_what_fit_set_aside_is_found_again_whole_patients_at_a_time() -> None:
    real = dataset(hospital(200, 1))
    split = Split.draw(real, share=0.3, patient=None, seed=1)
    train, apart = parted(real, SCHEMA, split)
    found = Extracts.of(SCHEMA, train, apart, real)
    assert found.holdout is not None
    assert found.train.n_patients + found.holdout.n_patients == 200
    assert 30 < found.holdout.n_patients < 90
    for extract in found.real.values():
        for name in ("visits", "labs"):
            assert (extract.tables[name].patient >= 0).all()
    visits = [extract.tables["visits"].n for extract in found.real.values()]
    assert sum(visits) == found.synthetic.tables["visits"].n
    assert np.array_equal([extract.tables["wards"].n for extract in found.real.values()], [2, 2])
