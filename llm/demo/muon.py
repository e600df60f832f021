"""The optimizer of the demo model's matrices."""

import math

import torch
from torch import Tensor, nn


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
