"""Why a sample is drawn."""

from __future__ import annotations

import json
from typing import Any


class Explanation(dict[str, Any]):
    """Why a sample is drawn, or is not: a dict that prints as sentences; see `Curriculum.explain`."""

    text: str

    @classmethod
    def _read(cls, values: str, text: str) -> Explanation:
        made = cls(json.loads(values))
        made.text = text
        return made

    def __str__(self) -> str:
        return self.text
