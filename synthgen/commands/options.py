"""What several commands share: the form of paths, and the rule about what is there already."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from synthgen.errors import InputError

PATH: Final = click.Path(path_type=Path)
SEED: Final = click.option(
    "--seed", type=click.IntRange(min=0), help="Seed of all randomness; drawn, printed and recorded where left out."
)
FORCE: Final = click.option("--force", is_flag=True, help="Write over what is there.")


def require_free(path: Path, *, force: bool) -> None:
    """Refuse an output that exists (a folder that is not empty) without --force, or whose parent does not exist.

    Raises:
        InputError: with the way out.
    """
    if not path.absolute().parent.is_dir():
        raise InputError(f"{path}: its parent folder does not exist; create it first")
    taken = any(path.iterdir()) if path.is_dir() else path.exists()
    if taken and not force:
        what = "the folder is not empty" if path.is_dir() else "the file exists already"
        raise InputError(f"{path}: {what}; give --force to write over it, or choose another name")
