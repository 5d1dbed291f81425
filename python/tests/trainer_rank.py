"""One of the processes of a data-parallel training by `CurriculumTrainer`; prints what it came to as JSON.

python -m torch.distributed.run --nproc-per-node 2 trainer_rank.py FOLDER
"""

import json
import os
import sys
from typing import Any

import datasets
import torch
import transformers
from tiny import language_model

from curricle import Curriculum
from curricle.transformers import CurriculumTrainer

SAMPLES = 48


def main(folder: str) -> None:
    tokens = [[k % 20 + 3, k // 20 + 3, 5, 6] for k in range(SAMPLES)]
    data = datasets.Dataset.from_dict({"input_ids": tokens, "labels": tokens})
    curriculum = Curriculum(
        SAMPLES,
        arms=4,
        policy="boltzmann",
        signal={"reported": {"field": "loss"}},
        seed=11,
        lag=1,
    )
    args = transformers.TrainingArguments(
        output_dir=folder,
        use_cpu=True,
        report_to=[],
        disable_tqdm=True,
        save_strategy="no",
        logging_strategy="no",
        seed=5,
        learning_rate=1e-2,
        max_steps=6,
        per_device_train_batch_size=2,
        gradient_accumulation_steps=2,
    )
    trainer = CurriculumTrainer(
        model=language_model(), args=args, train_dataset=data, curriculum=curriculum
    )
    seen: list[list[int]] = []
    inner = trainer.compute_loss

    def watched(model: Any, inputs: Any, *more: Any, **options: Any) -> Any:
        seen.append([tokens.index(row) for row in inputs["input_ids"].tolist()])
        return inner(model, inputs, *more, **options)

    trainer.compute_loss = watched  # type: ignore[method-assign]
    trainer.train()
    found = {
        "digest": curriculum.digest,
        "counts": curriculum.counts(),
        "seen": seen,
        "pending": len(trainer.sampler.pending),
    }
    print("found " + json.dumps(found), flush=True)
    torch.distributed.destroy_process_group()
    # Threads of PyTorch may still let tensors go when the interpreter ends, which aborts.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
