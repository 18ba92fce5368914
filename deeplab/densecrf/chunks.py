"""How classes are laid out: chunks of 16 classes, the last of 8 where that is enough."""

from dataclasses import dataclass

WIDE, NARROW = 16, 8  # lanes; a wide row of float32 fills a cache line


@dataclass(frozen=True)
class Chunks:
    """The chunks for so many classes. Lanes beyond the last class hold zeros."""

    n_classes: int

    @property
    def lanes(self) -> tuple[int, ...]:
        """Lanes of each chunk, wide ones first."""
        n_wide, rest = divmod(self.n_classes, WIDE)
        if rest == 0:
            return (WIDE,) * n_wide
        return (*(WIDE,) * n_wide, NARROW if rest <= NARROW else WIDE)

    @property
    def n_wide(self) -> int:
        """Number of chunks of 16 lanes."""
        return self.lanes.count(WIDE)

    @property
    def has_narrow(self) -> bool:
        """Whether a chunk of 8 lanes comes last."""
        return self.lanes[-1] == NARROW
