from collections.abc import Callable, Iterable, Sequence
from os import PathLike
from types import TracebackType
from typing import Any, Generic, Literal, SupportsIndex, TypedDict, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from typing_extensions import Self

from ._explanation import Explanation
from .ranks import Exchange
from .test_time import Model

_Path = str | PathLike[str]
_Key = str | int
_Rows = ArrayLike | Sequence[Any]

class Batch:
    @property
    def tickets(self) -> NDArray[np.uint64]: ...
    @property
    def samples(self) -> NDArray[np.uint64]: ...
    @property
    def arms(self) -> NDArray[np.uint32]: ...
    @property
    def propensities(self) -> NDArray[np.float64]: ...
    @property
    def loss_weights(self) -> NDArray[np.float32]: ...
    @property
    def round(self) -> int: ...
    @property
    def version(self) -> int: ...
    def __len__(self) -> int: ...

class Results:
    @property
    def codes(self) -> NDArray[np.uint8]: ...
    @property
    def admitted(self) -> NDArray[np.bool_]: ...
    @property
    def taken(self) -> NDArray[np.bool_]: ...
    @property
    def weights(self) -> NDArray[np.float64]: ...
    @property
    def treatments(self) -> list[str | None]: ...
    @property
    def margins(self) -> NDArray[np.float64]: ...
    @property
    def errors(self) -> dict[int, Exception]: ...
    def check(self) -> None: ...
    def __len__(self) -> int: ...
    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]: ...

class Step:
    @property
    def kind(self) -> Literal["draw", "wait", "ready", "starved"]: ...
    @property
    def batch(self) -> Batch | None: ...
    @property
    def open(self) -> int | None: ...
    @property
    def have(self) -> int | None: ...
    @property
    def drawn(self) -> int | None: ...
    @property
    def rounds(self) -> NDArray[np.uint64] | None: ...
    @property
    def versions(self) -> NDArray[np.uint64] | None: ...

class Curriculum:
    def __new__(
        cls,
        samples: SupportsIndex,
        arms: SupportsIndex | ArrayLike | None = None,
        *,
        preset: str | None = None,
        policy: Any = None,
        signal: Any = None,
        sampler: str | None = None,
        gate: Any = None,
        seed: SupportsIndex | None = None,
        lag: SupportsIndex | None = None,
        pace: Any = None,
        missing: Literal["refuse", "lose"] | None = None,
        refill: dict[str, Any] | None = None,
        retest: SupportsIndex | None = None,
        exclude_in_flight: bool | None = None,
        stop: Any = None,
        weighting: Any = None,
        importance: Any = None,
        weights: ArrayLike | None = None,
        target: ArrayLike | None = None,
        costs: ArrayLike | None = None,
        keys: Iterable[_Key] | None = None,
        order: ArrayLike | None = None,
        arm_names: Sequence[str] | None = None,
        fingerprint: SupportsIndex | None = None,
    ) -> Self: ...
    @classmethod
    def from_toml(
        cls,
        text: str,
        samples: SupportsIndex,
        arms: SupportsIndex | ArrayLike | None = None,
        *,
        weights: ArrayLike | None = None,
        target: ArrayLike | None = None,
        costs: ArrayLike | None = None,
        keys: Iterable[_Key] | None = None,
        order: ArrayLike | None = None,
        arm_names: Sequence[str] | None = None,
        fingerprint: SupportsIndex | None = None,
    ) -> Curriculum: ...
    @classmethod
    def from_config(
        cls,
        config: dict[str, Any],
        samples: SupportsIndex,
        arms: SupportsIndex | ArrayLike | None = None,
        *,
        weights: ArrayLike | None = None,
        target: ArrayLike | None = None,
        costs: ArrayLike | None = None,
        keys: Iterable[_Key] | None = None,
        order: ArrayLike | None = None,
        arm_names: Sequence[str] | None = None,
        fingerprint: SupportsIndex | None = None,
    ) -> Curriculum: ...
    @classmethod
    def of_snapshot(cls, path: _Path) -> Curriculum: ...
    @property
    def config(self) -> dict[str, Any]: ...
    @property
    def round(self) -> int: ...
    @property
    def version(self) -> int: ...
    @property
    def digest(self) -> int: ...
    @property
    def lag(self) -> int: ...
    @property
    def arm_names(self) -> list[str]: ...
    def __len__(self) -> int: ...
    def draw(self, n: SupportsIndex) -> Batch: ...
    def draw_within(self, ceiling: float) -> Batch: ...
    def step(self, want: SupportsIndex) -> Step: ...
    def fold(self) -> int: ...
    def observe(
        self,
        tickets: ArrayLike,
        *,
        strict: bool = False,
        success: ArrayLike | None = None,
        loss: ArrayLike | None = None,
        abs_advantage: ArrayLike | None = None,
        spread: ArrayLike | None = None,
        range: ArrayLike | None = None,
        nonzero_advantages: ArrayLike | None = None,
        utility: ArrayLike | None = None,
        cost: ArrayLike | None = None,
        rollouts: ArrayLike | None = None,
        unscored: ArrayLike | None = None,
        rewards: _Rows | None = None,
        successes: _Rows | None = None,
        normalisation: Literal["deviation", "none"] | None = None,
    ) -> Results: ...
    def lose(self, tickets: ArrayLike) -> None: ...
    def set_version(self, version: SupportsIndex) -> None: ...
    def shares(self) -> NDArray[np.float64]: ...
    def counts(self) -> dict[str, int]: ...
    def metrics(self) -> dict[str, float]: ...
    def arm_metrics(self) -> dict[str, NDArray[np.float64]]: ...
    def explain(self, sample: SupportsIndex, n: SupportsIndex | None = None) -> Explanation: ...
    def unfinished(self) -> list[Batch]: ...
    def rollouts(
        self,
        batch: Batch,
        budget: SupportsIndex,
        aim: Literal["useful_groups", "neyman"] = "useful_groups",
    ) -> NDArray[np.uint32]: ...
    def find(self, key: _Key) -> int | None: ...
    def weight(self, sample: SupportsIndex) -> float: ...
    def arm_of(self, sample: SupportsIndex) -> int: ...
    def insert(
        self, arm: SupportsIndex = 0, *, weight: float | None = None, key: _Key | None = None
    ) -> int: ...
    def remove(self, sample: SupportsIndex) -> None: ...
    def retag(self, sample: SupportsIndex, arm: SupportsIndex) -> None: ...
    def add_arm(self) -> int: ...
    def set_weights(self, samples: ArrayLike, weights: ArrayLike) -> None: ...
    def set_costs(self, samples: ArrayLike, costs: ArrayLike) -> None: ...
    def set_mixture(self, weights: ArrayLike) -> None: ...
    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: dict[str, Any]) -> None: ...
    def save(self, path: _Path, *, level: int | None = None) -> None: ...
    def restore(self, path: _Path) -> None: ...

