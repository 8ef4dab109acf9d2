"""The reports on disk: whole files or none."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from synthgen.errors import InputError
from synthgen.metrics.result import Contest, Evaluation
from synthgen.progress import Progress, silent
from synthgen.report.document import contest_to_json, to_json
from synthgen.report.html import render, render_contest
from synthgen.report.shareable import redact


def write(evaluation: Evaluation, directory: Path, *, progress: Progress = silent) -> tuple[Path, ...]:
    """Write ``report.html`` and ``evaluation.json`` (internal), and their ``-shareable`` twins, into ``directory``.

    All four are written beside their final names and renamed only when all are complete. The directory is made where
    its parent exists. Returns the four paths, internal ones first.

    Raises:
        InputError: where the parent of ``directory`` does not exist, or ``directory`` is a file.
        SynthgenError: where the evaluation holds a NaN.
    """
    return _written(directory, lambda: _texts(evaluation, progress))


def write_contest(contest: Contest, directory: Path) -> tuple[Path, ...]:
    """Write ``compare.html`` and ``compare.json`` (both internal) into ``directory``, as ``write`` does."""
    return _written(directory, lambda: _texts_of_contest(contest))


def _written(directory: Path, make: Callable[[], Mapping[str, str]]) -> tuple[Path, ...]:
    """The paths of files by name, all of them whole or none."""
    if not directory.parent.is_dir():
        raise InputError(f"{directory}: the folder {directory.parent} does not exist; make it first")
    if directory.exists() and not directory.is_dir():
        raise InputError(f"{directory}: is a file, and a folder is needed; choose another name")
    texts = make()
    directory.mkdir(exist_ok=True)
    beside = {directory / name: directory / f".{name}.partial" for name in texts}
    try:
        for path, partial in beside.items():
            partial.write_text(texts[path.name], encoding="utf-8", newline="\n")
        for path, partial in beside.items():
            os.replace(partial, path)
    finally:
        for partial in beside.values():
            partial.unlink(missing_ok=True)
    return tuple(beside)


def _texts(evaluation: Evaluation, progress: Progress) -> dict[str, str]:
    """The text of each file by its name."""
    progress("report", 0.0)
    public = redact(evaluation)
    texts = {
        "evaluation.json": _dump(to_json(evaluation, "internal")),
        "evaluation-shareable.json": _dump(to_json(public, "shareable")),
        "report.html": render(evaluation, "internal"),
    }
    progress("report", 0.5)
    texts["report-shareable.html"] = render(public, "shareable")
    progress("report", 1.0)
    order = ("report.html", "evaluation.json", "report-shareable.html", "evaluation-shareable.json")
    return {name: texts[name] for name in order}


def _texts_of_contest(contest: Contest) -> dict[str, str]:
    document = _dump(contest_to_json(contest))  # first, since it says where a figure is no number
    return {"compare.html": render_contest(contest), "compare.json": document}


def _dump(document: dict[str, object]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
