"""Of many earlier columns a column is told by those that say most of it."""

from __future__ import annotations

import numpy as np
import pytest

from synthgen.encoding.domain import Domain, Scale
from synthgen.models._autoregressive import heard
from synthgen.models.autoregressive import Autoregressive, FittedAutoregressive
from synthgen.models.base import Codes, CodeTable

N_COLUMNS = 40
DOMAINS = tuple(Domain(f"c{i}", f"c{i}", 4, Scale.NOMINAL) for i in range(N_COLUMNS))


def _table(n: int = 2000) -> Codes:
    """Each of the last ten columns is nine times in ten the one thirty before it; the others are noise."""
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 4, (n, N_COLUMNS))
    copied = rng.random((n, 10)) < 0.9
    codes[:, 30:] = np.where(copied, codes[:, :10], codes[:, 30:])
    return np.asfortranarray(codes, np.int32)


@pytest.fixture(scope="module")
def fitted() -> FittedAutoregressive:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(heard, "HEARD", 16)
        return Autoregressive().fit(CodeTable(DOMAINS, [_table()]), rng=np.random.default_rng(2))


def test_few_columns_hear_all() -> None:
    fitted = Autoregressive(epochs=1).fit(CodeTable(DOMAINS, [_table(200)]), rng=np.random.default_rng(2))
    assert fitted.layout.heard == ()
    assert "heard" not in fitted.state()[1]


def test_a_column_hears_what_it_is_a_copy_of(fitted: FittedAutoregressive) -> None:
    layout = fitted.layout
    assert layout.order == tuple(range(N_COLUMNS))
    assert max(map(len, layout.heard)) == 16
    for run, told in zip(layout.runs, layout.heard, strict=True):
        assert {e - 30 for e in run if e >= 30} <= {*told, *run}
        assert layout.n_told(run.stop - 1) == sum(layout.dims[e] for e in (*told, *run[:-1]))


def test_what_is_heard_is_learned(fitted: FittedAutoregressive) -> None:
    """By chance one in four would be a copy; the penalty on weights takes a little of what is true."""
    codes = fitted.sample(4000, rng=np.random.default_rng(3))
    assert (codes[:, 30:] == codes[:, :10]).mean() > 0.8


def test_it_is_kept(fitted: FittedAutoregressive) -> None:
    values, arrays = fitted.state()
    again = FittedAutoregressive.from_state(DOMAINS, (), values, arrays)
    assert again.layout == fitted.layout
    rows = _table(50)
    assert np.array_equal(again.log_prob(rows), fitted.log_prob(rows))


def test_a_column_that_hears_a_later_one_is_refused(fitted: FittedAutoregressive) -> None:
    values, arrays = fitted.state()
    broken = arrays | {"heard": np.full_like(arrays["heard"], N_COLUMNS - 1)}
    with pytest.raises(ValueError, match="told by does not fit"):
        FittedAutoregressive.from_state(DOMAINS, (), values, broken)
