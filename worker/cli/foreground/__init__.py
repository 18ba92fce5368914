"""The verbs for this machine's own work: the core in the foreground, with the original's options."""

from worker.cli.foreground.images import segment, single
from worker.cli.foreground.live import live
from worker.cli.foreground.sample import sample
from worker.cli.foreground.scoring import crf, test
from worker.cli.foreground.training import train

__all__ = ["crf", "live", "sample", "segment", "single", "test", "train"]
