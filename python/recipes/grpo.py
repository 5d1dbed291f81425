"""GRPO with TRL of a tiny model on a processor: a curriculum against uniform draws, at equal completions.

    python recipes/grpo.py [--steps 60] [--seeds 3]

A prompt is a letter, the reward is whether the completion has that letter in it. One family of prompts in three can be
learned; the letters of another are not in the vocabulary, and a third is solved by whatever is said. What is printed is
the pass rate of the family that can be learned, before and after, and where the prompts went.
"""

import argparse
import tempfile
from typing import Any

import datasets
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers
from trl import GRPOConfig

from curricle import Curriculum
from curricle.trl import CurriculumGRPOTrainer

LETTERS = "abcdefgh"
FAMILIES = ["learnable", "impossible", "solved"]
PROMPTS = 96


def tokenizer() -> Any:
    words = ["<pad>", "<eos>", "<unk>", *LETTERS, "?", "!", "="]
    made = Tokenizer(models.WordLevel({word: k for k, word in enumerate(words)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    special = {"pad_token": "<pad>", "eos_token": "<eos>", "unk_token": "<unk>"}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, padding_side="left", **special)


def language_model(seed: int) -> Any:
    torch.manual_seed(seed)
    sizes = {"vocab_size": 14, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    special = {"pad_token_id": 0, "eos_token_id": 1, "bos_token_id": None}
    config = transformers.LlamaConfig(
        **sizes, **special, num_attention_heads=4, max_position_embeddings=32
    )
    return transformers.LlamaForCausalLM(config)


def rows() -> Any:
    family = [FAMILIES[k % 3] for k in range(PROMPTS)]
    letter = [LETTERS[(k // 3) % len(LETTERS)] for k in range(PROMPTS)]
    mark = {"learnable": "=", "impossible": "?", "solved": "!"}
    prompts = [f"{a}{mark[f]}" for a, f in zip(letter, family, strict=True)]
    return datasets.Dataset.from_dict({"prompt": prompts, "letter": letter, "family": family})


def reward(completions: list[str], letter: list[str], family: list[str], **_: Any) -> list[float]:
    seen = zip(completions, letter, family, strict=True)
    return [float(f == "solved" or (f == "learnable" and a in text)) for text, a, f in seen]


def pass_rate(model: Any, tokens: Any) -> float:
    """How often 32 completions of each learnable prompt have the letter."""
    model.eval()
    torch.manual_seed(0)
    prompts = [f"{letter}=" for letter in LETTERS for _ in range(32)]
    given = tokens(prompts, return_tensors="pt")["input_ids"]
    said = model.generate(given, max_new_tokens=4, do_sample=True, pad_token_id=0)
    texts = tokens.batch_decode(said[:, given.shape[1] :])
    return sum(prompt[0] in text for prompt, text in zip(prompts, texts, strict=True)) / len(prompts)


def run(policy: str, seed: int, steps: int) -> dict[str, Any]:
    """Trains and says the pass rates before and after and the share of prompts by family."""
    dataset = rows()
    start: dict[str, Any] = {"preset": "post_training"} if policy == "curriculum" else {}
    curriculum = Curriculum(
        PROMPTS, arms=dataset["family"], arm_names=FAMILIES, lag=1, seed=seed, **start
    )
    model, tokens = language_model(seed), tokenizer()
    with tempfile.TemporaryDirectory() as folder:
        config = GRPOConfig(
            output_dir=folder,
            use_cpu=True,
            report_to=[],
            disable_tqdm=True,
            logging_strategy="no",
            save_strategy="no",
            per_device_train_batch_size=48,
            num_generations=8,
            max_completion_length=4,
            max_steps=steps,
            learning_rate=1e-2,
            seed=seed,
        )
        before = pass_rate(model, tokens)
        CurriculumGRPOTrainer(
            model,
            reward,
            args=config,
            train_dataset=dataset,
            processing_class=tokens,
            curriculum=curriculum,
        ).train()
    drawn = curriculum.arm_metrics()["drawn"]
    shares = dict(zip(FAMILIES, (drawn / drawn.sum()).round(2).tolist(), strict=True))
    return {"before": before, "after": pass_rate(model, tokens), "drawn": shares}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    print("             seed  before   after   share of prompts")
    for seed in range(options.seeds):
        for policy in ("uniform", "curriculum"):
            found = run(policy, seed, options.steps)
            print(
                f"{policy:>12} {seed:>4}  {found['before']:>6.1%}  {found['after']:>6.1%}   {found['drawn']}"
            )


if __name__ == "__main__":
    main()
