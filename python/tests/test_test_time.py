"""Budgets, and the loop of self-improvement over models of Python."""

import gc
import json
import threading
import traceback
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import golden

from curricle import (
    ConfigError,
    EmptyError,
    Error,
    LengthError,
    NonFiniteError,
    OutOfRangeError,
    RepeatedTicketError,
    ShapeError,
    UnknownTicketError,
    UnsupportedError,
)
from curricle.test_time import Budget, Failure, Improver, Outcome

# Budgets.


def uncertainty(item: int) -> float:
    return (item * item * 37 + item * 11) % 257 / 256


def coin(item: int) -> float:
    return (item * 29 + 3) % 64 / 64


def made(case: dict[str, Any]) -> Budget:
    options = dict(case["options"])
    if "sample" in options:
        options["sample"] = [uncertainty(item) for item in range(*options["sample"])]
    budget: Budget = getattr(Budget, case["budget"])(**options)
    return budget if case["within"] is None else budget.within(**case["within"])


BUDGETS = golden("budgets.json")


@pytest.mark.parametrize("case", BUDGETS["cases"], ids=lambda case: case["budget"])
def test_the_decisions_of_the_crate(case: dict[str, Any]) -> None:
    budget, items = made(case), range(BUDGETS["items"])
    selected = [item for item in items if budget.select(uncertainty(item), coin(item))]
    assert selected == case["selected"]


def rank(value: float, among: list[float], coin: float) -> float:
    greater = sum(other > value for other in among)
    return (greater + coin * (sum(other == value for other in among) + 1)) / (len(among) + 1)


def test_tracking_counts() -> None:
    """Against a list of all that came before; the rate is held, for a stream that only rises."""
    budget, theta, selected = Budget.tracking(0.2, eta=0.05, window=50), 0.2, 0
    before: list[float] = []
    for item in range(600):
        value = item / 600
        choice = budget.select(value, coin(item))
        expected = rank(value, before[-50:], coin(item))
        assert choice.rank == pytest.approx(expected) and choice.threshold == pytest.approx(theta)
        assert choice.selected == (expected < theta) == choice.wanted == bool(choice)
        theta += 0.05 * (0.2 - choice.selected)
        selected += choice.selected
        before.append(value)
    assert 0.2 * 600 - 0.8 / 0.05 - 0.2 <= selected <= 0.2 * 600 + 0.2 / 0.05 + 0.8
    assert budget.metrics() == {"budget/threshold": pytest.approx(theta), "budget/seen": 600}


@pytest.mark.parametrize("stream", ["random", "rising", "falling", "constant"])
def test_rates_are_held(stream: str) -> None:
    n = 4000
    values: Any = {
        "random": np.random.default_rng(1).random(n),
        "rising": np.arange(n) / n,
        "falling": -np.arange(n),
        "constant": np.ones(n, np.float32),
    }[stream]
    for rate in (0.0, 0.05, 0.5, 1.0):
        count = int(Budget.tracking(rate).select_each(values).sum())
        assert rate * n - (1 - rate) / 0.005 - rate <= count <= rate * n + rate / 0.005 + 1 - rate
    horizon = Budget.horizon(300, n)
    assert 295 <= horizon.select_each(values).sum() <= 300
    assert horizon.metrics()["budget/items_left"] == 0 and not horizon.select(np.inf)
    capped = Budget.always().within(0.1, 5).select_each(values)
    sums = np.concatenate([[0], capped.cumsum()])
    for window in (1, 10, 100, n):
        assert (sums[window:] - sums[:-window]).max() <= 0.1 * window + 5


