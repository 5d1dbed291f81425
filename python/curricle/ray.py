"""A curriculum that the workers of a Ray cluster draw from, and tables that they score; `ray` must be installed.

One actor keeps one journal, and the order of its calls is that of events. Killed anywhere, it is started again by Ray,
goes on where it was, and is asked again what had no answer. Nothing is lost or learned twice by that: what is open and
in nobody's hands is handed out again, what was reported before is refused as repeated.

>>> import ray
>>> from curricle import Curriculum
>>> from curricle.ray import actor, draw
>>> def build():
...     return Curriculum(100_000, pace={"arrival": {"in_flight": 512, "give_up": {"versions": 8}}})
>>> curriculum = actor("curriculum", "run.curriculum", build)  # doctest: +SKIP
>>> def work(name):
...     while True:
...         batch = draw(curriculum, 32, name)
...         rewards = rollouts(batch.samples)
...         ray.get(curriculum.observe.remote(batch.tickets, rewards=rewards))

**Workers.** A batch belongs to the name that it was drawn by, and a draw first gives what this name has left open: a
worker that is started again under its name does again what it had not reported. A worker waits for each answer, and
names the rounds of further batches that it works on as `holding`. What belongs to a name that will not come back,
`unfinished(name)`, is to be lost; or a limit of age does that.

**Files.** `path` and `path.log` are the journal, `path.workers` says whose the open batches are. If Ray may start the
actor on another machine, it has to find them there.

**Limits.** A report whose answer was lost counts, but what the gate said of it is not told again. After an error of the
disk the journal is behind: `ray.kill(curriculum, no_restart=False)` opens it anew.
"""

import json
import os
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import ray
from numpy.typing import ArrayLike, NDArray

from ._core import Batch, Curriculum, Journal, Table, merge
from ._errors import AwaitingError, HoldError
from .arrow import from_arrow

__all__ = ["CurriculumActor", "Verdicts", "actor", "draw", "score"]

_Durability = Literal["each", "on_demand"] | int


class Verdicts(NamedTuple):
    """What became of each feedback: what `curricle.Results` has under these names."""

    codes: NDArray[np.uint8]
    weights: NDArray[np.float64]
    treatments: list[str | None]


class CurriculumActor:
    """The class of the actor, which works without Ray as well.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "run.curriculum")
    >>> served = CurriculumActor(path, lambda: Curriculum(100, pace={"arrival": {"in_flight": 4}}))
    >>> batch = served.draw(4, "a")
    >>> served.draw(4, "a") == batch, served.draw(4, "b")
    (True, None)
    """

    def __init__(
        self, path: str, build: Callable[[], Curriculum], durability: _Durability = "each"
    ) -> None:
        self._journal = Journal(path, build(), durability=durability)
        self._is_flushed = durability == "each"
        self._notes = open(f"{path}.workers", "a+", encoding="utf-8")
        #: Whose the open batches are, by round. A batch of which this was not written was given to nobody.
        self._workers: dict[int, str] = {}
        is_open = {batch.round for batch in self._journal.unfinished()}
        self._notes.seek(0)
        for line in self._notes:
            with suppress(ValueError):  # Empty, or cut off.
                round, worker = json.loads(line)
                if round in is_open:
                    self._workers[round] = worker

    def draw(self, n: int, worker: str, holding: Collection[int] = ()) -> Batch | None:
        """What is open of a batch of this worker that it does not hold, else the next batch; None while it has to wait."""
        unfinished = self._journal.unfinished()
        for batch in unfinished:
            if self._workers.get(batch.round, worker) == worker and batch.round not in holding:
                break
        else:
            try:
                batch = self._journal.draw(n)
            except (AwaitingError, HoldError):
                return None
        if batch.round not in self._workers:
            self._notes.write(f"\n{json.dumps([batch.round, worker])}\n")
            self._notes.flush()
            if self._is_flushed:
                os.fsync(self._notes.fileno())
            is_open = {it.round for it in unfinished}
            self._workers = {round: it for round, it in self._workers.items() if round in is_open}
            self._workers[batch.round] = worker
        return batch

    def observe(self, tickets: ArrayLike, **fields: Any) -> Verdicts:
        """Takes in the outcomes of tickets, as `Curriculum.observe` does."""
        results = self._journal.observe(tickets, **fields)
        return Verdicts(results.codes, results.weights, results.treatments)

    def lose(self, tickets: ArrayLike) -> NDArray[np.bool_]:
        """Gives up those of the tickets that are open, and says which they were."""
        numbers = np.asarray(tickets, dtype=np.uint64)
        is_open = np.isin(numbers, [it for batch in self._journal.unfinished() for it in batch.tickets])
        if is_open.any():
            self._journal.lose(np.unique(numbers[is_open]))
        return is_open

    def unfinished(self, worker: str | None = None) -> list[Batch]:
        """The open tickets of a worker, or of all, as the batches that they were drawn in."""
        batches = self._journal.unfinished()
        return [it for it in batches if worker is None or self._workers.get(it.round) == worker]

    def set_version(self, version: int) -> None:
        """Says which version of the model is trained from now on."""
        self._journal.set_version(version)

    def metrics(self) -> dict[str, float]:
        """The state of the run, as names and numbers."""
        return self._journal.metrics()

    def counts(self) -> dict[str, int]:
        """Where all tickets are."""
        return self._journal.counts()

    def position(self) -> int:
        """How many events there were: what to save with a model."""
        return self._journal.position

    def digest(self) -> int:
        """A digest of all decisions so far."""
        return self._journal.digest

    def state_dict(self) -> dict[str, Any]:
        """The whole state, as `Curriculum.load_state_dict` takes it."""
        return self._journal.state_dict()

    def compact(self) -> None:
        """Makes the log short, which is all that has to happen again at a start."""
        self._journal.compact()


