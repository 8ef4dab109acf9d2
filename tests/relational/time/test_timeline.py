"""A time line survives the way to text and back; one of columns without moments is refused."""

from __future__ import annotations

import pytest

from synthgen.relational.time.moments import DAY
from synthgen.relational.time.timeline import Timeline
from tests.encoding.build import POINT
from tests.relational.time.lines import CONFIG, line


def test_saved_and_read_again_it_is_the_same() -> None:
    timeline = line("start", ("stop", "due"), window=(0, DAY), ahead=frozenset({"start.gap"}))
    assert Timeline.from_json(CONFIG, POINT, timeline.to_json()) == timeline
    assert Timeline.from_json(CONFIG, POINT, line("day", absolute=True).to_json()).columns == {}
    with pytest.raises(ValueError, match="holds none"):
        Timeline.from_json(CONFIG, POINT, timeline.to_json() | {"others": ["sex"]})
