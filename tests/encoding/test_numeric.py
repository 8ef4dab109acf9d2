"""Numbers as they stand in extracts: marks, text results, missing tokens, habits of writing; and back."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from scipy.stats import ks_2samp

from synthgen.encoding.base import BadCells
from synthgen.encoding.leveled import COMPARE
from synthgen.encoding.numeric import NumericEncoder, NumericKind
from synthgen.schema.column import Integer, Number
from synthgen.schema.config import Format
from tests.encoding.build import COMMA, POINT, RARE_BELOW, again, decode, every_code, learn, summarise


def number(
    decimals: int | None = 1, marks: Format = POINT, missing: tuple[str, ...] = ("",), **more: Any
) -> NumericKind:
    return NumericKind("lab", Number(decimals=decimals, **more), marks, missing)


def integer(marks: Format = POINT, missing: tuple[str, ...] = ("",), **more: Any) -> NumericKind:
    return NumericKind("days", Integer(**more), marks, missing)


def numeric(kind: NumericKind, texts: list[str]) -> NumericEncoder:
    encoder = learn(kind, texts)
    assert isinstance(encoder, NumericEncoder)
    return encoder


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        (number(), ["5.5", "6.0", "7.2"]),
        (number(2), ["5.50", "6.00"]),
        (number(2), ["5.5", "6", "7.25"]),
        (number(2), ["5.5", "6.0", "7.1"]),
        (number(1, COMMA), ["5,5", "6,0", "-7,2"]),
        (number(1, COMMA), ["1.234.567,5", "12,0", "-0,5", "-1.000,5"]),
        (number(2, Format(thousands=",")), ["1,234.50", "-12,000.00", "7.25"]),
        (integer(Format(thousands=" ")), ["1 234", "900", "-45 000"]),
        (integer(), ["93703.0", "12.0", "-4.0"]),
        (integer(), ["9007199254740993", "9007199254740994", "-3"]),
        (integer(missing=("-9", "")), ["4", "-9", "", "7"]),
        (number(None), ["0.1", "36.6", "-120", "0.003"]),
        (number(10), ["2.500000e-01", "7.999997e-01", "1.249999e-04", "0.000000e+00", "-1.000000e+00"]),
        (number(4, COMMA), ["2,50e+02", "1,25e-02", "-4,00e+00"]),
        (number(None), ["2.50e+12", "4.00e-07", "1.00e+00"]),
        (number(atoms=("neg", "trace")), ["5.5", "<0.5", "> 89", "neg", "trace", "≥12,5"]),
    ],
)
def test_common_values_come_back_as_they_were_written(kind: NumericKind, texts: list[str]) -> None:
    encoder = learn(kind, texts * RARE_BELOW)
    assert again(encoder, texts) == texts
    assert sorted(decode(encoder, every_code(encoder))) == sorted(texts)


def test_white_space_does_not_matter() -> None:
    encoder = learn(number(missing=("?",)), ["5.5", " 5.5", "5.5 ", " ? ", "?"] * 5)
    assert again(encoder, ["  5.5", " ?"]) == ["5.5", "?"]


def test_exponents_are_numbers() -> None:
    encoder = learn(number(None), ["2.5e-01", "1E3", "1e+03"] * 5)
    assert again(encoder, ["2.5e-01", "0.25", "1000"]) == ["0.25", "0.25", "1000"]


def test_thousands_marks_are_a_habit_of_the_long_numbers() -> None:
    # Most numbers are too short for marks; they say nothing.
    texts = ["950", "20", "7"] * 50 + ["1,200"] * 5 + ["3400"] * 4
    assert again(learn(integer(Format(thousands=",")), texts), ["1200", "950"]) == ["1,200", "950"]


def test_a_drawn_number_has_the_exponent_of_the_others() -> None:
    texts = [f"{value:.3e}" for value in np.linspace(0.001, 0.9, 2000)]
    encoder = numeric(number(6), texts)
    back = again(encoder, texts)
    assert len(encoder.quantiser.starts) > 10
    assert all(text[1] == "." and text[5:7] == "e-" and len(text) == 9 for text in back)
    assert ks_2samp([float(text) for text in texts], [float(text) for text in back]).statistic < 0.02
    assert numeric(number(6), [*texts, *["0.25"] * 40]).exponent is False


def test_one_odd_way_of_writing_is_no_habit() -> None:
    texts = ["5.50", "6.00"] * 200 + ["7"]
    assert again(learn(number(2), texts), ["6.00", "6"]) == ["6.00", "6.00"]


def test_each_reason_for_missing_is_a_code_of_its_own() -> None:
    encoder = learn(number(missing=("", "?", "NA")), ["5.5"] * 9 + ["?"] * 8 + [""] * 6 + ["NA"] * 2)
    (domain,) = encoder.domains
    assert (domain.size, domain.special, domain.missing) == (3, (1, 2), (1, 2))
    # The rarest token is written as the commonest.
    assert again(encoder, ["?", "", "NA"]) == ["?", "", "?"]


def test_text_results_are_special_but_not_missing() -> None:
    encoder = learn(number(atoms=("neg",)), ["5.5"] * 5 + ["neg"] * 5 + ["<0.5"] * 5 + [""] * 5 + [">89"] * 4)
    (domain,) = encoder.domains
    assert (domain.special, domain.missing) == ((1, 2, 3), (3,))
    assert domain.positions == (5.5, 0.0, 0.0, 0.0)
    assert again(encoder, ["neg", "<0.5", ""]) == ["neg", "<0.5", ""]
    # Four patients are too few for a code.
    assert encoder.encode([">89", "<7"]).tolist() == [[-1], [-1]]


def test_what_is_no_number_is_refused_and_not_encoded() -> None:
    with pytest.raises(BadCells, match="a number") as bad:
        summarise(number(), ["5.5", "high", "1,5", "5.5"])
    assert bad.value.texts.tolist() == [1, 2]
    with pytest.raises(BadCells):
        summarise(number(1, COMMA), ["5.5"])
    with pytest.raises(BadCells, match="an integer"):
        summarise(integer(), ["5.5"])
    encoder = learn(number(), ["0.0", "5.5"] * 5)
    assert encoder.encode(["high"]).tolist() == [[-1]]


def test_a_column_of_too_few_has_one_code_that_is_missing() -> None:
    for kind in (number(), number(None), integer()):
        encoder = learn(kind, ["5", "7"])
        (domain,) = encoder.domains
        assert (domain.size, domain.missing) == (1, (0,))
        assert encoder.encode(["5"]).tolist() == [[-1]]
        assert decode(encoder, every_code(encoder)) == [""]
        assert [mask.tolist() for mask in encoder.allowed(">", ["5"])] == [[False]]


def skewed(n: int) -> np.ndarray:
    """Lab results as they are: long to the right, and many at the lower limit of detection."""
    rng = np.random.default_rng(5)
    values = np.exp(rng.normal(1, 1.2, n)).round(2)
    values[rng.random(n) < 0.15] = 0.5
    return values


@pytest.mark.parametrize("decimals", [2, None])
def test_a_skewed_column_keeps_its_distribution(decimals: int | None) -> None:
    texts = [f"{value:.2f}" for value in skewed(8000)]
    encoder = learn(number(decimals), texts)
    assert encoder.domains[0].size <= 70
    back = [float(text) for text in again(encoder, texts)]
    assert ks_2samp(back, [float(text) for text in texts]).statistic <= 0.02
    assert np.isclose(np.mean(np.array(back) == 0.5), np.mean(skewed(8000) == 0.5), atol=0.002)


def test_a_skewed_column_keeps_its_decimals() -> None:
    texts = [f"{value:.2f}" for value in skewed(4000)]
    assert {len(text.partition(".")[2]) for text in again(learn(number(2), texts), texts)} == {2}


def test_codes_come_back_to_themselves() -> None:
    texts = [f"{value:.2f}" for value in skewed(4000)] + ["neg"] * 9 + [""] * 9
    for decimals in (2, None):
        encoder = learn(number(decimals, atoms=("neg",)), texts)
        codes = every_code(encoder, times=50)
        assert (encoder.encode(decode(encoder, codes)) == codes).all()


def test_positions_are_the_middles_in_the_unit_of_the_column() -> None:
    encoder = numeric(number(), [f"{n / 10:.1f}" for n in range(1000)])
    assert np.diff(encoder.domains[0].positions).min() > 0
    for code, text in enumerate(decode(encoder, every_code(encoder))):
        assert abs(float(text) - encoder.domains[0].positions[code]) < 10


def answers(encoder: NumericEncoder, operator: str, *values: str) -> Counter[str]:
    """What a condition lets through, several draws per code."""
    (mask,) = encoder.allowed(operator, values)
    codes = np.repeat(np.flatnonzero(mask), 200).astype(np.int32).reshape(-1, 1)
    return Counter(decode(encoder.asked(operator, values), codes))


def test_conditions_on_numbers() -> None:
    encoder = numeric(integer(atoms=("neg",)), [str(n) for n in range(1000)] + ["500"] * 90 + ["neg"] * 9 + [""] * 9)
    assert min(map(int, answers(encoder, ">=", "501"))) == 501
    assert min(map(int, answers(encoder, ">", "501"))) == 502
    assert max(map(int, answers(encoder, "<", "500"))) == 499
    assert max(map(int, answers(encoder, "<=", "500"))) == 500
    assert set(answers(encoder, "=", "501")) == {"501"}
    assert set(answers(encoder, "in", "3", "500", "900", "neg")) == {"3", "500", "900", "neg"}
    assert set(answers(encoder, "=", "")) == {""}
    assert "500" not in answers(encoder, "!=", "500")
    assert "neg" not in answers(encoder, "!=", "neg")
    # 1 and 2 are learned in one range: each is met exactly, and what is not meant stays.
    low, high = encoder.quantiser.bounds()
    assert ((low <= 1) & (high >= 2)).any()
    assert set(answers(encoder, "in", "1", "2", "2")) == {"1", "2"}
    assert {"0", "2"} <= set(answers(encoder, "!=", "1"))
    assert "1" not in answers(encoder, "!=", "1")


def test_an_empty_value_asks_for_missing_whatever_its_token() -> None:
    encoder = numeric(integer(missing=("?", "n/a")), ["1", "2"] * 9 + ["?"] * 9 + ["n/a"] * 9)
    assert set(answers(encoder, "=", "")) == {"?", "n/a"}
    assert set(answers(encoder, "!=", "")) == {"1", "2"}
    assert set(answers(encoder, "in", "", "2")) == {"?", "n/a", "2"}
    assert set(answers(encoder, "=", "?")) == {"?"}
    with pytest.raises(ValueError, match="no order"):
        encoder.allowed("<", [""])


def test_values_with_decimals_may_be_asked_for_by_several() -> None:
    encoder = numeric(number(2), [f"{value:.2f}" for value in np.linspace(0, 40, 3001)])
    assert set(answers(encoder, "in", "7.01", "7.03", "7.02")) == {"7.01", "7.02", "7.03"}
    with pytest.raises(ValueError, match="not a number"):
        encoder.allowed("in", ["7.01", "seven"])


@pytest.mark.parametrize(
    ("operator", "value", "message"),
    [("<", "", "has no order"), ("=", "high", "not an integer"), (">", "2.5", "not an integer")],
)
def test_conditions_without_meaning_are_refused(operator: str, value: str, message: str) -> None:
    encoder = learn(integer(), ["1", "2", ""] * 5)
    with pytest.raises(ValueError, match=message):
        encoder.allowed(operator, [value])


def test_numbers_without_fixed_decimals_cannot_be_met_exactly() -> None:
    encoder = numeric(number(None), [str(value) for value in skewed(3000)])
    with pytest.raises(ValueError, match="use >= and <="):
        encoder.allowed("=", ["7.77"])
    assert set(answers(encoder, "=", "0.5")) == {"0.5"}


@pytest.mark.parametrize(
    ("operator", "bound"), [(">=", "2.0037"), (">", "0.9981"), ("<", "3.1234"), ("<=", "0.31416"), (">=", "0.5")]
)
def test_a_bound_within_what_a_key_stands_for_is_kept(operator: str, bound: str) -> None:
    """Both what is met and how often: numbers beyond the bound are those that come unasked."""
    encoder = numeric(number(None), [str(value) for value in skewed(3000)] + ["0.5"] * 200)
    rng, every = np.random.default_rng(0), np.arange(encoder.quantiser.size).astype(np.int32)
    meets = COMPARE[operator]
    unasked = np.array(decode(encoder, np.repeat(every, 4000).reshape(-1, 1)), float).reshape(len(every), -1)
    (shares,) = encoder.allowed(operator, [bound])
    assert shares == pytest.approx(meets(unasked, float(bound)).mean(axis=1), abs=0.04)
    cut = every[(shares > 0) & (shares < 1)]
    asked = encoder.asked(operator, [bound]).decode(np.repeat(cut, 4000).reshape(-1, 1), rng)
    found = np.array(asked.to_pylist(), float).reshape(len(cut), 4000)
    assert meets(found, float(bound)).all()
    for code, numbers in zip(cut, found, strict=True):
        assert numbers.mean() == pytest.approx(unasked[code][meets(unasked[code], float(bound))].mean(), rel=0.02)


def test_two_bounds_within_one_key_are_kept() -> None:
    encoder = numeric(number(None), [str(value) for value in skewed(3000)])
    both = encoder.asked(">=", ["2.0010"]).asked("<", ["2.0037"])
    shares = encoder.allowed(">=", ["2.0010"])[0] * encoder.asked(">=", ["2.0010"]).allowed("<", ["2.0037"])[0]
    codes = np.repeat(np.flatnonzero(shares), 200).astype(np.int32).reshape(-1, 1)
    assert {2.0010 <= float(text) < 2.0037 for text in decode(both, codes)} == {True}


def test_who_asks_in_vain_is_told_the_range() -> None:
    kind = number(1, COMMA)
    assert learn(kind, ["0,5"] * 5 + ["7,0"] * 5 + ["<0,1"] * 5 + ["9999,0"]).offer(["8"]) == (
        "its numbers lie between 0,5 and 7,0, beside text results"
    )
    with pytest.raises(ValueError, match='not a number with "," as its decimal mark'):
        learn(kind, ["0,5"] * 5).allowed("=", ["0.5"])
