"""Options and arguments that several commands share: of configurations, numbers, jobs and web servers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from worker.cli import completion

F = TypeVar("F", bound=Callable[..., Any])
_OVERRIDES = f"{__name__}.overrides"  # key of click's notes on a call


def config_options(command: F) -> F:
    """`-c` and `--set`, which the command receives as `config_path` and `overrides`."""
    return config_option(required=True)(set_option(command))


def config_option(*, required: bool) -> Callable[[F], F]:
    """`-c`, which the command receives as `config_path`."""
    return click.option(
        "-c",
        "--config-path",
        type=click.Path(path_type=Path),
        metavar="FILE",
        required=required,
        help="Configuration file (YAML).",
    )


def set_option(command: F) -> F:
    """`--set`, which the command receives as `overrides`, with those of every `key_option`."""
    return click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="KEY=VALUE",
        callback=_add_noted,
        help="Change a configuration key, such as SOLVER.LR=1e-3; repeatable.",
    )(command)


def key_option(name: str, *, key: str, spell: Callable[[Any], str] = str, **settings: Any) -> Callable[[F], F]:
    """An option that sets one configuration key, as `--set KEY=VALUE` does.

    Args:
        name: of the option.
        key: of the configuration.
        spell: the option's value as the key's.
        settings: of `click.option`.
    """

    def note(context: click.Context, _option: click.Parameter, value: object) -> None:
        if value:
            context.meta.setdefault(_OVERRIDES, []).append(f"{key}={spell(value)}")

    # Eager: before --set, which takes it up.
    return click.option(name, is_eager=True, expose_value=False, callback=note, **settings)


def number_option(
    *names: str, default: int, text: str, at_least: int = 1, at_most: int | None = None
) -> Callable[[F], F]:
    """An option that takes a whole number.

    Args:
        names: of the option, and of the parameter that receives it.
        default: shown in the help.
        text: of the help.
        at_least: the smallest number.
        at_most: the largest number, if there is one.
    """
    return click.option(
        *names, type=click.IntRange(at_least, at_most), metavar="N", default=default, show_default=True, help=text
    )


def job_argument(command: F) -> F:
    """`ID` of a job, which the command receives as `job_id`."""
    return click.argument("job_id", metavar="ID", type=int, shell_complete=completion.jobs)(command)


def address_options(command: F) -> F:
    """`--host` and `--port`, of what starts a web server."""
    host = click.option(
        "--host", metavar="ADDRESS", help="Address to listen on.  [default: 127.0.0.1, or DEEPLAB_HOST]"
    )
    port = click.option(
        "--port",
        type=click.IntRange(1, 65535),
        metavar="N",
        help="Port to listen on.  [default: 8000, or DEEPLAB_PORT]",
    )
    return host(port(command))


def insecure_option(command: F) -> F:
    """`--insecure`, of what starts a web server."""
    return click.option(
        "--insecure", is_flag=True, help="Ask nobody to sign in: whoever reaches the address can do everything."
    )(command)


def seed_option(text: str) -> Callable[[F], F]:
    """`--seed`, a whole number that is 0 unless given."""
    return number_option("--seed", default=0, at_least=0, text=text)


def _add_noted(context: click.Context, _option: click.Parameter, overrides: tuple[str, ...]) -> tuple[str, ...]:
    return (*overrides, *context.meta.get(_OVERRIDES, []))
