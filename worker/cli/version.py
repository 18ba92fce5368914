"""`deeplab --version`."""

import click


def version_option() -> click.Option:
    """An option that prints the installed version and exits."""
    return click.Option(
        ["--version"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_print,
        help="Show the version and exit.",
    )


def _print(context: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"deeplab {version('deeplab-platform')}")
        context.exit()
