"""The page is one file that fetches nothing, and reads well to a screen reader, on paper and on a telephone."""

from __future__ import annotations

import dataclasses
import html
import itertools
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synthgen.metrics.result import Evaluation, KnownAnswer, Metric, Verdict
from synthgen.report.charts import Placed, between
from synthgen.report.html import render
from synthgen.report.sections import Table, offenders
from synthgen.report.shareable import redact
from tests.conftest import ROOT
from tests.report.build import evaluation

INTERNAL = render(evaluation(), "internal")
SHAREABLE = render(redact(evaluation()), "shareable")
VOID = {"meta", "link", "br", "img", "input", "hr", "use", "path", "wbr"}


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
        assert {chart["role"] for chart in charts} == {"img"}
        for key, said in re.findall(r'aria-labelledby="(\S+)-title[^>]*><title id="\S+-title">(.*?)</title>', page):
            rest = re.search(rf'<desc id="{key}-desc">(.*?)</desc>', page)
            assert len(said + (rest[1] if rest else "")) > 20
        assert page.count("<title id=") == len(charts)
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


def test_a_thousand_columns_make_no_page_of_three_megabytes() -> None:
    """Of the matrices the columns with the largest differences are drawn; of the rest the worst, and their names."""
    rng = np.random.default_rng(0)
    names = [f"column_{k}" for k in range(1000)]
    train, holdout, synthetic = (rng.uniform(0, 0.5, (1000, 1000)) for _ in range(3))
    synthetic[700, 3] = synthetic[3, 700] = 1.0
    matrices = {"columns": names, "train": train, "holdout": holdout, "synthetic": synthetic}
    found = {name: each if name == "columns" else np.round(each, 3).tolist() for name, each in matrices.items()}
    metrics = (
        Metric(name="association", family="fidelity", table="t", details={"matrices": found}),
        Metric(
            name="marginals", family="fidelity", table="t", details={"histograms": [_histogram(n, 0.6) for n in names]}
        ),
    )
    page = render(Evaluation(seed=1, synthgen="0", inputs={}, verdicts=(), metrics=metrics), "internal")
    assert len(page.encode()) < 3_000_000
    assert "Drawn are the 60 of 1000 columns that differ most." in page
    assert "column_3 with column_700" in page
    assert len(INTERNAL.encode()) < 3_000_000


def test_names_in_any_script_are_drawn_without_a_warning() -> None:
    metric = Metric(name="marginals", family="fidelity", table="t", details={"histograms": [_histogram("年齢", 0.6)]})

    assert "年齢" in render(dataclasses.replace(evaluation(), metrics=(metric,)), "internal")


def test_a_leak_that_takes_the_model_keeps_the_model_in_the_house_and_no_more() -> None:
    by_model = Verdict(name="membership_by_model", verdict="leak", metric="m", p=0.01, detectable=0.02, detail="why")
    fine = Verdict(name="membership_inference", verdict="none_detected", metric="m", p=0.8, detectable=0.03)
    page = render(dataclasses.replace(evaluation(), verdicts=(by_model, fine)), "internal")
    assert "Keep the model in the house" in page
    assert "Do not release this set." not in page
    assert re.search(r"knowing by heart 2(\.0)?\s%", page)
    assert re.search(r"copies of 3(\.0)?\s%", page)


def test_the_first_screen_says_what_was_found_what_was_not_seen_and_what_to_do() -> None:
    brief = INTERNAL[INTERNAL.index('class="brief"') : INTERNAL.index('id="headline"')]
    heads = ("What was found", "What was not seen", "What is open", "What to do")
    assert re.findall(r"<h3>(.*?)</h3>", brief) == list(heads)
    assert "Do not release this set." in brief
    assert "copies of fewer than 1.2\u00a0% of the training patients could be there unseen" in brief
    assert "A classifier tells it from real records with an AUC of 0.641, where real records reach 0.503" in brief


def test_the_link_that_is_lost_most_is_named_first_and_in_the_internal_form_alone() -> None:
    lost = "“diag_1 = A41 where discharge_disposition = icu” holds for 100\u00a0% in reality and for 1.6\u00a0% here."
    assert lost in INTERNAL[INTERNAL.index('class="brief"') : INTERNAL.index('id="headline"')]
    section = INTERNAL[INTERNAL.index('id="offenders"') : INTERNAL.index('id="distributions"')]
    assert re.findall("<h3>(.*?)</h3>", section)[0] == "Lost links"
    assert (
        "metformin missing where sex = F (150 patients), training 80\u00a0%, synthetic 70\u00a0%, of all 40" in section
    )
    assert "A41" not in SHAREABLE


def test_where_floor_and_ceiling_cannot_be_told_apart_there_is_no_bar_but_words() -> None:
    """An interval of .01 to either side moves two figures apart by .014 in one of twenty cases."""

    def row(floor: float, ceiling: float) -> str:
        return between([Placed("x", 0.95, floor, ceiling, "higher", (0.94, 0.96))], label="x.", key="k")

    assert "no bar: the floor, 0.966, is no worse" in row(0.966, 0.957)
    assert "no bar: the floor, 0.944, is as good but for chance" in row(0.944, 0.957)
    assert "no bar" not in row(0.94, 0.957)