def actor(
    name: str,
    path: str | os.PathLike[str],
    build: Callable[[], Curriculum],
    *,
    durability: _Durability = "each",
    **options: Any,
) -> Any:
    """The handle of the actor of this name, which is started if there is none: a `CurriculumActor` at `path`.

    `build` makes the curriculum, anew at each start and always the same. `options` are those of Ray's actors, such as
    `namespace`, `lifetime` or `num_cpus`; it starts again and retries without end if they do not say otherwise.
    """
    options = {"max_restarts": -1, "max_task_retries": -1, **options}
    made = ray.remote(CurriculumActor).options(name=name, get_if_exists=True, **options)
    return made.remote(os.path.abspath(path), build, durability)


def draw(
    curriculum: Any, n: int, worker: str, holding: Collection[int] = (), *, pause: float = 0.1
) -> Batch:
    """What the actor's `draw` gives, asked again after so many seconds while it has to wait."""
    while True:
        batch: Batch | None = ray.get(curriculum.draw.remote(n, worker, holding))
        if batch is not None:
            return batch
        time.sleep(pause)


def score(
    dataset: Any,
    function: Any,
    path: str | os.PathLike[str],
    *,
    signal: str = "",
    model: str = "",
    revision: str = "",
    **options: Any,
) -> Table:
    """Scores a dataset of `ray.data` and writes the table into a Parquet file, which appears whole or not at all.

    `function`, or a class of which each worker makes one, turns a batch into a dict of arrays: `id`, the number of each
    sample, and its scores. `options` are those of `Dataset.map_batches`, such as `batch_size`, `compute` and
    `num_gpus`; rows are sorted by sample, so the table does not depend on them. All rows come together in the memory of
    the caller.

    Raises `TableError` for a sample in two rows; nothing is written then.

    >>> class Scorer:
    ...     def __call__(self, rows):
    ...         return {"id": rows["id"], "length": [len(text) for text in rows["text"]]}
    >>> dataset = ray.data.from_items([{"id": 0, "text": "one"}, {"id": 1, "text": "three"}])  # doctest: +SKIP
    >>> workers = ray.data.ActorPoolStrategy(size=2)  # doctest: +SKIP
    >>> table = score(dataset, Scorer, "scores.parquet", signal="length", compute=workers)  # doctest: +SKIP
    """
    scored = dataset.map_batches(function, **{"batch_format": "numpy", **options})
    blocks = [block for block in ray.get(scored.to_arrow_refs()) if block.num_rows]
    made_by = {"signal": signal, "model": model, "revision": revision}
    rows = pa.concat_tables(blocks or [pa.table({"id": pa.array([], pa.uint64())})])
    table, _ = merge([from_arrow(rows.replace_schema_metadata(made_by))])
    table.write_parquet(path)
    return table
