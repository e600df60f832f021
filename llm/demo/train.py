"""Train the demo model: a small Llama on made-up calls, two CPU cores, one command (`--into FOLDER`).

Two processes learn, each from its own half of a step's calls, and share their weights: one process of two
threads got a fifth as much done, since the matrices are small. Loss is on the assistant's tokens alone.
Hidden matrices learn by Muon, embeddings and norms by AdamW. The schedule counts steps, so the model does
not depend on how busy the machine is; the same command goes on where it was stopped.
"""

import argparse
import math
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, multiprocessing, nn
from torch.nn import functional

from llm.demo import vocabulary
from llm.demo.batches import Batches, Row
from llm.demo.recipe import SHARES, STEPS, Recipe, Shape
from llm.demo.rendering import Renderer

PATIENCE_S = 600
"""A process whose other half was killed ends after this time, instead of waiting for ever."""


class Calls(NamedTuple):
    """Token ids, marks and positions (B, T) of a batch's calls; padding is not learnt."""

    ids: Tensor
    learnt: Tensor
    positions: Tensor


def padded(rows: list[Row]) -> Calls:
    """Rows of unlike length side by side."""
    shape = (len(rows), max(len(row.ids) for row in rows))
    calls = Calls(
        torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.bool), torch.zeros(shape)
    )
    for index, row in enumerate(rows):
        for whole, part in zip(calls, row, strict=True):
            whole[index, : len(part)] = torch.tensor(part)
    return calls


class Norm(nn.Module):
    """Root-mean-square norm."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(shape.width))
        self.eps = shape.norm_eps

    def forward(self, x: Tensor) -> Tensor:
        """Any x (..., width) -> the same shape."""
        return functional.rms_norm(x, self.weight.shape, self.weight, self.eps)


class Layer(nn.Module):
    """Attention and feed-forward of Llama."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        kv_width = shape.kv_heads * shape.head_width
        self.attn_norm, self.ffn_norm = Norm(shape), Norm(shape)
        self.attn_q = nn.Linear(shape.width, shape.width, bias=False)
        self.attn_k = nn.Linear(shape.width, kv_width, bias=False)
        self.attn_v = nn.Linear(shape.width, kv_width, bias=False)
        self.attn_output = nn.Linear(shape.width, shape.width, bias=False)
        self.ffn_gate = nn.Linear(shape.width, shape.hidden, bias=False)
        self.ffn_up = nn.Linear(shape.width, shape.hidden, bias=False)
        self.ffn_down = nn.Linear(shape.hidden, shape.width, bias=False)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
        """From x (B, T, width), one layer on; turn: cosines and sines (B, 1, T, head / 2)."""
        shape = self.shape
        normed = self.attn_norm(x)
        q = _turned(self._heads(self.attn_q(normed), shape.heads), turn)
        k = _turned(self._heads(self.attn_k(normed), shape.kv_heads), turn)
        v = self._heads(self.attn_v(normed), shape.kv_heads)
        groups = shape.heads // shape.kv_heads
        k, v = k.repeat_interleave(groups, 1), v.repeat_interleave(groups, 1)
        attended = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.attn_output(attended.transpose(1, 2).flatten(2))
        normed = self.ffn_norm(x)
        return x + self.ffn_down(functional.silu(self.ffn_gate(normed)) * self.ffn_up(normed))

    def _heads(self, x: Tensor, heads: int) -> Tensor:
        return x.view(*x.shape[:2], heads, self.shape.head_width).transpose(1, 2)


def _turned(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Rotary position: x (B, heads, T, head), neighbouring channels in pairs as GGML's llama has them."""
    cos, sin = turn
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1).flatten(-2)


class Network(nn.Module):
    """The whole model; the embedding is the output's matrix too."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.token_embd = nn.Embedding(shape.vocab, shape.width)
        self.blk = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.output_norm = Norm(shape)
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                last = name.endswith(("attn_output.weight", "ffn_down.weight"))
                nn.init.normal_(weight, std=0.02 / math.sqrt(2 * shape.layers) if last else 0.02)

    def forward(self, ids: Tensor, positions: Tensor) -> Tensor:
        """From ids and positions (B, T): hidden states (B, T, width)."""
        half = torch.arange(0, self.shape.head_width, 2) / self.shape.head_width
        turn = positions[:, None, :, None] * self.shape.rope_base**-half
        turned = turn.cos(), turn.sin()
        x = self.token_embd(ids)
        for layer in self.blk:
            x = layer(x, turned)
        return self.output_norm(x)

    def loss(self, calls: Calls) -> Tensor:
        """Mean cross entropy of the tokens that are learnt."""
        hidden = self(calls.ids[:, :-1], calls.positions[:, :-1])
        marked = calls.learnt[:, 1:]
        logits = hidden[marked] @ self.token_embd.weight.T
        return functional.cross_entropy(logits, calls.ids[:, 1:][marked])


class Muon(torch.optim.Optimizer):
    """Momentum with the update's singular values made equal (Newton-Schulz, five rounds, Jordan et al. 2024).

    The update is scaled to twice AdamW's usual size (0.2 a weight), so that both take one rate. Torch's own
    Muon works in bfloat16, which took half of a step's time on a CPU without it.
    """

    def __init__(self, matrices: list[nn.Parameter], lr: float) -> None:
        super().__init__(matrices, {"lr": lr, "momentum": 0.95, "weight_decay": 0.05})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One update of every matrix."""
        for group in self.param_groups:
            for matrix in group["params"]:
                mean = self.state[matrix].setdefault("mean", torch.zeros_like(matrix))
                mean.lerp_(matrix.grad, 1 - group["momentum"])
                update = _orthogonal(matrix.grad.lerp(mean, group["momentum"]))
                matrix.mul_(1 - group["lr"] * group["weight_decay"])
                matrix.add_(update, alpha=-group["lr"] * 0.4 * math.sqrt(max(matrix.shape)))


