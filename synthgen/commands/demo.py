"""``synthgen demo``: the whole journey on the sample data."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click

import synthgen
from synthgen.commands.evaluate import tell
from synthgen.commands.options import PATH, require_folder, require_free
from synthgen.commands.terminal import say, shown
from synthgen.errors import SynthgenError

_SEED: Final = 1


@click.command("demo")
@click.option("-o", "--output", type=PATH, default=Path("synthgen-demo"), show_default=True, help="The folder to fill.")
def command(output: Path) -> None:
    """Infer a schema, fit, sample and evaluate on the sample data that synthgen ships; a minute at most.

    What an earlier demo wrote to the folder is written over.
    """
    require_folder(output)
    require_free(output, force=True)
    from synthgen import judgement, workflow
    from synthgen.report.write import write
    from synthgen.tables.read import read
    from synthgen.tables.write import write_table

    extract = sample_extract()
    with TemporaryDirectory(prefix=".synthgen-", dir=output.absolute().parent) as folder, shown() as progress:
        beside = Path(folder)
        model, synthetic = beside / "model.synthgen", beside / "synthetic.csv"
        result = workflow.fit(extract, seed=_SEED, progress=progress)
        result.save(model)
        rows = sum(block.num_rows for table in read(extract).tables.values() for block in table)
        sample = workflow.sample(result.synthesizer, rows, seed=_SEED)
        with closing(iter(sample)) as batches:
            write_table(
                synthetic, extract.stem, sample.columns, batches, result.synthesizer.schema.format, sample.types
            )
        evaluation = judgement.evaluate(synthetic, extract, model=model, seed=_SEED, progress=progress)
        write(evaluation, beside / "report", progress=progress)
        for path in list(filter(Path.is_file, beside.rglob("*"))):
            place = output / path.relative_to(beside)
            place.parent.mkdir(parents=True, exist_ok=True)
            path.replace(place)
    say(f"learned from {extract} ({rows} rows), generated {output / 'synthetic.csv'}")
    tell(evaluation)
    click.echo(f"report: {output / 'report' / 'report.html'}")


def sample_extract() -> Path:
    """The flat sample extract: in an installed package, or in the checkout it runs from."""
    package = Path(synthgen.__file__).parent
    for folder in (package / "_sample", package.parent / "sample_data"):
        if (folder / "encounters.csv").is_file():
            return folder / "encounters.csv"
    raise SynthgenError("the sample data are not there; install synthgen again, or run from a clone")
