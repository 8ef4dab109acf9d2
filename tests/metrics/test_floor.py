import numpy as np

from synthgen.metrics.floor import independent
from tests.metrics.build import comparison


def test_columns_keep_their_values_and_lose_each_other() -> None:
    x = np.arange(2000) % 2
    real = comparison({"a": x, "b": x}, None, {"a": x, "b": x}).train
    floor = independent(real, 3000, np.random.default_rng(0))
    assert floor.n == floor.n_patients == 3000
    assert abs(floor.numbers["a"].mean() - 0.5) < 0.04
    assert abs(np.mean(floor.numbers["a"] == floor.numbers["b"]) - 0.5) < 0.04


def test_a_number_and_its_text_result_stay_together() -> None:
    column = {"a": [1.0, "neg", None] * 50}
    floor = independent(comparison(column, None, column).train, 200, np.random.default_rng(0))
    assert ((floor.codes["a"] == 0) == np.isfinite(floor.numbers["a"])).all()
