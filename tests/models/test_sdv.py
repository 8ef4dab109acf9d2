"""What SDV is handed, what comes back as codes, and that nobody else notices it."""

from __future__ import annotations

import logging
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from synthgen.encoding.domain import UNOBSERVED, Domain, Scale
from synthgen.errors import NotApplicable, SynthgenError
from synthgen.models.base import Codes, CodeTable
from synthgen.models.sdv import FittedSdv, SdvCopula, SdvCtgan, SdvTvae, _Column, _Sdv

#: Numbers 10, 20 and 60, of which 20 was never seen; missing; a text result.
LAB = Domain("lab", "lab", 5, Scale.NUMERIC, special=(3, 4), missing=(3,), positions=(10.0, 20.0, 60.0, 0.0, 0.0))
SEEN = np.array([True, False, True, True, True])
DOMAINS = (
    Domain("sex", "sex", 2, Scale.NOMINAL),
    Domain("grade", "grade", 3, Scale.ORDERED),
    LAB,
    Domain("age", "age", 3, Scale.NUMERIC, positions=(1.5, 2.5, 10.0)),
)


def _codes(n: int = 300) -> Codes:
    rng = np.random.default_rng(3)
    lab = np.array([0, 2, 3, 4])[rng.integers(0, 4, n)]
    return np.stack([rng.integers(0, 2, n), rng.integers(0, 3, n), lab, rng.integers(0, 3, n)], axis=1).astype(np.int32)


def _rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


# --- columns, without SDV ------------------------------------------------------------------------------------------


def test_a_number_and_beside_it_why_there_is_none() -> None:
    column = _Column("c0", LAB, SEEN)
    cells = column.to_sdv(np.array([0, 2, 3, 4, 2], np.int32), _rng())
    assert column.kinds == {"c0": "numerical", "c0.reason": "categorical"}
    assert cells["c0"][[0, 1, 4]].tolist() == [10, 60, 60]
    assert set(cells["c0"][2:4]) <= {10, 60}  # drawn from the numbers that are there
    assert cells["c0.reason"].tolist() == ["number", "number", "3", "4", "number"]


def test_a_number_becomes_the_nearest_code_that_was_seen() -> None:
    """20 is the position of code 1, which was never seen: between 10 and 60 the border is 35."""
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"c0": [-5, 20, 34, 36, 999, 10], "c0.reason": ["number"] * 5 + ["4"]})
    assert _Column("c0", LAB, SEEN).from_sdv(frame).tolist() == [0, 0, 0, 2, 2, 4]


def test_numbers_without_gaps_need_no_reason_and_nominal_codes_are_names() -> None:
    assert _Column("c0", DOMAINS[3], np.ones(3, bool)).kinds == {"c0": "numerical"}
    assert _Column("c0", DOMAINS[1], np.ones(3, bool)).kinds == {"c0": "ordinal"}
    sex = _Column("c0", DOMAINS[0], np.ones(2, bool))
    assert sex.kinds == {"c0": "categorical"}
    assert sex.to_sdv(np.array([1, 0], np.int32), _rng())["c0"].tolist() == ["1", "0"]


def test_a_numeric_column_of_missing_cells_alone_is_a_category() -> None:
    only = np.array([False, False, False, True, False])
    assert _Column("c0", LAB, only).kinds == {"c0": "categorical"}


def test_what_was_not_observed_is_drawn_from_what_was() -> None:
    cells = _Column("c0", DOMAINS[1], np.array([True, False, True])).to_sdv(
        np.array([0, UNOBSERVED, 2, UNOBSERVED, 2], np.int32), _rng()
    )
    assert cells["c0"][[0, 2, 4]].tolist() == [0, 2, 2]
    assert set(cells["c0"]) == {0, 2}


def test_options_that_sdv_would_refuse_late_are_refused_at_once() -> None:
    with pytest.raises(ValueError, match="batch_size: found 25; expected a multiple of 10"):
        SdvCtgan(batch_size=25)
    with pytest.raises(ValueError, match="epochs: found 0"):
        SdvTvae(epochs=0)


