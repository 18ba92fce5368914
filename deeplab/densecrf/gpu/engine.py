"""The engine for GPUs, in plain torch operations: a batch of images at once, on whatever device torch knows."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deeplab.densecrf.checks import SUM_TOLERANCE, no_distribution
from deeplab.densecrf.geometry import geometry
from deeplab.densecrf.gpu.lattice import TorchLattice, build_lattice
from deeplab.densecrf.parameters import CrfParameters
from deeplab.densecrf.pruning import RATIO, THRESHOLD

Images = Sequence[NDArray[np.uint8]]
Probs = Sequence[NDArray[np.float32]]

_CLIP = 1e-5  # as unary_from_softmax of pydensecrf does: no class is less likely
_CLASSES_AT_ONCE = 32  # whose messages are computed together, which bounds the memory of vertices
# Bytes for each pixel of a batch: keys, their sorting, both lattices, vertex rows; and for each class six planes.
_LATTICE_BYTES, _CLASS_BYTES = 2000, 24
_SHARE_OF_FREE = 0.5  # of the device's free memory for one batch; allocations leave gaps


class TorchEngine:
    """Runs the CRF on one device."""

    def __init__(self, device: str, *, exact: bool) -> None:
        self._device = torch.device(device)
        self._exact = exact

    def marginals(self, parameters: CrfParameters, images: Images, probs: Probs) -> list[NDArray[np.float32]]:
        """Compute Q of each image, (C, H, W) float32."""
        return [q.contiguous().cpu().numpy() for q in self._infer_all(parameters, images, probs)]

    def labels(self, parameters: CrfParameters, images: Images, probs: Probs) -> list[NDArray[np.int32]]:
        """Find the most likely class of each pixel of each image, (H, W) int32."""
        return [q.argmax(0).int().cpu().numpy() for q in self._infer_all(parameters, images, probs)]

    def images_at_once(self, n_pixels: int, n_classes: int) -> int:
        """Count as many as the device has room for."""
        return max(1, int(self._room() / _bytes_for(n_pixels, n_classes)))

    @torch.inference_mode()
    def infer(self, parameters: CrfParameters, images: Tensor, probs: Tensor) -> Tensor:
        """Compute Q of a batch that lies on the device already.

        Args:
            parameters: of the CRF.
            images: (B, H, W, 3) uint8.
            probs: (B, C, H, W) float32, a distribution for each pixel, which is not checked here.

        Returns:
            (B, C, H, W) float32 on the same device.
        """
        batch, n_classes, height, width = probs.shape
        rows = probs.permute(0, 2, 3, 1).reshape(-1, n_classes)
        q = self._mean_field(parameters, images.reshape(-1, 3), rows, [(height, width)] * batch)
        return q.view(batch, height, width, n_classes).permute(0, 3, 1, 2)

    def _infer_all(self, parameters: CrfParameters, images: Images, probs: Probs) -> Iterator[Tensor]:
        """Compute Q of each image, (C, H, W), batch after batch."""
        for batch_images, batch_probs in self._batches(images, probs):
            yield from self._infer_arrays(parameters, batch_images, batch_probs)

    def _batches(self, images: Images, probs: Probs) -> Iterator[tuple[Images, Probs]]:
        """Cut the images into batches that fit the device, one number of classes and at least one image in each."""
        room = self._room()
        first, used = 0, 0.0
        for at, p in enumerate(probs):
            needed = _bytes_for(p[0].size, len(p))
            if at > first and (used + needed > room or len(p) != len(probs[first])):
                yield images[first:at], probs[first:at]
                first, used = at, 0.0
            used += needed
        if probs:
            yield images[first:], probs[first:]

    def _room(self) -> float:
        """Bytes for one batch."""
        if self._device.type != "cuda":
            return 0.0  # on a CPU a batch gains nothing
        return torch.cuda.mem_get_info(self._device)[0] * _SHARE_OF_FREE

    @torch.inference_mode()
    def _infer_arrays(self, parameters: CrfParameters, images: Images, probs: Probs) -> list[Tensor]:
        rows = torch.cat([self._upload(p).flatten(1).T for p in probs])
        self._check(rows, probs)
        colours = torch.cat([self._upload(image).view(-1, 3) for image in images])
        sizes = [(image.shape[0], image.shape[1]) for image in images]
        q = self._mean_field(parameters, colours, rows, sizes)
        parts = torch.split(q, [height * width for height, width in sizes])
        return [part.T.reshape(-1, *size) for part, size in zip(parts, sizes, strict=True)]

    def _upload(self, array: NDArray[np.generic]) -> Tensor:
        # torch warns of read-only memory, since it cannot keep others from writing to it
        return torch.from_numpy(array if array.flags.writeable else array.copy()).to(self._device)

    @staticmethod
    def _check(rows: Tensor, probs: Probs) -> None:
        """Refuse values that are no distribution; a comparison with something that is no number is false."""
        valid = ((rows.sum(1) - 1).abs() <= SUM_TOLERANCE) & (rows.amin(1) >= 0)
        if bool(valid.all()):
            return
        pixel = int(torch.nonzero(~valid)[0, 0])
        for p in probs:
            if pixel < p[0].size:
                raise no_distribution(p, pixel)
            pixel -= p[0].size

    def _mean_field(
        self, parameters: CrfParameters, colours: Tensor, rows: Tensor, sizes: list[tuple[int, int]]
    ) -> Tensor:
        """Compute Q (P, C) for the pixels of all images, from colours (P, 3) and probabilities (P, C)."""
        everything = rows.clamp(_CLIP, 1)
        scale = 1 / everything.sum(1, keepdim=True)
        kept = self._kept_classes(rows)
        likelihood, rest = everything, None
        if len(kept) < rows.shape[1]:
            likelihood, rest = everything[:, kept], _Rest(everything, kept)
        q = likelihood * scale
        if parameters.iter_max:
            filters = self._filters(parameters, colours, sizes)
            sums = None if rest is None else _messages(torch.ones_like(scale), filters)
            for _ in range(parameters.iter_max):
                q, scale = _softmax(_messages(q, filters), likelihood, rest, sums)
        return q if rest is None else rest.restore(everything, scale, q)

    def _kept_classes(self, rows: Tensor) -> Tensor:
        """Classes that take part for some image of the batch (see `pruning`)."""
        if self._exact:
            return torch.arange(rows.shape[1], device=rows.device)
        limit = (rows.amax(1, keepdim=True) * RATIO).clamp_(max=THRESHOLD)
        return torch.nonzero((rows >= limit).any(0)).squeeze(1)

    def _filters(
        self, p: CrfParameters, colours: Tensor, sizes: list[tuple[int, int]]
    ) -> list[tuple[float, TorchLattice]]:
        """Build both kernels, each with its weight."""
        device = self._device
        grids = [torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij") for h, w in sizes]
        y, x = (torch.cat([grid[axis].flatten() for grid in grids]).to(device).float() for axis in (0, 1))
        ids = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor([h * w for h, w in sizes])).to(device)
        fillers = [i for i, (h, w) in enumerate(sizes) if h * w % 4]
        extent = max(h for h, _ in sizes), max(w for _, w in sizes)
        # Divided by tensors: a division by a number becomes a multiplication on some devices, which rounds otherwise.
        pos, near, tone = (torch.tensor(std, dtype=torch.float32, device=device) for std in _deviations(p))
        shades = [colours[:, channel].float() / tone for channel in range(3)]
        smoothness = build_lattice(
            [x / pos, y / pos], ids, fillers, geometry(*extent, p.pos_xy_std, None, copies=len(sizes))
        )
        appearance = build_lattice(
            [x / near, y / near, *shades], ids, fillers, geometry(*extent, p.bi_xy_std, p.bi_rgb_std, copies=len(sizes))
        )
        return [(p.pos_w, smoothness), (p.bi_w, appearance)]


def _bytes_for(n_pixels: int, n_classes: int) -> int:
    return n_pixels * (_LATTICE_BYTES + _CLASS_BYTES * n_classes)


def _deviations(parameters: CrfParameters) -> tuple[float, float, float]:
    return parameters.pos_xy_std, parameters.bi_xy_std, parameters.bi_rgb_std


def _messages(q: Tensor, filters: list[tuple[float, TorchLattice]]) -> Tensor:
    """The weighted sum of the filtered beliefs, (P, C)."""
    messages = torch.empty_like(q)
    for first in range(0, q.shape[1], _CLASSES_AT_ONCE):
        values = q[:, first : first + _CLASSES_AT_ONCE].contiguous()
        result = messages[:, first : first + _CLASSES_AT_ONCE].zero_()
        for weight, lattice in filters:
            result.add_(lattice.filter(values), alpha=weight)
    return messages


def _softmax(messages: Tensor, likelihood: Tensor, rest: "_Rest | None", sums: Tensor | None) -> tuple[Tensor, Tensor]:
    """Q of the kept classes, and the factor that turns a dropped class's likelihood into its Q."""
    top = messages.amax(1, keepdim=True)
    if rest is not None and sums is not None:
        rest.listen(sums - messages.sum(1, keepdim=True), sums)
    q = messages.sub_(top).exp_().mul_(likelihood)
    unmoved = torch.exp(-top)
    total = q.sum(1, keepdim=True)
    if rest is not None:
        total += rest.weight() * unmoved
    return q.div_(total), unmoved / total


