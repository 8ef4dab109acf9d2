"""Identifiers: regenerated in the shape of the originals, in a region that holds none of them, and never learned."""

from __future__ import annotations

from synthgen.encoding.identifier.generate import Identifier
from synthgen.encoding.identifier.solve import solve
from synthgen.encoding.identifier.summary import IdentifierSummary, summarise

__all__ = ["Identifier", "IdentifierSummary", "solve", "summarise"]
