"""``synthgen inspect``: show what an artifact holds."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from synthgen.artifact.describe import describe, summary
from synthgen.artifact.synthesizer import Synthesizer
from synthgen.commands.options import PATH


@click.command("inspect")
@click.argument("model", type=PATH)
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON: every level, heaped value and bin bound.")
def command(model: Path, as_json: bool) -> None:
    """Show everything that the fitted synthesizer MODEL holds, for the person who must approve its export."""
    synthesizer = Synthesizer.load(model)
    everything = describe(synthesizer)
    if as_json:
        click.echo(json.dumps(everything, indent=1, ensure_ascii=False))
        return
    console = Console(highlight=False)
    console.print(f"{model}: made by synthgen {everything['synthgen']}, seed {everything['seed']}", markup=False)
    console.print(f"config SHA-256 {everything['config_sha256']}", markup=False)
    options = {name: value for name, value in everything["model"].items() if name != "name"}
    console.print(f"model {everything['model']['name']} {options or ''}", markup=False)
    console.print(
        f"holds no record, and no value of fewer than {everything['rare_below']} patients ({everything['patient'] or 'row'})"
    )
    if everything["constant_within_patient"]:
        console.print(f"constant within a patient: {', '.join(everything['constant_within_patient'])}", markup=False)
    table = Table("column", "kind", "what is kept", box=None, pad_edge=False)
    for line in summary(synthesizer):
        table.add_row(*line)
    console.print(table)
    for name, array in everything["arrays"].items():
        console.print(f"array {name}: {' × '.join(map(str, array['shape']))} {array['type']}", markup=False)
    console.print("every level, heaped value and bin bound: add --json")
