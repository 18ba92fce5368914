"""`deeplab demo`."""

import click


@click.command()
def demo() -> None:
    """Train, evaluate, refine and segment on drawn data, over HTTP.

    Starts a platform in a temporary folder, and uses it as any client of its JSON API would. Needs no data
    and no set-up, and takes a few minutes on a processor.
    """
    from worker.platform.demo import run_demo

    run_demo()
