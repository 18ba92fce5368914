"""Exact dense CRF inference, several times faster than pydensecrf, on processors and GPUs.

Importing this is light: numba or torch is imported when a `DenseCRF` is built.
"""

from deeplab.densecrf.cpu.workers import Plan, plan_workers
from deeplab.densecrf.crf import DenseCRF
from deeplab.densecrf.errors import CrfError
from deeplab.densecrf.parameters import CrfParameters

__all__ = ["CrfError", "CrfParameters", "DenseCRF", "Plan", "plan_workers"]
