"""``synthgen sample``: generate records."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from synthgen import plugins
from synthgen.commands.options import FORCE, PATH, SEED, require_file, require_folder, require_free
from synthgen.commands.terminal import say, shown
from synthgen.progress import Progress

if TYPE_CHECKING:
    import pyarrow as pa

    from synthgen.generated import ExtractSample, Sample


#: From so many independent rows per row on, nothing has to be said.
_EXACT: Final = 0.995


@click.command("sample")
@click.argument("model", type=PATH)
@click.option(
    "-n", "number", type=click.IntRange(min=1), required=True, help="How many rows; of several tables, patients."
)
@SEED
@click.option(
    "--where",
    multiple=True,
    metavar="EXPR",
    help="Only rows (of several tables, patients) of which this holds: COLUMN OP VALUE, OP one of = != < <= > >= in. "
    "Several are joined by and.",
)
@click.option(
    "--balance",
    metavar="COLUMNS",
    default="",
    help="Make the levels of these columns, joined by commas, equally frequent in all combinations.",
)
@click.option("--trust", is_flag=True, help="Load MODEL even where that executes code in it (SDV's models).")
@click.option(
    "-o",
    "--output",
    type=PATH,
    required=True,
    help="A .csv, .csv.gz, .tsv or .parquet file; for several tables a folder.",
)
@FORCE
def command(
    model: Path,
    number: int,
    seed: int | None,
    where: tuple[str, ...],
    balance: str,
    trust: bool,
    output: Path,
    force: bool,
) -> None:
    """Generate records with the synthesizer MODEL.

    Of one table whole patients are generated until the rows are there, the last one cut; of several, all rows of so
    many patients. The first ones of a longer output of the same seed are the same. A README beside the output says
    what it is.
    """
    require_free(output, force=force, inputs=(model,))
    from synthgen import workflow
    from synthgen.artifact.load import load
    from synthgen.generated import Sample

    synthesizer = load(model, trust=trust)
    balanced = tuple(name.strip() for name in balance.split(",") if name.strip())
    sample = workflow.sample(synthesizer, number, seed=seed, where=where, balance=balanced)
    if isinstance(sample, Sample):
        _write_rows(sample, output, force=force)
    else:
        _write_tables(sample, output)


def _write_rows(sample: Sample, output: Path, *, force: bool) -> None:
    from synthgen.tables.write import write_table, write_text

    require_file(output)
    readme = output.with_name(output.name + ".README.txt")
    require_file(readme)
    require_free(readme, force=force)
    synthesizer = sample.synthesizer
    if (worth := sample.effective_share()) < _EXACT:
        orders = "condition_on" in plugins.options(synthesizer.schema.model.name)
        mend = "; more, with the columns in `model: {condition_on: [...]}` when fitting" if orders else ""
        independent = round(worth * sample.n)
        say(f"--where: by importance resampling, {sample.n} rows are worth about {independent} independent ones{mend}")
    # Closed at once where writing fails or is interrupted, so that no block ahead is still computed.
    with shown() as progress, closing(_counted(sample, progress)) as batches:
        write_table(output, synthesizer.table, sample.columns, batches, synthesizer.schema.format, sample.types)
    write_text(readme, _readme(sample, output.name, f"{sample.n} rows"))
    say(f"{output}: {sample.n} synthetic rows, seed {sample.seed}")


def _write_tables(sample: ExtractSample, output: Path) -> None:
    from synthgen.tables.write import write_dataset, write_text

    require_folder(output)
    synthesizer = sample.synthesizer
    endings = {name: ".parquet" if name in synthesizer.types else ".csv" for name in synthesizer.written}
    with shown() as progress, sample.tables(progress) as dataset:
        write_dataset(output, dataset, endings)
    readme = _readme(sample, f"This folder ({output.absolute().name})", f"{sample.n} patients")
    write_text(output / "README.txt", readme)
    say(f"{output}: {len(endings)} tables of {sample.n} synthetic patients, seed {sample.seed}")


def _counted(sample: Sample, progress: Progress) -> Generator[pa.RecordBatch]:
    done = 0
    with closing(iter(sample)) as batches:
        for batch in batches:
            yield batch
            done += batch.num_rows
            progress("sampling", done / sample.n)


def _readme(sample: Sample | ExtractSample, name: str, size: str) -> str:
    synthesizer = sample.synthesizer
    conditions = "".join(f"\nCondition:  {text}" for text in sample.where)
    conditions += f"\nBalanced:   {', '.join(sample.balance)}" if sample.balance else ""
    return f"""{name} holds synthetic records. None of them is a record of a person.

Model:      {synthesizer.schema.model.name}, fitted with seed {synthesizer.seed}
Sample:     {size}, seed {sample.seed}{conditions}
Made with:  synthgen {synthesizer.versions["synthgen"]}
Config:     SHA-256 {synthesizer.config_hash}

What it is good for: developing and testing software and analyses, teaching, planning studies.
What it is not: evidence. Associations that the model did not learn are missing here; confirm any finding on real data.
Values that fewer than {synthesizer.schema.privacy.rare_below} patients share were merged or left out before learning.
How faithful and how private this kind of sample is, `synthgen evaluate` measures; ask for its report.
"""
