"""How classes are laid out: chunks of 32 classes, the last with as many lanes as are enough, in steps of four."""

from dataclasses import dataclass

WIDTH = 32  # lanes of every chunk but the last; a row is two cache lines
STEP = 4  # all lanes are multiples of it


@dataclass(frozen=True)
class Chunks:
    """The chunks for so many classes. Lanes beyond the last class hold zeros."""

    n_classes: int

    @property
    def count(self) -> int:
        """Number of chunks."""
        return -(-self.n_classes // WIDTH)

    @property
    def tail(self) -> int:
        """Lanes of the last chunk."""
        last = self.n_classes - WIDTH * (self.count - 1)
        return -(-last // STEP) * STEP

    @property
    def lanes(self) -> tuple[int, ...]:
        """Lanes of each chunk."""
        return (*(WIDTH,) * (self.count - 1), self.tail)
