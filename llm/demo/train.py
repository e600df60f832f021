"""Train the demo model: a small Llama on made-up calls, two CPU cores, one command.

    python -m llm.demo.train --into FOLDER

Two processes learn, each from its own half of a step's calls, and share their weights: one thread each
gets 2.5 times as much out of a core as two threads in one process do, since the matrices are small. Every
call goes on from the same 700-odd tokens of system prompt and tools. At first calls are short, and see the
last of those tokens only, which halves the work; at the end all of them, exactly as served, computed once a
batch with their keys and values shared (gradients flow back into them). Loss is on the assistant's tokens
alone. Hidden matrices learn by Muon, embeddings and norms by AdamW. The schedule counts steps, so the
model does not depend on how busy the machine is. The folder gets `tokens.json` and `checkpoint.pt`; the
same command goes on where it was stopped.
"""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, multiprocessing

from llm.demo import rendering, vocabulary
from llm.demo.batches import Batch, Batches
from llm.demo.muon import Muon
from llm.demo.network import Network, Shape, padded

STEPS = 2_800
SHORT_SHARE = 0.9  # of the steps see the end of the calls' beginning only
EASY_SHARE = (
    0.15  # of the steps have calls of two turns at most: copying is learnt from those, and they are cheap
)
MOST_TURNS = 6
SHARES = 2  # of a step's calls, each computed by its own process


@dataclass(frozen=True)
class Recipe:
    """All that decides what the model becomes."""

    seed: int = 1
    steps: int = STEPS
    rate: float = 5e-3
    share_tokens: int = 1_300

    def rate_at(self, step: int) -> float:
        """Warms up for 40 steps and falls in a line to 2 %."""
        return self.rate * max(0.02, 1 - step / self.steps) * min(1.0, (step + 1) / 40)

    def batch(self, batches: Batches, step: int, share: int) -> Batch:
        """The calls of one step that one process learns from."""
        most_turns = 2 if step < EASY_SHARE * self.steps else MOST_TURNS
        return batches.batch(step, share, most_turns, short=step < SHORT_SHARE * self.steps)


class Learner:
    """One process's half of each step: gradients of its own calls."""

    def __init__(self, network: Network, batches: Batches, recipe: Recipe, share: int) -> None:
        self.network, self.recipe, self.share = network, recipe, share
        self._batches = batches

    def learn(self, step: int) -> tuple[float, int]:
        """Leaves gradients in the network; (loss, tokens)."""
        batch = self.recipe.batch(self._batches, step, self.share)
        calls = padded(batch.rows)
        loss = self.network.loss(torch.tensor(batch.start, dtype=torch.long), calls)
        self.network.zero_grad(set_to_none=True)
        loss.backward()
        return loss.item(), calls.ids.numel()


class Shared(NamedTuple):
    """What both processes see: gradients and CPU time of the second, and where they meet twice a step."""

    gradients: list[Tensor]
    spent_s: Tensor
    barrier: Any


def second_process(learner: Learner, shared: Shared, first_step: int) -> None:
    """Learns from the second half of the calls, with the weights of the first process.

    Where it fails, the first process is told: its wait ends with BrokenBarrierError.
    """
    torch.set_num_threads(1)
    try:
        for step in range(first_step, learner.recipe.steps):
            learner.learn(step)
            for gradient, weight in zip(shared.gradients, learner.network.parameters(), strict=True):
                gradient.copy_(weight.grad)
            shared.spent_s.fill_(time.process_time())
            shared.barrier.wait()  # the gradients are there
            shared.barrier.wait()  # the weights are new
    except BaseException:
        shared.barrier.abort()
        raise


