"""A row of float32 lanes as one value inside numba kernels: load, multiply-add, exponential, store.

numba leaves it to the compiler whether a loop over classes becomes vector code, and with arrays that might
overlap it often does not. These few operations say it outright: a row is one to three LLVM vectors of up to 16 lanes,
and each of them becomes whatever the processor has (one AVX-512 register, two of AVX2, four of SSE or NEON), so that
sums stay in registers. `lanes` must be a constant where the kernel is compiled; indices count elements and are never
negative. With NUMBA_BOUNDSCHECK=1 every load and store is checked, as numba does for its own indexing.
"""

import itertools
import math
from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, config, types
from numba.extending import intrinsic, models, register_model

_I32 = ir.IntType(32)
_F32 = ir.FloatType()
_WIDEST = 16

# Polynomial of exp(r) on |r| <= ln(2) / 2, relative error below 2e-7 (S. Moshier, Cephes library, expf.c).
_EXP_POLYNOMIAL = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
_LN2_HIGH, _LN2_LOW = 0.693359375, -2.12194440e-4
# exp() of this, 2e-22, serves as zero: products of smaller numbers soon leave the range of normal float32 values, and
# most processors are many times slower outside it.
_SMALLEST_EXPONENT = -50.0
_ROUNDER = 1.5 * 2**23  # adding and subtracting it rounds a float32 to the nearest integer


class RowType(types.Type):
    """The numba type of a row of `lanes` float32 values, a struct of vectors."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        self.sizes = _vector_sizes(lanes)
        self.struct = ir.LiteralStructType([ir.VectorType(_F32, size) for size in self.sizes])
        super().__init__(name=f"Row{lanes}")


def _vector_sizes(lanes: int) -> list[int]:
    """Split a row into vectors of 16 lanes and smaller powers of two, the widest first: 28 is 16 + 8 + 4."""
    sizes = [_WIDEST] * (lanes // _WIDEST)
    return sizes + [size for size in (8, 4, 2, 1) if lanes & size]


@register_model(RowType)
class _RowModel(models.PrimitiveModel):
    def __init__(self, manager: Any, row: RowType) -> None:
        super().__init__(manager, row, row.struct)  # type: ignore[no-untyped-call]


def _operation(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a code generator callable from kernels; a constant argument reaches it as a literal type."""
    operation: Callable[..., Any] = intrinsic(prefer_literal=True)(function)
    return operation


def _vectors(builder: Any, value: Any) -> list[Any]:
    return [builder.extract_value(value, i) for i in range(len(value.type.elements))]


def _row(builder: Any, row: RowType, vectors: list[Any]) -> Any:
    value = ir.Constant(row.struct, ir.Undefined)
    for i, vector in enumerate(vectors):
        value = builder.insert_value(value, vector, i)
    return value