class _Rest:
    """The dropped classes of each pixel, lumped; see `pruning` for what they get to hear."""

    def __init__(self, everything: Tensor, kept: Tensor) -> None:
        self._kept = kept
        self._dropped = torch.ones(everything.shape[1], dtype=torch.bool, device=kept.device)
        self._dropped[kept] = False
        shares = everything[:, self._dropped]
        self._likelihood = shares.sum(1, keepdim=True)
        self._squares = shares.square().sum(1, keepdim=True)
        self._gain = torch.zeros_like(self._likelihood)

    def listen(self, unheard: Tensor, sums: Tensor) -> None:
        """Share what the kept classes leave of the sums of messages, both (P, 1), among the dropped ones."""
        most = sums * self._likelihood / self._squares * THRESHOLD  # no dropped class is believed in more
        self._gain = torch.minimum(unheard.clamp_(min=0) / self._likelihood, most)

    def weight(self) -> Tensor:
        """Sum of likelihood * exp(message) over the dropped classes to the first order, (P, 1)."""
        return self._likelihood + self._gain * self._squares

    def restore(self, everything: Tensor, scale: Tensor, q: Tensor) -> Tensor:
        """Q of all classes (P, C) from the likelihood of all and Q of the kept ones."""
        result = everything * (1 + everything * self._gain) * scale
        result[:, self._kept] = q
        return result
