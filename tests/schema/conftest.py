"""A model to configure that stands in no folder of synthgen's."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from synthgen import plugins

TOY = """
from __future__ import annotations

from dataclasses import dataclass

from synthgen.models.base import Model


@dataclass(frozen=True)
class Toy(Model):
    bins: int = 10
    hidden: tuple[int, ...] = (8,)

    def __post_init__(self) -> None:
        if self.bins < 2:
            raise ValueError(f"bins is {self.bins}; it must be 2 or more")

    @staticmethod
    def fitted():
        raise NotImplementedError

    def fit(self, source, **context):
        raise NotImplementedError
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a model that has the options ``bins`` and ``hidden``; no other model is known."""
    (tmp_path / "toy_of_a_test.py").write_text(TOY)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(plugins, "models", lambda: {"toy": plugins.Reference("toy_of_a_test")})
    yield "toy"
    sys.modules.pop("toy_of_a_test", None)
