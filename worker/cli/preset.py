"""`deeplab preset`."""

import click

from worker.cli import completion
from worker.cli.options import set_option
from worker.cli.output import json_option, print_json, print_table
from worker.cli.store import open_store


@click.group()
def preset() -> None:
    """List and save presets, which trainings begin with.

    To use one: deeplab job submit train --preset NAME.
    """


@preset.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the presets that are shipped, and those that were saved."""
    from worker.jobs import presets

    with open_store(create=True) as session:
        found = presets.list_presets(session, None)
    if as_json:
        print_json(found)
    else:
        print_table(("NAME", "WHAT"), [(each.name, each.description) for each in found], "No presets found.")


@preset.command(epilog="Example: deeplab preset save long -c config.yaml --set SOLVER.ITER_MAX=40000")
@click.argument("name")
@click.option("-c", "--config", required=True, metavar="FILE", help="Configuration file (YAML).")
@set_option
def save(name: str, config: str, overrides: tuple[str, ...]) -> None:
    """Save a configuration with changes under a NAME; a preset of that name is replaced.

    Keys of the dataset itself are left out: each training has those of its own.
    """
    from deeplab.config import load_config
    from deeplab.mirrors import absolute, local_path
    from worker.jobs import presets

    path = absolute(config)
    load_config(local_path(path), overrides)  # refuses what does not fit
    with open_store(writes=True, create=True) as session:
        presets.save(session, name, path, overrides, None)
    click.echo(f"Saved. To train with it, run: deeplab job submit train --preset {name} --dataset NAME")


@preset.command()
@click.argument("name", shell_complete=completion.presets)
def remove(name: str) -> None:
    """Remove a preset that was saved."""
    from worker.jobs import presets

    with open_store(writes=True) as session:
        presets.remove(session, name, None)
    click.echo(f"Removed the preset {name}.")
