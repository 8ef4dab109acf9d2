"""``synthgen demo``: the whole journey on the sample data."""

from __future__ import annotations

from pathlib import Path

import click

import synthgen
from synthgen import workflow
from synthgen.commands.evaluate import tell
from synthgen.commands.options import PATH
from synthgen.commands.terminal import errors, shown
from synthgen.errors import SynthgenError
from synthgen.report.write import write
from synthgen.tables.write import write_table

_SEED = 1


@click.command("demo")
@click.option("-o", "--output", type=PATH, default=Path("synthgen-demo"), show_default=True, help="The folder to fill.")
def command(output: Path) -> None:
    """Infer a schema, fit, sample and evaluate on the sample data that synthgen ships; a minute at most."""
    extract = sample_extract()
    if not output.absolute().parent.is_dir():
        raise SynthgenError(f"{output}: its parent folder does not exist; create it first")
    output.mkdir(exist_ok=True)
    model, synthetic = output / "model.synthgen", output / "synthetic.csv"
    with shown() as progress:
        result = workflow.fit(extract, seed=_SEED, progress=progress)
        result.split.save(workflow.split_path(model))
        result.synthesizer.save(model)
        rows = sum(block.num_rows for block in workflow.read(extract).tables["encounters"])
        sample = workflow.sample(result.synthesizer, rows, seed=_SEED)
        write_table(synthetic, "encounters", sample.columns, sample, result.synthesizer.schema.format, sample.types)
        evaluation = workflow.evaluate(synthetic, extract, model=model, seed=_SEED, progress=progress)
        write(evaluation, output / "report", progress=progress)
    errors.print(f"learned from {extract.name} ({rows} rows), generated {synthetic}", markup=False)
    tell(evaluation)
    click.echo(f"report: {output / 'report' / 'report.html'}")


def sample_extract() -> Path:
    """The flat sample extract: in an installed package, or in the checkout it runs from."""
    package = Path(synthgen.__file__).parent
    for folder in (package / "_sample", package.parent / "sample_data"):
        if (folder / "encounters.csv").is_file():
            return folder / "encounters.csv"
    raise SynthgenError("the sample data are not there; install synthgen again, or run from a clone")
