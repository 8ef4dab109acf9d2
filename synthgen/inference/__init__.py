"""What the schema of an extract probably is, for a person to correct."""

from synthgen.inference.render import render
from synthgen.inference.table import Inference, Note, infer

__all__ = ["Inference", "Note", "infer", "render"]
