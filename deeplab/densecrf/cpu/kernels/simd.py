"""Arithmetic with rows of float32 lanes inside kernels: add, multiply, compare, exponentiate, fold."""

import math
from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types

from deeplab.densecrf.cpu.kernels.row_type import I32, RowType, operation, row_of, vectors_of

# Polynomial of exp(r) on |r| <= ln(2) / 2, relative error below 2e-7 (S. Moshier, Cephes library, expf.c).
_EXP_POLYNOMIAL = (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
_LN2_HIGH, _LN2_LOW = 0.693359375, -2.12194440e-4
# exp() of this, 2e-22, serves as zero: products of smaller numbers soon leave the range of normal float32 values, and
# most CPUs are many times slower outside it.
_SMALLEST_EXPONENT = -50.0
_ROUNDER = 1.5 * 2**23  # adding and subtracting it rounds a float32 to the nearest integer


def _by_vector(row: RowType, function: Callable[..., Any], *rows: RowType) -> Callable[..., Any]:
    """Make a generator that applies `function(builder, *vectors)` to each vector of its row arguments."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        parts = zip(*(vectors_of(builder, argument) for argument in arguments), strict=True)
        return row_of(builder, row, [function(builder, *vectors) for vectors in parts])

    return generate


def _number(vector: Any, number: float) -> ir.Constant:
    return ir.Constant(vector, [number] * vector.count)


def _broadcast(builder: Any, vector: Any, scalar: Any) -> Any:
    empty = ir.Constant(vector, ir.Undefined)
    lane = builder.insert_element(empty, scalar, I32(0))
    return builder.shuffle_vector(lane, empty, ir.Constant(ir.VectorType(I32, vector.count), [0] * vector.count))


def _multiply_add(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """Generate a * b + c, with one rounding where the CPU has a fused instruction and two elsewhere."""
    signature = ir.FunctionType(a.type, [a.type] * 3)
    name = f"llvm.fmuladd.v{a.type.count}f32"
    function = cgutils.get_or_insert_function(builder.module, signature, name)  # type: ignore[no-untyped-call]
    return builder.call(function, (a, b, c))


def _maximum(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


def _fold(builder: Any, row: Any, combine: Callable[[Any, Any, Any], Any]) -> Any:
    """Combine all lanes to one scalar by halving, which keeps the additions independent of each other."""
    scalars = []
    for value in vectors_of(builder, row):
        lanes = value.type.count
        while lanes > 1:
            lanes //= 2
            empty = ir.Constant(value.type, ir.Undefined)
            masks = [ir.Constant(ir.VectorType(I32, lanes), list(range(at, at + lanes))) for at in (0, lanes)]
            value = combine(builder, *(builder.shuffle_vector(value, empty, mask) for mask in masks))
        scalars.append(builder.extract_element(value, I32(0)))
    total, *others = scalars
    for scalar in others:
        total = combine(builder, total, scalar)
    return total


@operation
def zeros(typing: Any, lanes: Any) -> Any:
    """Make a row of zeros."""
    row = RowType(lanes.literal_value)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return row_of(builder, row, [_number(vector, 0.0) for vector in row.struct.elements])

    return row(lanes), generate


@operation
def add(typing: Any, a: Any, b: Any) -> Any:
    """a + b, lane by lane."""
    return a(a, b), _by_vector(a, lambda builder, x, y: builder.fadd(x, y))


@operation
def multiply(typing: Any, a: Any, b: Any) -> Any:
    """a * b, lane by lane."""
    return a(a, b), _by_vector(a, lambda builder, x, y: builder.fmul(x, y))


@operation
def subtract(typing: Any, a: Any, b: Any) -> Any:
    """a - b, lane by lane."""
    return a(a, b), _by_vector(a, lambda builder, x, y: builder.fsub(x, y))


@operation
def divide(typing: Any, a: Any, b: Any) -> Any:
    """a / b, lane by lane."""
    return a(a, b), _by_vector(a, lambda builder, x, y: builder.fdiv(x, y))


@operation
def inverse(typing: Any, row: Any) -> Any:
    """1 / row, lane by lane."""
    return row(row), _by_vector(row, lambda builder, x: builder.fdiv(_number(x.type, 1.0), x))


@operation
def minimum(typing: Any, a: Any, b: Any) -> Any:
    """The lesser of a and b, lane by lane."""
    return a(a, b), _by_vector(a, lambda builder, x, y: builder.select(builder.fcmp_ordered("<", x, y), x, y))


@operation
def maximum(typing: Any, a: Any, b: Any) -> Any:
    """The greater of a and b, lane by lane."""
    return a(a, b), _by_vector(a, _maximum)


@operation
def scale(typing: Any, row: Any, factor: Any) -> Any:
    """row * factor, with a float32 scalar."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vectors = vectors_of(builder, arguments[0])
        return row_of(builder, row, [builder.fmul(v, _broadcast(builder, v.type, arguments[1])) for v in vectors])

    return row(row, types.float32), generate


@operation
def add_scaled(typing: Any, total: Any, factor: Any, row: Any) -> Any:
    """total + factor * row, with a float32 scalar."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        sums, vectors = vectors_of(builder, arguments[0]), vectors_of(builder, arguments[2])
        factors = [_broadcast(builder, vector.type, arguments[1]) for vector in vectors]
        parts = zip(factors, vectors, sums, strict=True)
        return row_of(builder, row, [_multiply_add(builder, *part) for part in parts])

    return row(row, types.float32, row), generate


@operation
def lane_sum(typing: Any, row: Any) -> Any:
    """Sum up all lanes."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _fold(builder, arguments[0], lambda builder, a, b: builder.fadd(a, b))

    return types.float32(row), generate


@operation
def lane_maximum(typing: Any, row: Any) -> Any:
    """Find the greatest of all lanes."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _fold(builder, arguments[0], _maximum)

    return types.float32(row), generate


@operation
def exp_below(typing: Any, row: Any, top: Any) -> Any:
    """exp(row - top) for top no less than any lane, within 3e-7 of it relatively but never less than 2e-22."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return row_of(
            builder, row, [_exp(builder, vector, arguments[1]) for vector in vectors_of(builder, arguments[0])]
        )

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
    integers = ir.VectorType(I32, kind.count)
    exponent = builder.add(builder.fptosi(whole, integers), _number(integers, 127))
    return builder.fmul(power_series, builder.bitcast(builder.shl(exponent, _number(integers, 23)), kind))
