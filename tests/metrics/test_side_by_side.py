"""Tasks side by side: results in order, one computation for all who ask, and an end when one fails."""

from __future__ import annotations

import os
import threading
import time
import warnings
from functools import partial

import pytest
from sklearn.exceptions import ConvergenceWarning

from synthgen.metrics.once import Once
from synthgen.metrics.side_by_side import side_by_side
from synthgen.progress import Progress, silent


@pytest.fixture(autouse=True)
def _two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)


def test_results_stand_in_the_order_of_the_tasks_whichever_ends_first() -> None:
    def task(name: str, seconds: float, progress: Progress) -> str:
        time.sleep(seconds)
        progress(name, 1.0)
        return name

    told: list[str] = []
    tasks = [partial(task, "slow", 0.1), partial(task, "fast", 0.0), partial(task, "third", 0.0)]
    assert side_by_side(tasks, lambda step, _: told.append(step)) == ["slow", "fast", "third"]
    assert told == ["fast", "third", "slow"]


def test_when_one_fails_the_others_stop_at_their_next_word() -> None:
    reached: list[int] = []

    def fails(_: Progress) -> None:
        raise ValueError("the first")

    def goes_on(progress: Progress) -> None:
        for step in range(1000):
            time.sleep(0.002)
            progress("on", step / 1000)
            reached.append(step)

    with pytest.raises(ValueError, match="the first"):
        side_by_side([fails, goes_on, goes_on], silent)
    assert len(reached) < 900


def test_who_asks_while_it_is_computed_waits_and_hears_the_same() -> None:
    once, calls, heard = Once(), [], []

    def compute() -> object:
        calls.append(1)
        time.sleep(0.05)
        return object()

    def ask() -> None:
        heard.append(once("what", compute))

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for each in askers:
        each.start()
    for each in askers:
        each.join()
    assert len(calls) == 1
    assert len({id(each) for each in heard}) == 1
    assert once("else", lambda: once("what", compute)) is heard[0]  # one may rest on another


def test_a_fit_that_is_stopped_early_says_nothing_though_another_task_puts_back_its_filters() -> None:
    """One task goes in before the other and out before it warns, and takes its filters along."""
    inside, out = threading.Event(), threading.Event()

    def puts_back(_: Progress) -> None:
        with warnings.catch_warnings():
            inside.wait(5)
        out.set()

    def warns(_: Progress) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            inside.set()
            out.wait(5)
            warnings.warn("stopped early", ConvergenceWarning, stacklevel=1)

    with warnings.catch_warnings(record=True) as told:
        side_by_side([puts_back, warns], silent)
    assert told == []
