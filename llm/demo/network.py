"""The demo model in torch: a Llama whose calls share one beginning, so that it is computed once."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from llm.demo.batches import Row


@dataclass(frozen=True)
class Shape:
    """Sizes of the model; 1.8 million parameters."""

    vocab: int
    width: int = 192
    layers: int = 4
    heads: int = 4
    kv_heads: int = 2
    hidden: int = 448
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
