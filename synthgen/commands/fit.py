"""``synthgen fit``: learn a synthesizer."""

from __future__ import annotations

from pathlib import Path

import click

from synthgen import workflow
from synthgen.commands.options import FORCE, PATH, SEED, require_free
from synthgen.commands.terminal import errors, shown


@click.command("fit")
@click.argument("data", type=PATH)
@click.option("-c", "--config", type=PATH, help="The schema config; guessed as `init` would where left out.")
@click.option("--model", help="The model, instead of the config's.")
@SEED
@click.option("-o", "--output", "output", type=PATH, required=True, help="Where to write the fitted synthesizer.")
@FORCE
def command(data: Path, config: Path | None, model: str | None, seed: int | None, output: Path, force: bool) -> None:
    """Learn a synthesizer from DATA.

    A share of the patients (`holdout` in the config) is set aside first and never read; which they are can be found
    again from OUTPUT.split, which is personal data and stays with DATA. OUTPUT itself holds no record.
    """
    require_free(output, force=force)
    with shown() as progress:
        result = workflow.fit(data, config, model=model, seed=seed, progress=progress)
    for note in result.notes:
        errors.print(f"guessed: {note}", markup=False)
    split = workflow.split_path(output)
    result.split.save(split)
    result.synthesizer.save(output)
    name = result.synthesizer.schema.model.name
    errors.print(f"{output}: {name} fitted, seed {result.synthesizer.seed}", markup=False)
    errors.print(f"{split}: tells who was held out; keep it with the data, never export it", markup=False)
