"""What goes into the model's next step, so that no answer waits for another's long prompt."""

from collections.abc import Sequence


def shares(wanted: Sequence[int], budget: int) -> list[int]:
    """Divide `budget` tokens fairly: nobody gets more than wanted, what one does not need others get.

    A long prompt so never keeps a short one waiting, nor do many short ones a long one.
    """
    granted = [0] * len(wanted)
    hungry = sorted(range(len(wanted)), key=lambda i: wanted[i])
    for done, i in enumerate(hungry):
        granted[i] = min(wanted[i], budget // (len(hungry) - done))
        budget -= granted[i]
    return granted
