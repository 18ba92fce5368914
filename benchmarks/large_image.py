"""How much memory and time a huge image takes in `slide` mode: `python -m benchmarks.large_image`.

Draws a tiled TIFF in another process, segments it into a folder with an untrained model of 182 classes, and prints
the peak of the resident memory above that of the loaded model, and the seconds.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import tifffile
import torch
from numpy.typing import NDArray

from deeplab.config import Config, parse_config
from deeplab.inference.folder import segment_folder
from deeplab.inference.segmenter import Segmenter
from deeplab.models.build import build_from_config
from deeplab.reporter import SilentReporter

_TILE = 256  # side of the image's tiles, pixels


def main() -> None:
    """Parse the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=20_000, help="of the square image, pixels (default: 20000)")
    parser.add_argument("--classes", type=int, default=182, help="(default: 182)")
    parser.add_argument("--width", type=int, default=4, help="channels of the model's first layer (default: 4)")
    parser.add_argument("--model", default="DeepLabV2_ResNet50", help="(default: DeepLabV2_ResNet50)")
    parser.add_argument("--device", default="cpu", help="(default: cpu)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a key")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder) / "images"
        images.mkdir()
        draw = multiprocessing.get_context("spawn").Process(target=draw_image, args=(images / "a.tif", options.side))
        draw.start()  # of its own, so that its memory does not count
        draw.join()
        segmenter = Segmenter(*build(options), device=options.device)
        segmenter.predict([np.zeros((64, 64, 3), np.uint8)])
        before, start = psutil.Process().memory_info().rss, time.monotonic()
        summary = segment_folder(segmenter, images, Path(folder) / "masks", SilentReporter())
        seconds = time.monotonic() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(
        f"{options.side}x{options.side} pixels, {options.classes} classes, {options.device}: {seconds:,.0f} s,"
        f" {(peak - before) / 2**20:,.0f} MiB above the {before / 2**20:,.0f} MiB with the model loaded;"
        f" {summary.n_ok} segmented, {summary.n_error} failed."
    )


def build(options: argparse.Namespace) -> tuple[torch.nn.Module, Config]:
    """An untrained model, and the configuration of `slide`."""
    model = {"NAME": options.model, "N_BLOCKS": [1, 1, 1, 1], "WIDTH": options.width}
    keys = {"DATASET": {"N_CLASSES": options.classes}, "MODEL": model, "INFERENCE": {"MODE": "slide"}}
    config = parse_config(keys, "benchmark", options.set)
    torch.manual_seed(0)
    return build_from_config(config), config


def draw_image(path: Path, side: int) -> None:
    """Write waves of colour as a tiled TIFF, tile by tile."""
    tifffile.imwrite(
        path, _tiles(side), shape=(side, side, 3), dtype=np.uint8, photometric="rgb", tile=(_TILE, _TILE), metadata=None
    )


def _tiles(side: int) -> Iterator[NDArray[np.uint8]]:
    noise = np.random.default_rng(0).integers(0, 32, (_TILE, _TILE, 3))
    line = np.arange(-(-side // _TILE) * _TILE)
    waves = np.stack([112 + 96 * np.sin(line / length) for length in (37, 211, 1009)], axis=1)  # (side, 3)
    for top in range(0, side, _TILE):
        for left in range(0, side, _TILE):
            tile = (waves[top : top + _TILE, None] + waves[None, left : left + _TILE]) / 2 + noise
            yield tile.astype(np.uint8)


if __name__ == "__main__":
    main()
