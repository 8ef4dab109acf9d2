"""Where torch computes."""

from __future__ import annotations

from synthgen.errors import InputError


def chosen(wanted: str) -> str:
    """``cuda`` or ``cpu`` for one of ``auto``, ``cpu`` and ``cuda``; ``auto`` takes a GPU where there is one.

    Raises:
        InputError: a GPU is asked for and there is none.
    """
    import torch

    there = torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise InputError("model.device: cuda, but torch finds no GPU here; use auto or cpu")
    return "cuda" if there and wanted != "cpu" else "cpu"
