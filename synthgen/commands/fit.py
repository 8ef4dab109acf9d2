"""``synthgen fit``: learn a synthesizer."""

from __future__ import annotations

from pathlib import Path

import click

from synthgen.commands.options import FORCE, PATH, SEED, require_file, require_free
from synthgen.commands.terminal import say, shown


@click.command("fit")
@click.argument("data", type=PATH)
@click.option("-c", "--config", type=PATH, help="The schema config; guessed as `init` would where left out.")
@click.option("--model", help="The model, instead of the config's.")
@SEED
@click.option("-o", "--output", "output", type=PATH, required=True, help="Where to write the fitted synthesizer.")
@FORCE
def command(data: Path, config: Path | None, model: str | None, seed: int | None, output: Path, force: bool) -> None:
    """Learn a synthesizer from DATA.

    A share of the patients (`holdout` in the config) is set aside first and never learned from; which they are can be
    found again from OUTPUT.split, which is personal data and stays with DATA. OUTPUT itself holds no record.
    """
    require_file(output)
    split = output.with_name(output.name + ".split")
    require_file(split)
    for path in (output, split):
        require_free(path, force=force, inputs=(data, config))
    from synthgen import workflow

    with shown() as progress:
        result = workflow.fit(data, config, model=model, seed=seed, progress=progress)
        result.save(output)
    for note in result.notes:
        say(f"guessed: {note}")
    for doubt in result.doubts:
        say(doubt)
    for rule in result.rules:
        say(rule)
    for note in result.synthesizer.notes:
        say(note)
    name = result.synthesizer.schema.model.name
    say(f"{output}: {name} fitted, seed {result.synthesizer.seed}")
    say(f"{split}: tells who was held out; keep it with the data, never export it")
