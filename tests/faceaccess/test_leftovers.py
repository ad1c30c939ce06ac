"""Files of a process that died between its commit and the removal of files are found and removed, no others are."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from accounts import exporting
from accounts.models import DataExport
from accounts.services import account_delete, enrolment_delete
from faceaccess import leftovers
from faceaccess.models import Decoy
from photos.services import post_delete
from tests.faceaccess.conftest import fetch, person, posted
from tests.factories import FaceCaptureFactory

# In these tests nothing that waits for a commit is ever run: they all die just before it.
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def incoming(settings, tmp_path: Path) -> Path:
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "incoming"
    settings.FILE_UPLOAD_TEMP_DIR.mkdir()
    return settings.FILE_UPLOAD_TEMP_DIR


def grow_old(settings, hours: float = 2) -> None:
    then = time.time() - 3600 * hours
    for root in (settings.PRIVATE_ROOT, settings.RENDITION_ROOT, settings.FILE_UPLOAD_TEMP_DIR):
        for path in root.rglob("*"):
            os.utime(path, (then, then))


def files(settings) -> list[str]:
    roots = (settings.PRIVATE_ROOT, settings.RENDITION_ROOT)
    return sorted(
        str(path)
        for root in roots
        for path in root.rglob("*")
        if path.is_file() and path.parent.name != "locks"
    )


def test_nothing_that_a_row_names_is_touched(engine, settings):
    photo = posted(person(0))
    fetch(person(), photo)
    before = files(settings)
    grow_old(settings, hours=1000)
    assert leftovers.remove() == 0
    assert files(settings) == before


def test_an_export_whose_owner_left_goes_and_others_stay(engine, settings):
    leaver, other = person(), person()
    for user in (other, leaver):
        assert exporting.export_build(exporting.export_order(user=user).pk)
    account_delete(user=leaver, by=leaver)
    grow_old(settings)
    assert leftovers.remove() == 1
    kept = settings.PRIVATE_ROOT / DataExport.objects.get(user=other).file.name
    assert files(settings) == [str(kept)]


def test_what_a_deleted_post_left_goes_and_its_neighbours_stay(engine, settings):
    kept = posted(person())
    fetch(kept.post.author, kept)
    before = files(settings)
    gone = posted(person())
    fetch(gone.post.author, gone)
    post_delete(post=gone.post, by=gone.post.author)
    assert len(files(settings)) == len(before) + 5  # the original, three decoys and a picture are still there
    grow_old(settings)
    leftovers.remove()
    assert files(settings) == before


@pytest.mark.parametrize("leave", [enrolment_delete, lambda user: account_delete(user=user, by=user)])
def test_pictures_of_who_left_go(settings, leave):
    stayer, leaver = FaceCaptureFactory().user, FaceCaptureFactory().user
    leave(user=leaver)
    grow_old(settings)
    assert leftovers.remove() == 1
    [left] = files(settings)
    assert f"/captures/{stayer.pk}/" in left


def test_a_patch_that_was_replaced_goes_and_the_present_one_stays(engine, settings):
    photo = posted(person(), faces=1)
    row = Decoy.objects.get()
    row.patch.storage.save(f"decoys/{photo.pk.hex}/former.png", row.patch)
    grow_old(settings)
    assert leftovers.remove() == 1
    assert row.patch.storage.exists(row.patch.name)


def test_files_that_may_still_get_their_rows_are_left_alone(engine, settings, incoming):
    photo = posted(person())
    post_delete(post=photo.post, by=photo.post.author)
    (incoming / "upload").write_bytes(b"half of it")
    before = files(settings)
    assert leftovers.remove() == 0
    assert files(settings) == before
    assert (incoming / "upload").exists()


def test_uploads_and_pictures_that_were_never_finished_go(engine, settings, incoming):
    photo = posted(person())
    fetch(photo.post.author, photo)
    before = files(settings)
    (incoming / "upload").write_bytes(b"half of it")
    (settings.RENDITION_ROOT / photo.pk.hex / "key.1234.part").write_bytes(b"half of it")
    grow_old(settings)
    assert leftovers.remove() == 2
    assert files(settings) == before
    assert not any(incoming.iterdir())
