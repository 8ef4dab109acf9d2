"""The form of an evaluation that may leave the house: nothing in it stands for fewer than eleven patients.

The rule that makes it safe is one of arithmetic. Every count is a multiple of ``COUNT_STEP``, and every share of a set
of ``n`` patients is a multiple of a step that stands for at least ``SMALLEST`` of them. Sums and differences of such
figures are again such multiples, so a small cell cannot be recovered by subtracting from a total or from another table.
A share or count of *rows* is taken to be of as few patients as it can be: of those with most rows.
What is not known to be safe (an unknown key, a free text with a number in it, an unknown shape) is left out.
"""

from synthgen.report.shareable.evaluation import redact

__all__ = ["redact"]
