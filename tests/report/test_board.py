"""A contest as one table: what is the best, what lies where, and what has no result."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from synthgen.errors import SynthgenError
from synthgen.metrics.result import Contender, Contest, Metric, Verdict
from synthgen.report import board
from synthgen.report.html import render_contest
from synthgen.report.numbers import seconds
from synthgen.report.write import write_contest
from tests.report.test_html import Page


def _metric(name: str, value: float | None, floor: float | None, ceiling: float | None, better: str) -> Metric:
    assert better in ("higher", "lower")
    return Metric(
        name=name,
        family="fidelity",
        table="t",
        value=value,
        floor=floor,
        ceiling=ceiling,
        better="higher" if better == "higher" else "lower",
        interval=None if value is None else (value - 0.01, value + 0.01),
        status="not_applicable" if value is None else "ok",
        reason="no target" if value is None else "",
    )


def _contender(model: str, accuracy: float, auc: float, word: str = "none_detected") -> Contender:
    assert word in ("leak", "none_detected")
    return Contender(
        model=model,
        fit_seconds=61.0,
        sample_seconds=2.0,
        rows=5000,
        peak_mebibytes=321.4,
        metrics=(
            _metric("accuracy_1", accuracy, 0.99, 0.98, "higher"),
            _metric("c2st", auc, 0.9, 0.5, "lower"),
            _metric("c2st_train", auc, 0.9, 0.5, "lower"),
            _metric("tstr", None, None, None, "higher"),
        ),
        verdicts=(
            Verdict(
                name="exact_copies",
                verdict="leak" if word == "leak" else "none_detected",
                metric="exact_copies",
                detail="3 patients",
            ),
        ),
    )


CONTEST = Contest(
    seed=7,
    synthgen="0.1.0",
    inputs={"train": {"rows": 5000}},
    machine={"processors": 2},
    contenders=(
        _contender("copula", 0.97, 0.7),
        _contender("ctgan", 0.96, 1.0, "leak"),
        Contender(model="sdv-tvae", failure="its process was killed & <more>"),
    ),
)


def test_the_best_is_the_lowest_where_lower_is_better_and_figures_against_training_have_none() -> None:
    figures = {line.name: line for line in board.of(CONTEST).figures}
    assert [cell.best for cell in figures["accuracy_1"].cells] == [True, False]
    assert [cell.best for cell in figures["c2st"].cells] == [True, False]
    assert [cell.best for cell in figures["c2st_train"].cells] == [False, False]


def test_a_dot_lies_between_floor_and_ceiling_and_only_where_there_is_a_way() -> None:
    """0.7 is half way from 0.9 to 0.5; beyond the floor the dot stays at its end."""
    figures = {line.name: line for line in board.of(CONTEST).figures}
    assert [cell.at for cell in figures["c2st"].cells] == [50, 0]
    assert [cell.at for cell in figures["accuracy_1"].cells] == [None, None]  # shuffling does single columns no harm
    assert (figures["c2st"].floor, figures["c2st"].ceiling) == ("0.900", "0.500")


def test_a_figure_without_a_value_gives_its_reason() -> None:
    (line,) = (line for line in board.of(CONTEST).figures if line.name == "tstr")
    assert [(cell.text, cell.detail, cell.best) for cell in line.cells] == [("does not apply", "no target", False)] * 2


def test_verdicts_costs_and_failures_stand_in_words() -> None:
    found = board.of(CONTEST)
    assert [(cell.text, cell.tone, cell.word) for cell in found.verdicts[0].cells] == [
        ("○ No leak detected", "calm", "none detected"),
        ("✖ Leak found", "bad", "leak"),
    ]
    costs = {line.name: line.cells[0].text for line in found.costs}
    assert costs == {
        "fit_seconds": "1\u00a0min 1\u00a0s",
        "sample_seconds": "2.0\u00a0s",
        "rows_per_second": "2,500",
        "peak_mebibytes": "321",
    }
    assert found.models == ("copula", "ctgan")
    assert found.failures == (("sdv-tvae", "its process was killed & <more>"),)


def test_seconds_read_at_every_size() -> None:
    told = [seconds(value).replace("\u00a0", " ") for value in (None, 0.4217, 9.94, 9.96, 59.9, 60, 3725.0)]
    assert told == ["–", "0.42 s", "9.9 s", "10 s", "60 s", "1 min 0 s", "1 h 2 min"]


@pytest.mark.parametrize("contest", [CONTEST, Contest(seed=1, synthgen="0", inputs={}, machine={}, contenders=())])
def test_the_page_is_whole_and_fetches_nothing(contest: Contest) -> None:
    text = render_contest(contest)
    page = Page(text)
    assert page.open == []
    assert not {tag for tag, _ in page.elements} & {"script", "link", "iframe", "img"}
    assert "http" not in text.replace("http-equiv", "")
    assert "contains personal data" in text


def test_the_page_shows_what_failed_and_no_detail_of_a_verdict() -> None:
    text = render_contest(CONTEST)
    assert "its process was killed &amp; &lt;more&gt;" in text
    assert "3 patients" not in text
    assert 'style="left:50.0%"' in text


def test_both_files_are_written_the_same_every_time(tmp_path: Path) -> None:
    one, two = write_contest(CONTEST, tmp_path / "one"), write_contest(CONTEST, tmp_path / "two")
    assert [path.name for path in one] == ["compare.html", "compare.json"]
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
    told = json.loads((tmp_path / "one" / "compare.json").read_text("utf-8"))
    assert told["audience"].startswith("internal")
    assert [model["model"] for model in told["models"]] == ["copula", "ctgan", "sdv-tvae"]
    assert told["models"][0]["rows_per_second"] == 2500
    assert told["models"][2]["fit_seconds"] is None


def test_a_figure_that_is_no_number_is_not_written(tmp_path: Path) -> None:
    broken = Contender(model="copula", metrics=(_metric("c2st", float("nan"), None, None, "lower"),))
    with pytest.raises(SynthgenError, match="metric c2st: value is nan"):
        write_contest(Contest(seed=1, synthgen="0", inputs={}, machine={}, contenders=(broken,)), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
