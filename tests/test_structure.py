import runpy

from tests.paths import ROOT


def test_no_folder_has_a_circle_of_imports() -> None:
    structure = runpy.run_path(str(ROOT / "docs" / "structure.py"))
    graph = structure["build_graph"]()
    folders = [folder for package in structure["PACKAGES"] for folder in structure["folders"](graph, package)]
    circles = {folder: structure["find_circle"](structure["arrows_in"](graph, folder)) for folder in folders}
    assert len(circles) > 20
    assert {folder: circle for folder, circle in circles.items() if circle} == {}
