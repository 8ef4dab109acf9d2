"""Dates, moments and times of day: weeks and weekdays kept, dates that mean something else kept apart."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from scipy.stats import ks_2samp

from synthgen.encoding.base import BadCells, Encoder
from synthgen.encoding.temporal import TemporalEncoder, TemporalKind
from synthgen.schema.column import Date, Datetime, Time
from tests.encoding.build import POINT, again, decode, learn, summarise

START = date(2010, 1, 4)


def dates(layout: str = "%Y-%m-%d", missing: tuple[str, ...] = ("",), **more: Any) -> TemporalKind:
    return TemporalKind("admitted", Date(format=layout, **more), POINT, missing)


def moments(layout: str = "%d.%m.%Y %H:%M") -> TemporalKind:
    return TemporalKind("admitted", Datetime(format=layout), POINT, ("",))


def partial(*also: str) -> TemporalKind:
    return TemporalKind("diagnosed", Date(format="%d.%m.%Y", also=also), POINT, ("",))


def times(layout: str = "%H:%M") -> TemporalKind:
    return TemporalKind("hour", Time(format=layout), POINT, ("",))


def admissions(n: int) -> list[date]:
    """Days over ten years, a tenth as many at weekends."""
    rng = np.random.default_rng(4)
    days = [START + timedelta(days=int(day)) for day in rng.integers(0, 3650, 3 * n)]
    return [day for day in days if day.weekday() < 5 or rng.random() < 0.1][:n]


def arrivals(n: int) -> list[datetime]:
    """Moments, mostly in the morning."""
    rng = np.random.default_rng(6)
    minutes = np.clip(rng.normal(9 * 60, 90, n), 0, 1439)
    return [
        datetime(day.year, day.month, day.day) + timedelta(minutes=int(minute))
        for day, minute in zip(admissions(n), minutes, strict=True)
    ]


def weekdays(days: list[date]) -> np.ndarray:
    return np.bincount([day.weekday() for day in days], minlength=7) / len(days)


def test_few_dates_are_kept_exactly() -> None:
    texts = ["2020-02-29", "1931-12-01", "2020-03-01"]
    encoder = learn(dates(), texts * 5)
    assert again(encoder, texts) == texts
    assert [domain.name for domain in encoder.domains] == ["admitted", "admitted.weekday"]
    assert {domain.owner for domain in encoder.domains} == {"admitted"}


def test_the_pattern_of_weekdays_is_kept() -> None:
    days = admissions(6000)
    back = [date.fromisoformat(text) for text in again(learn(dates(), list(map(str, days))), list(map(str, days)))]
    assert np.abs(weekdays(back) - weekdays(days)).max() < 0.01
    assert ks_2samp([day.toordinal() for day in back], [day.toordinal() for day in days]).statistic < 0.02


def test_codes_come_back_to_themselves() -> None:
    texts = list(map(str, admissions(4000))) + ["2015-07-01"] * 300
    encoder = learn(dates(), texts)
    assert isinstance(encoder, TemporalEncoder)
    assert encoder.days is not None
    assert (date(2015, 7, 1) - date(1970, 1, 1)).days in encoder.days.atoms
    codes = np.stack([np.repeat(np.arange(encoder.days.size), 70), np.tile(np.arange(7), 10 * encoder.days.size)], 1)
    back = encoder.encode(decode(encoder, codes.astype(np.int32)))
    assert (back[:, 0] == codes[:, 0]).all()
    # The weekday gives way only where it would turn a bin's day into a heaped one, or leave the bin.
    is_atom = encoder.days.pieces[codes[:, 0]] < len(encoder.days.atoms)
    assert (back[~is_atom, 1] == codes[~is_atom, 1]).mean() > 0.9


def test_a_date_that_means_something_else_is_an_atom() -> None:
    encoder = learn(dates(atoms=("9999-12-31",)), list(map(str, admissions(500))) + ["9999-12-31"] * 20)
    assert encoder.domains[0].special == (encoder.domains[0].size - 1,)
    assert encoder.domains[0].missing == ()
    assert again(encoder, ["9999-12-31"] * 3) == ["9999-12-31"] * 3
    assert encoder.encode(["9999-12-31"])[0, 1] == -1
    # Undeclared it is a day like others, but a heaped one.
    assert again(learn(dates(), ["2020-01-01", "9999-12-31"] * 9), ["9999-12-31"]) == ["9999-12-31"]


def test_missing_dates_come_back_as_they_were() -> None:
    encoder = learn(dates(missing=("", "unknown")), ["2020-01-01"] * 5 + [""] * 5 + ["unknown"] * 6)
    assert again(encoder, ["", " unknown ", "2020-01-01"]) == ["", "unknown", "2020-01-01"]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (dates("%d.%m.%Y"), "01.02.2020"),
        (dates("%m/%d/%y"), "12/31/99"),
        (dates("%Y%m%d"), "18991231"),
        (dates("%Y-%m"), "2020-05"),
        (dates("%d%b%Y"), "02Jan2020"),
        (moments("%Y-%m-%dT%H:%M:%S"), "2020-05-04T23:59:58"),
        (moments("%Y-%m-%d %H:%M:%S.%f"), "2020-05-04 23:59:58.000000"),
        (moments("%d.%m.%Y %H:%M"), "04.05.2020 00:00"),
        (times("%H:%M:%S"), "07:00:01"),
        (times("%I:%M %p"), "03:04 PM"),
    ],
)
def test_formats_come_back_as_they_were(kind: TemporalKind, text: str) -> None:
    assert again(learn(kind, [text] * 5), [text]) == [text]


def test_a_day_without_its_zero_is_read() -> None:
    assert again(learn(dates("%d/%m/%Y"), ["1/2/2020", "01/02/2020"] * 3), ["1/2/2020"]) == ["01/02/2020"]


@pytest.mark.parametrize("text", ["2021-02-29", "2020-13-01", "01.02.2020", "2020-05", "soon"])
def test_what_is_no_date_is_refused_and_not_encoded(text: str) -> None:
    with pytest.raises(BadCells, match="a date of the form %Y-%m-%d"):
        summarise(dates(), ["2020-01-01", text])
    encoder = learn(dates(), ["1970-01-01"] * 5)
    assert encoder.encode([text]).tolist() == [[-1, -1]]


def test_the_time_of_day_is_kept_apart_from_the_day() -> None:
    texts = [moment.strftime("%d.%m.%Y %H:%M") for moment in arrivals(4000)]
    encoder = learn(moments(), texts)
    assert [domain.name for domain in encoder.domains] == ["admitted", "admitted.weekday", "admitted.time"]
    back = [datetime.strptime(text, "%d.%m.%Y %H:%M") for text in again(encoder, texts)]
    minutes = [moment.hour * 60 + moment.minute for moment in back]
    assert ks_2samp(minutes, [moment.hour * 60 + moment.minute for moment in arrivals(4000)]).statistic < 0.02
    # Positions of times of day are seconds.
    assert 8 * 3600 < np.median(encoder.domains[2].positions) < 10 * 3600


@pytest.mark.parametrize(("layout", "grain", "seconds"), [("%H:%M:%S", 60, 60), ("%H:%M", 5, 300), ("%H:%M:%S", 1, 1)])
def test_times_of_day_are_as_round_as_they_were(layout: str, grain: int, seconds: int) -> None:
    """Written to the second but taken to the minute; written to the minute but taken to five; neither."""
    rng = np.random.default_rng(6)
    moments = rng.integers(0, 86_400, 3000) // seconds * seconds
    moments[:900] = 8 * 3600  # a heap, in which no scattered time may end
    texts = [(datetime(2020, 1, 1) + timedelta(seconds=int(moment))).strftime(layout) for moment in moments]
    encoder = learn(times(layout), texts)
    assert isinstance(encoder, TemporalEncoder)
    assert encoder.grain == grain
    back = [datetime.strptime(text, layout) for text in again(encoder, texts)]
    found = np.array([moment.hour * 3600 + moment.minute * 60 + moment.second for moment in back])
    assert (found % seconds == 0).all()
    assert np.mean(found == 8 * 3600) == pytest.approx(np.mean(moments == 8 * 3600), abs=0.001)
    assert ks_2samp(found, moments, method="asymp").statistic < 0.02


def test_extreme_dates_are_not_reached() -> None:
    texts = [*map(str, admissions(2000)), "1871-03-04", "2099-01-01"]
    encoder = learn(dates(), texts)
    assert isinstance(encoder, TemporalEncoder)
    assert encoder.days is not None
    first, last = (
        date(1970, 1, 1) + timedelta(days=int(day)) for day in (encoder.days.starts[0], encoder.days.ends[-1])
    )
    assert START - timedelta(days=60) < first < last < START + timedelta(days=3720)


def answers(encoder: Encoder, operator: str, *values: str) -> list[str]:
    """What a condition lets through, several draws per code."""
    rng = np.random.default_rng(0)
    masks = encoder.allowed(operator, values)
    each = [np.tile(rng.permutation(np.flatnonzero(mask)), 2000)[:2000] for mask in masks]
    codes = np.stack(each, axis=1).astype(np.int32)
    asked = encoder.asked(operator, values)
    return decode(asked, codes[asked.share(codes) > 0])


def test_conditions_on_days() -> None:
    encoder = learn(dates(), [*map(str, admissions(3000)), *[""] * 9])
    assert "2013-05-08" <= min(answers(encoder, ">=", "2013-05-08")) < "2013-06"
    assert max(answers(encoder, "<", "2013-05-08")) < "2013-05-08"
    assert set(answers(encoder, "=", "2013-05-08")) == {"2013-05-08"}
    assert set(answers(encoder, "=", "")) == {""}
    one_week = ("2013-05-06", "2013-05-10")  # days between them have other weekdays
    assert set(answers(encoder, "in", *one_week)) == set(one_week)
    assert one_week[0] not in answers(encoder, "!=", one_week[0])
    with pytest.raises(ValueError, match="no order"):
        encoder.allowed("<", [""])


def test_conditions_on_moments_hold_for_the_whole_moment() -> None:
    layout = "%Y-%m-%d %H:%M"
    encoder = learn(moments(layout), [moment.strftime(layout) for moment in arrivals(3000)])
    assert min(answers(encoder, ">=", "2013-05-08 12:00")) >= "2013-05-08 12:00"
    assert max(answers(encoder, "<=", "2013-05-08 12:00")) <= "2013-05-08 12:00"
    assert min(answers(encoder, ">=", "2013-05-08 00:00"))[:10] >= "2013-05-08"
    assert set(answers(encoder, "in", "2013-05-08 12:00", "2013-05-09 12:00")) == {
        "2013-05-08 12:00",
        "2013-05-09 12:00",
    }
    assert "2013-05-08 12:00" not in answers(encoder, "!=", "2013-05-08 12:00")


def test_a_column_of_too_few_has_one_code_that_is_missing() -> None:
    for kind, text in [(dates(), "2020-01-01"), (moments("%Y-%m-%d %H:%M"), "2020-01-01 10:00"), (times(), "10:00")]:
        encoder = learn(kind, [text])
        assert encoder.domains[0].missing == (0,)
        assert decode(encoder, np.zeros((1, len(encoder.domains)), np.int32)) == [""]
        assert encoder.allowed(">", [text])[0].tolist() == [False]


def test_hours_since_something_may_go_beyond_a_day() -> None:
    texts = [f"{minute // 60:02d}:{minute % 60:02d}" for minute in range(0, 48 * 60 + 1, 30)] * 5
    encoder = learn(times(), texts)
    assert again(encoder, ["00:00", "23:30", "24:00", "47:30", "48:00"]) == [
        "00:00",
        "23:30",
        "24:00",
        "47:30",
        "48:00",
    ]
    assert set(answers(encoder, ">", "47:00")) == {"47:30", "48:00"}
    fine = times("%H:%M:%S")
    assert fine.read(["100:00:01", "23:59:59"]).keys[0].tolist() == [360_001, 86_399]
    assert times().read(["47:60", "47:5", "-47:30", "47.30"]).bad.all()
    assert moments().read(["01.01.2020 25:00"]).bad.all()  # a day has 24


def test_who_asks_in_vain_is_told_the_range() -> None:
    assert learn(dates("%d.%m.%Y"), ["01.02.2020"] * 5 + ["03.02.2020"] * 5).offer(["01.01.2030"]) == (
        "its values lie between 01.02.2020 and 03.02.2020"
    )


def test_dates_of_which_only_the_month_or_the_year_is_known_stay_so() -> None:
    texts = ["17.07.2019", "00.07.2019", "2019", "29.02.2020", ""]
    encoder = learn(partial("00.%m.%Y", "%Y"), texts * 5)
    assert again(encoder, texts) == texts
    assert [domain.name for domain in encoder.domains] == ["diagnosed", "diagnosed.weekday", "diagnosed.form"]


def test_what_a_date_leaves_open_is_as_early_as_it_can_be() -> None:
    encoder = learn(partial("00.%m.%Y", "%Y"), ["17.07.2019", "00.07.2019", "2019"] * 5)
    assert decode(encoder.asked(">=", ["01.07.2019"]), encoder.encode(["17.07.2019"] * 3)) == ["17.07.2019"] * 3
    (days, *_) = encoder.allowed("<", ["01.07.2019"])
    assert [bool(days[code]) for code in encoder.encode(["2019", "00.07.2019", "17.07.2019"])[:, 0]] == [
        True,
        False,
        False,
    ]


def test_a_form_of_few_patients_is_not_kept() -> None:
    """Of four patients alone the year is known."""
    texts = ["17.07.2019"] * 5 + ["2020"] * 4
    encoder = learn(partial("%Y"), texts)
    assert [domain.name for domain in encoder.domains] == ["diagnosed", "diagnosed.weekday"]
    many = learn(partial("%Y"), [f"{day:02}.07.2019" for day in range(1, 31)] * 4 + ["2020"] * 3 + ["2021"])
    assert not any(text in ("2020", "2021") for text in again(many, ["2020", "2021"] * 20))


def test_moments_with_and_without_an_offset_are_written_as_they_were() -> None:
    column = Datetime(format="%Y-%m-%dT%H:%M:%S+01:00", also=("%Y-%m-%dT%H:%M:%S+02:00", "%d.%m.%Y %H:%M"))
    texts = ["2022-01-31T06:15:00+01:00", "2022-07-31T06:15:00+02:00", "31.07.2022 06:15"]
    encoder = learn(TemporalKind("taken", column, POINT, ("",)), texts * 5)
    assert again(encoder, texts) == texts
    assert encoder.domains[-1].size == 3