def test_calibrated_on_a_sample() -> None:
    generator = np.random.default_rng(2)
    sample, stream = generator.normal(size=999), generator.normal(size=20_000)
    threshold = Budget.at_rate(sample, 0.1).metrics()["budget/threshold"]
    assert (sample > threshold).sum() == 99
    assert Budget.at_rate(sample, 0.1).select_each(stream).mean() == pytest.approx(0.1, abs=0.03)
    assert Budget.conformal(sample, 0.1).select_each(stream).mean() == pytest.approx(0.1, abs=0.03)
    # All the same: by the coin.
    equal = Budget.conformal(np.zeros(10), 0.3)
    assert equal.select_each(np.zeros(20_000)).mean() == pytest.approx(0.3, abs=0.02)
    errors = Budget.error_recall(sample, 0.2)
    assert errors.select_each(stream).mean() == pytest.approx(0.8, abs=0.04)
    wrong = np.arange(1000) >= 900
    risk = Budget.residual_risk(np.arange(1000) / 1000, wrong, 0.02, 0.05)
    assert 0.9 < risk.metrics()["budget/threshold"] < 0.92


def test_fixed_budgets() -> None:
    assert Budget.always().select_each([0.0, -np.inf]).all() and Budget.always().metrics() == {}
    margin = Budget.margin(0.95)
    choice = margin.select(0.3)
    assert choice.selected and choice.rank is None and choice.threshold == pytest.approx(0.05)
    assert not Budget.fixed(0.5).select(0.5) and not Budget.fixed(np.inf).select(1e300)
    capped = Budget.fixed(0.5).within(0.0, 1)
    first, second = capped.select(0.9), capped.select(0.9)
    assert first.selected and second.wanted and not second.selected
    assert (
        "capped" in repr(second) and repr(capped) == "<curricle.test_time.Budget: fixed within 0 and 1>"
    )


def test_a_budget_is_one_object() -> None:
    inner = Budget.tracking(0.2)
    capped = inner.within(0.1, 2)
    capped.select_each(np.arange(10.0))
    inner.select(3.0)
    assert inner.metrics()["budget/seen"] == 11 and capped.metrics()["budget/seen"] == 11


