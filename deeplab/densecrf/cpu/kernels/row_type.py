"""The type of a row of float32 lanes inside kernels, and how it is taken apart and put together.

numba leaves it to the compiler whether a loop over classes becomes vector code, and with arrays that might
overlap it often does not. The operations of `memory` and `simd` say it outright: a row is one to three LLVM vectors of
up to 16 lanes, and each of them becomes whatever the CPU has (one AVX-512 register, two of AVX2, four of SSE or NEON),
so that sums stay in registers. `lanes` must be a constant where the kernel is compiled.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.extending import intrinsic, models, register_model

I32 = ir.IntType(32)
F32 = ir.FloatType()
WIDEST = 16  # lanes of a vector


class RowType(types.Type):
    """The numba type of a row of `lanes` float32 values, a struct of vectors."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        self.sizes = _vector_sizes(lanes)
        self.struct = ir.LiteralStructType([ir.VectorType(F32, size) for size in self.sizes])
        super().__init__(name=f"Row{lanes}")


def _vector_sizes(lanes: int) -> list[int]:
    """Split a row into vectors of 16 lanes and smaller powers of two, the widest first: 28 is 16 + 8 + 4."""
    sizes = [WIDEST] * (lanes // WIDEST)
    return sizes + [size for size in (8, 4, 2, 1) if lanes & size]


@register_model(RowType)
class _RowModel(models.PrimitiveModel):
    def __init__(self, manager: Any, row: RowType) -> None:
        super().__init__(manager, row, row.struct)  # type: ignore[no-untyped-call]


def operation(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a code generator callable from kernels; a constant argument reaches it as a literal type."""
    made: Callable[..., Any] = intrinsic(prefer_literal=True)(function)
    return made


def vectors_of(builder: Any, value: Any) -> list[Any]:
    """Generate code that takes a row apart: its LLVM vectors, the widest first."""
    return [builder.extract_value(value, i) for i in range(len(value.type.elements))]


def row_of(builder: Any, row: RowType, vectors: list[Any]) -> Any:
    """Generate code that puts a row together from its LLVM vectors."""
    value = ir.Constant(row.struct, ir.Undefined)
    for i, vector in enumerate(vectors):
        value = builder.insert_value(value, vector, i)
    return value
