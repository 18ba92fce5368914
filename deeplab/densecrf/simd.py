"""A row of float32 lanes as one value inside numba kernels: load, multiply-add, exponential, store.

numba leaves it to the compiler whether a loop over classes becomes vector code, and with arrays that might
overlap it often does not. These few functions say it outright: a row of 8 or 16 classes is one LLVM vector, which
becomes whatever the processor has (one AVX-512 register, two of AVX2, four of SSE or NEON), and sums stay in
registers. `lanes` must be a constant where the kernel is compiled; indices count float32 values. With
NUMBA_BOUNDSCHECK=1 every load and store is checked, as numba does for its own indexing.
"""

import math
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, config, types
from numba.extending import intrinsic, models, register_model

_I32 = ir.IntType(32)
_F32 = ir.FloatType()

# Polynomial of exp(r) on |r| <= ln(2) / 2, relative error below 2e-7 (S. Moshier, Cephes library, expf.c).
_EXP_POLYNOMIAL = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
_LN2_HIGH, _LN2_LOW = 0.693359375, -2.12194440e-4
_SMALLEST_EXPONENT = -87.0  # exp() of less is not a normal float32; 1e-38 serves as zero
_ROUNDER = 1.5 * 2**23  # adding and subtracting it rounds a float32 to the nearest integer


class RowType(types.Type):
    """The numba type of a row of `lanes` float32 values."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        self.vector = ir.VectorType(_F32, lanes)
        super().__init__(name=f"Row{lanes}")


@register_model(RowType)
class _RowModel(models.PrimitiveModel):
    def __init__(self, manager: Any, row: RowType) -> None:
        super().__init__(manager, row, row.vector)


def _number(row: RowType, number: float) -> ir.Constant:
    return ir.Constant(row.vector, [number] * row.lanes)


def _broadcast(builder: Any, row: RowType, scalar: Any) -> Any:
    empty = ir.Constant(row.vector, ir.Undefined)
    lane = builder.insert_element(empty, scalar, _I32(0))
    return builder.shuffle_vector(lane, empty, ir.Constant(ir.VectorType(_I32, row.lanes), [0] * row.lanes))


def _multiply_add(builder: Any, row: RowType, a: Any, b: Any, c: Any) -> Any:
    """a * b + c, with one rounding where the processor has a fused instruction and two elsewhere."""
    signature = ir.FunctionType(row.vector, [row.vector] * 3)
    name = f"llvm.fmuladd.v{row.lanes}f32"
    return builder.call(cgutils.get_or_insert_function(builder.module, signature, name), (a, b, c))


def _maximum(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


def _fold(builder: Any, value: Any, lanes: int, combine: Callable[[Any, Any], Any]) -> Any:
    """Combine all lanes to one scalar by halving, which keeps the additions independent of each other."""
    while lanes > 1:
        lanes //= 2
        empty = ir.Constant(value.type, ir.Undefined)
        low, high = (
            builder.shuffle_vector(value, empty, ir.Constant(ir.VectorType(_I32, lanes), list(range(at, at + lanes))))
            for at in (0, lanes)
        )
        value = combine(low, high)
    return builder.extract_element(value, _I32(0))


def _address(context: Any, builder: Any, row: RowType, array_type: Any, array: Any, at: Any) -> Any:
    struct = context.make_array(array_type)(context, builder, array)
    if config.BOUNDSCHECK:
        last = builder.add(at, at.type(row.lanes))
        outside = builder.or_(
            builder.icmp_signed("<", at, at.type(0)), builder.icmp_signed(">", last, struct.nitems)
        )
        with builder.if_then(outside, likely=False):
            context.call_conv.return_user_exc(builder, IndexError, ("a row lies outside its array",))
    return builder.bitcast(builder.gep(struct.data, [at]), row.vector.as_pointer())


@intrinsic(prefer_literal=True)
def load(typing: Any, array: Any, at: Any, lanes: Any) -> Any:
    """The row of `lanes` values that begins at `array[at]`; `array` is one-dimensional, float32, contiguous."""
    row = RowType(lanes.literal_value)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_address(context, builder, row, signature.args[0], arguments[0], arguments[1]), align=4)

    return row(array, types.int64, lanes), generate


@intrinsic
def store(typing: Any, array: Any, at: Any, row: Any) -> Any:
    """Write a row to `array[at:at + lanes]`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, row, signature.args[0], arguments[0], arguments[1])
        builder.store(arguments[2], address, align=4)
        return context.get_dummy_value()

    return types.void(array, types.int64, row), generate


