"""Register jobs: a weights file becomes a checkpoint, once it is sure that it fits its configuration."""

import shutil
from pathlib import Path
from typing import Any

from deeplab import remote
from deeplab.files import make_folder, replace_file
from deeplab.mirrors import local_path
from deeplab.models.load import load_model
from deeplab.models.weights.state_dict import read_checkpoint
from deeplab.training.checkpoint import checkpoint_path
from worker.execution.kinds import JobContext
from worker.execution.kinds.inputs import require_inputs
from worker.jobs import uploads
from worker.jobs.database import open_session
from worker.jobs.records import checkpoints
from worker.jobs.requests.specs import RegisterSpec


def run(context: JobContext) -> dict[str, Any]:
    """Fill the model of the configuration with the weights of the file, all of them, and keep a copy of the file.

    Raises:
        InputChangedError: if the file was exchanged since the job was submitted.
        CheckpointError: if it cannot be read, holds other things than tensors, or keys or shapes that do not fit.
    """
    spec = RegisterSpec.model_validate(context.job.spec)
    require_inputs(context)
    source = local_path(spec.file)
    load_model(context.config, source)
    iteration = _iteration_of(source)
    kept = checkpoint_path(context.folder, iteration)
    make_folder(kept.parent)
    with remote.fetch(source).open("rb") as original, replace_file(kept) as copy:
        shutil.copyfileobj(original, copy)
    context.reporter.checkpoint(kept, iteration, is_best=False)
    context.reporter.flush()
    with open_session(context.settings, reads_only=True) as session:
        saved = checkpoints.find_last(session, context.job.id)
    if saved is None:
        raise RuntimeError("the checkpoint was not recorded")
    for path in (spec.file, spec.config):
        uploads.discard_file(context.settings, path)
    return {"checkpoint": saved.id, "iteration": iteration}


def _iteration_of(path: Path) -> int:
    """At which iteration a checkpoint of ours was saved; 0 for weights alone."""
    iteration = read_checkpoint(path).get("iteration")
    return iteration if isinstance(iteration, int) and not isinstance(iteration, bool) and iteration >= 0 else 0
