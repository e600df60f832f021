"""Who is served next: everybody in turn, each in the order of asking. Pure."""

from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """Items of several owners. Not thread-safe. Bounded by what each owner may put in."""

    def __init__(self) -> None:
        self._queues: dict[Hashable, deque[T]] = {}

    def push(self, owner: Hashable, item: T) -> None:
        """Put an item behind the others of its owner."""
        self._queues.setdefault(owner, deque()).append(item)

    def pop(self, allowed: Callable[[T], bool]) -> T | None:
        """The first allowed item of the owner who has waited longest; that owner goes to the end.

        None where no item is allowed.
        """
        for owner, queue in self._queues.items():
            for index, item in enumerate(queue):
                if allowed(item):
                    del queue[index]
                    self._to_the_end(owner, queue)
                    return item
        return None

    def drop(self, owner: Hashable, unwanted: Callable[[T], bool]) -> None:
        """Forget the unwanted items of an owner."""
        if owner in self._queues:
            queue = deque(item for item in self._queues[owner] if not unwanted(item))
            if queue:
                self._queues[owner] = queue
            else:
                del self._queues[owner]

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    def _to_the_end(self, owner: Hashable, queue: deque[T]) -> None:
        del self._queues[owner]
        if queue:
            self._queues[owner] = queue
