"""Dense CRF: sharpen a network's probabilities along the edges of the image. Torch-free until `refine` is called."""

from deeplab.crf.dense import DenseCRF, require_engine
from deeplab.crf.refinement import refine

__all__ = ["DenseCRF", "refine", "require_engine"]
