"""`deeplab doctor`."""

import shutil

import click

from worker.cli.output import json_option, print_json


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Say what is wrong with the platform, and what to do about it.

    Looks at versions, database, its revision, broker, storage, clocks, disks, permissions, GPUs and workers, with the
    settings of this machine. The exit code is 1 if something is wrong.
    """
    from worker.execution.slots import find_gpus
    from worker.jobs.operations.doctor import examine
    from worker.jobs.settings import load_settings

    gpus = [gpu.name for gpu in find_gpus()]
    findings = examine(load_settings(), gpus, driver=shutil.which("nvidia-smi") is not None)
    if as_json:
        print_json(findings)
    else:
        for finding in findings:
            click.echo(f"{'ok   ' if finding.ok else 'WRONG'}  {finding.name}: {finding.says}.")
            if finding.remedy is not None:
                click.echo(f"       What to do: {finding.remedy}.")
    raise SystemExit(0 if all(finding.ok for finding in findings) else 1)
