"""Groups of classes, such as the tree of COCO-Stuff in `configs/labels/cocostuff_hierarchy.yaml`. Torch-free."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from deeplab.errors import DatasetError


def load_hierarchy(path: Path) -> dict[str, str]:
    """Read a tree of groups: mappings from a group's name to its groups, or to the list of its classes.

    Returns:
        The parent of every class and of every group but the topmost: "person" -> "person-things" ->
        "outdoor-super-things" -> "things".

    Raises:
        DatasetError: if the file cannot be read or is malformed, or a name appears twice.
    """
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DatasetError(f"{path}: the hierarchy file does not exist.") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DatasetError(f"{path}: the hierarchy file cannot be read: {' '.join(str(error).split())}.") from error
    parents: dict[str, str | None] = {}
    for name, parent in _edges(tree, None, path):
        if name in parents:
            raise DatasetError(f"{path}: {name!r} appears twice; every class and group has one place.")
        parents[name] = parent
    return {name: parent for name, parent in parents.items() if parent is not None}


def ancestors(parents: Mapping[str, str], name: str) -> tuple[str, ...]:
    """List the groups that a class or group is in, from the nearest to the topmost; none for a topmost group.

    Args:
        parents: as `load_hierarchy` returns them.
        name: of a class or group.

    Raises:
        DatasetError: if the tree has no such name.
    """
    if name not in parents and name not in parents.values():
        raise DatasetError(f"{name!r} is not in the hierarchy.")
    chain: list[str] = []
    while name in parents:
        name = parents[name]
        chain.append(name)
    return tuple(chain)


def _edges(node: object, parent: str | None, path: Path) -> Iterator[tuple[str, str | None]]:
    """Yield the (name, parent) of everything below a node."""
    match node:
        case dict():
            for name, child in node.items():
                yield str(name), parent
                yield from _edges(child, str(name), path)
        case list() if parent is not None and all(isinstance(name, str) for name in node):
            yield from ((name, parent) for name in node)
        case _:
            raise DatasetError(f"{path}: {parent or 'the file'} must hold groups or a list of class names.")
