"""The JSON Schema that editors use stands beside the configs; it is the code's own."""

from __future__ import annotations

import json
from pathlib import Path

from synthgen.schema.load import json_schema

EXPORTED = Path(__file__).parents[2] / "configs" / "schema.json"


def test_the_exported_json_schema_is_that_of_the_code() -> None:
    """After a change: ``python -c "import json; from synthgen.schema.load import json_schema as s;
    print(json.dumps(s(), indent=1))" > configs/schema.json``.
    """
    assert json.loads(EXPORTED.read_text(encoding="utf-8")) == json_schema()
