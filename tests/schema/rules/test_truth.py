"""Three-valued truth by hand-checked tables: what is missing makes nothing false."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from synthgen.schema.rules.expression import Column
from synthgen.schema.rules.grammar import parse
from synthgen.schema.rules.quantity import NUMBER, Quantity
from synthgen.schema.rules.truth import Values, truth, values

NAN = np.nan
DATE, DATETIME = Quantity("date", formats=("%Y-%m-%d",)), Quantity("datetime", formats=("%Y-%m-%d %H:%M",))


def column(cells: list[float | str | None], of: Quantity = NUMBER) -> Values:
    missing = np.array([cell is None for cell in cells])
    if of.sort == "text":
        labels = tuple(sorted({cell for cell in cells if isinstance(cell, str)}))
        numbers = [NAN if cell is None else labels.index(str(cell)) for cell in cells]
        return Values(of, np.array(numbers, float), missing, labels)
    read = [NAN if cell is None else of.constant(cell) if isinstance(cell, str) else cell for cell in cells]
    return Values(of, np.array(read, float), missing)


def told(rule: str, **columns: Values) -> str:
    """One letter per row: true, false or unknown."""
    found = truth(parse(rule), {Column(name): of for name, of in columns.items()})
    assert not (found.holds & found.fails).any()
    return "".join("T" if h else "F" if f else "?" for h, f in zip(found.holds, found.fails, strict=True))


#: Every pair of true, false and unknown, as a == 1 and b == 1.
PAIRS = [*product([1.0, 0.0, None], repeat=2)]


@pytest.mark.parametrize(
    ("rule", "kleene"),
    [
        ("a == 1 and b == 1", "TF?FFF?F?"),
        ("a == 1 or b == 1", "TTTTF?T??"),
        ("a == 1 implies b == 1", "TF?TTTT??"),
        ("not a == 1", "FFFTTT???"),
        ("not (a == 1 and b == 1)", "FT?TTT?T?"),
    ],
)
def test_connectives_are_those_of_kleene(rule: str, kleene: str) -> None:
    a, b = (column([pair[side] for pair in PAIRS]) for side in (0, 1))
    assert told(rule, a=a, b=b) == kleene


def test_numbers_compare_within_what_floating_point_leaves_of_them() -> None:
    a = column([0.1 + 0.2, 0.3, 0.29, None])
    assert told("a == 0.3", a=a) == "TTF?"
    assert told("a <= 0.3", a=a) == "TTT?"
    assert told("a < 0.3", a=a) == "FFT?"
    assert told("a between 0.3 and 1", a=a) == "TTF?"
    assert told("-a == -0.3", a=a) == "TTF?"


def test_texts_compare_by_their_labels_whatever_their_places() -> None:
    text = Quantity("text")
    a, b = column(["x", "y", "z", None], text), column(["x", "x", None, "x"], text)
    assert told("a == b", a=a, b=b) == "TF??"
    assert told("a != b", a=a, b=b) == "FT??"
    assert told("a == 'z'", a=a) == "FFT?"
    assert told("'q' == a", a=a) == "FFF?"
    assert told("a in ['x', 'y']", a=a) == "TTF?"
    assert told("a not in ['x', 'y']", a=a) == "FFT?"


def test_combinations_are_unknown_only_where_what_is_there_fits_one() -> None:
    text = Quantity("text")
    sex, pregnant = (
        column(["F", "M", "M", None, "M", None], text),
        column(["yes", "no", "yes", "no", None, "yes"], text),
    )
    rule = "(sex, pregnant) in [('F', 'yes'), ('F', 'no'), ('M', 'no')]"
    assert told(rule, sex=sex, pregnant=pregnant) == "TTF???"
    assert told("(sex, pregnant) in [('F', 'yes')]", sex=sex, pregnant=pregnant) == "TFFFF?"


def test_levels_compare_in_their_order() -> None:
    grade = Quantity("level", ("mild", "moderate", "severe"))
    a = column(["mild", "moderate", "severe", None], grade)
    assert told("a >= 'moderate'", a=a) == "FTT?"
    assert told("a between 'mild' and 'moderate'", a=a) == "TTF?"


def test_a_date_and_a_date_with_time_compare_by_the_day() -> None:
    day = column(["2020-02-01", "2020-02-01", "2020-02-01", None], DATE)
    moment = column(["2020-02-01 10:30", "2020-02-02 00:00", None, "2020-02-02 00:00"], DATETIME)
    assert told("day >= moment", day=day, moment=moment) == "TF??"
    assert told("day < moment", day=day, moment=moment) == "FT??"
    assert told("moment >= '2020-02-01 12:00'", moment=moment) == "FT?T"


def test_two_moments_give_days_and_a_moment_and_days_give_a_moment() -> None:
    start = column(["2020-02-28", "2019-02-28"], DATE)
    end = column(["2020-03-01", "2019-03-01"], DATE)
    assert told("end - start == 2", start=start, end=end) == "TF"
    assert told("start + 1 == end", start=start, end=end) == "FT"
    assert told("1 + start <= end", start=start, end=end) == "TT"
    moment = column(["2020-02-28 06:00", "2019-02-28 12:00"], DATETIME)
    later = column(["2020-02-28 18:00", "2019-03-01 12:00"], DATETIME)
    assert told("later - moment == 0.5", later=later, moment=moment) == "TF"


def test_ages_are_completed_years() -> None:
    born = column(["2000-02-29", "2000-02-29", "2000-02-29", "2000-07-01", None], DATE)
    seen = column(["2001-02-28", "2001-03-01", "2004-02-29", "1999-07-01", "2000-01-01"], DATE)
    found = values(parse("years(born, seen) == 0").left, {Column("born"): born, Column("seen"): seen})  # type: ignore[union-attr]
    np.testing.assert_array_equal(found.numbers, [0, 1, 4, -1, NAN])
    assert told("(year(born), month(born), day(born)) in [(2000, 2, 29)]", born=born) == "TTTF?"
    assert told("days(born, seen) == 365", born=born, seen=seen) == "TFFF?"


def test_what_is_missing_is_known_to_be_and_a_text_result_is_not() -> None:
    lab = Values(NUMBER, np.array([1.0, NAN, NAN]), np.array([False, False, True]))  # 1, neg, missing
    assert told("lab is missing", lab=lab) == "FFT"
    assert told("lab is not missing", lab=lab) == "TTF"
    assert told("lab > 0", lab=lab) == "T??"
    assert told("lab is missing or lab > 1", lab=lab) == "F?T"


def test_a_division_by_zero_is_unknown() -> None:
    assert told("1 / a > 0 or a ** 0.5 > 5", a=column([0.0, 2.0, -1.0])) == "?T?"
