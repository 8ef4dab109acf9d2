"""``synthgen inspect``: show what an artifact holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from synthgen.commands.options import PATH

if TYPE_CHECKING:
    from rich.console import RenderableType

    from synthgen.artifact.synthesizer import Synthesizer


@click.command("inspect")
@click.argument("model", type=PATH)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Everything, as JSON: every level, heaped value, bin bound and cell of a reference table.",
)
def command(model: Path, as_json: bool) -> None:
    """Show everything that the fitted synthesizer MODEL holds, for the person who must approve its export.

    Nothing in MODEL is executed. What only executing it would show is named as such, and MODEL as unsafe.
    """
    import json

    from synthgen.artifact.describe import describe
    from synthgen.artifact.load import look

    synthesizer = look(model)
    if as_json:
        text = json.dumps(describe(synthesizer), indent=1, ensure_ascii=False)
        click.echo(text.encode())  # JSON is UTF-8, whatever the terminal writes
        return
    _show(*_overview(model, synthesizer))


def _overview(model: Path, synthesizer: Synthesizer) -> list[RenderableType]:
    from rich.table import Table
    from rich.text import Text

    from synthgen.artifact.describe import describe, summary

    everything = describe(synthesizer)
    options = {name: value for name, value in everything["model"].items() if name != "name"}
    no_record = "" if synthesizer.unsafe else "no record, and "
    as_they_are = everything.get("kept_as_they_are")
    but = f", but for what is kept as it is: {', '.join(as_they_are)}" if as_they_are else ""
    lines = [
        f"{model}: made by synthgen {everything['synthgen']}, seed {everything['seed']}",
        f"config SHA-256 {everything['config_sha256']}",
        f"model {everything['model']['name']} {options or ''}".rstrip(),
        f"holds {no_record}no value of fewer than {everything['rare_below']} patients ({_patient(everything)}){but}",
    ]
    if synthesizer.unsafe:
        lines.insert(0, f"UNSAFE: {everything['unsafe']}. Do not export it. Here nothing in it was executed.")
    if everything.get("constant_within_patient"):
        lines.append(f"constant within a patient: {', '.join(everything['constant_within_patient'])}")
    lines += [*synthesizer.rules, *synthesizer.notes]
    table = Table("column", "kind", "what is kept", box=None, pad_edge=False)
    for line in summary(synthesizer):
        table.add_row(*map(Text, line))
    arrays = [
        f"array {name}: {' × '.join(map(str, array['shape'])) or '1'} {array['type']}"
        for name, array in everything["arrays"].items()
    ]
    return [*map(Text, lines), table, *map(Text, arrays), Text("every level, heaped value and bin bound: add --json")]


def _patient(everything: Mapping[str, Any]) -> str:
    """Whose rows are one person's."""
    if "tables" in everything and "patient" not in everything:
        return f"{len(everything['tables'])} tables, joined by their keys"
    return everything["patient"] or "without a patient column, each row is a patient"


def _show(*parts: RenderableType) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    with console.capture() as written:
        console.print(*parts, sep="\n")
    # click and not rich writes it, since rich ends the program its own way where the reader has gone
    click.echo(written.get(), nl=False)
