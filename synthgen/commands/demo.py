"""``synthgen demo``: the whole journey on the sample data."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import click

import synthgen
from synthgen.commands.evaluate import tell
from synthgen.commands.options import PATH, require_folder, require_free
from synthgen.commands.terminal import say, shown
from synthgen.errors import SynthgenError
from synthgen.progress import Progress

if TYPE_CHECKING:
    from synthgen.artifact.synthesizer import Synthesizer

_SEED: Final = 1


@click.command("demo")
@click.option("--relational", is_flag=True, help="With the related tables of the sample data instead of the flat one.")
@click.option("-o", "--output", type=PATH, default=Path("synthgen-demo"), show_default=True, help="The folder to fill.")
def command(relational: bool, output: Path) -> None:
    """Infer a schema, fit, sample and evaluate on the sample data that synthgen ships; a minute at most.

    What an earlier demo wrote to the folder is written over.
    """
    require_folder(output)
    require_free(output, force=True)
    from synthgen import judgement, workflow
    from synthgen.report.write import write

    extract = sample_data("related" if relational else "encounters.csv")
    with TemporaryDirectory(prefix=".synthgen-", dir=output.absolute().parent) as folder, shown() as progress:
        beside = Path(folder)
        model, synthetic = beside / "model.synthgen", beside / ("synthetic" if relational else "synthetic.csv")
        result = workflow.fit(extract, seed=_SEED, progress=progress)
        result.save(model)
        told = _sampled(result.synthesizer, extract, synthetic, progress)
        evaluation = judgement.evaluate(synthetic, extract, model=model, seed=_SEED, progress=progress)
        write(evaluation, beside / "report", progress=progress)
        for path in list(filter(Path.is_file, beside.rglob("*"))):
            place = output / path.relative_to(beside)
            place.parent.mkdir(parents=True, exist_ok=True)
            path.replace(place)
    say(f"learned from {extract} ({told}), generated {output / synthetic.name}")
    tell(evaluation)
    click.echo(f"report: {output / 'report' / 'report.html'}")


def _sampled(synthesizer: Synthesizer, extract: Path, synthetic: Path, progress: Progress) -> str:
    """Write as many records as the extract has, and say how many these are."""
    from synthgen import workflow
    from synthgen.generated import Sample
    from synthgen.tables.read import read
    from synthgen.tables.write import write_dataset, write_table

    rows = {table.name: sum(block.num_rows for block in table) for table in read(extract).tables.values()}
    number = rows["patients"] if len(rows) > 1 else sum(rows.values())
    sample = workflow.sample(synthesizer, number, seed=_SEED)
    if isinstance(sample, Sample):
        with closing(iter(sample)) as batches:
            dialect = synthesizer.schema.format
            write_table(synthetic, extract.stem, sample.columns, batches, dialect, sample.types)
        return f"{number} rows"
    with sample.tables(progress) as dataset:
        write_dataset(synthetic, dataset, ".csv")
    return f"{len(rows)} tables, {number} patients"


def sample_data(name: str) -> Path:
    """A file or folder of the sample data: in an installed package, or in the checkout it runs from."""
    package = Path(synthgen.__file__).parent
    for folder in (package / "_sample", package.parent / "sample_data"):
        if (folder / name).exists():
            return folder / name
    raise SynthgenError("the sample data are not there; install synthgen again, or run from a clone")
