"""Print the structure of the code, by `make structure`: folders, arrows, circles and the longest functions.

A module imports a module: that is an arrow. The arrows of a folder are those between the files and folders directly in
it, as a reader of `ls` meets them.
"""

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
from grimp import ImportGraph

ROOT = Path(__file__).parents[1]
PACKAGES = ("deeplab", "worker", "web")
_SHOWN_FUNCTIONS = 5


def main() -> None:
    """Print one line per folder, then the longest functions."""
    graph = build_graph()
    print(f"{'folder':<28}{'modules':>9}{'folders':>9}{'arrows':>8}  circles")
    for folder in (folder for package in PACKAGES for folder in folders(graph, package)):
        rooms = graph.find_children(folder)
        n_folders = sum(bool(graph.find_children(room)) for room in rooms)
        arrows = arrows_in(graph, folder)
        circle = find_circle(arrows)
        print(f"{folder:<28}{len(rooms) - n_folders:>9}{n_folders:>9}{len(arrows):>8}  {circle or 'none'}")
    lengths = sorted(_function_lengths(), reverse=True)
    median = lengths[len(lengths) // 2][0]
    share = sum(n_lines <= 25 for n_lines, _ in lengths) / len(lengths)
    print(f"\n{len(lengths)} functions, median {median} lines, {share:.1%} at most 25; the longest:")
    for n_lines, name in lengths[:_SHOWN_FUNCTIONS]:
        print(f"  {n_lines:>3} lines  {name}")


def build_graph() -> ImportGraph:
    """Read what imports what."""
    sys.path.insert(0, str(ROOT))
    return grimp.build_graph(*PACKAGES, cache_dir=None)


def folders(graph: ImportGraph, folder: str) -> Iterator[str]:
    """A package and the packages in it, as a tree is read."""
    yield folder
    for child in sorted(graph.find_children(folder)):
        if graph.find_children(child):
            yield from folders(graph, child)


def arrows_in(graph: ImportGraph, folder: str) -> Counter[tuple[str, str]]:
    """Which file or folder in a folder imports which other, and how often. Empty `__init__` files have no arrows."""
    arrows: Counter[tuple[str, str]] = Counter()
    for module in graph.find_descendants(folder):
        for imported in graph.find_modules_directly_imported_by(module):
            if imported.startswith(f"{folder}."):
                importer_room, imported_room = (_room(each, folder) for each in (module, imported))
                if importer_room != imported_room:
                    arrows[importer_room, imported_room] += 1
    return arrows


def _room(module: str, folder: str) -> str:
    return module.removeprefix(f"{folder}.").partition(".")[0]


def find_circle(arrows: Counter[tuple[str, str]]) -> str | None:
    """A circle of imports, such as "a -> b -> a"; None if there is none."""
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for importer, imported in arrows:
        sorter.add(importer, imported)
    try:
        sorter.prepare()
    except CycleError as error:
        return " -> ".join(error.args[1])
    return None


def _function_lengths() -> Iterator[tuple[int, str]]:
    """Lines of each function, without its decorators and docstring, and where it is."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.FunctionDef):
                    body = node.body[1:] if ast.get_docstring(node) else node.body
                    first = body[0].lineno if body else node.lineno
                    n_lines = (node.end_lineno or first) - first + 1 + (node.body[0].lineno - node.lineno)
                    yield n_lines, f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"


if __name__ == "__main__":
    main()
