"""GRPO of TRL whose prompts a curriculum draws; `trl` must be installed.

```python
curriculum = Curriculum(len(dataset), arms=categories, preset="post_training", lag=1)
trainer = CurriculumGRPOTrainer(model, reward, args=config, train_dataset=dataset, curriculum=curriculum)
trainer.train()
```

A draw is a generation: `generation_batch_size / num_generations` prompts. What is reported of each is its group of
rewards, of all processes, weighted and summed as the trainer does; a completion that no reward function scores, or not
that of `success`, is left out, and a group without any is given up. Of a generation that a checkpoint cuts, the steps
that were left are not trained after a resume. `lag`, checkpoints and resuming are as in `curricle.transformers`.
"""

from typing import Any

import torch
from torch.utils.data import Sampler
from trl import GRPOTrainer

from ._errors import ConfigError, UnscoredError
from .transformers import CurriculumMixin

__all__ = ["CurriculumGRPOTrainer"]


class CurriculumGRPOTrainer(CurriculumMixin, GRPOTrainer):
    """A `GRPOTrainer` whose prompts are drawn by `curriculum`.

    `success` names the reward function whose values in [0, 1] say what succeeded; without it the rewards themselves do,
    and have to lie there.
    """

    def __init__(self, *args: Any, success: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if success is not None and success not in self.reward_func_names:
            raise ConfigError(
                f"success: {', '.join(self.reward_func_names)} are known, not {success!r}"
            )
        self.success = success

    def _get_train_sampler(self, dataset: Any = None) -> Sampler[int]:
        args, copies = self.args, self.num_generations
        repeats = self.num_iterations * args.steps_per_generation
        return self._sampler(args.generation_batch_size // copies, repeats, copies, repeats)

    def compute_loss(self, *args: Any, **kwargs: Any) -> Any:
        return GRPOTrainer.compute_loss(self, *args, **kwargs)

    def _calculate_rewards(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        rewards: torch.Tensor = super()._calculate_rewards(*args, **kwargs)
        if self.model.training:
            self._report(rewards)
        return rewards

    def _report(self, rewards: torch.Tensor) -> None:
        """Reports the rewards of all processes: [prompts * generations, functions]."""
        total = (rewards * self.reward_weights.to(rewards)).nansum(dim=1)
        total[rewards.isnan().all(dim=1)] = torch.nan
        fields = {"rewards": total.view(-1, self.num_generations)}
        if self.success is not None:
            won = rewards[:, self.reward_func_names.index(self.success)]
            total[won.isnan()] = torch.nan
            fields["rewards"] = total.view(-1, self.num_generations)
            fields["successes"] = won.nan_to_num(0.0).view(-1, self.num_generations)
        self.sampler.observe_or_lose(UnscoredError, **fields)
