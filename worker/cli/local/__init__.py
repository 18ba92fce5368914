"""The verbs for this machine's own work: the core in the foreground, with the original's options."""

from worker.cli.local.images import segment, single
from worker.cli.local.live import live
from worker.cli.local.sample import sample
from worker.cli.local.scoring import crf, test
from worker.cli.local.training import train

__all__ = ["crf", "live", "sample", "segment", "single", "test", "train"]
