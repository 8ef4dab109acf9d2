"""Several models on the same split, each in a process of its own, so that one that fails takes nothing else along."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

from synthgen import judgement, plugins, workflow
from synthgen.artifact.single import SingleTable
from synthgen.errors import InputError, NotApplicable, SynthgenError
from synthgen.inputs import drawn_seed
from synthgen.metrics.result import Contender, Contest, Evaluation, Metric, Verdict
from synthgen.progress import Progress, silent
from synthgen.schema.config import ModelConfig, Schema
from synthgen.tables.memory import MemoryTable
from synthgen.tables.read import read
from synthgen.tables.write import write_table

if TYPE_CHECKING:
    import pandas as pd

#: The figures that are compared, in this order.
FIGURES: Final = (
    *("accuracy_1", "accuracy_2", "accuracy_3", "c2st", "c2st_train", "association", "association_strong"),
    *("lost_links", "missingness", "tstr", "nearest_neighbour_share"),
)
#: Left out unless they are named: SDV's models are under another licence, and this one takes hours.
_NAMED_ONLY: Final = ("ctgan", "sdv-copula", "sdv-ctgan", "sdv-tvae")
_KILLED: Final = -9
_JOB, _RESULT = "job.json", "result.json"


def compare(
    data: Path | str | pd.DataFrame,
    schema: Schema | Path | str | None = None,
    *,
    models: Sequence[str] = (),
    seed: int | None = None,
    progress: Progress = silent,
) -> Contest:
    """Fit several models on one split, sample as many rows as they learned from, and judge all by the same measures.

    A model that fails, runs out of memory or lacks a package is part of the result.

    Args:
        schema: a config or its path; inferred from the data where left out. The options of its ``model`` are those of
            the model of that name; the others have their defaults.
        models: names; where left out, all but SDV's and ``ctgan``.
        seed: of every fit, sample and evaluation; drawn where left out.

    Raises:
        InputError: the data or the config cannot be read, nothing is to be held out, or there is no such model.
    """
    seed = drawn_seed(seed)
    names = _names(models)
    with tempfile.TemporaryDirectory(prefix="synthgen-") as folder:
        path = _file(data, Path(folder))
        schema, notes = workflow.schema_of(path, schema)
        if len(schema.tables) > 1:
            raise InputError(f"{path}: has {len(schema.tables)} tables, and models are compared on one; name a file")
        if schema.holdout == 0:
            raise InputError("holdout: found 0; a comparison needs patients that no model learned from: set 0.2, say")
        found: list[tuple[Contender, Mapping[str, Any]]] = []
        for done, name in enumerate(names):
            chosen = schema.model if schema.model.name == name else ModelConfig(name=name)
            own = Path(folder) / str(done)
            own.mkdir()
            job = {"data": str(path), "schema": _with(schema, chosen).model_dump(mode="json"), "seed": seed}
            (own / _JOB).write_text(json.dumps(job), encoding="utf-8")

            def step(text: str, share: float, name: str = name, done: int = done) -> None:
                progress(f"{name}: {text}", (done + share) / len(names))

            step("starting", 0.0)
            found.append(_run(own, chosen, step))
    return Contest(
        seed=seed,
        synthgen=importlib.metadata.version("synthgen"),
        inputs=next((inputs for _, inputs in found if inputs), {}),
        machine=_machine(),
        contenders=tuple(contender for contender, _ in found),
        notes=notes,
    )


def _names(asked: Sequence[str]) -> tuple[str, ...]:
    known = tuple(plugins.models())
    if unknown := [name for name in asked if name not in known]:
        raise InputError(f"--models: there is no model {', '.join(unknown)}; known models: {', '.join(known)}")
    if len(set(asked)) < len(asked):
        raise InputError("--models: a model is named twice; name each once")
    return tuple(asked) or tuple(name for name in known if name not in _NAMED_ONLY)


def _file(data: Path | str | pd.DataFrame, folder: Path) -> Path:
    if isinstance(data, Path | str):
        return Path(data).absolute()
    path, table = folder / "table.parquet", MemoryTable.from_pandas(data, "table")
    write_table(path, table.name, table.columns, table, table.format, table.types)
    return path


def _with(schema: Schema, model: ModelConfig) -> Schema:
    return schema.model_copy(update={"model": model})


def _run(folder: Path, model: ModelConfig, progress: Progress) -> tuple[Contender, Mapping[str, Any]]:
    """The contender that a process made of the job in ``folder``, and the sizes of its inputs."""
    root = Path(__file__).parents[1]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH")))),
        # What a process that is killed leaves behind goes with the folder.
        **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder)),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "synthgen.contest", str(folder)],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # a traceback might hold a cell
        encoding="utf-8",
    ) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                share, _, text = line.rstrip("\n").partition("\t")
                progress(text, float(share))
        except BaseException:
            process.kill()
            process.wait()  # leaving the block would wait for a moment only
            raise
    result = folder / _RESULT
    if process.returncode or not result.exists():
        failed = Contender(model=model.name, options=model.options, failure=_end(process.returncode))
        return failed, {}
    told = json.loads(result.read_text(encoding="utf-8"))
    metrics = tuple(Metric(**metric) for metric in told.pop("metrics"))
    verdicts = tuple(Verdict(**verdict) for verdict in told.pop("verdicts"))
    inputs = told.pop("inputs")
    return Contender(model=model.name, options=model.options, metrics=metrics, verdicts=verdicts, **told), inputs


def _end(status: int) -> str:
    """How a process ended that left no result."""
    if status == _KILLED:
        return "its process was killed, most likely because memory ran out"
    if status < 0:
        return f"its process crashed ({signal.Signals(-status).name})"
    return f"its process ended with status {status} and without a result"


def _machine() -> dict[str, Any]:
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "processors": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "python": platform.python_version(),
    }


# --- in the process of one model -------------------------------------------------------------------------------------


def _main(folder: Path) -> None:
    """Do the job in ``folder`` and leave the result there; a failure that can be told is a result too."""
    _first_to_go()
    steps = _standard_output_alone()
    job = json.loads((folder / _JOB).read_text(encoding="utf-8"))
    try:
        result = _judged(Path(job["data"]), Schema.model_validate(job["schema"]), job["seed"], folder, steps)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other models go on
        result = {"failure": _told(error), "metrics": [], "verdicts": [], "inputs": {}}
    (folder / _RESULT).write_text(json.dumps(result), encoding="utf-8")


def _judged(data: Path, schema: Schema, seed: int, folder: Path, steps: TextIO) -> dict[str, Any]:
    extract = read(data, schema=schema)
    (table,) = extract.tables.values()
    model, synthetic = folder / "model", folder / ("synthetic.parquet" if table.types else "synthetic.csv")
    start = time.perf_counter()
    result = workflow.fit(extract, schema, seed=seed, progress=_stage(steps, 0.0, 0.5))
    fit_seconds = time.perf_counter() - start
    result.save(model)
    rows = sum(int((~held_out).sum()) for _, _, held_out in result.split.blocks(table))
    start = time.perf_counter()
    _stage(steps, 0.5, 0.5)("sampling", 0.0)
    synthesizer = result.synthesizer
    assert isinstance(synthesizer, SingleTable)
    sample = workflow.sample(synthesizer, rows, seed=seed)
    with closing(iter(sample)) as batches:
        write_table(synthetic, table.name, sample.columns, batches, synthesizer.schema.format, sample.types)
    sample_seconds = time.perf_counter() - start
    peak = _peak_mebibytes()
    evaluation = judgement.evaluate(synthetic, extract, model=model, seed=seed, progress=_stage(steps, 0.75, 0.75))
    return {
        "fit_seconds": fit_seconds,
        "sample_seconds": sample_seconds,
        "rows": rows,
        "peak_mebibytes": peak,
        "metrics": [_plain(metric) for name in FIGURES for metric in evaluation.metrics if metric.name == name],
        "verdicts": [dataclasses.asdict(verdict) for verdict in evaluation.verdicts],
        "inputs": _inputs(evaluation),
    }


def _plain(metric: Metric) -> dict[str, Any]:
    return dataclasses.asdict(dataclasses.replace(metric, details={}))


def _inputs(evaluation: Evaluation) -> dict[str, Any]:
    return {name: value for name, value in evaluation.inputs.items() if name != "synthetic"}


def _standard_output_alone() -> TextIO:
    """Standard output for this module alone; what a model prints there goes nowhere."""
    own = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return own


def _stage(steps: TextIO, first: float, last: float) -> Progress:
    """Progress for the process that waits: a part of the whole job."""

    def step(text: str, share: float) -> None:
        steps.write(f"{first + share * (last - first)}\t{text}\n")
        steps.flush()

    return step


def _told(error: Exception) -> str:
    if isinstance(error, SynthgenError | NotApplicable):
        return " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return "there was not enough memory"
    # The text of a foreign error may hold a cell, so only its kind is told.
    return f"internal error ({type(error).__name__}); `synthgen fit --debug` with this model shows it"


def _first_to_go() -> None:
    """Where memory runs out on Linux, this process is ended, and not the one that waits for it."""
    # A system without that file, or one that lets nobody write it, chooses as it likes.
    with suppress(OSError), Path("/proc/self/oom_score_adj").open("r+", encoding="ascii") as score:
        score.write("1000")


def _peak_mebibytes() -> float | None:
    """The most memory that this process held so far."""
    # Not getrusage, which on Linux counts what the parent held when it started this process.
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="ascii").splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), None)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