class Trainer:
    """The network, its optimizers, and how far they are."""

    def __init__(self, learner: Learner, helper: Learner) -> None:
        self.learner, self._helper = learner, helper
        named = list(learner.network.named_parameters())
        matrices = [p for n, p in named if p.dim() == 2 and "embd" not in n]
        others = [p for n, p in named if p.dim() != 2 or "embd" in n]
        rate = learner.recipe.rate
        self.optimizers: list[torch.optim.Optimizer] = [
            Muon(matrices, lr=rate),
            torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.98), weight_decay=0.0),
        ]
        self.steps, self.seen, self.smooth, self.spent_s = 0, 0, 0.0, 0.0

    @contextmanager
    def helped(self) -> Iterator[Shared]:
        """A second process that learns with this one."""
        weights = list(self.learner.network.parameters())
        gradients = [torch.zeros_like(weight).share_memory_() for weight in weights]
        context = multiprocessing.get_context("spawn")
        shared = Shared(gradients, torch.zeros(1, dtype=torch.float64).share_memory_(), context.Barrier(2))
        process = context.Process(target=second_process, args=(self._helper, shared, self.steps), daemon=True)
        process.start()
        try:
            yield shared
        finally:
            process.terminate()
            process.join()

    def step(self, shared: Shared) -> None:
        """One update with the mean of both processes' gradients."""
        rate = self.learner.recipe.rate_at(self.steps)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
        loss, tokens = self.learner.learn(self.steps)
        shared.barrier.wait()
        for weight, other in zip(self.learner.network.parameters(), shared.gradients, strict=True):
            weight.grad.lerp_(other, 0.5)
        for optimizer in self.optimizers:
            optimizer.step()
        self.smooth = loss if not self.steps else 0.97 * self.smooth + 0.03 * loss
        self.steps += 1
        self.seen += SHARES * tokens
        shared.barrier.wait()

    def save(self, path: Path, spent_s: float) -> None:
        """Everything needed to go on."""
        counters = {"steps": self.steps, "seen": self.seen, "smooth": self.smooth, "spent_s": spent_s}
        kept = {
            "shape": asdict(self.learner.network.shape),
            "network": self.learner.network.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "counters": counters,
        }
        torch.save(kept, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)

    def line(self, spent_s: float, wall_s: float) -> str:
        """Progress, for people."""
        minutes = f"{spent_s / 60:.1f} core-minutes  {wall_s / 60:.1f} minutes"
        return f"step {self.steps}  loss {self.smooth:.4f}  {self.seen} tokens  {minutes}"

    def restore(self, path: Path) -> None:
        """What `save` kept."""
        kept = torch.load(path, weights_only=True)
        self.learner.network.load_state_dict(kept["network"])
        for optimizer, state in zip(self.optimizers, kept["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        vars(self).update(kept["counters"])


def begin(recipe: Recipe, renderer: rendering.Renderer, tokens: list[str], shape: Shape) -> Trainer:
    """A network that has learnt nothing, and all that it needs to learn."""
    torch.set_num_threads(1)
    torch.manual_seed(recipe.seed)
    network = Network(shape).share_memory()
    learners: list[Learner] = []
    for share in range(SHARES):
        batches = Batches(renderer, vocabulary.tokenizer(tokens), recipe.seed, recipe.share_tokens)
        learners.append(Learner(network, batches, recipe, share))
    return Trainer(*learners)


def train(
    recipe: Recipe, renderer: rendering.Renderer, tokens: list[str], shape: Shape, checkpoint: Path
) -> None:
    """All steps that the checkpoint lacks; prints how it goes."""
    trainer = begin(recipe, renderer, tokens, shape)
    if checkpoint.exists():
        trainer.restore(checkpoint)
    before_s, began = trainer.spent_s - time.process_time(), time.monotonic()
    with trainer.helped() as shared:
        while trainer.steps < recipe.steps:
            trainer.step(shared)
            spent_s = before_s + time.process_time() + shared.spent_s.item()
            last = trainer.steps == recipe.steps
            if trainer.steps % 20 == 0 or last:
                print(trainer.line(spent_s, time.monotonic() - began), flush=True)
            if trainer.steps % 100 == 0 or last:
                trainer.save(checkpoint, spent_s)


def main() -> None:
    """Learn the tokens, then train."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--into", type=Path, required=True, help="folder for tokens and checkpoint")
    parser.add_argument(
        "--template", type=Path, help="the chat template, or an sdist that has it (default: pip download)"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=STEPS)
    options = parser.parse_args()
    options.into.mkdir(parents=True, exist_ok=True)
    renderer = rendering.Renderer(rendering.load_template(options.template))
    tokens_path = options.into / "tokens.json"
    if not tokens_path.exists():
        vocabulary.save(vocabulary.learn(renderer), tokens_path)
    tokens = vocabulary.load(tokens_path)
    recipe = Recipe(seed=options.seed, steps=options.steps)
    train(recipe, renderer, tokens, Shape(vocab=len(tokens)), options.into / "checkpoint.pt")


if __name__ == "__main__":
    main()
