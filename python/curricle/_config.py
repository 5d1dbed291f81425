"""Keyword arguments as a configuration."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ._errors import ConfigError

_FLOOR = {"epsilon": 0.02, "prior": "size"}
_GLR_UCB = {
    "inner": {"ucb": {"bound": {"hoeffding": 0.5**0.5}, "forgetting": "never"}},
    "detector": {"glr": {"delta": 0.005, "every": 10, "grid": 10}},
    "scope": "global",
    "explore": 0.005,
}

#: What each preset sets; further keywords change it.
PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        # For reinforcement learning over categories of unknown quality.
        "post_training": {"policy": "tilt", "signal": "mean_advantage", "sampler": "systematic"},
        # The same where all categories are known to be learnable.
        "learnable_arms": {
            "policy": {"tilt": {"trusting": True}},
            "signal": "mean_advantage",
            "sampler": "systematic",
        },
        # For single draws, or few, from arms whose mean utility in [0, 1] changes suddenly.
        "single_draws": {
            "policy": {"bounded": {"floor": _FLOOR, "inner": {"restart": _GLR_UCB}}},
            "signal": "utility",
        },
        # For a pool of prompts, solved, learnable and hopeless ones side by side.
        "prompts": {
            "policy": "tilt",
            "signal": "group_spread",
            "sampler": "systematic",
            "weighting": {"belief": {}},
        },
        # For pre-training on sources of data, each an arm.
        "mixture": {"policy": {"scaling_law": {"refit": 50}}, "sampler": "systematic"},
    }
)


def _plain(value: Any) -> Any:
    """NumPy's numbers and arrays as JSON has them."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{value!r} is nothing that JSON can say")


def to_json(options: Mapping[str, Any]) -> str:
    """The configuration that keyword arguments describe, as JSON.

    >>> to_json({"preset": "post_training", "sampler": "distinct"})
    '{"policy": "tilt", "signal": "mean_advantage", "sampler": "distinct"}'
    """
    given = {name: value for name, value in options.items() if value is not None}
    preset = given.pop("preset", None)
    if preset is not None and preset not in PRESETS:
        raise ConfigError(f"preset: {', '.join(PRESETS)} are known, not {preset!r}")
    start = {} if preset is None else PRESETS[preset]
    try:
        return json.dumps({**start, **given}, default=_plain, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"configuration refused: {error}") from error
