"""Questions to results in one part or in several, while they are merged."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.worker.jobs.results.images import broken, evaluated, segmented
from worker.jobs.results import merging
from worker.jobs.results.answers import ClassTotal, Summary
from worker.jobs.results.filters import Filter, QuestionError
from worker.jobs.results.parts import Part
from worker.jobs.results.record import ImageResult, item_key
from worker.jobs.results.store import Results
from worker.jobs.results.writer import write_part
from worker.jobs.settings import Settings, load_settings

STREET = [
    segmented("b/2.jpg", {0: 60, 3: 40}, seconds=2.0),
    broken("a/1.jpg"),
    segmented("a/0.jpg", {0: 90, 3: 10}, seconds=1.0),
    segmented("b/Ärger.jpg", {3: 100}, seconds=3.0),
    segmented("c/4.jpg", {5: 100}, seconds=0.5),
]
IN_ORDER = ["a/0.jpg", "a/1.jpg", "b/2.jpg", "b/Ärger.jpg", "c/4.jpg"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(home=tmp_path / "home")


def results_of(settings: Settings, *parts: Sequence[ImageResult]) -> Results:
    folders = [settings.home / f"part-{number}" for number in range(len(parts))]
    for folder, images in zip(folders, parts, strict=True):
        write_part(folder, images)
    return Results(settings, lambda: folders)


@pytest.fixture(scope="module", params=["one part", "three parts", "merged"])
def street(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Results:
    """Five images, which tests only read."""
    settings = load_settings(home=tmp_path_factory.mktemp("street"))
    if request.param == "one part":
        return results_of(settings, STREET)
    results = results_of(settings, STREET[:1], STREET[1:3], STREET[3:])
    if request.param == "three parts":
        return results
    merged = settings.home / "merged"
    merging.merge([Part(n, settings.home / f"part-{n}", 1, 0) for n in range(3)], merged)
    return Results(settings, lambda: [merged])


def paths(results: Results, wanted: Filter, sort: str = "name", limit: int = 2) -> list[str]:
    """All paths by pages, read forwards and then backwards, which must be the same."""
    pages = [results.page(wanted, sort, limit=limit)]
    while (cursor := pages[-1].following) is not None:
        pages.append(results.page(wanted, sort, cursor, limit))
    for page, before in zip(pages[:0:-1], pages[-2::-1], strict=True):
        assert results.page(wanted, sort, page.previous, limit).images == before.images
    assert pages[0].previous is None
    found = [image.path for page in pages for image in page.images]
    assert [page.first for page in pages if page.images] == list(range(0, len(found), limit))
    assert results.count(wanted) == len(found)
    return found


@pytest.mark.parametrize(
    ("wanted", "sort", "expected"),
    [
        (Filter(), "name", IN_ORDER),
        (Filter(), "-name", IN_ORDER[::-1]),
        (Filter(status="error"), "name", ["a/1.jpg"]),
        (Filter(status="ok"), "-seconds", ["b/Ärger.jpg", "b/2.jpg", "a/0.jpg", "c/4.jpg"]),
        (Filter(name="ÄRGER"), "name", ["b/Ärger.jpg"]),
        (Filter(folder="b"), "name", ["b/2.jpg", "b/Ärger.jpg"]),
        (Filter(classes=(3,)), "name", ["a/0.jpg", "b/2.jpg", "b/Ärger.jpg"]),
        (Filter(classes=(3, 0)), "name", ["a/0.jpg", "b/2.jpg"]),
        (Filter(classes=(3,)), "-share", ["b/Ärger.jpg", "b/2.jpg", "a/0.jpg"]),
        (Filter(classes=(3,), min_share=0.2), "share", ["b/2.jpg", "b/Ärger.jpg"]),
        (Filter(classes=(3,), max_share=0.2, folder="a"), "share", ["a/0.jpg"]),
        (Filter(classes=(0,), min_share=0.9), "name", ["a/0.jpg"]),  # as exact as the table
        (Filter(classes=(7,)), "name", []),
        (Filter(min_confidence=0.1), "name", []),
    ],
)
def test_pages_in_every_order_and_direction(street: Results, wanted: Filter, sort: str, expected: list[str]) -> None:
    assert paths(street, wanted, sort) == expected


def test_what_an_image_says(street: Results) -> None:
    image = street.find(item_key("b/2.jpg"))
    assert image is not None
    assert (image.file, image.width, image.status, image.seconds) == (b"b/2.jpg", 10, "ok", 2.0)
    assert [(each.index, each.pixels) for each in street.classes_in(image)] == [(0, 60), (3, 40)]
    assert street.classes_in(image)[0].share == pytest.approx(0.6)
    failed = street.find(item_key("a/1.jpg"))
    assert failed is not None
    assert (failed.error, failed.width, street.classes_in(failed)) == ("The file is cut short.", None, [])
    assert street.find(item_key("gone.jpg")) is None
    assert street.find("no key") is None


def test_the_images_beside_one(street: Results) -> None:
    keys = {path: item_key(path) for path in IN_ORDER}
    assert street.beside(keys["b/2.jpg"], Filter()) == (keys["a/1.jpg"], keys["b/Ärger.jpg"], 2)
    assert street.beside(keys["b/2.jpg"], Filter(classes=(3,)), "-share") == (keys["b/Ärger.jpg"], keys["a/0.jpg"], 1)
    assert street.beside(keys["c/4.jpg"], Filter(classes=(3,))) == (None, None, None)


def test_totals_of_classes(street: Results) -> None:
    assert street.totals() == [ClassTotal(0, 150, 2), ClassTotal(3, 150, 3), ClassTotal(5, 100, 1)]


def test_a_stream_holds_every_image_once(street: Results) -> None:
    assert [image.path for image in street.stream(Filter(), at_once=2)] == IN_ORDER


def test_what_is_known_of_all_images(street: Results) -> None:
    assert street.summarize() == Summary(n_images=5, n_errors=1)


def test_the_classes_of_several_images(street: Results) -> None:
    page = street.page(Filter(folder="b"))
    classes = street.classes_of(page.images)
    assert [[each.index for each in classes[image.key]] for image in page.images] == [[0, 3], [3]]


def test_a_page_tells_the_values_of_its_order(settings: Settings) -> None:
    results = results_of(settings, [segmented("a", {1: 25, 0: 75}), evaluated("b", (1, 1, 100))])
    assert results.page(Filter(classes=(1,)), "-share").values == [1, 0.25]
    assert results.page(Filter(), "mean_iou").values == [1, None]


def test_images_of_equal_value_are_each_shown_once(settings: Settings) -> None:
    images = [segmented(f"{number}.jpg", {0: 100}) for number in range(7)]
    found = paths(results_of(settings, images), Filter(classes=(0,)), "-share", limit=3)
    assert sorted(found) == sorted(image.path for image in images)


def test_evaluated_images_are_found_by_their_scores(settings: Settings) -> None:
    results = results_of(
        settings,
        [
            evaluated("good", (0, 0, 90), (1, 1, 10), confidence=0.99),
            evaluated("bad", (0, 0, 50), (0, 1, 40), (1, 0, 10), confidence=0.4),
            evaluated("fair", (0, 0, 90), (0, 1, 5), (1, 1, 5), confidence=0.7),
        ],
    )
    assert paths(results, Filter(), "mean_iou") == ["bad", "fair", "good"]
    assert paths(results, Filter(classes=(1,)), "class_iou") == ["bad", "fair", "good"]
    assert paths(results, Filter(max_confidence=0.75), "-confidence") == ["fair", "bad"]
    assert paths(results, Filter(cell=(0, 1)), "-pixels") == ["bad", "fair"]
    bad = results.find(item_key("bad"))
    assert bad is not None
    assert bad.mean_iou == pytest.approx(0.25)
    assert bad.pixel_accuracy == pytest.approx(0.5)
    of_class_1 = next(each for each in results.classes_in(bad) if each.index == 1)
    assert (of_class_1.iou, of_class_1.label_quality) == (0.0, 0.25)


def test_a_path_of_any_bytes_is_kept(settings: Settings) -> None:
    results = results_of(settings, [segmented("r\udce4um.jpg", {0: 1}), segmented("it's 5 €.jpg", {0: 1})])
    image = results.find(item_key("r\udce4um.jpg"))
    assert image is not None
    assert (image.file, image.path) == (b"r\xe4um.jpg", "r\\xe4um.jpg")
    assert paths(results, Filter(name="'S 5")) == ["it's 5 €.jpg"]


def test_a_reader_finds_the_rows_again_that_were_merged_under_its_hands(settings: Settings) -> None:
    folders = [settings.home / "old"]
    write_part(folders[0], STREET)
    results = Results(settings, lambda: list(folders))
    assert results.count(Filter(name="jpg")) == 5
    merging.merge([Part(1, folders[0], 5, 0)], settings.home / "new")
    shutil.rmtree(folders[0])
    folders[:] = [settings.home / "new"]
    assert results.count(Filter(name="jpg")) == 5


def test_sums_are_read_once_for_each_part(settings: Settings) -> None:
    folders = [settings.home / "first", settings.home / "second"]
    write_part(folders[0], STREET[:3])
    assert Results(settings, lambda: folders[:1]).summarize() == Summary(3, 1)
    shutil.rmtree(folders[0])
    write_part(folders[1], STREET[3:])
    results = Results(settings, lambda: folders)
    assert (results.summarize(), results.count(Filter()), results.counts(Filter())) == (Summary(5, 1), 5, (5, 4))
    assert results.totals() == [ClassTotal(0, 150, 2), ClassTotal(3, 150, 3), ClassTotal(5, 100, 1)]


def test_images_without_an_error_are_counted(street: Results) -> None:
    assert street.counts(Filter()) == (5, 4)
    assert street.counts(Filter(folder="a")) == (2, 1)
    assert street.counts(Filter(classes=(3,))) == (3, 3)
    assert street.counts(Filter(status="error")) == (1, 0)


def test_a_job_without_results_has_empty_pages(settings: Settings) -> None:
    results = Results(settings, list)
    page = results.page(Filter(classes=(1,)), "-share")
    assert (page.images, page.previous, page.following) == ([], None, None)
    assert results.totals() == []
    assert results.is_empty


@pytest.mark.parametrize(
    ("wanted", "sort", "cursor", "sentence"),
    [
        (Filter(), "size", None, "sort must be one of name, "),
        (Filter(), "-share", None, "sort=-share needs a class"),
        (Filter(), "-pixels", None, "needs a cell"),
        (Filter(), "name", "x", "cursor is not one of this list's pages, got 'x'"),
        (Filter(), "name", "WzFd", "cursor is not one of this list's pages"),
        (Filter(), "seconds", "WyJhIiwiMSIsZmFsc2Vd", "cursor is not one of this list's pages"),  # ["a","1",false]
        (Filter(), "name", "WyJhIiwiLTEiLGZhbHNlXQ", "cursor is not one of this list's pages"),  # ["a","-1",false]
    ],
)
def test_questions_that_cannot_be_answered(
    street: Results, wanted: Filter, sort: str, cursor: str | None, sentence: str
) -> None:
    with pytest.raises(QuestionError, match=sentence):
        street.page(wanted, sort, cursor)
