"""Rows of float32 lanes between arrays and kernels: load, store, prefetch, and single items.

Indices count elements and are never negative. With NUMBA_BOUNDSCHECK=1 every load and store is checked, as numba does
for its own indexing.
"""

import itertools
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, config, types

from deeplab.densecrf.cpu.kernels.row_type import F32, I32, WIDEST, RowType, operation, row_of, vectors_of


def _address(context: Any, builder: Any, array_type: Any, array: Any, at: Any, lanes: int = 1) -> Any:
    """Generate the address of `array[at]`, and the check of the `lanes` values from there on."""
    struct = context.make_array(array_type)(context, builder, array)
    if config.BOUNDSCHECK:  # type: ignore[attr-defined]
        last = builder.add(at, at.type(lanes))
        outside = builder.or_(builder.icmp_signed("<", at, at.type(0)), builder.icmp_signed(">", last, struct.nitems))
        with builder.if_then(outside, likely=False):
            context.call_conv.return_user_exc(builder, IndexError, ("a row lies outside its array",))
    return builder.gep(struct.data, [at])


def _vector_addresses(builder: Any, address: Any, row: RowType) -> list[Any]:
    """Generate the address of each vector of a row that begins at `address`."""
    begins = itertools.accumulate(row.sizes[:-1], initial=0)
    places = [builder.gep(address, [ir.IntType(64)(begin)]) for begin in begins]
    return [
        builder.bitcast(place, ir.VectorType(F32, size).as_pointer())
        for place, size in zip(places, row.sizes, strict=True)
    ]


@operation
def item(typing: Any, array: Any, at: Any) -> Any:
    """Load `array[at]`: numba's own indexing spends a comparison and a move on indices that might be negative."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_address(context, builder, signature.args[0], arguments[0], arguments[1]))

    return array.dtype(array, types.int64), generate


@operation
def load(typing: Any, array: Any, at: Any, lanes: Any) -> Any:
    """Load the row of `lanes` values that begins at `array[at]`; `array` is one-dimensional, float32, contiguous."""
    row = RowType(lanes.literal_value)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature.args[0], arguments[0], arguments[1], row.lanes)
        return row_of(
            builder, row, [builder.load(place, align=4) for place in _vector_addresses(builder, address, row)]
        )

    return row(array, types.int64, lanes), generate


@operation
def prefetch(typing: Any, array: Any, at: Any, lanes: Any) -> Any:
    """Ask for the cache lines of a row that will be needed soon."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [pointer, I32, I32, I32])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")  # type: ignore[no-untyped-call]
        address = _address(context, builder, signature.args[0], arguments[0], arguments[1])
        places = list(range(0, lanes.literal_value, WIDEST))
        if lanes.literal_value % WIDEST == 12:
            places.append(lanes.literal_value - 1)  # such a row may reach into one more line
        for lane in places:
            place = builder.bitcast(builder.gep(address, [ir.IntType(64)(lane)]), pointer)
            builder.call(function, [place, I32(0), I32(3), I32(1)])  # for reading, kept in all caches, data
        return context.get_dummy_value()

    return types.void(array, types.int64, lanes), generate


@operation
def store(typing: Any, array: Any, at: Any, row: Any) -> Any:
    """Write a row to `array[at:at + lanes]`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature.args[0], arguments[0], arguments[1], row.lanes)
        for place, vector in zip(
            _vector_addresses(builder, address, row), vectors_of(builder, arguments[2]), strict=True
        ):
            builder.store(vector, place, align=4)
        return context.get_dummy_value()

    return types.void(array, types.int64, row), generate
