"""The vectors of `angle.json` and `uncertainty.json`, as arrays."""

import math
from typing import Any

import numpy as np
from conftest import golden
from numpy.typing import NDArray

#: The scores of the file and their names in the library.
SCORES = {
    "log_p1": "log-max-probability",
    "least_confidence": "least-confidence",
    "margin": "margin",
    "margin_uncertainty": "margin-complement",
    "logit_margin": "logit-margin",
    "relative_margin": "relative-margin",
    "std_normalized_logit_margin": "normalised-logit-margin",
    "entropy": "entropy",
    "normalized_entropy": "normalised-entropy",
    "renyi_0_5": "renyi-0.5",
    "renyi_2": "renyi-2",
    "renyi_inf": "renyi-inf",
    "hartley": "renyi-0",
    "gini_simpson": "gini",
    "energy": "energy",
    "self_certainty_kl_uniform": "self-certainty",
}

Case = dict[str, Any]

#: Cases of hidden states in one piece; batches with padding and generated ones are the crate's to check.
STATES: list[Case] = [case for case in golden("angle.json")["cases"] if "tokens" in case]


def states_of(case: Case) -> NDArray[np.float64]:
    return np.array(case["tokens"], dtype=np.float64)


def spans_of(case: Case) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Questions and prefixes, a pair of rows for each sample."""
    return np.array(case["question"]).reshape(-1, 2), np.array(case["prefix"]).reshape(-1, 2)


def number(value: Any) -> float:
    """A number, or one that JSON has no form for."""
    return float({"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}.get(value, value))


def logits_of(case: Case) -> NDArray[np.float64]:
    return np.array([number(value) for value in case["inputs"]["logits"]])


def expected_scores(case: Case) -> dict[str, float]:
    """What a case expects, by the name of the score in the library."""
    expected = {
        SCORES[name]: number(value) for name, value in case["expected"].items() if name in SCORES
    }
    return {name: value for name, value in expected.items() if not math.isnan(value)}


#: Cases of logits that are given and have scores; generated ones, and faulty ones, are the crate's to check.
LOGITS: list[Case] = [
    case
    for case in golden("uncertainty.json")["cases"]
    if case["kind"] == "logits" and "logits" in case["inputs"] and expected_scores(case)
]
