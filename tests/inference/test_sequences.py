"""Dates that others do not precede."""

from __future__ import annotations

from datetime import date, timedelta

from tests.inference.build import inferred, told

FIRST = [date(2020, 1, 1) + timedelta(days=37 * row % 500) for row in range(200)]
SECOND = [day + timedelta(days=row % 9) for row, day in enumerate(FIRST)]
THIRD = [day + timedelta(days=row % 7) for row, day in enumerate(SECOND)]


def rules(**columns: list[str]) -> tuple[str, ...]:
    return inferred(columns).schema.tables["visits"].constraints


def texts(days: list[date], form: str = "%d.%m.%Y") -> list[str]:
    return [day.strftime(form) for day in days]


def test_what_does_not_precede_is_kept_by_a_rule_and_told() -> None:
    cells = {"Aufnahme am": texts(FIRST), "entlassen": texts(SECOND)}
    assert rules(**cells) == ("entlassen >= `Aufnahme am`",)
    assert "`entlassen` is not before `Aufnahme am` in 100.0 % of the rows" in told(inferred(cells), None)


def test_a_few_rows_in_error_do_not_hide_an_order_but_more_do() -> None:
    wrong = [day - timedelta(days=99) for day in FIRST]
    assert rules(a=texts(FIRST), b=texts([wrong[0], *SECOND[1:]]))
    assert not rules(a=texts(FIRST), b=texts([*wrong[:5], *SECOND[5:]]))


def test_a_rule_that_follows_from_two_others_in_every_row_is_not_stated() -> None:
    cells = {"a": texts(FIRST), "b": texts(SECOND), "c": texts(THIRD)}
    assert rules(**cells) == ("b >= a", "c >= b")
    cells["b"][:90] = [""] * 90
    assert rules(**cells) == ("b >= a", "c >= a", "c >= b")


def test_a_computed_date_is_kept_in_order_with_others_and_not_with_what_it_is_computed_from() -> None:
    """The end of a stay is its beginning and its days; a death, where there is one, is not before it."""
    days = [row * 7 % 13 for row in range(200)]
    end = [day + timedelta(days=n) for day, n in zip(FIRST, days, strict=True)]
    death = texts([day + timedelta(days=row % 11) for row, day in enumerate(end)])
    cells = {"begin": texts(FIRST), "days": [str(n) for n in days], "end": texts(end), "death": death}
    assert rules(**cells) == ("death >= end",)
    assert inferred(cells).schema.tables["visits"].columns["end"].computed == "begin + days"  # type: ignore[union-attr]


def test_where_data_end_a_computed_day_does_not_come_later() -> None:
    """Half are followed until the end of the year; a last day of one patient is not written down."""
    begin = [date(2020, 1, 1) + timedelta(days=row) for row in range(200)]
    followed = [366 - row if row % 2 else row * 7 % 150 for row in range(200)]
    end = [day + timedelta(days=n) for day, n in zip(begin, followed, strict=True)]
    cells = {"begin": texts(begin), "days": [str(n) for n in followed], "end": texts(end)}
    assert rules(**cells) == ("end <= '01.01.2021'",)
    assert (
        rules(**cells | {"days": ["500", *cells["days"][1:]], "end": [*texts([date(2021, 5, 15)]), *cells["end"][1:]]})
        == ()
    )


def test_an_order_that_no_draw_would_break_needs_no_rule() -> None:
    born = [date(1950, 1, 1) + timedelta(days=row * 31 % 9000) for row in range(200)]
    assert rules(born=texts(born), seen=texts(FIRST)) == ()


def test_a_date_is_compared_with_a_time_of_day_by_the_day() -> None:
    assert rules(a=texts(FIRST, "%Y-%m-%d 13:00"), b=texts(SECOND, "%Y-%m-%d")) == ("b >= a",)
    assert rules(a=texts(FIRST, "%Y-%m-%d 13:00"), b=texts(SECOND, "%Y-%m-%d 12:00")) == ()


def test_dates_that_are_always_the_same_have_one_rule() -> None:
    assert rules(a=texts(FIRST), b=texts(FIRST)) == ("b >= a",)


def test_a_few_rows_do_not_tell() -> None:
    assert rules(a=texts(FIRST[:99]), b=texts(SECOND[:99])) == ()


def test_of_a_death_few_rows_tell() -> None:
    """Nobody is seen after death, as long as no row says otherwise."""
    death = [*texts(SECOND[:5]), *[""] * 195]
    assert rules(seen=texts(FIRST), Sterbedatum=death) == ("Sterbedatum >= seen",)
    assert rules(seen=texts(FIRST), Sterbedatum=[*death[:4], *[""] * 196]) == ()
    assert rules(seen=texts(FIRST), Sterbedatum=[*texts([date(2019, 1, 1)]), *death[1:]]) == ()
