"""The command line: one command, `deeplab`, with verbs for this machine's own work and nouns for the platform."""

from worker.cli.lazy import Entry, LazyGroup
from worker.cli.version import version_option

_LOCAL = {
    "train": Entry("worker.cli.foreground.train", "train", "Train a network in the foreground."),
    "test": Entry("worker.cli.foreground.test", "test", "Score a checkpoint on a split."),
    "crf": Entry("worker.cli.foreground.crf", "crf", "Refine saved logits with a dense CRF."),
    "single": Entry("worker.cli.foreground.single", "single", "Segment one image."),
    "live": Entry("worker.cli.foreground.live", "live", "Segment a camera's pictures or a video."),
    "segment": Entry("worker.cli.foreground.segment", "segment", "Segment every image of a folder."),
    "sample": Entry("worker.cli.foreground.sample", "sample", "Draw sample data."),
}

_WEIGHTS = {
    "weights": Entry("worker.cli.weights", "weights", "Get weights that others published."),
    "convert": Entry("worker.cli.convert", "convert", "Turn weights of other frameworks into files of ours."),
    "export": Entry(
        "worker.cli.foreground.export", "export", "Write a trained network as ONNX: BGR minus mean in, logits out."
    ),
}

_PLATFORM = {
    "up": Entry("worker.cli.up", "up", "Run the whole platform on this machine until Ctrl-C."),
    "demo": Entry("worker.cli.demo", "demo", "Train, evaluate, refine and segment on drawn data, over HTTP."),
    "job": Entry("worker.cli.job.commands", "job", "Submit and follow jobs."),
    "dataset": Entry("worker.cli.dataset.commands", "dataset", "Download, check, preview and register data sets."),
    "checkpoint": Entry("worker.cli.checkpoint", "checkpoint", "Look at the checkpoints of train jobs."),
    "worker": Entry("worker.cli.worker", "worker", "Start and list the processes that run jobs."),
    "web": Entry("worker.cli.web", "web", "Serve the dashboard and the JSON API alone."),
    "db": Entry("worker.cli.db", "db", "Look after the database."),
}

main = LazyGroup(
    {"In the foreground": _LOCAL, "Weights": _WEIGHTS, "Platform": _PLATFORM},
    name="deeplab",
    help="Semantic segmentation: train, evaluate and run DeepLab, here or as jobs of a platform.",
    params=[version_option()],
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
