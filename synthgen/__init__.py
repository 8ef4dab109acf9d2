"""Synthetic health records, and the evidence on which a data protection officer can decide.

The verbs of the command line are functions here: ``fit``, ``sample``, ``evaluate``, ``compare``; ``load`` reads a saved
synthesizer, ``Schema`` is a config. They are imported when first used, so that ``import synthgen`` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from synthgen.artifact.synthesizer import Synthesizer
    from synthgen.contest import compare
    from synthgen.judgement import evaluate
    from synthgen.schema.config import Schema
    from synthgen.workflow import fit, sample

__all__ = ["Schema", "compare", "evaluate", "fit", "load", "sample"]


def load(path: Path | str, *, trust: bool = False) -> Synthesizer:
    """Read a synthesizer that ``save`` wrote.

    Args:
        trust: whether you vouch for the file; an unsafe one (SDV's models) executes code when it is loaded.

    Raises:
        InputError: the file is not a whole one, or is unsafe and not trusted.
    """
    from pathlib import Path

    from synthgen.artifact.load import load as read

    return read(Path(path), trust=trust)


def __getattr__(name: str) -> Any:
    if name == "Schema":
        from synthgen.schema.config import Schema

        return Schema
    if name == "compare":
        from synthgen.contest import compare

        return compare
    if name == "evaluate":
        from synthgen.judgement import evaluate

        return evaluate
    if name in ("fit", "sample"):
        from synthgen import workflow

        return getattr(workflow, name)
    raise AttributeError(f"module 'synthgen' has no attribute {name!r}")
