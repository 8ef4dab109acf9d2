"""The page is one file that fetches nothing, and reads well to a screen reader, on paper and on a telephone."""

from __future__ import annotations

import dataclasses
import html
import itertools
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from synthgen.metrics.result import Evaluation, Metric, Verdict
from synthgen.report.html import render
from synthgen.report.shareable import redact
from tests.report.build import evaluation

INTERNAL = render(evaluation(), "internal")
SHAREABLE = render(redact(evaluation()), "shareable")
VOID = {"meta", "link", "br", "img", "input", "hr", "use", "path"}


class Page(HTMLParser):
    """The elements of a page, with a check that they close in the order in which they opened."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def attributes(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.mark.parametrize("page", [INTERNAL, SHAREABLE], ids=["internal", "shareable"])
class TestBothForms:
    def test_every_element_closes_and_no_id_is_used_twice(self, page: str) -> None:
        parsed = Page(page)
        ids = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]

        assert parsed.open == []
        assert len(ids) == len(set(ids))

    def test_nothing_is_fetched(self, page: str) -> None:
        parsed = Page(page)

        assert not re.search(r"https?://|@import|src=|url\((?!#)", page)
        assert not {tag for tag, _ in parsed.elements} & {"script", "link", "iframe", "object", "embed", "img"}
        for _, attributes in parsed.elements:
            assert re.match(r"#|data:image/png;base64,", attributes.get("href", "#"))

    def test_every_reference_within_the_page_leads_somewhere(self, page: str) -> None:
        parsed = Page(page)
        ids = {attributes.get("id") for _, attributes in parsed.elements}
        targets = {attributes["href"][1:] for _, attributes in parsed.elements if attributes.get("href", "")[:1] == "#"}

        assert targets | set(re.findall(r"url\(#([^)]*)\)", page)) <= ids

    def test_every_chart_is_labelled_and_takes_its_colours_from_the_page(self, page: str) -> None:
        charts = Page(page).attributes("svg")

        assert len(charts) > 20
        assert all(chart["role"] == "img" and len(chart["aria-label"]) > 20 for chart in charts)
        assert not re.search(r"(fill|stroke): #", page)

    def test_headings_descend_one_level_at_a_time(self, page: str) -> None:
        levels = [int(tag[1]) for tag, _ in Page(page).elements if re.fullmatch(r"h[1-6]", tag)]

        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels))

    def test_every_header_cell_says_what_it_heads(self, page: str) -> None:
        assert all(cell["scope"] in {"row", "col"} for cell in Page(page).attributes("th"))

    def test_it_is_small(self, page: str) -> None:
        assert len(page.encode()) < 1_000_000

    def test_no_verdict_says_private_and_no_score_is_blended(self, page: str) -> None:
        words = re.sub(r"<style>.*?</style>", "", page, flags=re.S).lower()

        assert "private" not in words
        assert re.findall(r"overall[^.]*", words) == ["overall score"]


def test_verdicts_come_before_every_figure_and_what_was_found_comes_first() -> None:
    places = [INTERNAL.index(words) for words in ("> Leak found", "> Could not", "> No leak detected", 'id="headline"')]

    assert places == sorted(places)
    assert "copies of 1.2\u00a0% of the training patients" in INTERNAL


def test_the_worst_column_is_drawn_first() -> None:
    histograms = [_histogram("good", 0.5), _histogram("bad", 0.9)]
    metric = Metric(name="marginals", family="fidelity", table="t", details={"histograms": histograms})
    page = render(dataclasses.replace(evaluation(), metrics=(metric,)), "internal")

    assert page.index("<h3>bad</h3>") < page.index("<h3>good</h3>")
    assert "Largest difference at yes: training 50\u00a0%, synthetic 90\u00a0%." in page


def _histogram(column: str, yes: float) -> dict[str, object]:
    shares = {"train": [0.5, 0.5], "holdout": None, "synthetic": [yes, 1 - yes]}
    return {"column": column, "kind": "categorical", "labels": ["yes", "no"], **shares, "n": {}, "missing": {}}


def test_names_from_the_data_are_text_and_nothing_else() -> None:
    nasty = '$x$<script>"alert()"</script>'
    metric = Metric(
        name="marginals",
        family="fidelity",
        table=nasty,
        columns=(nasty,),
        value=0.5,
        details={"histograms": [_histogram(nasty, 0.9)], "rows": [{"column": nasty, "ks": 0.1}]},
    )
    verdict = Verdict(name=nasty, verdict="leak", metric="marginals", detail=nasty)
    page = render(
        Evaluation(seed=1, synthgen="0", inputs={nasty: nasty}, verdicts=(verdict,), metrics=(metric,)), "internal"
    )

    assert "script" not in {tag for tag, _ in Page(page).elements}
    assert "$x$" in page.split("<svg")[1].split(">", 1)[1]  # in the chart too, dollars are not mathematics


def test_an_evaluation_that_found_nothing_still_reads() -> None:
    page = render(Evaluation(seed=1, synthgen="0", inputs={}, verdicts=(), metrics=()), "internal")

    assert "No verdict line was judged" in page
    assert Page(page).open == []


def test_names_in_any_script_are_drawn_without_a_warning() -> None:
    metric = Metric(name="marginals", family="fidelity", table="t", details={"histograms": [_histogram("年齢", 0.6)]})

    assert "年齢" in render(dataclasses.replace(evaluation(), metrics=(metric,)), "internal")


@pytest.mark.browser
@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("page", [INTERNAL, SHAREABLE], ids=["internal", "shareable"])
def test_nothing_overflows_in_a_browser(page: str, width: int, tmp_path: Path) -> None:
    """The page stands in a frame of the wanted width, since a window has a least one; the frame's script measures."""
    unfolded = page.replace("<details", "<details open")
    frame = tmp_path / "frame.html"
    frame.write_text(
        f'<!doctype html><meta charset="utf-8"><body style="margin:0">'
        f'<iframe style="border:0;width:{width}px;height:2400px" srcdoc="{html.escape(unfolded)}"></iframe>'
        "<script>onload = () => { const page = document.querySelector('iframe').contentDocument.documentElement;"
        "document.body.dataset.measured = page.scrollWidth + ' of ' + page.clientWidth; }</script>",
        encoding="utf-8",
    )
    dom = _chromium(tmp_path, frame, "--dump-dom")
    _chromium(tmp_path, frame, f"--screenshot={tmp_path / 'report.png'}", f"--window-size={max(width, 500)},2400")

    assert re.search(r'data-measured="(\d+) of \1"', dom)  # a scroll bar may take some of the width
    assert (tmp_path / "report.png").stat().st_size > 10_000


def _chromium(folder: Path, page: Path, *arguments: str) -> str:
    quiet = (
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
        *("--disable-background-networking", "--disable-component-update", f"--user-data-dir={folder / 'profile'}"),
    )
    command = ["chromium", *quiet, *arguments, page.as_uri()]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
