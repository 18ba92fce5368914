"""`deeplab job submit`, `retry` and `clone`: the commands that make jobs."""

from collections.abc import Sequence
from typing import Any

import click

from worker.cli import completion
from worker.cli.lazy import ComputedGroup
from worker.cli.options import job_argument, set_option
from worker.cli.output import json_option
from worker.jobs.catalog import KINDS

_WAIT = click.option(
    "--wait", is_flag=True, help="Show progress until the job ends; the exit code is 0 if it succeeded."
)
_NAME = click.option("--name", default="", metavar="TEXT", help="What to call the job in lists.")
_NOTES = click.option("--notes", default="", metavar="TEXT", help="Whatever is worth remembering about the job.")
_EXPERIMENT = click.option(
    "--experiment",
    default="",
    metavar="TEXT",
    help="Experiment that it belongs to; a new name begins one.",
    shell_complete=completion.experiment_names,
)
_PRESET = click.option(
    "--preset",
    metavar="NAME",
    help="In place of --config: a preset, fitted to the dataset; see deeplab preset list.",
    shell_complete=completion.presets,
)
_THEN = click.option(
    "--then",
    multiple=True,
    type=click.Choice(("evaluate", "crf")),
    help="Submit a job that uses what this one makes, too; repeatable: --then evaluate --then crf.",
)
_EXAMPLES = {  # of `job submit`, by kind
    "train": "train --preset fast-cpu --dataset street --wait",
    "evaluate": "evaluate --checkpoint job:1 --wait",
    "crf": "crf --evaluate-job 2 --grid BI_W=2,4,8 --wait",
    "segment": "segment --checkpoint job:1 --input images --wait",
    "register": "register --file model.pth -c config.yaml --wait",
    "onnx": "onnx --checkpoint champion --wait",
    "try": "try --checkpoint champion --image a.jpg --wait",
    "check": "check --dataset street --wait",
    "import": "import --source road.zip --dataset street --wait",
}


class _Kinds(ComputedGroup):
    """One command per kind of job, with options made from the kind's request."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The kinds in their usual order."""
        return list(KINDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Make the command of a kind."""
        from worker.cli.job.spec_options import options_of
        from worker.jobs.requests.specs import SPECS

        spec = SPECS.get(cmd_name)
        if spec is None:
            return None
        command = click.Command(
            cmd_name,
            params=options_of(spec),
            help=spec.__doc__,
            epilog=f"Example: deeplab job submit {_EXAMPLES[cmd_name]}",
            callback=_submit,
        )
        if cmd_name == "train":
            _PRESET(command)
        if cmd_name in ("train", "evaluate"):
            _THEN(command)
        return json_option(_WAIT(_NAME(_NOTES(_EXPERIMENT(set_option(command))))))


def _submit(
    name: str, notes: str, experiment: str, wait: bool, as_json: bool, then: Sequence[str] = (), **values: Any
) -> None:
    from worker.cli.job.submit import submit_job

    kind = click.get_current_context().command.name or ""
    label = {"name": name, "notes": notes, "experiment": experiment}
    submit_job(kind, values, label, then=then, wait=wait, as_json=as_json)


@click.group(cls=_Kinds)
def submit() -> None:
    """Submit a job."""


@click.command()
@job_argument
@click.option("--failed", is_flag=True, help="Of a segment job that has ended, only the images that failed.")
@_WAIT
@json_option
def retry(job_id: int, failed: bool, wait: bool, as_json: bool) -> None:
    """Retry a failed or cancelled job, as a new job.

    A train job resumes from its last checkpoint. With --failed, the masks go to an output folder of the new job.
    """
    from worker.cli.job.submit import retry_job

    retry_job(job_id, failed=failed, wait=wait, as_json=as_json)


@click.command()
@job_argument
@click.option(
    "--change",
    "changes",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Change a field of the request, such as seed=7; repeatable.",
)
@set_option
@_WAIT
@json_option
def clone(job_id: int, changes: tuple[str, ...], overrides: tuple[str, ...], wait: bool, as_json: bool) -> None:
    """Submit a copy of a job, with changes.

    Changes by --set are added to those of the copied job.
    """
    from worker.cli.job.submit import clone_job

    clone_job(job_id, changes, overrides, wait=wait, as_json=as_json)