def _by_vector(row: RowType, function: Callable[..., Any], *rows: RowType) -> Callable[..., Any]:
    """A generator that applies `function(builder, *vectors)` to each vector of its row arguments."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        parts = zip(*(_vectors(builder, argument) for argument in arguments), strict=True)
        return _row(builder, row, [function(builder, *vectors) for vectors in parts])

    return generate


def _number(vector: Any, number: float) -> ir.Constant:
    return ir.Constant(vector, [number] * vector.count)


def _broadcast(builder: Any, vector: Any, scalar: Any) -> Any:
    empty = ir.Constant(vector, ir.Undefined)
    lane = builder.insert_element(empty, scalar, _I32(0))
    return builder.shuffle_vector(lane, empty, ir.Constant(ir.VectorType(_I32, vector.count), [0] * vector.count))


def _multiply_add(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """a * b + c, with one rounding where the processor has a fused instruction and two elsewhere."""
    signature = ir.FunctionType(a.type, [a.type] * 3)
    name = f"llvm.fmuladd.v{a.type.count}f32"
    function = cgutils.get_or_insert_function(builder.module, signature, name)  # type: ignore[no-untyped-call]
    return builder.call(function, (a, b, c))


def _maximum(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


def _fold(builder: Any, row: Any, combine: Callable[[Any, Any, Any], Any]) -> Any:
    """Combine all lanes to one scalar by halving, which keeps the additions independent of each other."""
    scalars = []
    for value in _vectors(builder, row):
        lanes = value.type.count
        while lanes > 1:
            lanes //= 2
            empty = ir.Constant(value.type, ir.Undefined)
            masks = [ir.Constant(ir.VectorType(_I32, lanes), list(range(at, at + lanes))) for at in (0, lanes)]
            value = combine(builder, *(builder.shuffle_vector(value, empty, mask) for mask in masks))
        scalars.append(builder.extract_element(value, _I32(0)))
    total, *others = scalars
    for scalar in others:
        total = combine(builder, total, scalar)
    return total


def _address(context: Any, builder: Any, array_type: Any, array: Any, at: Any, lanes: int = 1) -> Any:
    struct = context.make_array(array_type)(context, builder, array)
    if config.BOUNDSCHECK:  # type: ignore[attr-defined]
        last = builder.add(at, at.type(lanes))
        outside = builder.or_(builder.icmp_signed("<", at, at.type(0)), builder.icmp_signed(">", last, struct.nitems))
        with builder.if_then(outside, likely=False):
            context.call_conv.return_user_exc(builder, IndexError, ("a row lies outside its array",))
    return builder.gep(struct.data, [at])


def _vector_addresses(builder: Any, address: Any, row: RowType) -> list[Any]:
    begins = itertools.accumulate(row.sizes[:-1], initial=0)
    places = [builder.gep(address, [ir.IntType(64)(begin)]) for begin in begins]
    return [
        builder.bitcast(place, ir.VectorType(_F32, size).as_pointer())
        for place, size in zip(places, row.sizes, strict=True)
    ]


@_operation
def item(typing: Any, array: Any, at: Any) -> Any:
    """`array[at]`: numba's own indexing spends a comparison and a move on indices that might be negative."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_address(context, builder, signature.args[0], arguments[0], arguments[1]))

    return array.dtype(array, types.int64), generate


@_operation
def load(typing: Any, array: Any, at: Any, lanes: Any) -> Any:
    """The row of `lanes` values that begins at `array[at]`; `array` is one-dimensional, float32, contiguous."""
    row = RowType(lanes.literal_value)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature.args[0], arguments[0], arguments[1], row.lanes)
        return _row(builder, row, [builder.load(place, align=4) for place in _vector_addresses(builder, address, row)])

    return row(array, types.int64, lanes), generate


@_operation
def prefetch(typing: Any, array: Any, at: Any, lanes: Any) -> Any:
    """Ask for the cache lines of a row that will be needed soon."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [pointer, _I32, _I32, _I32])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")  # type: ignore[no-untyped-call]
        address = _address(context, builder, signature.args[0], arguments[0], arguments[1])
        places = list(range(0, lanes.literal_value, _WIDEST))
        if lanes.literal_value % _WIDEST == 12:
            places.append(lanes.literal_value - 1)  # such a row may reach into one more line
        for lane in places:
            place = builder.bitcast(builder.gep(address, [ir.IntType(64)(lane)]), pointer)
            builder.call(function, [place, _I32(0), _I32(3), _I32(1)])  # for reading, kept in all caches, data
        return context.get_dummy_value()

    return types.void(array, types.int64, lanes), generate


@_operation
def store(typing: Any, array: Any, at: Any, row: Any) -> Any:
    """Write a row to `array[at:at + lanes]`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature.args[0], arguments[0], arguments[1], row.lanes)
        for place, vector in zip(
            _vector_addresses(builder, address, row), _vectors(builder, arguments[2]), strict=True
        ):
            builder.store(vector, place, align=4)
        return context.get_dummy_value()

    return types.void(array, types.int64, row), generate


@_operation
def zeros(typing: Any, lanes: Any) -> Any:
    """A row of zeros."""
    row = RowType(lanes.literal_value)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _row(builder, row, [_number(vector, 0.0) for vector in row.struct.elements])

    return row(lanes), generate


