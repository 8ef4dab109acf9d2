"""Judging synthetic records of any generator against the real ones."""

from synthgen.judgement.gate import refusals
from synthgen.judgement.run import evaluate

__all__ = ["evaluate", "refusals"]