def _orthogonal(matrix: Tensor) -> Tensor:
    """The nearest matrix with singular values near 1; coefficients of Jordan et al."""
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    x = wide / (wide.norm() + 1e-7)
    for _ in range(5):
        square = x @ x.T
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return x if wide is matrix else x.T


class Learner:
    """One process's half of each step: gradients of its own calls."""

    def __init__(self, network: Network, batches: Batches, recipe: Recipe, share: int) -> None:
        self.network, self.recipe, self.share = network, recipe, share
        self._batches = batches

    def task(self) -> dict[str, Any]:
        """What must be the same for a training to go on; of the corpus and the tokens, its last calls."""
        calls = [row.ids for row in self.recipe.batch(self._batches, self.recipe.steps - 1, self.share)]
        shape = asdict(self.network.shape)
        return {"recipe": asdict(self.recipe), "shape": shape, "calls": zlib.crc32(repr(calls).encode())}

    def learn(self, step: int) -> tuple[float, int]:
        """Leaves gradients in the network; (loss, tokens)."""
        calls = padded(self.recipe.batch(self._batches, step, self.share))
        loss = self.network.loss(calls)
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
        self._task = learner.task()

    @contextmanager
    def helped(self) -> Iterator[Shared]:
        """A second process that learns with this one."""
        gradients = [torch.zeros_like(p).share_memory_() for p in self.learner.network.parameters()]
        context = multiprocessing.get_context("spawn")
        shared = Shared(
            gradients,
            torch.zeros(1, dtype=torch.float64).share_memory_(),
            context.Barrier(2, timeout=PATIENCE_S),
        )
        process = context.Process(target=second_process, args=(self._helper, shared, self.steps), daemon=True)
        process.start()
        try:
            yield shared
        finally:
            process.terminate()
            process.join()

    def step(self, shared: Shared) -> None:
        """One update with the mean of both processes' gradients."""
        for group in (group for optimizer in self.optimizers for group in optimizer.param_groups):
            group["lr"] = self.learner.recipe.rate_at(self.steps)
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
        kept = {
            "task": self._task,
            "shape": asdict(self.learner.network.shape),
            "network": self.learner.network.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "counters": {"steps": self.steps, "seen": self.seen, "smooth": self.smooth, "spent_s": spent_s},
        }
        torch.save(kept, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)

    def line(self, spent_s: float, wall_s: float) -> str:
        """Progress, for people."""
        minutes = f"{spent_s / 60:.1f} core-minutes  {wall_s / 60:.1f} minutes"
        return f"step {self.steps}  loss {self.smooth:.4f}  {self.seen} tokens  {minutes}"

    def restore(self, path: Path) -> None:
        """What `save` kept. Raises ValueError where that was another training."""
        kept = torch.load(path, weights_only=True)
        if kept.get("task") != self._task:
            raise ValueError(
                f"{path.parent} holds a training by another recipe or corpus: remove that folder"
            )
        self.learner.network.load_state_dict(kept["network"])
        for optimizer, state in zip(self.optimizers, kept["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        vars(self).update(kept["counters"])


def begin(recipe: Recipe, renderer: Renderer, tokens: list[str], shape: Shape) -> Trainer:
    """A network that has learnt nothing, and all that it needs to learn."""
    torch.set_num_threads(1)
    torch.manual_seed(recipe.seed)
    network = Network(shape).share_memory()
    learners: list[Learner] = []
    for share in range(SHARES):
        batches = Batches(renderer, vocabulary.tokenizer(tokens), recipe.seed, recipe.share_tokens)
        learners.append(Learner(network, batches, recipe, share))
    return Trainer(*learners)


def train(recipe: Recipe, renderer: Renderer, tokens: list[str], shape: Shape, checkpoint: Path) -> None:
    """All steps that the checkpoint lacks; prints how it goes."""
    trainer = begin(recipe, renderer, tokens, shape)
    if checkpoint.exists():
        trainer.restore(checkpoint)
    before_s, began = trainer.spent_s - time.process_time(), time.monotonic()
    with trainer.helped() as shared:
        while trainer.steps < recipe.steps:
            trainer.step(shared)
            spent_s = before_s + time.process_time() + shared.spent_s.item()
            if trainer.steps % 20 == 0:
                print(trainer.line(spent_s, time.monotonic() - began), flush=True)
            if trainer.steps % 100 == 0 or trainer.steps == recipe.steps:
                trainer.save(checkpoint, spent_s)


def main() -> None:
    """Learn the tokens, then train."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--into", type=Path, required=True, help="folder for tokens and checkpoint")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=STEPS)
    options = parser.parse_args()
    options.into.mkdir(parents=True, exist_ok=True)
    renderer = Renderer()
    tokens_path, checkpoint = options.into / "tokens.json", options.into / "checkpoint.pt"
    if not checkpoint.exists():
        vocabulary.save(vocabulary.learn(renderer), tokens_path)
    tokens = vocabulary.load(tokens_path)
    recipe, shape = Recipe(seed=options.seed, steps=options.steps), Shape(vocab=len(tokens))
    try:
        train(recipe, renderer, tokens, shape, checkpoint)
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
