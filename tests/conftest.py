"""Fixtures for every test: private files and caches of its own, and a look at the queue."""

from __future__ import annotations

import gc
import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from celery.signals import before_task_publish
from django.core.cache import cache

from accounts.index import get_index, whole_gallery

# Playwright's event loop makes Django think it is in async code when a browser test touches the database.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

hypothesis.settings.register_profile("untimed", deadline=None)  # a busy machine must fail no test
hypothesis.settings.load_profile("untimed")

ROOT = Path(__file__).resolve().parent
SHARED = ROOT.parents[1] / "shared" / "data"


# Files that take longest, started first: a process that took up one of them last would leave the others waiting.
LONG = (
    "faceaccess/test_leaks.py",
    "engine/test_covers.py",
    "engine/test_detection.py",
    "swapping/test_galleries.py",
    "faceaccess/test_leak_channels.py",
    "training/test_training.py",
    "browser/test_demo_network.py",
    "faceaccess/test_effects.py",
    "faceaccess/test_previews.py",
    "browser/test_accessible.py",
    "engine/test_command_line.py",
    "evaluation/test_command.py",
    "system/test_worker_killed.py",
    "packs/test_neural_pack.py",
    "packs/test_networks.py",
    "browser/test_keyboard.py",
    "engine/test_swaps.py",
    "engine/test_speed.py",
    "engine/test_spoiled.py",
    "swapping/test_covered.py",
    "swapping/test_decoys.py",
    "faceaccess/test_reembedding.py",
    "system/test_rematch_killed.py",
    "browser/test_members.py",
    "pages/test_fuzz.py",
    "pages/test_crawl.py",
    "faceaccess/test_against_reference.py",
    "faceaccess/test_histories.py",
    "faceaccess/test_end_to_end.py",
    "batching/test_launching.py",
    "packs/test_calibrate.py",
    "donors/test_selection.py",
)


def pytest_collection_finish() -> None:
    """A suite that imports torch and Django keeps a quarter of a million objects to its end. Looking at them again and
    again was a sixth of the time of the leak matrix."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    first = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: first.get(item.path.relative_to(ROOT).as_posix(), len(LONG)))
    if not SHARED.is_dir():
        for item in items:
            if item.get_closest_marker("shared"):
                item.add_marker(
                    pytest.mark.skip(reason="the research data folder ../shared/data is not here")
                )


@pytest.fixture(autouse=True)
def private_root(settings, tmp_path: Path) -> Path:
    """Originals, captures, decoys and renditions of this test only."""
    root = tmp_path / "private"
    private = {
        **settings.STORAGES["default"],
        "OPTIONS": {**settings.STORAGES["default"]["OPTIONS"], "location": root},
    }
    settings.STORAGES = {**settings.STORAGES, "default": private}
    settings.PRIVATE_ROOT = root
    settings.RENDITION_ROOT = tmp_path / "renditions"
    return root


@pytest.fixture(autouse=True)
def _fresh_cache() -> None:
    """Rate limits and counts of one test do not reach the next."""
    cache.clear()


@pytest.fixture(autouse=True)
def _fresh_index() -> None:
    """A rolled-back database gives its keys out again; a real one never does."""
    whole_gallery().forget()
    get_index.cache_clear()


@pytest.fixture
def private_files(private_root: Path):
    """A function: the names of all private files there are right now, relative to the private root."""
    return lambda: sorted(
        str(path.relative_to(private_root)) for path in private_root.rglob("*") if path.is_file()
    )


@pytest.fixture
def sent_tasks() -> Iterator[list[tuple[str, tuple]]]:
    """(name, positional arguments) of every Celery task sent during the test. None of them is run."""
    sent: list[tuple[str, tuple]] = []

    def note(sender: str, body: tuple, **kwargs: object) -> None:
        sent.append((sender, tuple(body[0])))

    before_task_publish.connect(note, weak=False)
    yield sent
    before_task_publish.disconnect(note)


@pytest.fixture(scope="session")
def six_people() -> Path:
    """The group photo of six people inside the insightface package (found, not imported: that loads onnxruntime)."""
    spec = importlib.util.find_spec("insightface")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "data" / "images" / "t1.jpg"


@pytest.fixture(scope="session")
def real_engine():
    """The real engine, its networks loaded once for the whole session."""
    from accounts.engine import get_engine

    return get_engine()


@pytest.fixture(scope="session")
def six_found(six_people, real_engine):
    """What the real engine finds in that photo, once for the whole session: for reading."""
    from mfmc_engine import imaging

    return real_engine.analyze(imaging.decode(six_people))