class Journal(Curriculum):
    def __new__(
        cls,
        path: _Path,
        curriculum: Curriculum,
        *,
        at: SupportsIndex | None = None,
        durability: Literal["each", "on_demand"] | int | None = None,
    ) -> Self: ...
    @property
    def position(self) -> int: ...
    @property
    def log_bytes(self) -> int: ...
    @property
    def opening(self) -> dict[str, Any]: ...
    def compact(self) -> None: ...
    def sync(self) -> None: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        _class: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None: ...

class Replicated(Curriculum):
    def __new__(cls, curriculum: Curriculum, exchange: Exchange, *, every: int = 1) -> Self: ...
    @property
    def queued(self) -> int: ...
    def exchange(self) -> None: ...
    def part(self, batch: Batch) -> Batch: ...

class Table:
    def __new__(
        cls,
        samples: ArrayLike,
        columns: dict[str, Any],
        *,
        signal: str = "",
        model: str = "",
        revision: str = "",
    ) -> Self: ...
    @classmethod
    def read_parquet(cls, path: _Path) -> Table: ...
    @classmethod
    def read_csv(cls, path: _Path) -> Table: ...
    def write_parquet(self, path: _Path) -> None: ...
    def write_csv(self, path: _Path) -> None: ...
    @property
    def samples(self) -> NDArray[np.uint64]: ...
    @property
    def columns(self) -> list[str]: ...
    @property
    def made_by(self) -> dict[str, str]: ...
    def __getitem__(self, name: str) -> NDArray[Any]: ...
    def __len__(self) -> int: ...
    def order(self, name: str) -> NDArray[np.uint64]: ...
    def ranks(self, name: str, samples: SupportsIndex) -> NDArray[np.uint64]: ...
    def weights(self, exponents: dict[str, float], samples: SupportsIndex) -> NDArray[np.float64]: ...
    def statistics(self, name: str) -> dict[str, Any] | None: ...

class _Faults(TypedDict):
    repeated: list[int]
    disagreeing: list[int]
    gaps: list[tuple[int, int]]

def merge(shards: Sequence[Table]) -> tuple[Table, _Faults]: ...
def fingerprint(rows: Iterable[str | bytes]) -> int: ...
def outcomes_of_groups(
    rewards: _Rows,
    *,
    successes: _Rows | None = None,
    normalisation: Literal["deviation", "none"] = "deviation",
) -> dict[str, NDArray[Any]]: ...
def angle_concentration(
    states: ArrayLike, questions: ArrayLike, prefixes: ArrayLike | None = None
) -> dict[str, NDArray[Any]]: ...
def score_logits(
    logits: ArrayLike,
    scores: Sequence[str],
    *,
    temperature: float = 1.0,
    faulty: Literal["error", "nan", "uncertain"] = "error",
) -> dict[str, NDArray[np.float64]]: ...
def _codes() -> list[tuple[str, int]]: ...

