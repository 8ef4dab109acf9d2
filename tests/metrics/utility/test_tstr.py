import numpy as np
import pytest

from synthgen.metrics.result import Metric
from synthgen.metrics.utility.tstr import Tstr
from tests.metrics.build import comparison
from tests.metrics.fidelity.world import against, draw, shuffled


def _figure(synthetic: dict[str, object], target: str = "died") -> Metric:
    sets = comparison(draw(1), draw(2), synthetic, target=target)
    return Tstr().measure(sets, rng=np.random.default_rng(0))[0]


def test_a_perfect_generator_trains_as_well_as_reality() -> None:
    found = Tstr().measure(against(draw(3)), rng=np.random.default_rng(0))[0]
    assert found.unit == "AUC"
    assert found.value == pytest.approx(found.ceiling, abs=0.03)
    assert found.value is not None
    assert found.value > 0.75
    assert found.floor == pytest.approx(0.5, abs=0.08)
    assert found.interval is not None
    assert found.interval[0] < found.value < found.interval[1]
    slope = found.details["linear"]["rows"][0]["calibration_slope_synthetic"]
    assert slope == pytest.approx(1, abs=0.35)


def test_shuffled_columns_train_nothing() -> None:
    found = _figure(shuffled(draw(3), 4))
    assert found.value == pytest.approx(0.5, abs=0.1)
    assert found.details["below_ceiling"]["interval"][1] < 0


def test_swapped_labels_train_the_opposite() -> None:
    columns = draw(3)
    columns["died"] = np.where(columns["died"] == "yes", "no", "yes")
    found = _figure(columns)
    assert found.value is not None
    assert found.value < 0.25


def test_a_number_is_predicted_by_regression() -> None:
    found = _figure(draw(3), "lactate")
    assert found.unit == "R2"
    assert found.value == pytest.approx(found.ceiling, abs=0.05)
    assert found.value is not None
    assert found.value > 0.5


def test_of_several_classes_each_has_its_figures() -> None:
    def graded(seed: int) -> dict[str, object]:
        columns = draw(seed)
        return columns | {"grade": np.array(["a", "b", "c"])[np.digitize(columns["lactate"], [-0.5, 0.5])]}

    sets = comparison(graded(1), graded(2), graded(3), target="grade")
    found = Tstr().measure(sets, rng=np.random.default_rng(0))[0]
    assert found.value is not None
    assert found.value > 0.9
    assert {row["class"] for row in found.details["rows"]} == {"a", "b", "c"}


def test_without_a_target_every_plausible_column_is_one() -> None:
    found = Tstr(rounds=10).measure(comparison(draw(1), draw(2), draw(3)), rng=np.random.default_rng(0))[0]
    assert found.columns == ()
    assert {row["target"] for row in found.details["rows"]} == {"crp", "lactate", "age", "ward", "sex", "died"}
    assert found.value == pytest.approx(found.ceiling, abs=0.03)
    assert found.value == pytest.approx(np.mean([row["value"] for row in found.details["rows"]]))
    # The column of which least is learned is named first: one of those that reality tells well.
    shuffle = Tstr(rounds=10).measure(comparison(draw(1), draw(2), shuffled(draw(3), 4)), rng=np.random.default_rng(0))[
        0
    ]
    assert shuffle.details["rows"][0]["target"] in {"crp", "lactate", "died", "ward"}
    assert shuffle.details["below_ceiling"]["interval"][1] < -0.1


def test_without_a_holdout_it_says_so() -> None:
    no_holdout = comparison(draw(1), None, draw(3), target="died")
    assert Tstr().measure(no_holdout, rng=np.random.default_rng(0))[0].status == "not_assessable"


def test_brier_scores_of_both_models_are_compared_on_the_same_patients() -> None:
    gap = _figure(shuffled(draw(3), 4)).details["brier_above_ceiling"]
    assert gap["interval"][0] > 0
    low, high = _figure(draw(3)).details["brier_above_ceiling"]["interval"]
    assert low - 0.01 < 0 < high + 0.01


def test_a_synthetic_set_with_one_class_trains_a_coin() -> None:
    found = _figure(draw(3) | {"died": ["no"] * len(draw(3)["died"])})
    assert found.value == 0.5
