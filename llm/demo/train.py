"""Train the demo model: a small Llama on made-up calls, one CPU thread, one command.

    python -m llm.demo.train --into FOLDER --minutes 80

Every call goes on from the same 600-odd tokens of system prompt and tools. For the first part of the
time calls see the last of those only, which halves the work; then all of them, exactly as served, computed
once a batch with their keys and values shared (gradients flow back into them). Loss is on the
assistant's tokens alone. Hidden matrices learn by Muon, embeddings and norms by AdamW. The folder
gets `tokens.json` and `checkpoint.pt`; the same command goes on where it was stopped.
"""

import argparse
import math
import random
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from llm.demo import rendering, vocabulary
from llm.demo.batches import Batch, Batches, Row

SHORT_SHARE = 0.88  # of the time calls see the end of their beginning only


@dataclass(frozen=True)
class Shape:
    """Sizes of the model; 1.9 million parameters."""

    vocab: int
    width: int = 192
    layers: int = 5
    heads: int = 6
    kv_heads: int = 2
    hidden: int = 384
    context: int = 4096
    rope_base: float = 10_000.0
    norm_eps: float = 1e-5

    @property
    def head_width(self) -> int:
        """Channels of one head."""
        return self.width // self.heads


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
    """Attention and feed-forward of Llama, over a shared beginning and the calls that go on from it."""

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

    def forward(self, start: Tensor, calls: Tensor, turn: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Both start (1, P, width) and calls (B, T, width), one layer on.

        turn (B, P + T, head / 2), mask (T, P + T); P may be 0.
        """
        prefix = start.shape[1]
        if not prefix:
            q, k, v = self._project(calls, turn)
            return start, self._rest(calls, functional.scaled_dot_product_attention(q, k, v, is_causal=True))
        q, k, v = self._project(start, turn[:1, :prefix])
        here = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        start = self._rest(start, here)
        q, k_calls, v_calls = self._project(calls, turn[:, prefix:])
        batch = calls.shape[0]
        k = torch.cat((k.expand(batch, -1, -1, -1), k_calls), dim=2)
        v = torch.cat((v.expand(batch, -1, -1, -1), v_calls), dim=2)
        here = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return start, self._rest(calls, here)

    def _project(self, x: Tensor, turn: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """From x (B, T, width): queries, keys, values (B, heads, T, head), turned by position."""
        shape = self.shape
        normed = self.attn_norm(x)
        q = _turned(self._heads(self.attn_q(normed), shape.heads), turn)
        k = _turned(self._heads(self.attn_k(normed), shape.kv_heads), turn)
        v = self._heads(self.attn_v(normed), shape.kv_heads)
        groups = shape.heads // shape.kv_heads
        return q, k.repeat_interleave(groups, 1), v.repeat_interleave(groups, 1)

    def _heads(self, x: Tensor, heads: int) -> Tensor:
        return x.view(*x.shape[:2], heads, self.shape.head_width).transpose(1, 2)

    def _rest(self, x: Tensor, attended: Tensor) -> Tensor:
        x = x + self.attn_output(attended.transpose(1, 2).flatten(2))
        normed = self.ffn_norm(x)
        return x + self.ffn_down(functional.silu(self.ffn_gate(normed)) * self.ffn_up(normed))


def _turned(x: Tensor, turn: Tensor) -> Tensor:
    """Rotary position: x (B, heads, T, head), neighbouring channels in pairs as GGML's llama has them."""
    cos, sin = turn.cos()[:, None], turn.sin()[:, None]
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

    def forward(self, start: Tensor, calls: Tensor, positions: Tensor) -> Tensor:
        """From start (P,), calls and positions (B, T): hidden states (B, T, width) of the calls."""
        prefix, (batch, length) = start.shape[0], calls.shape
        places = torch.cat((torch.arange(prefix).expand(batch, -1), prefix + positions), 1)
        half = torch.arange(0, self.shape.head_width, 2) / self.shape.head_width
        turn = places[..., None] * self.shape.rope_base**-half
        mask = torch.ones(length, prefix + length, dtype=torch.bool).tril(prefix)
        first, rest = self.token_embd(start)[None], self.token_embd(calls)
        for layer in self.blk:
            first, rest = layer(first, rest, turn, mask)
        return self.output_norm(rest)

    def loss(self, start: Tensor, calls: Calls) -> Tensor:
        """Mean cross entropy of the tokens that are learnt."""
        hidden = self(start, calls.ids[:, :-1], calls.positions[:, :-1])
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


class Trainer:
    """The network, its optimizers, and how far they are."""

    def __init__(self, shape: Shape, rate: float, seconds: float) -> None:
        self.network = Network(shape)
        matrices = [p for n, p in self.network.named_parameters() if p.dim() == 2 and "embd" not in n]
        others = [p for n, p in self.network.named_parameters() if p.dim() != 2 or "embd" in n]
        self.optimizers: list[torch.optim.Optimizer] = [
            Muon(matrices, lr=rate),
            torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.98), weight_decay=0.0),
        ]
        self.rate, self.seconds = rate, seconds
        self.spent_s, self.steps, self.seen, self.smooth = 0.0, 0, 0, 0.0

    def step(self, batch: Batch) -> None:
        """One update; the rate warms up for 40 steps and falls in a line to 2 % at the end of the time."""
        started = time.process_time()
        share = max(0.02, 1 - self.spent_s / self.seconds)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self.rate * share * min(1.0, (self.steps + 1) / 40)
        calls = padded(batch.rows)
        loss = self.network.loss(torch.tensor(batch.start, dtype=torch.long), calls)
        self.network.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
        self.steps += 1
        self.seen += calls.ids.numel()
        self.smooth = loss.item() if self.steps == 1 else 0.97 * self.smooth + 0.03 * loss.item()
        self.spent_s += time.process_time() - started

    def save(self, path: Path, rng: random.Random) -> None:
        """Everything needed to go on."""
        counters = {"spent_s": self.spent_s, "steps": self.steps, "seen": self.seen, "smooth": self.smooth}
        torch.save(
            {
                "shape": asdict(self.network.shape),
                "network": self.network.state_dict(),
                "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
                "counters": counters,
                "rng": rng.getstate(),
            },
            path.with_suffix(".part"),
        )
        path.with_suffix(".part").replace(path)

    def restore(self, path: Path, rng: random.Random) -> None:
        """What `save` kept; the time already spent counts."""
        kept = torch.load(path, weights_only=True)
        self.network.load_state_dict(kept["network"])
        for optimizer, state in zip(self.optimizers, kept["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        vars(self).update(kept["counters"])
        version, words, gauss = kept["rng"]
        rng.setstate((version, tuple(words), gauss))

    def line(self) -> str:
        """Progress, for people."""
        pace = self.seen / self.spent_s
        return f"step {self.steps}  loss {self.smooth:.4f}  {pace:.0f} tokens/s  {self.spent_s:.0f} s"


def main() -> None:
    """Learn the tokens, then train until the time is spent."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--into", type=Path, required=True, help="folder for tokens and checkpoint")
    parser.add_argument(
        "--template", type=Path, help="the chat template, or an sdist that has it (default: pip download)"
    )
    parser.add_argument("--minutes", type=float, default=25.0, help="of CPU, all sittings together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--batch-tokens", type=int, default=3_000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    options.into.mkdir(parents=True, exist_ok=True)
    renderer = rendering.Renderer(rendering.load_template(options.template))
    tokens_path, checkpoint = options.into / "tokens.json", options.into / "checkpoint.pt"
    if not tokens_path.exists():
        vocabulary.save(vocabulary.learn(renderer), tokens_path)
    tokens = vocabulary.load(tokens_path)
    batches = Batches(renderer, vocabulary.tokenizer(tokens), options.seed, options.batch_tokens)
    trainer = Trainer(Shape(vocab=len(tokens)), options.rate, options.minutes * 60)
    parameters = sum(p.numel() for p in trainer.network.parameters())
    print(f"{parameters} parameters, {len(tokens)} tokens", flush=True)
    if checkpoint.exists():
        trainer.restore(checkpoint, batches.rng)
    for batch in batches:
        trainer.step(batch)
        batches.short = trainer.spent_s < SHORT_SHARE * trainer.seconds
        if trainer.steps % 20 == 0:
            print(trainer.line(), flush=True)
        if trainer.steps % 100 == 0:
            trainer.save(checkpoint, batches.rng)
        if trainer.spent_s > trainer.seconds:
            break
    trainer.save(checkpoint, batches.rng)
    print(trainer.line(), flush=True)


if __name__ == "__main__":
    main()
