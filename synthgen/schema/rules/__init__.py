"""Clinical rules: what ``constraints`` of a table may say, parsed and never evaluated as code."""
