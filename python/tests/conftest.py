"""What the tests share."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

GOLDEN = Path(__file__).parents[2] / "tests" / "data"


def golden(name: str) -> Any:
    """A file of vectors that the crate is held to as well."""
    return json.loads((GOLDEN / name).read_text())


Runs = list[dict[str, Any]]


@pytest.fixture(scope="session")
def runs() -> Runs:
    found: Runs = golden("digests.json")
    return found


def outcome(samples: NDArray[np.uint64]) -> dict[str, Any]:
    """What comes back of each sample in the runs of `digests.json`."""
    success = ((samples * 37 + 11) % 9) / 8
    return {
        "success": success,
        "loss": 0.25 + (samples * 7 % 16) / 16,
        "abs_advantage": 2 * success * (1 - success),
        "spread": success * (1 - success),
        "utility": 1 - success,
        "cost": 1 + samples % 5,
        "rollouts": 8,
    }
