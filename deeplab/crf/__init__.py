"""Dense CRF jobs: sharpen a network's probabilities along the edges of the images. The mathematics is in `densecrf`.

Importing this is light: numba or torch is imported when a `DenseCRF` is built.
"""

from deeplab.crf.build import bgr, build_crf
from deeplab.crf.refinement import refine
from deeplab.crf.search import Trial, best_of, search
from deeplab.densecrf import DenseCRF

__all__ = ["DenseCRF", "Trial", "best_of", "bgr", "build_crf", "refine", "search"]