@_operation
def add(typing: Any, a: Any, b: Any) -> Any:
    """a + b, lane by lane."""
    return a(a, b), _by_vector(a, lambda builder, x, y: builder.fadd(x, y))


@_operation
def multiply(typing: Any, a: Any, b: Any) -> Any:
    """a * b, lane by lane."""
    return a(a, b), _by_vector(a, lambda builder, x, y: builder.fmul(x, y))


@_operation
def subtract(typing: Any, a: Any, b: Any) -> Any:
    """a - b, lane by lane."""
    return a(a, b), _by_vector(a, lambda builder, x, y: builder.fsub(x, y))


@_operation
def divide(typing: Any, a: Any, b: Any) -> Any:
    """a / b, lane by lane."""
    return a(a, b), _by_vector(a, lambda builder, x, y: builder.fdiv(x, y))


@_operation
def inverse(typing: Any, row: Any) -> Any:
    """1 / row, lane by lane."""
    return row(row), _by_vector(row, lambda builder, x: builder.fdiv(_number(x.type, 1.0), x))


@_operation
def minimum(typing: Any, a: Any, b: Any) -> Any:
    """The lesser of a and b, lane by lane."""
    return a(a, b), _by_vector(a, lambda builder, x, y: builder.select(builder.fcmp_ordered("<", x, y), x, y))


@_operation
def maximum(typing: Any, a: Any, b: Any) -> Any:
    """The greater of a and b, lane by lane."""
    return a(a, b), _by_vector(a, _maximum)


@_operation
def scale(typing: Any, row: Any, factor: Any) -> Any:
    """row * factor, with a float32 scalar."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vectors = _vectors(builder, arguments[0])
        return _row(builder, row, [builder.fmul(v, _broadcast(builder, v.type, arguments[1])) for v in vectors])

    return row(row, types.float32), generate


@_operation
def add_scaled(typing: Any, total: Any, factor: Any, row: Any) -> Any:
    """total + factor * row, with a float32 scalar."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        sums, vectors = _vectors(builder, arguments[0]), _vectors(builder, arguments[2])
        factors = [_broadcast(builder, vector.type, arguments[1]) for vector in vectors]
        parts = zip(factors, vectors, sums, strict=True)
        return _row(builder, row, [_multiply_add(builder, *part) for part in parts])

    return row(row, types.float32, row), generate


@_operation
def lane_sum(typing: Any, row: Any) -> Any:
    """The sum of all lanes."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _fold(builder, arguments[0], lambda builder, a, b: builder.fadd(a, b))

    return types.float32(row), generate


@_operation
def lane_maximum(typing: Any, row: Any) -> Any:
    """The greatest of all lanes."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _fold(builder, arguments[0], _maximum)

    return types.float32(row), generate


@_operation
def exp_below(typing: Any, row: Any, top: Any) -> Any:
    """exp(row - top) for top no less than any lane, within 3e-7 of it relatively but never less than 2e-22."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _row(builder, row, [_exp(builder, vector, arguments[1]) for vector in _vectors(builder, arguments[0])])

    return row(row, types.float32), generate


def _exp(builder: Any, vector: Any, top: Any) -> Any:
    kind = vector.type
    x = builder.fsub(vector, _broadcast(builder, kind, top))
    x = _maximum(builder, x, _number(kind, _SMALLEST_EXPONENT))
    rounder = _number(kind, _ROUNDER)
    whole = builder.fsub(_multiply_add(builder, x, _number(kind, 1 / math.log(2)), rounder), rounder)
    rest = _multiply_add(builder, whole, _number(kind, -_LN2_HIGH), x)
    rest = _multiply_add(builder, whole, _number(kind, -_LN2_LOW), rest)
    power_series = _number(kind, _EXP_POLYNOMIAL[0])
    for coefficient in (*_EXP_POLYNOMIAL[1:], 1.0, 1.0):
        power_series = _multiply_add(builder, power_series, rest, _number(kind, coefficient))
    integers = ir.VectorType(_I32, kind.count)
    exponent = builder.add(builder.fptosi(whole, integers), _number(integers, 127))
    return builder.fmul(power_series, builder.bitcast(builder.shl(exponent, _number(integers, 23)), kind))