@intrinsic(prefer_literal=True)
def zeros(typing: Any, lanes: Any) -> Any:
    """A row of zeros."""
    row = RowType(lanes.literal_value)
    return row(lanes), lambda context, builder, signature, arguments: _number(row, 0.0)


@intrinsic
def add(typing: Any, a: Any, b: Any) -> Any:
    """a + b, lane by lane."""
    return a(a, b), lambda context, builder, signature, arguments: builder.fadd(*arguments)


@intrinsic
def multiply(typing: Any, a: Any, b: Any) -> Any:
    """a * b, lane by lane."""
    return a(a, b), lambda context, builder, signature, arguments: builder.fmul(*arguments)


@intrinsic
def maximum(typing: Any, a: Any, b: Any) -> Any:
    """The greater of a and b, lane by lane."""
    return a(a, b), lambda context, builder, signature, arguments: _maximum(builder, *arguments)


@intrinsic
def scale(typing: Any, row: Any, factor: Any) -> Any:
    """row * factor, with a float32 scalar."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fmul(arguments[0], _broadcast(builder, row, arguments[1]))

    return row(row, types.float32), generate


@intrinsic
def add_scaled(typing: Any, total: Any, factor: Any, row: Any) -> Any:
    """total + factor * row, with a float32 scalar."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        factors = _broadcast(builder, row, arguments[1])
        return _multiply_add(builder, row, factors, arguments[2], arguments[0])

    return row(row, types.float32, row), generate


@intrinsic
def lane_sum(typing: Any, row: Any) -> Any:
    """The sum of all lanes."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _fold(builder, arguments[0], row.lanes, builder.fadd)

    return types.float32(row), generate


@intrinsic
def lane_maximum(typing: Any, row: Any) -> Any:
    """The greatest of all lanes."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _fold(builder, arguments[0], row.lanes, lambda a, b: _maximum(builder, a, b))

    return types.float32(row), generate


@intrinsic
def exp_below(typing: Any, row: Any, top: Any) -> Any:
    """exp(row - top) for top no less than any lane; within 3e-7 of the true value, relatively, above 1e-37."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x = builder.fsub(arguments[0], _broadcast(builder, row, arguments[1]))
        x = _maximum(builder, x, _number(row, _SMALLEST_EXPONENT))
        rounder = _number(row, _ROUNDER)
        scaled = _multiply_add(builder, row, x, _number(row, 1 / math.log(2)), rounder)
        whole = builder.fsub(scaled, rounder)
        rest = _multiply_add(builder, row, whole, _number(row, -_LN2_HIGH), x)
        rest = _multiply_add(builder, row, whole, _number(row, -_LN2_LOW), rest)
        sum_ = _number(row, _EXP_POLYNOMIAL[0])
        for coefficient in (*_EXP_POLYNOMIAL[1:], 1.0, 1.0):
            sum_ = _multiply_add(builder, row, sum_, rest, _number(row, coefficient))
        integers = ir.VectorType(_I32, row.lanes)
        exponent = builder.add(builder.fptosi(whole, integers), ir.Constant(integers, [127] * row.lanes))
        power = builder.bitcast(builder.shl(exponent, ir.Constant(integers, [23] * row.lanes)), row.vector)
        return builder.fmul(sum_, power)

    return row(row, types.float32), generate
