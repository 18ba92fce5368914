"""`deeplab job submit`, `retry` and `clone`: the commands that make jobs."""

import os
from typing import Any

import click

from worker.cli.lazy import ComputedGroup
from worker.cli.options import job_argument, set_option
from worker.cli.output import json_option
from worker.jobs.catalog import KINDS

_WAIT = click.option(
    "--wait", is_flag=True, help="Show progress until the job ends; the exit code is 0 if it succeeded."
)
_NAME = click.option("--name", default="", metavar="TEXT", help="What to call the job in lists.")
_NOTES = click.option("--notes", default="", metavar="TEXT", help="Whatever is worth remembering about the job.")
_EXAMPLES = {  # of `job submit`, by kind
    "train": "train -c config.yaml --dataset street --wait",
    "evaluate": "evaluate --checkpoint 1 --wait",
    "crf": "crf --evaluate-job 2 --grid BI_W=2,4,8 --wait",
    "segment": "segment --checkpoint 1 --input images --wait",
    "register": "register --file model.pth -c config.yaml --wait",
    "onnx": "onnx --checkpoint champion --wait",
    "try": "try --checkpoint champion --image photo.jpg --crf --wait",
    "check": "check --dataset street --wait",
    "import": "import --source export.zip --dataset street --wait",
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
        return json_option(_WAIT(_NAME(_NOTES(set_option(command)))))


def _submit(name: str, notes: str, wait: bool, as_json: bool, **values: Any) -> None:
    from worker.cli.job.submit import submit_job

    kind = click.get_current_context().command.name or ""
    submit_job(kind, values, {"name": name, "notes": notes}, wait=wait, as_json=as_json)


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
    from worker.cli.job.submit import submit_with
    from worker.jobs import submission
    from worker.jobs.settings import load_settings

    settings = load_settings()
    again = submission.retry_failed if failed else submission.retry
    submit_with(
        settings,
        lambda tell: again(settings, job_id, environment=os.environ, tell=tell),
        wait=wait,
        as_json=as_json,
    )


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
