"""The command line: one command, `deeplab`, with verbs for local work and nouns for the platform."""

from worker.cli.lazy import Entry, LazyGroup
from worker.cli.version import version_option

_FOREGROUND = {
    "train": Entry("worker.cli.foreground.train", "train_command", "Train a model."),
    "test": Entry("worker.cli.foreground.test", "test", "Evaluate a checkpoint on a split."),
    "crf": Entry("worker.cli.foreground.crf", "crf", "Refine saved logits with a dense CRF."),
    "single": Entry("worker.cli.foreground.single", "single", "Segment one image."),
    "live": Entry("worker.cli.foreground.live", "live", "Segment a camera stream or a video."),
    "segment": Entry(
        "worker.cli.foreground.segment", "segment", "Segment a folder of images and videos, or one video."
    ),
    "sample": Entry("worker.cli.foreground.sample", "sample", "Draw a sample dataset."),
}

_WEIGHTS = {
    "weights": Entry("worker.cli.weights", "weights", "Download published weights, and extract those of a checkpoint."),
    "convert": Entry("worker.cli.convert", "convert", "Convert weights from other frameworks."),
    "export": Entry("worker.cli.foreground.export", "export", "Export a trained model as ONNX."),
}

_PLATFORM = {
    "up": Entry("worker.cli.up", "up", "Start the platform on this machine."),
    "demo": Entry("worker.cli.demo", "demo", "Try the platform on sample data."),
    "job": Entry("worker.cli.job.commands", "job", "Submit and manage jobs."),
    "dataset": Entry(
        "worker.cli.dataset.commands", "dataset", "Download, import, check, preview and register datasets."
    ),
    "checkpoint": Entry(
        "worker.cli.checkpoint.commands", "checkpoint", "List, show, name, fetch, add and delete checkpoints."
    ),
    "preset": Entry("worker.cli.preset", "preset", "List and save presets, which trainings begin with."),
    "experiment": Entry("worker.cli.experiment", "experiment", "List and describe experiments: groups of jobs."),
    "queue": Entry("worker.cli.queue", "queue", "Pause and resume the queues."),
    "worker": Entry("worker.cli.worker", "worker", "Start, check and list workers."),
    "user": Entry("worker.cli.accounts.user", "user", "Add and manage the people who may use the platform."),
    "token": Entry("worker.cli.accounts.token", "token", "Create and revoke tokens, which programs sign in with."),
    "login-link": Entry(
        "worker.cli.accounts.login_link", "login_link", "Print a link that signs in to the dashboard once."
    ),
    "gc": Entry(
        "worker.cli.gc",
        "gc",
        "Delete files that nothing refers to: what killed attempts left, drafts, files of deleted jobs, full caches.",
    ),
    "web": Entry("worker.cli.web", "web", "Start only the web server."),
    "db": Entry("worker.cli.db", "db", "Create or upgrade the database."),
    "backup": Entry(
        "worker.cli.backup", "backup", "Write a backup of the database into FILE, while the platform runs."
    ),
    "restore": Entry(
        "worker.cli.backup",
        "restore",
        "Fill an empty home and an empty database from FILE, which `deeplab backup` wrote.",
    ),
    "doctor": Entry("worker.cli.doctor", "doctor", "Say what is wrong with the platform, and what to do about it."),
}

main = LazyGroup(
    {"Run locally": _FOREGROUND, "Weights": _WEIGHTS, "Platform": _PLATFORM},
    name="deeplab",
    help="Train, evaluate and run DeepLab for semantic segmentation, locally or as jobs on a platform.",
    params=[version_option()],
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
