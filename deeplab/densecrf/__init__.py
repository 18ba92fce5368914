"""Exact dense CRF inference, several times faster than pydensecrf, on CPUs and GPUs.

`crf.DenseCRF` checks its input (`checks`, `parameters`) and hands it to the engine that `backends` chose: `cpu` in
numba, `gpu` in torch, or pydensecrf itself (`reference`). On CPUs, `cpu.meanfield` leads an image through these steps:

1. Pruning: `cpu.beliefs` checks the probabilities, drops classes that are unlikely everywhere (the rule is in
   `pruning`), and lays the others out as rows of lanes.
2. Lattice: `cpu.permutohedral` builds the lattice of position and colour (`geometry` says how its vertices get keys),
   and `cpu.smoothness` that of position alone, which `cpu.sweep` lays out line by line.
3. Sweep, in each of the mean-field steps: `cpu.lattice` splats and blurs the beliefs by position and colour; then one
   sweep over the image slices that, filters by position on the way, and adds both up to messages.
4. Softmax: likelihood * exp(message), normalised, are the new beliefs. Where all classes fit into one chunk of rows,
   the sweep does this, too.
5. After the last step `cpu.beliefs` turns rows into planes (C, H, W), or into the labels (H, W).

What numba compiles is in `cpu.kernels`, where `lattice`, `permutohedral` and `sweep` hold what their namesakes call.

Importing this is light: numba or torch is imported when a `DenseCRF` is built.
"""

from deeplab.densecrf.cpu.workers import Plan, plan_workers
from deeplab.densecrf.crf import DenseCRF
from deeplab.densecrf.errors import CrfError
from deeplab.densecrf.parameters import CrfParameters

__all__ = ["CrfError", "CrfParameters", "DenseCRF", "Plan", "plan_workers"]
