"""What several commands share: the form of paths, and the rule about what is there already."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from synthgen.errors import InputError

PATH: Final = click.Path(path_type=Path)
SEED: Final = click.option(
    "--seed", type=click.IntRange(min=0), help="Seed of all randomness; drawn, printed and recorded where left out."
)
FORCE: Final = click.option("--force", is_flag=True, help="Write over what is there.")


def require_free(path: Path, *, force: bool, inputs: tuple[Path | None, ...] = ()) -> None:
    """Refuse an output that cannot or should not be written, before any work is done.

    Args:
        path: the file or folder to write.
        force: whether a file, or a folder that is not empty, may be written over.
        inputs: what the command reads, folders with the tables in them; never written over, whatever ``force`` says.

    Raises:
        InputError: with the way out.
    """
    parent = path.absolute().parent
    if not parent.is_dir():
        raise InputError(f"{path}: the folder {path.parent} does not exist; make it first")
    if path.exists() and any(path.samefile(each) for given in inputs if given is not None for each in _read(given)):
        raise InputError(f"{path}: is also what this command reads; choose another name")
    taken = any(path.iterdir()) if path.is_dir() else path.exists()
    if taken and not force:
        what = "the folder is not empty" if path.is_dir() else "the file exists already"
        raise InputError(f"{path}: {what}; give --force to write over it, or choose another name")


def _read(given: Path) -> Iterator[Path]:
    """What is read where this is given: itself, and of a folder the tables."""
    if given.exists():
        yield given
    if given.is_dir():
        from synthgen.tables.read import SUFFIXES

        yield from (file for file in given.iterdir() if file.is_file() and file.name.lower().endswith(SUFFIXES))


def require_file(path: Path) -> None:
    """Refuse a folder where a file is to be written.

    Raises:
        InputError: with the way out.
    """
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name a file")


def require_folder(path: Path) -> None:
    """Refuse a file where a folder is to be filled.

    Raises:
        InputError: with the way out.
    """
    if path.exists() and not path.is_dir():
        raise InputError(f"{path}: is a file, and a folder is needed; choose another name")
