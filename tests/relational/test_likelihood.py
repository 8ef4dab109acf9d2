"""How probable a patient is with all rows of all tables: a sum that does not depend on who else is there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

import synthgen
from synthgen import workflow
from synthgen.artifact.extract import ExtractSynthesizer
from synthgen.artifact.ordered import OrderedSynthesizer
from synthgen.artifact.single import SingleTable
from synthgen.artifact.table import TableSynthesizer
from synthgen.metrics.statistics.auc import area
from synthgen.relational.learning import log_prob, occurrences_in, told_domains
from synthgen.relational.occurrences import columns_of
from synthgen.tables.dataset import Dataset
from synthgen.tables.read import read
from tests.relational import clinic
from tests.relational.test_ordered import schema, visits

RELATED = Path(__file__).parents[2] / "sample_data" / "related"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clinic.write(tmp_path_factory.mktemp("clinic"), clinic.clinic(120))


@pytest.fixture(scope="module")
def made(folder: Path) -> workflow.Fit:
    return synthgen.fit(folder, clinic.schema("autoregressive", epochs=3), seed=1)


def told(made: workflow.Fit, data: Dataset) -> tuple[list[str], NDArray[np.float64]]:
    assert isinstance(made.synthesizer, ExtractSynthesizer)
    ids, found = log_prob(made.synthesizer.extract, data, made.synthesizer.schema)
    return ids.to_pylist(), found


def test_every_patient_has_one_and_more_rows_make_it_less(made: workflow.Fit, folder: Path) -> None:
    data = read(folder, schema=made.synthesizer.schema)
    ids, found = told(made, data)
    assert np.isfinite(found).all()
    assert len(set(ids)) == len(found) == 120
    whose = pa.Table.from_batches(data.tables["visits"]).column("patient").to_pylist()
    numbers = np.array([whose.count(one) for one in ids])
    assert np.corrcoef(numbers, found)[0, 1] < -0.5


def test_the_likelihood_attack_covers_folders(made: workflow.Fit, folder: Path, tmp_path: Path) -> None:
    made.save(tmp_path / "m.synthgen")
    sample = synthgen.sample(made.synthesizer, 90, seed=2).to_pandas()
    found = synthgen.evaluate(sample, folder, model=tmp_path / "m.synthgen", seed=1)
    (attack,) = found.metric("membership_by_model").details["rows"]
    assert attack["attack"] == "likelihood ratio"
    assert "membership_by_model" in {line.name for line in found.verdicts}


@pytest.mark.slow
def test_a_few_hundred_patients_are_not_learned_by_heart() -> None:
    """Before some of them decided when to stop, the likelihood told who was learned from with an AUC of .73."""
    made = synthgen.fit(RELATED, seed=7)
    ids, found = told(made, read(RELATED, schema=made.synthesizer.schema))
    held_out = made.split.holds_out(made.split.of_patients(pa.array(ids)))
    assert 0.4 < area(found, ~held_out) < 0.62


def test_rows_in_an_order_of_time_have_that_of_their_patient() -> None:
    frame = visits(200)
    made = synthgen.fit(frame, schema("autoregressive"), seed=1).synthesizer
    cells = [pa.array(frame[name], pa.string()).dictionary_encode() for name in frame]
    block = pa.RecordBatch.from_arrays(cells, names=[*frame])
    _, whose = np.unique(frame["person"], return_inverse=True)
    every = made.log_prob(block, whose, np.arange(len(frame)))
    assert np.isfinite(every).all()
    some = np.flatnonzero(np.isin(whose, [3, 5]))
    few = made.log_prob(block.take(pa.array(some)), whose[some], np.arange(len(some)))
    assert few == pytest.approx(every[some])
    codes = made.occurrences(block, whose, np.arange(len(frame)))
    assert (codes[some] != made.occurrences(block.take(pa.array(some)), whose[some], np.arange(len(some)))).nnz == 0


@pytest.mark.parametrize("config", ["flat", "ordered", "folder"])
def test_records_are_counted_in_the_codes_by_which_they_are_probable(config: str, tmp_path: Path) -> None:
    """Of a model of columns by themselves the log probability is the sum over codes of the logs of their shares."""
    if config == "folder":
        data = clinic.write(tmp_path, clinic.clinic(60))
        fitted = synthgen.fit(data, clinic.schema("independent"), seed=1).synthesizer
        assert isinstance(fitted, ExtractSynthesizer)
        tables, models = read(data, schema=fitted.schema), [table.model for table in fitted.extract.tables.values()]
        found = log_prob(fitted.extract, tables, fitted.schema)[1]
        counts, domains = occurrences_in(fitted.extract, tables, fitted.schema)[1], told_domains(fitted.extract)
    else:
        frame = visits(60)
        one = schema("independent")
        if config == "flat":
            flat = {name: table.model_copy(update={"order": None}) for name, table in one.tables.items()}
            one = one.model_copy(update={"tables": flat})
        made = synthgen.fit(frame, one, seed=1).synthesizer
        assert isinstance(made, SingleTable)
        cells = [pa.array(frame[name], pa.string()).dictionary_encode() for name in frame]
        block = pa.RecordBatch.from_arrays(cells, names=[*frame])
        asked = block, np.unique(frame["person"], return_inverse=True)[1], np.arange(len(frame))
        found, counts, domains = made.log_prob(*asked), made.occurrences(*asked), made.told_domains
        if isinstance(made, TableSynthesizer):
            models = [model for model in (made.flat.person, made.flat.rows) if model is not None]
        else:
            assert isinstance(made, OrderedSynthesizer)
            models = [table.model for table in made.inner.extract.tables.values()]
    shares = np.concatenate([np.concatenate(model.shares) for model in models])
    assert len(shares) == counts.shape[1] == len(columns_of(domains))
    with np.errstate(divide="ignore"):
        expected = counts @ np.where(shares > 0, np.log(shares), -700.0)
    assert found == pytest.approx(expected)
