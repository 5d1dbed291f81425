"""Trainers of verl whose prompts a curriculum draws; `verl` must be installed, of which this knows 0.9.1.

Those are the trainers of `trainer.use_v1`, the default. All is named in the configuration:

```sh
python -m verl.trainer.main_ppo \\
  data.custom_cls.path=pkg://curricle.verl data.custom_cls.name=CurriculumDataset \\
  data.dataloader_num_workers=0 \\
  '+data.curriculum={preset: post_training, arms: data_source, seed: 7}' \\
  trainer.v1.sampler.custom_sampler.path=pkg://curricle.verl \\
  trainer.v1.sampler.custom_sampler.name=CurriculumReplayBuffer ...
```

A draw is what the trainer fetches at once, `data.gen_batch_size` prompts or else `data.train_batch_size`. What is reported
of a prompt is its group of rewards, when it leaves the replay buffer: to be trained on, filtered out, too old, left over.
Rewards have to lie in [0, 1], or else `+trainer.v1.sampler.sampler_kwargs.success=acc` names what does so of the
`reward_extra_info` of the reward function. A group without any reward is given up. The state is in `data.pt` of each
checkpoint; of asynchronous trainers the prompts in flight go on with the tickets that they were drawn with.

**One at a time.** With `algorithm.filter_groups`, with `sync_refill_failed_groups` and in the asynchronous modes, whose
buffer is `CurriculumReplayBufferAsync`, verl fetches prompts one by one. The curriculum then wants the pace of arrival
and no sample twice in flight: `pace: {arrival: {}}, exclude_in_flight: true`.

**Limits.** What is trained on is for verl to say: the gate of the curriculum decides what it learns, its loss weights are
not used. Rewards have to be there when a group is sampled, as for `filter_groups`: a reward model that shares the GPUs of
the trainer comes too late. A curriculum that ends, by `stop`, ends the run with a `FinishedError`.
"""

from collections.abc import Iterable
from typing import Any

import transfer_queue as tq
from omegaconf import OmegaConf
from verl.trainer.ppo.v1.replay_buffer import ReplayBuffer, ReplayBufferAsync
from verl.utils.dataset.rl_dataset import RLHFDataset

from ._core import Curriculum
from ._errors import ConfigError, LateTicketError, UnscoredError

__all__ = ["CurriculumDataset", "CurriculumReplayBuffer", "CurriculumReplayBufferAsync"]

#: The column that goes with a prompt through its rollouts.
TICKET = "curriculum_ticket"


class CurriculumDataset(RLHFDataset):
    """The data set of verl, whose rows are drawn by `curriculum` where it is that of `data.train_files`."""

    curriculum: Curriculum | None = None

    def __init__(self, data_files: Any, tokenizer: Any, config: Any, **more: Any) -> None:
        if config.dataloader_num_workers != 0:
            raise ConfigError("data.dataloader_num_workers: 0, a curriculum is in one process only")
        if config.train_files == config.val_files:
            raise ConfigError("data.val_files: other files than data.train_files, which are drawn from")
        super().__init__(data_files=data_files, tokenizer=tokenizer, config=config, **more)
        if data_files == config.train_files:
            self.curriculum = self.build()

    def build(self) -> Curriculum:
        """The curriculum: its keywords are those of `data.curriculum`, but that `arms` is a column. To be overridden."""
        options: Any = OmegaConf.to_container(OmegaConf.create(self.config.get("curriculum") or {}))
        arms = options.pop("arms", None)
        return Curriculum(len(self), arms=arms and list(self.dataframe[arms]), **options)

    def __getitems__(self, items: list[int]) -> list[dict[str, Any]]:
        if self.curriculum is None:
            return [self[item] for item in items]
        batch = self.curriculum.draw(len(items))
        drawn = zip(batch.samples.tolist(), batch.tickets.tolist(), strict=True)
        return [{**self[sample], TICKET: ticket} for sample, ticket in drawn]

    def state_dict(self) -> dict[str, Any]:
        return {} if self.curriculum is None else self.curriculum.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if self.curriculum is not None:
            self.curriculum.load_state_dict(state)


