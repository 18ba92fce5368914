"""Whether two configurations are of the same run, so that one may go on from a checkpoint of the other. Torch-free."""

from collections.abc import Mapping
from typing import Any

from deeplab.config import Config, parse_config, values_by_key

# Sections and keys that change nothing but rounding, and the length; a run may be resumed with other values of them.
_MAY_DIFFER = (
    *("EXP", "CRF", "DATALOADER", "DATASET.ROOT", "DATASET.LABELS", "DATASET.SPLIT.VAL", "DATASET.SPLIT.TEST"),
    *("INFERENCE", "IMAGE.SIZE.TEST", "MODEL.INIT_MODEL", "MODEL.WEIGHTS"),
    *("RUNTIME", "SOLVER.BATCH_SIZE.TEST", "SOLVER.ITER_SAVE", "SOLVER.ITER_TB", "SOLVER.AVERAGE_LOSS"),
    *("SOLVER.EVAL_EVERY", "SOLVER.KEEP_LAST", "SOLVER.KEEP_BEST", "SOLVER.PATIENCE", "SOLVER.ITER_MAX"),
)


def list_differences(config: Config, saved: Mapping[str, Any], source: str) -> list[str]:
    """List the keys that keep a run from going on with a configuration: "SOLVER.LR (0.01 there, 0.1 here)".

    Args:
        config: what is asked for now.
        saved: the configuration of the checkpoint, of this version or an earlier one.
        source: names it in errors.

    Raises:
        ConfigError: if what was saved is no configuration.
    """
    ours, theirs = (values_by_key(each.model_dump()) for each in (config, parse_config(saved, source)))
    return [
        f"{key} ({_spell(theirs[key])} there, {_spell(ours[key])} here)"
        for key in ours
        if ours[key] != theirs[key] and not any(f"{key}.".startswith(f"{free}.") for free in _MAY_DIFFER)
    ]


def _spell(value: object) -> str:
    """A value as a configuration file has it."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_spell, value))}]"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "empty"}[value]
    return str(value)
