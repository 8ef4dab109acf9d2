"""What the schema of an extract probably is, for a person to correct."""

from synthgen.inference.doubts import doubts
from synthgen.inference.preset import Preset, load_preset
from synthgen.inference.render import render
from synthgen.inference.table import Inference, Note, infer
from synthgen.inference.tables import infer_tables

__all__ = ["Inference", "Note", "Preset", "doubts", "infer", "infer_tables", "load_preset", "render"]
