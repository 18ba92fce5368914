"""ONNX jobs: the model of a checkpoint as a file for other runtimes."""

from typing import Any

from deeplab.datasets.class_names import class_names_of
from deeplab.files import sha256_of
from deeplab.models.load import load_model
from deeplab.models.onnx_check import compare_onnx
from deeplab.models.onnx_export import export_onnx
from worker.execution.kinds import JobContext, weights_path
from worker.jobs import storage
from worker.jobs.requests.specs import OnnxSpec


def run(context: JobContext) -> dict[str, Any]:
    """Export the model, and keep the file only if ONNX Runtime computes with it what the model computes.

    Raises:
        CheckpointError: if the checkpoint is gone or damaged.
        ConfigError: if the packages that this takes are not installed.
        OnnxMismatchError: if the file says something else than the model.
    """
    spec = OnnxSpec.model_validate(context.job.spec)
    settings, job, config = context.settings, context.job, context.config
    model = load_model(config, weights_path(settings, spec.checkpoint_ref))
    context.reporter.progress(1, 3, "step")
    path = storage.onnx_path(settings, job.id, job.fence)
    export_onnx(model, config, class_names_of(config.DATASET), path)
    context.reporter.progress(2, 3, "step")
    difference = compare_onnx(model, path)
    context.reporter.progress(3, 3, "step")
    return {
        "file": str(path),
        "n_bytes": path.stat().st_size,
        "sha256": sha256_of(path),
        "difference": difference,
    }
