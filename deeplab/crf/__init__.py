"""Dense CRF jobs: sharpen a network's probabilities along the edges of the images. The mathematics is in `densecrf`."""

from deeplab.crf.build import build_crf
from deeplab.crf.refinement import refine

__all__ = ["build_crf", "refine"]
