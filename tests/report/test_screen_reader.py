"""What a screen reader and a keyboard make of the report, asked of a real browser."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.report.devtools import Tab, opened
from tests.report.test_html import INTERNAL, SHAREABLE

pytestmark = pytest.mark.browser
FORMS = {"internal": INTERNAL, "shareable": SHAREABLE}
UNFOLD = "document.querySelectorAll('details').forEach(each => each.open = true)"
TAB, ENTER, SPACE = ("Tab", 9), ("Enter", 13, "\r"), (" ", 32, " ")


@pytest.fixture(scope="module", params=FORMS)
def tab(request: pytest.FixtureRequest, chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    page: Path = tmp_path_factory.mktemp("reader") / "report.html"
    page.write_text(FORMS[request.param], encoding="utf-8")
    with opened(chromium, page) as found:
        yield found


@pytest.fixture(scope="module")
def heard(tab: Tab) -> list[dict[str, Any]]:
    """The unfolded page as a screen reader has it."""
    tab.run(UNFOLD)
    return tab.heard()


def roles(heard: list[dict[str, Any]], *wanted: str) -> list[dict[str, Any]]:
    return [node for node in heard if node["role"] in wanted]


def test_every_chart_is_one_picture_that_says_what_it_shows(tab: Tab, heard: list[dict[str, Any]]) -> None:
    pictures = roles(heard, "image", "img")
    assert len(pictures) == tab.run("document.querySelectorAll('svg').length") > 20
    assert all(len(picture["name"]) > 20 for picture in pictures)
    assert len({picture["name"] for picture in pictures}) == len(pictures)


def test_every_table_has_a_name_and_every_cell_is_headed(tab: Tab, heard: list[dict[str, Any]]) -> None:
    tables = roles(heard, "table")
    assert len(tables) == tab.run("document.querySelectorAll('table').length")
    assert all(table["name"] for table in tables)
    rows = tab.run("document.querySelectorAll('tbody tr').length")
    columns = tab.run("document.querySelectorAll('thead th').length")
    assert (len(roles(heard, "rowheader")), len(roles(heard, "columnheader"))) == (rows, columns)
    assert all(header["name"] for header in roles(heard, "rowheader", "columnheader"))


def test_headings_lead_down_one_level_at_a_time(heard: list[dict[str, Any]]) -> None:
    headings = roles(heard, "heading")
    levels = [heading["level"] for heading in headings]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert all(heading["name"] for heading in headings)
    assert [heading["name"] for heading in headings[:2]] == ["Synthetic data report", "Verdicts"]


def test_there_are_landmarks_and_nothing_that_takes_the_focus_is_nameless(heard: list[dict[str, Any]]) -> None:
    assert len(roles(heard, "main")) == 1
    assert [each["name"] for each in roles(heard, "navigation")] == ["Sections"]
    assert all(region["name"] for region in roles(heard, "region"))
    focusable = [node for node in heard if node.get("focusable") and node["role"] != "RootWebArea"]
    assert len(focusable) > 30
    assert all(node["name"] for node in focusable)


def test_a_keyboard_skips_to_the_verdicts_and_opens_what_is_folded(tab: Tab) -> None:
    tab.run("document.querySelectorAll('details').forEach(each => each.open = false)")
    tab.run("document.activeElement.blur(); scrollTo(0, 0)")
    tab.press(*TAB)
    assert tab.run("document.activeElement.textContent") == "Skip to the verdicts"
    tab.press(*ENTER)
    assert tab.run("location.hash") == "#verdicts"
    tab.press(*TAB)  # the first that can be opened after the skip
    assert tab.run("document.activeElement.tagName") == "SUMMARY"
    for key in (ENTER, SPACE):
        before = tab.run("document.activeElement.parentElement.open")
        tab.press(*key)
        assert tab.run("document.activeElement.parentElement.open") is not before
    summaries = tab.run("document.querySelectorAll('summary').length")
    reached = set()
    for _ in range(2 * summaries + 40):
        tab.press(*TAB)
        reached.add(tab.run("[...document.querySelectorAll('summary')].indexOf(document.activeElement)"))
    assert reached >= set(range(summaries))