def test_columns_that_are_no_worse_than_other_real_records_but_for_chance_are_no_offenders() -> None:
    rows = [
        {"column": name, "value": value, "interval": [value - 0.01, value + 0.01], "floor": 0.9, "ceiling": 0.97}
        for name, value in (("crp", 0.95), ("age", 0.96))
    ]

    def section(rows: list[dict[str, Any]]) -> str:
        metric = Metric(name="accuracy_1", family="fidelity", table="t", value=0.95, details={"rows": rows})
        page = render(Evaluation(seed=1, synthgen="0", inputs={}, verdicts=(), metrics=(metric,)), "internal")
        return page[page.index('<section id="offenders"') : page.index('<section id="everything"')]

    assert "Worst first: crp 0.950, ceiling 0.970" in section(rows)
    assert "age" not in section(rows)
    for nothing in (rows[1:], []):
        assert "Nothing stands out" in section(nothing)


@pytest.mark.parametrize(
    ("name", "rows", "named"),
    [
        ("association", [{"pair": "a", "difference": 0.0008}, {"pair": "b", "difference": -0.2}], "b"),
        # Of 400 patients each, rates of a half differ by .069 in one of twenty cases.
        (
            "missingness",
            [{"column": name, "rate_train": 0.5, "difference": by} for name, by in (("a", 0.06), ("b", 0.08))],
            "b",
        ),
        ("c2st", [{"column": "a", "drop_when_shuffled": 0.004}, {"column": "b", "drop_when_shuffled": 0.04}], "b"),
    ],
)
def test_trifles_and_what_chance_explains_are_no_offenders(name: str, rows: list[dict[str, Any]], named: str) -> None:
    n = {"train_patients": 400, "synthetic_patients": 400}
    metric = Metric(name=name, family="fidelity", table="t", value=0.1, n=n, details={"rows": rows})
    found = dict(offenders(Evaluation(seed=1, synthgen="0", inputs={}, verdicts=(), metrics=(metric,))))
    (shown,) = found.values()
    assert isinstance(shown, Table)
    assert [row[0] for row in shown.rows] == [named]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"inputs": {"holdout": None}}, "Evaluate again with a holdout"),
        ({"inputs": {"not_run": ["singling_out"]}}, "Left out of a quick run, not run: singling out."),
        ({"required": ("linkability",)}, "Your policy requires an answer that is not there: Linkability."),
        (
            {"self_test": (KnownAnswer(case="full copy", expected="a", said="b", answer="not_as_expected"),)},
            "Do not rely on this report",
        ),
    ],
)
def test_what_to_do_follows_from_what_is_missing(changes: dict[str, Any], said: str) -> None:
    assert said not in INTERNAL
    assert said in render(dataclasses.replace(evaluation(("age", "sex")), **changes), "internal")


def test_what_bears_on_the_model_alone_is_not_counted_where_it_stays_in_the_house() -> None:
    lines = tuple(
        Verdict(name=name, verdict=word, metric=name)
        for name, word in (
            *(("exact_copies", "none_detected"), ("linkability", "pass"), ("membership_by_model", "leak")),
        )
    )
    judged = dataclasses.replace(evaluation(), verdicts=lines)
    both = render(judged, "internal")
    assert "1 of the 3 lines found a leak" in both
    assert "Keep the model in the house: whoever has it" in both
    records = render(dataclasses.replace(judged, records_only=True), "internal")
    assert "None of the 2 lines found a leak or went over a limit. All could be assessed." in records
    assert "Not counted is the one line on the model, which stays in the house." in records
    assert "Keep the model in the house (your policy releases the records alone): whoever has it" in records


def test_attacks_stand_beside_chance_with_a_curve_at_few_false_alarms() -> None:
    section = INTERNAL[INTERNAL.index('<section id="attacks"') : INTERNAL.index('<section id="groups"')]
    assert "<strong>0.537 AUC</strong>" in section
    assert "distance to the closest, all columns: 1.3\u00a0% of training patients found at 0.2\u00a0%" in section
    assert "guess los_days" in section  # one of many attacks, folded
    assert "distance to the closest" not in INTERNAL[: INTERNAL.index('<section id="attacks"')]


def test_a_curve_of_false_positives_is_a_roc_whichever_shape_it_has() -> None:
    line = {"name": "strongest attack", "x": [0.01, 0.1, 1.0], "y": [0.05, 0.3, 1.0]}
    details = {"curves": [line], "x_label": "false positives, share of holdout patients", "y_label": "true positives"}
    metric = Metric(name="membership_inference", family="privacy", table="t", value=0.6, unit="AUC", details=details)
    page = render(dataclasses.replace(evaluation(), metrics=(metric,)), "internal")
    assert "strongest attack: 5\u00a0% of training patients found at 1\u00a0% false alarms" in page
    assert 'id="neighbours"' not in page


