"""`deeplab demo`."""

import click


@click.command()
def demo() -> None:
    """Try the platform on sample data.

    Starts a platform in a temporary folder, draws a sample dataset, and trains, evaluates, refines and segments through
    the JSON API. Needs no data and no setup; takes a few minutes on a CPU.
    """
    from worker.platform.demo import run_demo

    run_demo()