class Budget:
    @staticmethod
    def always() -> Budget: ...
    @staticmethod
    def fixed(threshold: float) -> Budget: ...
    @staticmethod
    def margin(tau: float) -> Budget: ...
    @staticmethod
    def at_rate(sample: ArrayLike, rate: float) -> Budget: ...
    @staticmethod
    def conformal(sample: ArrayLike, rate: float) -> Budget: ...
    @staticmethod
    def error_recall(errors: ArrayLike, alpha: float) -> Budget: ...
    @staticmethod
    def residual_risk(
        uncertainties: ArrayLike, wrong: ArrayLike, risk: float, delta: float
    ) -> Budget: ...
    @staticmethod
    def horizon(
        budget: SupportsIndex, length: SupportsIndex, window: SupportsIndex | None = None
    ) -> Budget: ...
    @staticmethod
    def tracking(
        rate: float, eta: float | None = None, window: SupportsIndex | None = None
    ) -> Budget: ...
    def within(self, rate: float, burst: SupportsIndex) -> Budget: ...
    def select(self, uncertainty: float, coin: float | None = None) -> Choice: ...
    def select_each(self, uncertainties: ArrayLike) -> NDArray[np.bool_]: ...
    def metrics(self) -> dict[str, float]: ...

class Choice:
    @property
    def selected(self) -> bool: ...
    @property
    def wanted(self) -> bool: ...
    @property
    def rank(self) -> float | None: ...
    @property
    def threshold(self) -> float: ...
    def __bool__(self) -> bool: ...

_Action = Literal["base", "adapted", "reused", "demonstrated"]
_Why = Literal[
    "certain",
    "capped",
    "not_worth_it",
    "switched_off",
    "too_few_samples",
    "held_out",
    "drift",
    "failed",
]
_Stage = Literal[
    "candidates",
    "budget",
    "embedding",
    "load",
    "synthesise",
    "text",
    "accepts",
    "agreement",
    "loss",
    "relevance",
    "adapt",
    "drift",
    "store",
    "answer",
    "restore",
]
_Input = TypeVar("_Input")
_Sample = TypeVar("_Sample")
_Answer = TypeVar("_Answer")
_AnswerOf = TypeVar("_AnswerOf", covariant=True)

class Failure:
    @property
    def stage(self) -> _Stage: ...
    @property
    def error(self) -> BaseException: ...

class Outcome(Generic[_AnswerOf]):
    @property
    def ticket(self) -> int: ...
    @property
    def action(self) -> _Action: ...
    @property
    def why(self) -> _Why | None: ...
    @property
    def cluster(self) -> int | None: ...
    @property
    def uncertainty(self) -> float | None: ...
    @property
    def choice(self) -> Choice | None: ...
    @property
    def answer(self) -> _AnswerOf: ...
    @property
    def base(self) -> _AnswerOf | None: ...
    @property
    def failure(self) -> Failure | None: ...
    @property
    def unanswered(self) -> Failure | None: ...

class _Entry(TypedDict):
    ticket: int
    uncertainty: float | None
    lesson: float | None
    selected: bool | None
    wanted: bool | None
    rank: float | None
    threshold: float | None
    standing: float | None
    expected_gain: float | None
    expected_harm: float | None
    propensity: float
    synthesised: int
    accepted: int
    loss_before: float | None
    loss_after: float | None
    spent: bool
    action: _Action
    why: _Why | None
    cluster: int | None
    failed: _Stage | None
    base_right: bool | None
    given_right: bool | None

class _Summary(TypedDict):
    inputs: int
    wanted: int
    spent: int
    improved: int
    failed: int
    verified: int
    fixed: int
    harmed: int
    p_value: float | None

class _Expected(TypedDict):
    gain: float
    harm: float
    passes: bool

class _Switch(TypedDict):
    off: bool
    evidence_of_harm: float
    evidence_of_help: float

class Improver:
    def __new__(
        cls,
        budget: Budget,
        *,
        seed: SupportsIndex | None = None,
        variant: Literal["tt_si", "distillation", "in_context"] | None = None,
        samples: SupportsIndex | None = None,
        per_length: Literal["sum", "mean"] | float | None = None,
        by_lesson: bool | None = None,
        duplicates: float | None = None,
        seen: float | tuple[float, int] | None = None,
        agreement: tuple[int, float] | None = None,
        loss_band: tuple[float, float] | None = None,
        hold_out: int | tuple[int, float] | None = None,
        drift: float | None = None,
        clusters: tuple[float, int] | None = None,
        gate: tuple[float, float] | None = None,
        switch: float | None = None,
        paired: bool | None = None,
    ) -> Self: ...
    @property
    def budget(self) -> Budget: ...
    @property
    def switch(self) -> _Switch | None: ...
    def answer(
        self,
        model: Model[_Input, _Sample, _Answer],
        input: _Input,
        *,
        teacher: Callable[[_Input, int, int], Iterable[_Sample]] | None = None,
    ) -> Outcome[_Answer]: ...
    def verify(self, ticket: SupportsIndex, given: bool, base: bool | None = None) -> None: ...
    def journal(self) -> list[_Entry]: ...
    def journal_bytes(self) -> bytes: ...
    def take_journal(self) -> list[_Entry]: ...
    def summary(self) -> _Summary: ...
    def metrics(self) -> dict[str, float]: ...
    def expected(self, standing: float) -> _Expected | None: ...
    def switch_on(self) -> None: ...
    def restored(self) -> None: ...