class _Reporting:
    """Before a replay buffer of verl: a group is reported when it leaves the buffer, for whatever reason."""

    partitions: dict[str, dict[str, Any]]
    trainer_mode: str

    def __init__(self, *, refill_fn: Any, sampler_kwargs: Any, **options: Any) -> None:
        self.trainer, self.success = refill_fn.__self__, sampler_kwargs.get("success")
        config = self.trainer.config
        # What a trainer tells the buffers of verl, but not those of others.
        metric = self.trainer._resolve_filter_groups_metric()
        is_refilled = bool(config.trainer.v1.sampler.get("sync_refill_failed_groups", False))
        filtering, size = config.algorithm.get("filter_groups") or {}, config.data.train_batch_size
        options.update(
            filter_groups_metric=metric,
            train_batch_size=size,
            gen_batch_size=1 if metric or is_refilled else config.data.get("gen_batch_size") or size,
            max_inflight_gen_batches=filtering.get("max_inflight_gen_batches", 1),
            sync_refill_failed_groups=is_refilled,
        )
        super().__init__(refill_fn=refill_fn, sampler_kwargs=sampler_kwargs, **options)  # type: ignore[call-arg]

    @property
    def curriculum(self) -> Curriculum:
        found: Curriculum | None = getattr(self.trainer.train_dataset, "curriculum", None)
        if found is None:
            raise ConfigError("data.custom_cls: a CurriculumDataset, whose draws this buffer reports")
        return found

    def sample(self, global_steps: int, partition_id: str, batch_size: int) -> tuple[Any, Any]:
        batch, metrics = super().sample(global_steps, partition_id, batch_size)  # type: ignore[misc]
        if partition_id != "val":
            if self.trainer_mode == "sync":
                self._lose()  # Nothing is in flight any more.
            self.curriculum.set_version(global_steps)
            seen = self.curriculum.metrics().items()
            metrics.update({f"curriculum/{k.removeprefix('curriculum/')}": v for k, v in seen})
        return batch, metrics

    def _clear_groups(self, partition_id: str, uids: set[str]) -> None:
        self._report(partition_id, uids)
        super()._clear_groups(partition_id, uids)  # type: ignore[misc]

    def _materialize_batch(self, partition_id: str, uids: list[str], *more: Any) -> Any:
        self._report(partition_id, set(uids))
        return super()._materialize_batch(partition_id, uids, *more)  # type: ignore[misc]

    def _report(self, partition_id: str, uids: set[str]) -> None:
        """Reports groups. The keys of their outputs are `uid_session_output`; of a session the last output counts."""
        if partition_id == "val":
            return
        curriculum = self.curriculum
        keys = [key for key in self.partitions[partition_id] if key.split("_")[0] in uids]
        keys.sort(key=lambda key: [int(number) for number in key.split("_")[1:]])
        last = {key.rpartition("_")[0]: key for key in keys}
        groups: dict[int, list[Any]] = {}
        names = [TICKET, "rm_scores", "extra_fields"][: 2 if self.success is None else 3]
        for ticket, *seen in self._read(partition_id, last.values(), names):
            groups.setdefault(ticket, []).append(seen)
        fields: dict[str, Any] = {}
        fields["rewards"] = [[float(seen[0].sum()) for seen in group] for group in groups.values()]
        if self.success is not None:
            said = [[seen[1]["reward_extra_info"] for seen in group] for group in groups.values()]
            fields["successes"] = [[float(info[self.success]) for info in group] for group in said]
        for error in curriculum.observe(list(groups), **fields).errors.values():
            if not isinstance(error, UnscoredError | LateTicketError):
                raise error
        done = set(groups)
        if self.trainer_mode != "sync":  # Prompts have their tickets there, too, whatever came of them.
            done.update(ticket for (ticket,) in self._read(partition_id, uids, [TICKET]))
        self._lose(done)

    def _read(self, partition_id: str, keys: Iterable[str], names: list[str]) -> list[Any]:
        if not (keys := list(keys)):
            return []
        data = tq.kv_batch_get(keys=keys, partition_id=partition_id, select_fields=names)
        return list(zip(*(list(data[name]) for name in names), strict=True))

    def _lose(self, tickets: set[int] | None = None) -> None:
        """Gives up those of the tickets that are open still, or all that are."""
        unfinished = self.curriculum.unfinished()
        still = [ticket for batch in unfinished for ticket in batch.tickets.tolist()]
        if lost := [ticket for ticket in still if tickets is None or ticket in tickets]:
            self.curriculum.lose(lost)


class CurriculumReplayBuffer(_Reporting, ReplayBuffer):
    """The replay buffer of the synchronous trainer, filters and all, which reports to the curriculum."""


class CurriculumReplayBufferAsync(_Reporting, ReplayBufferAsync):
    """The replay buffer of the asynchronous trainers, filters and all, which reports to the curriculum."""
