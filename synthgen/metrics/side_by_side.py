"""Tasks that owe nothing to each other, run on all cores at a time."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TypeVar

from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from synthgen.progress import Progress

T = TypeVar("T")

#: More tasks at a time would need more memory, and gain little: the longest takes a third of the whole.
_MOST = 4


class _Stopped(Exception):
    """The work is given up because another task failed, or someone pressed Ctrl-C."""


def side_by_side(tasks: Sequence[Callable[[Progress], T]], progress: Progress) -> list[T]:
    """What each task gives, in their order; tasks are begun in their order too.

    The cores are shared out between the tasks that run at the same time: numpy and the boosted trees do most of their
    work outside the interpreter's lock, but share one task's work among threads badly. An error in one task is raised
    once the others have come to their next word of progress.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = min(len(tasks), cores, _MOST)
    if workers <= 1:
        return [task(progress) for task in tasks]
    stopped = Event()

    def watched(step: str, done: float) -> None:
        if stopped.is_set():
            raise _Stopped
        progress(step, done)

    # Threads of linear algebra are limited for the whole process, those of boosting for each thread by itself.
    own = cores // workers
    with (
        warnings.catch_warnings(),
        threadpool_limits(own, user_api="blas"),
        ThreadPoolExecutor(workers, initializer=threadpool_limits, initargs=(own, "openmp")) as pool,
    ):
        # Filters are of the whole process: what one task ignores, another that puts back its own would let through.
        warnings.simplefilter("ignore", ConvergenceWarning)
        begun = [pool.submit(task, watched) for task in tasks]
        try:
            return [each.result() for each in begun]
        except BaseException:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