def test_groups_are_drawn_worst_first_on_one_axis() -> None:
    section = INTERNAL[INTERNAL.index('<section id="groups"') : INTERNAL.index('<section id="self-test"')]
    assert section.count("<svg") == 2
    assert "Worst first: sex=X −0.459; sex=M 0.965; sex=F 0.965." in section


def test_words_stand_out_from_their_ground_in_both_modes() -> None:
    """WCAG 2.2, contrast (minimum): 4.5 for text, 3 for what is drawn."""
    style = INTERNAL[INTERNAL.index("<style>") : INTERNAL.index("</style>")]
    modes = [dict(re.findall(r"--([\w-]+): (#\w{6})", block)) for block in re.findall(r":root \{(.*?)\}", style, re.S)]
    light, dark = modes[:2]
    for colours in (light, dark):
        for ground in ("paper", "ground"):
            for text in ("ink", "muted", "link", "bad", "open", "calm"):
                assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
            for drawn in ("train", "holdout", "synthetic"):
                assert contrast(colours[drawn], colours[ground]) >= 3, (drawn, ground)
        for tone in ("bad", "open", "calm"):
            assert contrast(colours[tone], colours[f"{tone}-ground"]) >= 4.5, tone


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_all_that_scrolls_or_folds_can_be_reached_by_keyboard() -> None:
    for page in (INTERNAL, SHAREABLE):
        parsed = Page(page)
        scrolling = [attributes for _, attributes in parsed.elements if attributes.get("class") == "scroll"]
        assert scrolling
        assert all(a["tabindex"] == "0" and a["role"] == "region" and a["aria-label"] for a in scrolling)
        tags = [tag for tag, _ in parsed.elements]
        assert tags.count("details") == tags.count("summary") > 10
        assert tags.count("main") == tags.count("header") == tags.count("nav") == 1
        assert tags.count("table") == tags.count("caption")
        assert '<a class="skip" href="#verdicts">' in page
    assert ":focus-visible { outline: 3px" in INTERNAL


#: Where the pictures of the reports stay.
KEPT = ROOT / "build" / "reports"
WIDTHS = (1200, 800, 390)
MEASURE = """
onload = () => {
  for (const frame of document.querySelectorAll('iframe')) {
    const page = frame.contentDocument.documentElement;
    const fetched = frame.contentWindow.performance.getEntriesByType('resource').length;
    frame.dataset.measured = `${page.scrollWidth} of ${page.clientWidth}, fetched ${fetched}`;
  }
  console.log('all measured');
};
"""


@pytest.mark.browser
def test_in_a_browser_nothing_overflows_or_is_fetched_and_nothing_is_complained_of(
    chromium: str, tmp_path: Path
) -> None:
    """Both pages, unfolded, in frames of three widths, since a window has a least one; the outer script measures."""
    frames = "".join(
        f'<iframe style="border:0;width:{width}px;height:2400px" srcdoc="{html.escape(unfolded)}"></iframe>'
        for unfolded in (page.replace("<details", "<details open") for page in (INTERNAL, SHAREABLE))
        for width in WIDTHS
    )
    outer = tmp_path / "frames.html"
    outer.write_text(f'<!doctype html><meta charset="utf-8">{frames}<script>{MEASURE}</script>', encoding="utf-8")
    done = browse(chromium, outer, "--dump-dom", "--enable-logging=stderr")
    measured = re.findall(r'data-measured="(\d+) of (\d+), fetched (\d+)"', done.stdout)
    assert len(measured) == 2 * len(WIDTHS)
    for wide, there, fetched in measured:
        assert (wide, fetched) == (there, "0")  # a scroll bar may take some of the width
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line and "all measured" not in line] == []
    assert "all measured" in done.stderr  # a complaint would have been heard


@pytest.mark.browser
@pytest.mark.parametrize("name", ["report", "report-shareable"])
def test_a_screenshot_and_a_printed_report_come_out(chromium: str, name: str, tmp_path: Path) -> None:
    """They stay in ``build/reports`` of the checkout, which git ignores, for a person to look at, as PNG and PDF."""
    page = tmp_path / f"{name}.html"
    page.write_text(INTERNAL if name == "report" else SHAREABLE, encoding="utf-8")
    KEPT.mkdir(parents=True, exist_ok=True)
    picture, printed = KEPT / f"{name}.png", KEPT / f"{name}.pdf"
    for kept in (picture, printed):
        kept.unlink(missing_ok=True)  # what an earlier run left proves nothing
    browse(chromium, page, f"--screenshot={picture}", "--window-size=1200,6000")
    browse(chromium, page, f"--print-to-pdf={printed}")
    assert picture.stat().st_size > 100_000
    assert printed.read_bytes().count(b"/Type /Page\n") > 3


def browse(chromium: str, page: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    quiet = (
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
        *(
            "--disable-background-networking",
            "--disable-component-update",
            f"--user-data-dir={page.parent / 'profile'}",
        ),
    )
    command = [chromium, *quiet, *arguments, page.as_uri()]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
