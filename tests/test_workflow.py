"""The library does what the command line does, on DataFrames too, and keeps held-out patients out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import synthgen
from synthgen import judgement, plugins, workflow
from synthgen.errors import InputError
from synthgen.metrics.base import Comparison, Measure
from synthgen.metrics.result import Evaluation, Metric, Verdict
from synthgen.progress import Progress, silent
from synthgen.relational.codec import Plan
from synthgen.relational.flat.learning import learn
from synthgen.schema.config import Schema
from synthgen.tables.dataset import Dataset
from synthgen.tables.memory import MemoryTable
from synthgen.tables.split import Split


def visits(patients: int = 120, seed: int = 0) -> pd.DataFrame:
    """Two visits a patient: an age in years, a sex, a day, and a weight that is missing in some men."""
    rng = np.random.default_rng(seed)
    n = 2 * patients
    sex = np.repeat(rng.choice(["F", "M"], patients), 2)
    weight = np.round(rng.normal(70, 10, n), 1)
    return pd.DataFrame(
        {
            "visit_id": np.arange(n) + 1_000 * (seed + 1),
            "patient_id": np.repeat(np.arange(patients) + 10_000 * (seed + 1), 2),
            "sex": sex,
            "age": np.repeat(rng.integers(20, 60, patients), 2),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, n), unit="D"),
            "weight": np.where((sex == "M") & (rng.random(n) < 0.5), np.nan, weight),
        }
    )


SCHEMA = Schema.model_validate(
    {
        "model": {"name": "copula"},  # quick: none of these tests is about the model
        "tables": {
            "visits": {
                "key": "visit_id",
                "patient": "patient_id",
                "columns": {
                    "visit_id": {"kind": "id"},
                    "patient_id": {"kind": "id"},
                    "sex": {"kind": "category"},
                    "age": {"kind": "integer"},
                    "day": {"kind": "datetime", "format": "%Y-%m-%d %H:%M:%S"},
                    "weight": {"kind": "number", "decimals": 1},
                },
            }
        },
    }
)


@pytest.fixture(scope="module")
def fitted() -> workflow.Fit:
    return synthgen.fit(visits(600), SCHEMA, seed=1)


@pytest.fixture
def one_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = {"missingness": plugins.metrics()["missingness"]}
    monkeypatch.setattr(plugins, "metrics", lambda: chosen)


def test_a_sample_of_a_frame_has_the_types_of_the_frame(fitted: workflow.Fit) -> None:
    frame = synthgen.sample(fitted.synthesizer, 500, seed=2).to_pandas()
    assert len(frame) == 500
    assert list(frame.columns) == list(visits().columns)
    assert [kind.kind for kind in frame.dtypes] == ["i", "i", "O", "i", "M", "f"]
    assert frame["age"].between(18, 62).all()
    assert frame.groupby("patient_id")[["sex", "age"]].nunique().max().max() == 1
    women, men = (frame["weight"].isna()[frame["sex"] == sex].mean() for sex in ("F", "M"))
    assert women < 0.15
    assert 0.35 < men < 0.65


def test_a_sample_of_text_is_text(sample_csv: Path) -> None:
    result = synthgen.fit(sample_csv, model="independent", seed=1)
    frame = synthgen.sample(result.synthesizer, 10, seed=2).to_pandas()
    assert {kind.kind for kind in frame.dtypes} == {"O"}
    assert frame["encounter_id"].str.fullmatch(r"\d{7}").all()


def test_a_sample_is_made_anew_and_the_same(fitted: workflow.Fit) -> None:
    sample = synthgen.sample(fitted.synthesizer, 50, seed=2, where=["sex=F", "age>=40"])
    pd.testing.assert_frame_equal(sample.to_pandas(), sample.to_pandas())
    assert set(sample.to_pandas()["sex"]) == {"F"}
    with pytest.raises(InputError, match="at least 1"):
        synthgen.sample(fitted.synthesizer, 0)


def test_what_is_saved_samples_as_what_was_fitted(fitted: workflow.Fit, tmp_path: Path) -> None:
    fitted.save(tmp_path / "m")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m", "m.split"]
    again = synthgen.load(tmp_path / "m")
    pd.testing.assert_frame_equal(
        synthgen.sample(again, 100, seed=2).to_pandas(), synthgen.sample(fitted.synthesizer, 100, seed=2).to_pandas()
    )
    with pytest.raises(InputError, match="does not exist; make it first"):
        fitted.save(tmp_path / "no" / "m")


def test_parquet_in_and_out_keeps_the_types(fitted: workflow.Fit, tmp_path: Path) -> None:
    from synthgen.tables.write import write_table

    visits().to_parquet(tmp_path / "visits.parquet")
    result = synthgen.fit(tmp_path / "visits.parquet", SCHEMA, seed=1)
    sample = synthgen.sample(result.synthesizer, 100, seed=2)
    write_table(tmp_path / "s.parquet", "visits", sample.columns, sample, SCHEMA.format, sample.types)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "s.parquet"), sample.to_pandas())


def test_the_dialect_of_text_files_does_not_touch_typed_data(tmp_path: Path) -> None:
    european = SCHEMA.model_copy(update={"format": SCHEMA.format.model_copy(update={"decimal": ",", "delimiter": ";"})})
    result = synthgen.fit(visits(), european, seed=1)
    result.save(tmp_path / "m")
    frame = synthgen.sample(synthgen.load(tmp_path / "m"), 200, seed=2).to_pandas()
    assert frame["weight"].between(40, 110).sum() == frame["weight"].notna().sum() > 100


def parts(frame: pd.DataFrame, split: Split) -> str:
    """All that is learned from a frame under a split, as text."""
    table = MemoryTable.from_pandas(frame, "visits")
    plan = Plan(SCHEMA.tables["visits"], SCHEMA.format)
    flat = learn(table, plan, split, SCHEMA.model.build, rare_below=5, seed=1)
    assert flat.person is not None
    states = [model.state() for model in (flat.rows, flat.person)]
    arrays = [{name: array.tolist() for name, array in own.items()} for _, own in states]
    return json.dumps([flat.codec.to_json(), [values for values, _ in states], arrays, flat.personal])


def held_out_in(frame: pd.DataFrame, split: Split) -> Any:
    return np.concatenate([held for _, _, held in split.blocks(MemoryTable.from_pandas(frame, "visits"))])


def test_held_out_patients_teach_nothing(fitted: workflow.Fit) -> None:
    frame = visits()
    held_out = held_out_in(frame, fitted.split)
    assert 10 < held_out.sum() < 100
    other = frame.copy()
    other.loc[held_out, "sex"] = "X"
    other.loc[held_out, "age"] = 999
    other.loc[held_out, "weight"] = 12_345.6
    assert (held_out_in(other, fitted.split) == held_out).all()
    assert parts(other, fitted.split) == parts(frame, fitted.split)

    other.loc[~held_out, "age"] += 1  # and this is seen
    assert parts(other, fitted.split) != parts(frame, fitted.split)


def test_without_a_share_nobody_is_held_out() -> None:
    result = synthgen.fit(visits(), SCHEMA.model_copy(update={"holdout": 0.0}), seed=1)
    assert not held_out_in(visits(), result.split).any()


@pytest.mark.usefixtures("one_measure")
def test_frames_are_judged_against_frames(fitted: workflow.Fit) -> None:
    synthetic = synthgen.sample(fitted.synthesizer, 240, seed=2).to_pandas()
    found = synthgen.evaluate(synthetic, visits(), holdout=visits(40, seed=1), schema=SCHEMA, seed=3)
    assert found.inputs["holdout"]["rows"] == 80
    assert found.inputs["holdout"]["patients"] == 40
    assert found.metric("missingness").value is not None
    assert found == synthgen.evaluate(synthetic, visits(), holdout=visits(40, seed=1), schema=SCHEMA, seed=3)
    assert synthgen.evaluate(synthetic, visits(), schema=SCHEMA, seed=3).inputs["holdout"] is None


@pytest.mark.usefixtures("one_measure")
def test_a_holdout_of_the_same_patients_is_refused() -> None:
    real = visits()
    with pytest.raises(InputError, match="30 of its 30 patients are in <DataFrame> too"):
        synthgen.evaluate(real, real, holdout=real.head(60), schema=SCHEMA)


@pytest.mark.usefixtures("one_measure")
def test_another_generators_form_is_understood(sample_csv: Path, sample_config: Path, tmp_path: Path) -> None:
    """Commas and points, other order, one column more, and floats where some are missing: what pandas writes."""
    text = {"encounter_id": str, "municipality_code": str, "icu": str}
    frame = pd.read_csv(sample_csv, sep=";", decimal=",", dtype=text).head(500)
    frame["creatinine"] = frame["creatinine"].astype(float)
    frame["rank"] = np.arange(len(frame))
    frame[frame.columns[::-1]].to_csv(tmp_path / "other.csv", index=False)
    plain = pd.read_csv(sample_csv, sep=";", dtype=str, keep_default_na=False).head(500)
    plain.to_csv(tmp_path / "plain.csv", index=False, sep=";")
    known = synthgen.evaluate(tmp_path / "plain.csv", sample_csv, schema=sample_config, seed=1)
    other = synthgen.evaluate(tmp_path / "other.csv", sample_csv, schema=sample_config, seed=1)
    assert other.inputs["columns_only_in_synthetic"] == ["rank"]
    assert other.metrics == known.metrics


@pytest.mark.usefixtures("one_measure")
def test_what_cannot_be_compared_is_refused(sample_csv: Path, sample_config: Path) -> None:
    frame = pd.read_csv(sample_csv, sep=";", decimal=",", dtype={"icu": str}).head(500)
    with pytest.raises(InputError, match=r"<DataFrame>: lacks the columns severity, icu; "):
        synthgen.evaluate(frame.drop(columns=["severity", "icu"]), sample_csv, schema=sample_config)
    frame["birth_date"] = pd.to_datetime(frame["birth_date"], format="%d.%m.%Y").dt.strftime("%Y-%m-%d")
    with pytest.raises(InputError, match="no cell of birth_date reads as the number or date that the config declares"):
        synthgen.evaluate(frame, sample_csv, schema=sample_config)


def test_tables_that_name_no_patient_are_refused() -> None:
    tables: Mapping[str, MemoryTable] = {
        name: MemoryTable.from_arrow(pa.table({"sex": ["F"]}), name) for name in ("one", "two")
    }
    with pytest.raises(InputError, match="no table names the patient"):
        synthgen.fit(Dataset(tables))


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        (
            {"foreign_keys": {"visit_id": "visits"}, "reference": False},
            "foreign_keys is for extracts of several tables",
        ),
    ],
)
def test_what_links_tables_is_refused_of_one(keys: dict[str, Any], told: str) -> None:
    schema = SCHEMA.model_dump()
    schema["tables"]["visits"] |= keys
    with pytest.raises(InputError, match=f"tables.visits: {told}"):
        synthgen.fit(visits(), Schema.model_validate(schema))


def test_a_table_that_the_config_declares_and_the_data_lack_is_named() -> None:
    table = SCHEMA.tables["visits"]
    person = table.model_copy(update={"key": "patient_id", "target": None})
    with pytest.raises(InputError, match="has no visits, which the config declares"):
        synthgen.fit(visits(), Schema(tables={"patients": person, "visits": table}))


def line(name: str, verdict: Any) -> Verdict:
    return Verdict(name=name, verdict=verdict, metric=name, detail="why")


class Listening(Measure):
    """Notes what it is handed."""

    heard: ClassVar[list[Comparison]] = []

    def measure(
        self, comparison: Comparison, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        self.heard.append(comparison)
        return ()


def test_a_measure_may_ask_the_model_how_probable_its_own_training_and_holdout_rows_are(
    fitted: workflow.Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugins, "metrics", lambda: {"listening": plugins.Reference(__name__)})
    monkeypatch.setattr(plugins, "load_metric", lambda name: Listening)
    fitted.save(tmp_path / "m.synthgen")
    made = synthgen.sample(fitted.synthesizer, 100, seed=2).to_pandas()
    Listening.heard.clear()
    synthgen.evaluate(made, visits(600), model=tmp_path / "m.synthgen", seed=1)
    synthgen.evaluate(made, visits(600), holdout=visits(100, seed=5), model=tmp_path / "m.synthgen", seed=1)
    own, foreign = Listening.heard
    assert foreign.likelihood is None  # a file of its own may be written in another way than the model reads
    assert own.likelihood is not None
    assert own.holdout is not None
    found = np.concatenate(
        [own.likelihood.log_prob("train", np.arange(50)), own.likelihood.log_prob("holdout", np.arange(own.holdout.n))]
    )
    assert found.shape == (50 + own.holdout.n,)
    assert np.isfinite(found).mean() > 0.9
    # Other sets have other rows, of which the model was not told.
    assert replace(own, synthetic=own.train).likelihood is None


def test_what_a_gate_refuses() -> None:
    lines = (line("a", "leak"), line("b", "fail"), line("c", "pass"), line("d", "not_assessable"))
    judged = Evaluation(seed=1, synthgen="0", inputs={}, verdicts=lines, metrics=())
    assert judgement.refusals(judged) == ("a: leak; why", "b: fail; why")
    judged = replace(judged, verdicts=lines[2:], required=("c", "d", "e"))
    assert judgement.refusals(judged) == (
        "d: required, but not assessable; why",
        "e: required, but not measured in this run",
    )


def test_what_the_model_gives_away_refuses_nothing_where_the_records_alone_leave() -> None:
    lines = (line("exact_copies", "none_detected"), line("membership_by_model", "leak"))
    judged = Evaluation(seed=1, synthgen="0", inputs={}, verdicts=lines, metrics=())
    (reason,) = judgement.refusals(judged)
    assert reason.startswith("membership_by_model: leak; why")
    assert reason.endswith("evaluation: {policy: {release: records}}")
    assert judgement.refusals(replace(judged, records_only=True)) == ()
    asked = replace(judged, records_only=True, verdicts=lines[:1], required=("membership_by_model",))
    assert judgement.refusals(asked) == ("membership_by_model: required, but not measured in this run",)