def test_nothing_is_brought_back_before_a_row_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("cloudpickle")

    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[Path]]:
            return Path.touch, (tmp_path / "executed",)

    bytes_ = np.frombuffer(pickle.dumps(Hostile()), np.uint8)
    fitted = FittedSdv.from_state(
        (DOMAINS[0],), (), {"sdv": "2.0.0", "bytes": len(bytes_)}, {"pickled": bytes_, "seen": np.ones(2, bool)}
    )
    fitted.state()
    assert not (tmp_path / "executed").exists()
    assert fitted.sample(0, rng=_rng()).shape == (0, 1)
    assert not (tmp_path / "executed").exists()
    assert fitted._synthesizer is None  # what touch returns
    assert (tmp_path / "executed").exists()


# --- with SDV ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[SdvCopula(), SdvCtgan(epochs=1, batch_size=100), SdvTvae(epochs=1)], ids=type)
def fitted(request: pytest.FixtureRequest) -> FittedSdv:
    model: _Sdv = request.param
    return model.fit(CodeTable(DOMAINS, [_codes()]), rng=_rng())


@pytest.mark.sdv
def test_only_codes_that_were_seen_come_back(fitted: FittedSdv) -> None:
    codes = fitted.sample(400, rng=_rng())
    assert codes.shape == (400, 4)
    assert set(codes[:, 2]) <= {0, 2, 3, 4}
    assert codes.min() >= 0
    assert (codes < [2, 3, 5, 3]).all()


@pytest.mark.sdv
def test_the_seed_decides_and_the_global_generators_stay_as_they_were(fitted: FittedSdv) -> None:
    import torch

    before = np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002
    one, same, other = (fitted.sample(100, rng=_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert (np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()) == before  # noqa: NPY002


@pytest.mark.sdv
def test_bytes_of_another_sdv_are_told(fitted: FittedSdv) -> None:
    broken = replace(fitted, pickled=fitted.pickled[:50])
    with pytest.raises(SynthgenError, match="was made with SDV 2"):
        broken.sample(5, rng=_rng())


@pytest.mark.sdv
def test_what_sdv_cannot_do_is_refused() -> None:
    table = CodeTable(DOMAINS, [_codes(20)])
    with pytest.raises(NotApplicable, match="neither context nor weights"):
        SdvCopula().fit(table, rng=_rng(), weights=[np.ones(20)])
    with pytest.raises(NotApplicable, match="need a row"):
        SdvCopula().fit(CodeTable(DOMAINS, []), rng=_rng())
    nothing = SdvCopula().fit(CodeTable((), [np.zeros((3, 0), np.int32)]), rng=_rng())
    assert nothing.sample(4, rng=_rng()).shape == (4, 0)


@pytest.mark.sdv
@pytest.mark.slow
def test_sdv_is_quiet_and_leaves_no_file(tmp_path: Path) -> None:
    """A fit and a sample in a fresh process: nothing is printed, no log is kept, the home stays empty."""
    program = """
import logging, sys, warnings
import numpy as np
from synthgen.encoding.domain import Domain, Scale
from synthgen.models.base import CodeTable
from synthgen.models.sdv import SdvCopula
codes = np.random.default_rng(1).integers(0, 2, (50, 2)).astype(np.int32)
domains = tuple(Domain(name, name, 2, Scale.NOMINAL) for name in "ab")
SdvCopula().fit(CodeTable(domains, [codes]), rng=np.random.default_rng(1)).sample(5, rng=np.random.default_rng(1))
assert "sdv" in sys.modules
assert logging.root.manager.disable == 0
"""
    home = tmp_path / "home"
    home.mkdir()
    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", program],
        cwd=Path(__file__).parents[2],
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", "MPLCONFIGDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(home.rglob("*")) == []


def test_without_sdv_one_line_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sdv", None)
    monkeypatch.setitem(sys.modules, "sdv.single_table", None)
    with pytest.raises(SynthgenError, match=r"the package sdv.* is not installed; install SDV"):
        SdvCopula().fit(CodeTable(DOMAINS, [_codes(20)]), rng=_rng())
    assert logging.root.manager.disable == 0