def test_one_by_one_or_each() -> None:
    values = np.random.default_rng(3).random(300)
    one, other = Budget.tracking(0.3), Budget.tracking(0.3)
    assert [bool(one.select(value)) for value in values] == other.select_each(values).tolist()


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: Budget.fixed(np.nan), NonFiniteError),
        (lambda: Budget.margin(1.5), OutOfRangeError),
        (lambda: Budget.at_rate([0.5, np.nan], 0.5), NonFiniteError),
        (lambda: Budget.at_rate([0.5], -0.1), OutOfRangeError),
        (lambda: Budget.conformal([[0.5]], 0.5), ShapeError),
        (lambda: Budget.horizon(5, 4), OutOfRangeError),
        (lambda: Budget.horizon(4, 5, window=0), OutOfRangeError),
        (lambda: Budget.tracking(1.1), OutOfRangeError),
        (lambda: Budget.tracking(0.1, eta=0.0), OutOfRangeError),
        (lambda: Budget.residual_risk([0.1], [], 0.1, 0.1), LengthError),
        (lambda: Budget.always().within(0.5, 0), OutOfRangeError),
        (lambda: Budget.always().select(np.nan), NonFiniteError),
        (lambda: Budget.always().select(0.0, coin=1.0), OutOfRangeError),
        (lambda: Budget(), TypeError),
    ],
)
def test_budgets_that_are_refused(make: Callable[[], Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        make()


def test_what_is_refused_is_not_taken_in() -> None:
    budget = Budget.tracking(0.5)
    with pytest.raises(NonFiniteError) as refused:
        budget.select_each([0.1, 0.2, np.nan])
    assert refused.value.index == 2 and budget.metrics()["budget/seen"] == 0


# The loop.


class Biased:
    """Adds a bias to its input; adapting sets the bias. Uncertain of odd inputs. Writes down its calls."""

    def __init__(self) -> None:
        self.bias, self.calls, self.bad = 0.0, list[str](), dict[str, BaseException]()
        self.seeds: list[int] = []

    def told(self, verb: str) -> None:
        self.calls.append(verb)
        if verb in self.bad:
            raise self.bad[verb]

    def candidates(self, input: float) -> Any:
        self.told("candidates")
        return [("up", 0.6), ("down", 0.8 if input % 2 else 9.0)]

    def synthesise(self, input: float, count: int, seed: int) -> Any:
        self.told("synthesise")
        self.seeds.append(seed)
        return [input + place for place in range(count)]

    def adapt(self, samples: Any) -> None:
        assert self.bias == 0.0
        self.bias = sum(samples) / len(samples)
        self.told("adapt")

    def restore(self) -> None:
        self.told("restore")
        self.bias = 0.0

    def answer(self, input: float, demonstrations: Any) -> Any:
        self.told("answer")
        return input + self.bias + sum(demonstrations)


class Whole(Biased):
    """Offers all verbs."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[int, float] = {}

    def accepts(self, input: float, sample: float) -> bool:
        self.told("accepts")
        return True

    def text(self, sample: float) -> str:
        self.told("text")
        return f"how much is {sample}?"

    def agreement(self, sample: float, answers: int, seed: int) -> float:
        self.told("agreement")
        return 1.0

    def loss(self, sample: float) -> Any:
        self.told("loss")
        return np.float32(abs(sample - self.bias))

    def relevance(self, input: float, sample: float) -> float:
        self.told("relevance")
        return 1.0

    def drift(self) -> float:
        self.told("drift")
        return abs(self.bias)

    def embedding(self, input: float) -> Any:
        self.told("embedding")
        return np.array([1.0, input % 4], np.float32)

    def store(self, cluster: int) -> None:
        self.told("store")
        self.kept[cluster] = self.bias

    def load(self, cluster: int) -> bool:
        self.told("load")
        self.bias = self.kept.get(cluster, 0.0)
        return cluster in self.kept


#: Options under which every verb is asked.
ALL: dict[str, Any] = {
    "samples": 4,
    "duplicates": 1.0,
    "agreement": (3, 0.5),
    "loss_band": (0.0, 1e9),
    "hold_out": 1,
    "drift": 1e9,
    "clusters": (0.99, 8),
    "by_lesson": True,
}


def test_what_is_selected_adapts() -> None:
    model, improver = Biased(), Improver(Budget.margin(0.95))
    certain: Any = improver.answer(model, 4.0)
    assert (certain.ticket, certain.action, certain.why, certain.answer) == (0, "base", "certain", 4.0)
    assert model.calls == ["candidates", "answer"] and certain.uncertainty < 0.05
    assert certain.choice is not None and not certain.choice.wanted
    model.calls.clear()
    adapted = improver.answer(model, 3.0)
    assert (adapted.ticket, adapted.action, adapted.why, adapted.answer) == (1, "adapted", None, 6.0)
    assert model.calls == ["candidates", "synthesise", "adapt", "answer", "restore"]
    assert model.bias == 0.0 and adapted.failure is None and adapted.unanswered is None
    assert adapted.base is None and adapted.cluster is None
    up = 1 / (1 + np.exp(-0.2))
    assert adapted.uncertainty == pytest.approx(2 - 2 * up)
    assert repr(certain) == "<curricle.test_time.Outcome 0: base (certain)>"


def test_all_verbs() -> None:
    model, improver = Whole(), Improver(Budget.always(), paired=True, seed=3, **ALL)
    outcome = improver.answer(model, 3.0)
    assert (outcome.action, outcome.answer, outcome.base) == ("adapted", 3.0 + 4.0, 3.0)
    verbs = {"candidates", "synthesise", "adapt", "restore", "answer", "accepts", "text", "agreement"}
    assert set(model.calls) == verbs | {"loss", "relevance", "drift", "embedding", "store"}
    again = improver.answer(model, 7.0)
    assert (again.action, again.cluster, again.answer, again.base) == ("reused", 0, 11.0, 7.0)
    assert "load" in model.calls and model.bias == 0.0
    first, second = improver.journal()
    assert first["lesson"] == pytest.approx((3 + 4 + 5 + 6) / 4) and first["accepted"] == 4
    assert (first["loss_before"], first["loss_after"]) == (6.0, 2.0)
    assert second["cluster"] == 0 and second["spent"] is False and second["loss_before"] is None


def test_any_object_is_an_input() -> None:
    class Words(Biased):
        def candidates(self, input: Any) -> Any:
            return (it for it in ([f"{word}", 1.0, 3] for word in input["words"]))

        def synthesise(self, input: Any, count: int, seed: int) -> Any:
            return ({"question": input} for _ in range(10**9))

        def adapt(self, samples: Any) -> None:
            assert isinstance(samples, list) and samples == [{"question": given}] * 2
            self.bias = 1.0

        def answer(self, input: Any, demonstrations: Any) -> Any:
            return input, self.bias

    given = {"words": ["a", "b"]}
    outcome = Improver(Budget.always(), samples=2, per_length="mean").answer(Words(), given)
    assert outcome.answer[0] is given and outcome.answer[1] == 1.0
    for per_length in ("sum", 0.5):
        assert Improver(Budget.always(), samples=2, per_length=per_length).answer(Words(), given).answer


VERBS = ["candidates", "relevance", "loss", "embedding", "synthesise", "text", "accepts", "agreement"]


@pytest.mark.parametrize("verb", [*VERBS, "adapt", "drift", "store"])
def test_a_verb_that_raises(verb: str) -> None:
    """The model is restored and answers as it is; what was raised is not lost, nor is it of the next input."""
    model, improver = Whole(), Improver(Budget.always(), **ALL)
    model.bad[verb] = raised = KeyError("of mine")
    outcome = improver.answer(model, 3.0)
    assert (outcome.action, outcome.why, outcome.answer) == ("base", "failed", 3.0)
    assert isinstance(outcome.failure, Failure) and outcome.failure.stage == verb
    assert outcome.failure.error is raised and outcome.unanswered is None
    frames = traceback.extract_tb(raised.__traceback__)
    assert [frame.name for frame in frames] == [verb, "told"]
    assert repr(outcome.failure) == f"<curricle.test_time.Failure at {verb}: KeyError('of mine')>"
    assert model.calls[-2:] == ["restore", "answer"] and model.bias == 0.0
    assert improver.journal()[0]["failed"] == verb and improver.summary()["failed"] == 1
    model.bad.clear()
    assert improver.answer(model, 3.0).action == "adapted"


def test_a_load_that_raises() -> None:
    model, improver = Whole(), Improver(Budget.always(), **ALL)
    improver.answer(model, 3.0)
    model.bad["load"] = RuntimeError("gone")
    outcome = improver.answer(model, 3.0)
    assert outcome.answer == 3.0 and outcome.failure is not None and outcome.failure.stage == "load"


def test_an_answer_that_raises() -> None:
    model, improver = Biased(), Improver(Budget.always())
    model.bad["answer"] = raised = AttributeError("no answer")
    outcome = improver.answer(model, 3.0)
    assert outcome.failure is not None and outcome.failure.stage == "answer"
    assert outcome.unanswered is not None and outcome.unanswered.error is raised
    with pytest.raises(AttributeError, match="no answer") as caught:
        _ = outcome.answer
    assert caught.value is raised and model.bias == 0.0

    # Only the adapted model cannot.
    class Spoiled(Biased):
        def answer(self, input: float, demonstrations: Any) -> Any:
            if self.bias:
                raise ValueError("spoiled")
            return super().answer(input, demonstrations)

    spoiled: Any = improver.answer(Spoiled(), 3.0)
    assert spoiled.answer == 3.0 and str(spoiled.failure.error) == "spoiled"


def test_a_restore_that_raises() -> None:
    model, improver = Biased(), Improver(Budget.always())
    model.bad["restore"] = OSError("no file")
    outcome = improver.answer(model, 3.0)
    # The answer came before it.
    assert outcome.answer == 6.0 and outcome.failure is not None
    assert outcome.failure.stage == "restore" and isinstance(outcome.failure.error, OSError)
    with pytest.raises(Error, match="not restored after ticket 0"):
        improver.answer(model, 3.0)
    model.bad.clear()
    model.restore()
    improver.restored()
    assert improver.answer(model, 3.0).answer == 6.0
    model.bad = {"adapt": ValueError("first"), "restore": OSError("second")}
    both: Any = improver.answer(model, 3.0)
    assert str(both.failure.error) == "first" and str(both.unanswered.error) == "second"


@pytest.mark.parametrize("request_", [KeyboardInterrupt, SystemExit, GeneratorExit])
@pytest.mark.parametrize("verb", ["candidates", "synthesise", "loss", "adapt", "answer"])
def test_a_request_to_end(request_: type[BaseException], verb: str) -> None:
    model, improver = Whole(), Improver(Budget.always(), **ALL)
    model.bad[verb] = raised = request_("now")
    with pytest.raises(request_) as caught:
        improver.answer(model, 3.0)
    assert caught.value is raised and model.bias == 0.0
    # It was restored, and asked for nothing after that.
    after = model.calls[model.calls.index(verb) + 1 :] if verb != "loss" else model.calls[-2:]
    assert set(after) == {"restore"}
    assert improver.journal()[0]["why"] == "failed" and improver.journal()[0]["failed"] == verb
    model.bad.clear()
    assert improver.answer(model, 3.0).ticket == 1


def test_a_request_to_end_while_restoring() -> None:
    model, improver = Biased(), Improver(Budget.always())
    model.bad["restore"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        improver.answer(model, 3.0)
    with pytest.raises(Error, match="not restored"):
        improver.answer(model, 3.0)


@pytest.mark.parametrize(
    ("verb", "returned", "error"),
    [
        ("candidates", None, TypeError),
        ("candidates", [("a", 1.0), "b"], TypeError),
        ("candidates", [(1, 1.0)], TypeError),
        ("candidates", [("a", "b")], TypeError),
        ("candidates", [], EmptyError),
        ("candidates", [("a", float("nan")), ("b", 1.0)], NonFiniteError),
        ("candidates", [("a", -1.0)], OutOfRangeError),
        ("synthesise", None, TypeError),
        ("accepts", None, TypeError),
        ("text", 3, TypeError),
        ("text", None, UnsupportedError),
        ("agreement", "all", TypeError),
        ("agreement", 2.0, OutOfRangeError),
        ("loss", None, UnsupportedError),
        ("loss", float("inf"), NonFiniteError),
        ("relevance", -0.5, OutOfRangeError),
        ("drift", float("nan"), NonFiniteError),
        ("embedding", [[1.0]], ShapeError),
        ("embedding", ["a"], TypeError),
        ("embedding", [np.nan], NonFiniteError),
    ],
)
def test_what_cannot_be_used(verb: str, returned: Any, error: type[Exception]) -> None:
    model, improver = Whole(), Improver(Budget.always(), **ALL)
    setattr(model, verb, lambda *_: returned)
    outcome = improver.answer(model, 3.0)
    assert outcome.answer == 3.0 and model.bias == 0.0
    assert outcome.failure is not None and outcome.failure.stage == verb
    assert isinstance(outcome.failure.error, error)
    if type(outcome.failure.error) is TypeError:
        assert str(outcome.failure.error).startswith(f"{verb}: ")


def test_what_is_not_offered() -> None:
    needs: dict[str, Any] = {
        "text": {"samples": 2, "duplicates": 0.9},
        "loss": {"samples": 2, "hold_out": 1},
        "agreement": {"agreement": (2, 0.5)},
        "drift": {"drift": 1.0},
        "embedding": {"clusters": (0.9, 4)},
        "relevance": {"by_lesson": True},
    }
    for verb, options in needs.items():
        outcome = Improver(Budget.always(), **options).answer(Biased(), 3.0)
        assert outcome.answer == 3.0 and outcome.failure is not None
        assert isinstance(outcome.failure.error, UnsupportedError) and verb in str(
            outcome.failure.error
        )
    for verb in ("candidates", "synthesise", "adapt", "restore", "answer"):
        model, improver = Biased(), Improver(Budget.always())
        setattr(model, verb, None)
        with pytest.raises(UnsupportedError, match=verb):
            improver.answer(model, 3.0)
        assert improver.summary()["inputs"] == 0 and not model.calls


def test_rollbacks_and_filters() -> None:
    class Worse(Whole):
        def loss(self, sample: float) -> float:
            return 1.0 + self.bias

    def why(model: Any, **options: Any) -> Any:
        outcome = Improver(Budget.always(), **options).answer(model, 3.0)
        assert outcome.failure is None and outcome.answer == 3.0 and model.bias == 0.0
        return outcome.why

    assert why(Worse(), samples=2, hold_out=1) == "held_out"
    assert why(Whole(), samples=2, hold_out=(1, 100.0)) == "held_out"
    assert why(Whole(), drift=0.5) == "drift"
    assert why(Whole(), loss_band=(5.0, 6.0)) == "too_few_samples"
    refusing = Whole()
    refusing.accepts = lambda *_: False  # type: ignore[method-assign]
    assert why(refusing) == "too_few_samples"
    capped = Improver(Budget.always().within(0.0, 1))
    model = Biased()
    assert [capped.answer(model, 3.0).why for _ in range(2)] == [None, "capped"]
    seen = Improver(Budget.always(), seen=(0.9, 10))
    assert [seen.answer(Whole(), 3.0).why for _ in range(2)] == [None, "too_few_samples"]


def test_in_context() -> None:
    model, improver = Biased(), Improver(Budget.always(), variant="in_context", samples=2)
    outcome = improver.answer(model, 3.0)
    assert (outcome.action, outcome.answer) == ("demonstrated", 3.0 + 3.0 + 4.0)
    assert "adapt" not in model.calls


def test_a_teacher() -> None:
    model, improver = Biased(), Improver(Budget.always(), variant="distillation", samples=2)
    model.synthesise = None  # type: ignore[assignment,method-assign]
    outcome: Any = improver.answer(model, 3.0, teacher=lambda input, count, seed: [10.0] * 5)
    assert (outcome.action, outcome.answer) == ("adapted", 13.0)

    def failing(input: float, count: int, seed: int) -> Any:
        raise ConnectionError("no teacher")

    outcome = improver.answer(model, 3.0, teacher=failing)
    assert outcome.answer == 3.0 and isinstance(outcome.failure.error, ConnectionError)

    def ending(input: float, count: int, seed: int) -> Any:
        raise SystemExit

    with pytest.raises(SystemExit):
        improver.answer(model, 3.0, teacher=ending)
    with pytest.raises(UnsupportedError):
        improver.answer(Biased(), 3.0)
    with pytest.raises(UnsupportedError):
        Improver(Budget.always()).answer(Biased(), 3.0, teacher=failing)


@pytest.mark.parametrize(
    ("options", "error", "named"),
    [
        ({"sample": 3}, ConfigError, "sample"),
        ({"sample": None}, ConfigError, "sample"),
        ({"samples": "many"}, ConfigError, "samples"),
        ({"samples": -1}, ConfigError, "samples"),
        ({"samples": 0}, OutOfRangeError, "synthesised pairs"),
        ({"seed": 2**64}, ConfigError, "seed"),
        ({"variant": "ttsi"}, ConfigError, "variant"),
        ({"per_length": "median"}, ConfigError, "per_length"),
        ({"per_length": 1.5}, OutOfRangeError, "power of the length"),
        ({"by_lesson": 1}, ConfigError, "by_lesson"),
        ({"duplicates": 1.1}, OutOfRangeError, "similarity of duplicates"),
        ({"seen": 0.3}, OutOfRangeError, "similarity of duplicates"),
        ({"seen": (0.8, 1, 2)}, ConfigError, "seen"),
        ({"agreement": 3}, ConfigError, "agreement"),
        ({"agreement": (0, 0.5)}, OutOfRangeError, "answers to compare"),
        ({"loss_band": (2.0, 1.0)}, OutOfRangeError, "upper end of the loss band"),
        ({"loss_band": (float("nan"), 1.0)}, NonFiniteError, "lower end of the loss band"),
        ({"hold_out": 1}, OutOfRangeError, "held-out pairs"),
        ({"hold_out": "12"}, ConfigError, "hold_out"),
        ({"drift": float("nan")}, OutOfRangeError, "greatest drift"),
        ({"clusters": [0.9]}, ConfigError, "clusters"),
        ({"gate": (2.0, 0.1)}, OutOfRangeError, "cost of an update"),
        ({"switch": 0.9}, OutOfRangeError, "alpha"),
        ({"paired": "yes"}, ConfigError, "paired"),
    ],
)
def test_options_that_are_refused(options: dict[str, Any], error: type[Error], named: str) -> None:
    with pytest.raises(error) as refused:
        Improver(Budget.always(), **options)
    exception: Any = refused.value
    assert (exception.path if error is ConfigError else exception.what) == named
    assert named in str(exception)


def test_options_that_are_none() -> None:
    nothing = dict.fromkeys([*ALL, "seed", "variant", "per_length", "seen", "gate", "switch", "paired"])
    assert Improver(Budget.always(), **nothing).answer(Biased(), 3.0).answer == 6.0
    lists = Improver(Budget.always(), agreement=[2, 0.5], clusters=[0.9, 4])  # type: ignore[arg-type]
    assert lists.answer(Whole(), 3.0).action == "adapted"


def test_the_numbers_of_a_run() -> None:
    model, improver = Biased(), Improver(Budget.margin(0.95), paired=True)
    outcomes: list[Any] = [improver.answer(model, float(value)) for value in range(10)]
    for outcome in outcomes:
        if outcome.action == "base":
            improver.verify(outcome.ticket, True)
        else:
            # 1 and 3 are mended, 9 is spoiled.
            improver.verify(outcome.ticket, given=outcome.base < 9, base=outcome.base > 4)
    model.bad["adapt"] = RuntimeError()
    improver.answer(model, 1.0)
    assert improver.summary() == {
        "inputs": 11,
        "wanted": 6,
        "spent": 6,
        "improved": 5,
        "failed": 1,
        "verified": 10,
        "fixed": 2,
        "harmed": 1,
        "p_value": 1.0,
    }
    metrics = improver.metrics()
    assert metrics["self_improvement/harmed"] == 1 and metrics["budget/threshold"] < 0.06
    journal = improver.journal()
    assert [entry["ticket"] for entry in journal] == list(range(11))
    assert [entry["action"] for entry in journal[:4]] == ["base", "adapted"] * 2
    assert (journal[1]["given_right"], journal[1]["base_right"]) == (True, False)
    assert journal[10]["given_right"] is None and journal[10]["failed"] == "adapt"
    assert json.loads(json.dumps(journal)) == journal
    assert improver.take_journal() == journal and improver.journal() == []
    assert improver.summary()["p_value"] is None and improver.answer(model, 2.0).ticket == 11


def test_what_cannot_be_verified() -> None:
    model, improver = Biased(), Improver(Budget.margin(0.95))
    base, adapted = improver.answer(model, 2.0), improver.answer(model, 3.0)
    with pytest.raises(UnsupportedError, match="base"):
        improver.verify(adapted.ticket, True)
    with pytest.raises(OutOfRangeError):
        improver.verify(base.ticket, given=True, base=False)
    with pytest.raises(UnknownTicketError) as unknown:
        improver.verify(7, True)
    assert unknown.value.ticket == 7
    improver.verify(base.ticket, True)
    with pytest.raises(RepeatedTicketError):
        improver.verify(base.ticket, True)


def test_gate_and_switch() -> None:
    plain = Improver(Budget.always())
    assert plain.switch is None and plain.expected(0.9) is None
    model = Biased()
    improver: Any = Improver(Budget.always(), gate=(0.01, 0.0), switch=0.05, paired=True)
    assert improver.expected(0.9) == {"gain": 0.25, "harm": pytest.approx(0.05), "passes": True}
    whys = []
    for _ in range(30):
        outcome = improver.answer(model, 3.0)
        whys.append(outcome.why)
        improver.verify(outcome.ticket, given=outcome.action == "base", base=True)
    assert whys[0] is None and whys[-1] == "not_worth_it"
    assert not improver.expected(outcome.uncertainty)["passes"]
    only: Any = Improver(Budget.always(), switch=0.05)
    while not only.switch["off"]:
        only.verify(only.answer(model, 3.0).ticket, given=False, base=True)
    assert only.switch["evidence_of_harm"] >= 20 and only.answer(model, 3.0).why == "switched_off"
    only.switch_on()
    assert only.switch["evidence_of_harm"] == 1.0 and only.answer(model, 3.0).action == "adapted"


def test_the_same_again() -> None:
    """The journal is equal byte for byte for equal seeds; the coins are those of `Budget.select`."""

    class Torn(Biased):
        def candidates(self, input: float) -> Any:
            return [("up", 0.5), ("down", 0.5)]

    def run(seed: int) -> tuple[bytes, list[int], list[bool]]:
        model, improver = Torn(), Improver(Budget.tracking(0.3, eta=0.05), seed=seed)
        outcomes: list[Any] = [improver.answer(model, 3.0) for _ in range(200)]
        selected = [outcome.choice.selected for outcome in outcomes]
        return improver.journal_bytes(), model.seeds, selected

    one, same, other = run(0), run(0), run(1)
    assert one == same and one[0] != other[0] and not set(one[1]) & set(other[1])
    assert len(set(one[1])) == len(one[1]) == sum(one[2])
    assert Budget.tracking(0.3, eta=0.05).select_each(np.full(200, 1.0)).tolist() == one[2]


def test_calls_during_a_call() -> None:
    improver = Improver(Budget.tracking(0.5))

    class Curious(Biased):
        def answer(self, input: float, demonstrations: Any) -> Any:
            with pytest.raises(UnsupportedError, match="during another"):
                improver.summary()
            failed: list[BaseException] = []

            def elsewhere() -> None:
                try:
                    improver.answer(Biased(), 3.0)
                except UnsupportedError as error:
                    failed.append(error)

            thread = threading.Thread(target=elsewhere)
            thread.start()
            thread.join()
            # The budget is not the loop's alone.
            return len(failed), improver.budget.metrics()["budget/seen"]

    assert improver.answer(Curious(), 3.0).answer == (1, 1)
    assert improver.summary()["inputs"] == 1


def test_nothing_is_kept() -> None:
    class Held:
        pass

    class Keeping(Biased):
        def answer(self, input: Any, demonstrations: Any) -> Any:
            return input

        def candidates(self, input: Any) -> Any:
            return [("a", 1.0), ("b", 1.0)]

        def synthesise(self, input: Any, count: int, seed: int) -> Any:
            return [input] * count

        def adapt(self, samples: Any) -> None:
            pass

    improver = Improver(Budget.always())
    held = Held()
    kept = weakref.ref(held)
    outcome: Outcome[Held] | None = improver.answer(Keeping(), held)
    assert outcome is not None and outcome.answer is held
    del held, outcome
    gc.collect()
    assert kept() is None
