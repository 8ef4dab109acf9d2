"""What all tests share: where the data are, and what is skipped where something is not installed."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

# Tests run side by side, one process a core: threads of their own would only wait for each other. Set before anything
# that has threads is loaded, and passed on to the commands that tests start.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import hypothesis
import pytest

ROOT = Path(__file__).parent.parent
#: Public extracts that are too large for the repository.
REAL_DATA = Path(os.environ.get("SYNTHGEN_DATA", ROOT.parent / "shared" / "data"))

# The same examples in every run: a red test is red again. No deadline: the machines that run this are shared.
hypothesis.settings.register_profile("synthgen", derandomize=True, deadline=None, max_examples=50)
hypothesis.settings.load_profile("synthgen")


def find_chromium() -> str | None:
    """The path of an installed Chromium or Chrome."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return next(filter(None, map(shutil.which, names)), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    absent = {}
    if find_spec("sdv") is None:
        absent["sdv"] = "SDV is not installed"
    if find_chromium() is None:
        absent["browser"] = "no Chromium is installed"
    for item in items:
        for marker, reason in absent.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


def real_file(name: str) -> Path:
    path = REAL_DATA / name
    if not path.exists():
        pytest.skip(f"{name} is not there; set SYNTHGEN_DATA to the folder that holds it")
    return path


@pytest.fixture(scope="session")
def sample_csv() -> Path:
    """The flat sample extract."""
    return ROOT / "sample_data" / "encounters.csv"


@pytest.fixture(scope="session")
def sample_config() -> Path:
    """The hand-written config of the flat sample extract."""
    return ROOT / "configs" / "sample.yaml"


@pytest.fixture(scope="session")
def diabetes130() -> Path:
    """Diabetes 130-US hospitals, as published; tests that use it are marked `real_data`."""
    return real_file("diabetes130/diabetic_data.csv.gz")


@pytest.fixture(scope="session")
def chromium() -> str:
    """A Chromium that can run headless; tests that use it are marked `browser`."""
    found = find_chromium()
    assert found is not None, "mark the test `browser`, so that it is skipped where there is none"
    return found
