"""The permutohedral lattice of a batch of images in torch, built and used on the batch's device.

The same lattice as `cpu.permutohedral` builds, with sorted keys in place of a hash table. Splat, blur and slice are all
weighted sums of rows, for which torch has one fused kernel on every device: `embedding_bag`.
"""

import dataclasses
import itertools
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from deeplab.densecrf.geometry import Geometry


@dataclass(frozen=True)
class TorchLattice:
    """A symmetrically normalised Gaussian over the P pixels of all images of a batch, by way of M vertices."""

    vertices: Tensor  # (P, d + 1) int32
    slice_weights: Tensor  # (P, d + 1) float32, with the norm and the lattice's constant
    pixels: Tensor  # (P * (d + 1)) int32: pixels by vertex
    splat_weights: Tensor  # (P * (d + 1)) float32, with the norm
    starts: Tensor  # (M + 1) int32: where each vertex begins in `pixels`
    neighbours: list[Tensor]  # for each axis (M, 3) int32: itself and both neighbours, itself again where there is none
    blur_weights: list[Tensor]  # for each axis (M, 3) float32: 1, 1/2, 1/2, and 0 where there is no neighbour

    def filter(self, values: Tensor) -> Tensor:
        """Filter each column: (P, C) to (P, C) float32."""
        rows = embedding_bag(
            self.pixels,
            values,
            self.starts,
            mode="sum",
            per_sample_weights=self.splat_weights,
            include_last_offset=True,
        )
        for neighbours, weights in zip(self.neighbours, self.blur_weights, strict=True):
            rows = embedding_bag(neighbours, rows, mode="sum", per_sample_weights=weights)
        return embedding_bag(self.vertices, rows, mode="sum", per_sample_weights=self.slice_weights)


def build_lattice(features: list[Tensor], image_ids: Tensor, fillers: list[int], plan: Geometry) -> TorchLattice:
    """Build the filter of a Gaussian in the given features, apart for each image.

    Args:
        features: d tensors (P) float32, already divided by their deviations.
        image_ids: (P) int64: the image of each pixel, from 0.
        fillers: the images in which the reference's filling of pixel groups adds a black pixel at the origin.
        plan: geometry that covers all images.
    """
    n = len(image_ids)
    extra = torch.zeros(len(fillers), device=image_ids.device)
    ids = torch.cat([image_ids, torch.tensor(fillers, dtype=torch.int64, device=image_ids.device)])
    keys, weights = _embed([torch.cat([feature, extra]) for feature in features], plan)
    distinct, vertices = torch.unique(keys + (ids * plan.size)[:, None], return_inverse=True)
    vertices, weights = vertices[:n].int(), weights[:n]
    neighbours, blur_weights = zip(*(_link(distinct, axis, plan) for axis in range(plan.corners)), strict=True)
    order = torch.argsort(vertices.flatten(), stable=True)
    starts = torch.zeros(len(distinct) + 1, dtype=torch.int64, device=order.device)
    torch.cumsum(torch.bincount(vertices.flatten(), minlength=len(distinct)), 0, out=starts[1:])
    pixels = (order // plan.corners).int()
    splat_weights = weights.flatten()[order]
    bare = TorchLattice(
        vertices, weights * plan.alpha, pixels, splat_weights, starts.int(), list(neighbours), list(blur_weights)
    )
    norm = 1 / torch.sqrt(bare.filter(torch.ones(n, 1, device=order.device)) + 1e-20)
    return dataclasses.replace(
        bare, slice_weights=bare.slice_weights * norm, splat_weights=splat_weights * norm[pixels, 0]
    )


def _embed(features: list[Tensor], plan: Geometry) -> tuple[Tensor, Tensor]:
    """The keys (P, d + 1) int64 and barycentric weights (P, d + 1) float32 of the simplex around each pixel.

    Operation by operation as in `cpu.kernels.permutohedral.embed`, so that both round alike.
    """
    d, period = len(features), plan.corners
    share = float(np.float32(1) / np.float32(period))
    total = torch.zeros_like(features[0])
    elevated = [total] * period
    for j in range(d, 0, -1):
        scaled = features[j - 1] * float(plan.factors[j - 1])
        elevated[j] = total - scaled * j
        total = total + scaled
    elevated[0] = total
    coordinates = torch.stack(elevated)  # (d + 1, P)
    quotients = torch.round(coordinates * share)
    rest = coordinates - quotients * period
    rank = torch.zeros_like(coordinates, dtype=torch.int64)
    for i, j in itertools.combinations(range(period), 2):
        less = (rest[i] < rest[j]).long()
        rank[i] += less
        rank[j] += 1 - less
    rank += quotients.sum(0).long()
    wrap = (rank < 0).long() - (rank > d).long()
    rank += wrap * period
    quotients = quotients + wrap
    rest = (coordinates - quotients * period) * share
    steps = torch.from_numpy(plan.steps).to(total.device)
    by_rank = torch.empty_like(rest).scatter_(0, rank, rest)
    steps_by_rank = torch.empty_like(rank).scatter_(0, rank, steps[:, None].expand_as(rank))
    first_key = (quotients.long() * steps[:, None]).sum(0) + plan.origin
    # The vertex of remainder r lacks a period in the r coordinates of highest rank.
    keys = first_key + torch.cat([torch.zeros_like(first_key)[None], (1 - steps_by_rank.flip(0)[:-1]).cumsum(0)])
    weights = torch.cat([(by_rank[d] + (1 - by_rank[0]))[None], (by_rank[:-1] - by_rank[1:]).flip(0)])
    return keys.T.contiguous(), weights.T.contiguous()


def _link(distinct: Tensor, axis: int, plan: Geometry) -> tuple[Tensor, Tensor]:
    """Indices (M, 3) int32 and weights (M, 3) float32 of the blur along one axis; `distinct` is sorted."""
    ahead = int(plan.steps[axis]) - 1
    around = int(plan.steps[axis] - plan.steps.sum()) + plan.corners - 1
    wanted = distinct + torch.where(distinct & 7 == 0, around, ahead)
    found = torch.searchsorted(distinct, wanted).clamp_(max=len(distinct) - 1)
    here = torch.nonzero(distinct[found] == wanted).squeeze(1)
    itself = torch.arange(len(distinct), device=distinct.device)
    neighbours = itself[:, None].repeat(1, 3)
    weights = torch.zeros(len(distinct), 3, device=distinct.device)
    weights[:, 0] = 1
    neighbours[here, 1], weights[here, 1] = found[here], 0.5
    neighbours[found[here], 2], weights[found[here], 2] = here, 0.5
    return neighbours.int(), weights
