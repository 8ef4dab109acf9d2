"""A fitted synthesizer as a value, and as a file from which nothing of a patient can be read."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from synthgen.artifact import container
from synthgen.artifact.parts import Contents
from synthgen.schema.config import Schema

#: What an unsafe artifact says of itself, and whoever reads it is told.
UNSAFE: Final = "holds training rows, and executes code when it is loaded"


@dataclass(frozen=True, eq=False)
class Synthesizer(ABC):
    """Everything that ``fit`` learned and ``sample`` needs.

    Attributes:
        schema: the config it was fitted with, model and options included.
        seed: of the fit.
        versions: of synthgen and of the libraries that shape the result.
    """

    schema: Schema
    seed: int
    versions: Mapping[str, str]

    @property
    @abstractmethod
    def unsafe(self) -> bool:
        """Whether the artifact holds training rows, and executes code when its model is brought back."""

    @property
    @abstractmethod
    def rules(self) -> tuple[str, ...]:
        """How often real rows broke each rule of the config, a line each."""

    @property
    @abstractmethod
    def notes(self) -> tuple[str, ...]:
        """What too few patients have to be learned, a line each."""

    @abstractmethod
    def contents(self) -> Contents:
        """The JSON documents and the arrays of the artifact: all that it holds."""

    @classmethod
    @abstractmethod
    def restore(cls, schema: Schema, documents: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Synthesizer:
        """The inverse of ``contents``; raises what Python raises on parts that contradict each other."""

    @abstractmethod
    def try_out(self) -> None:
        """Decode every code once, so that the contents of a damaged artifact raise ``ValueError`` or its like."""

    def about(self) -> dict[str, Any]:
        """What every artifact says of itself."""
        told = {
            "synthgen": self.versions["synthgen"],
            "versions": dict(self.versions),
            "seed": self.seed,
            "config_sha256": self.config_hash,
        }
        return told | ({"unsafe": UNSAFE} if self.unsafe else {})

    @property
    def config_hash(self) -> str:
        """SHA-256 of the config in canonical form; not of the data."""
        canonical = json.dumps(self.schema.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def save(self, path: Path) -> None:
        """Write the artifact whole or not at all; the same synthesizer gives the same bytes."""
        container.write(path, *self.contents())
