"""A copy of everything: what is in it, who gets it, how long, and that nothing taken back stays in it."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta

import numpy as np
import pytest
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from accounts import exporting, services
from accounts.models import DataExport
from faceaccess.services import authorization_answer
from tests.faceaccess.conftest import client_of, engine, face_of, person, posted, shows  # noqa: F401
from tests.factories import CircleFactory, befriend

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def mara(engine):  # noqa: F811
    mara = person(0, "authorization", username="mara", bio="Paper, film.")
    friend = person(1, "authorization", username="ines")
    befriend(mara, friend)
    services.block_create(blocker=mara, blocked=person(username="rolf"))
    CircleFactory(owner=mara, name="Choir", members=[friend])
    mara.photo = posted(mara)
    mara.friend = friend
    posted(friend)  # somebody else's photo, with her face in it
    return mara


def built(user) -> DataExport:
    export = exporting.export_order(user=user)
    assert exporting.export_build(export.pk)
    export.refresh_from_db()
    return export


def unzip(response) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content)))


def download(user, export: DataExport):
    return client_of(user).get(reverse("export-download", args=[export.pk]))


def test_an_export_is_sent_to_the_worker_and_makes_progress(mara, sent_tasks) -> None:
    client_of(mara).post(reverse("export-order"))
    export = DataExport.objects.get()
    assert ("accounts.tasks.export_build", (str(export.pk),)) in sent_tasks
    assert b"waits for its turn" in client_of(mara).get(reverse("export")).content
    client_of(mara).post(reverse("export-order"))
    assert DataExport.objects.get() == export, "asking again does not start a second one"
    assert exporting.export_build(export.pk)
    export.refresh_from_db()
    assert (export.done, export.total, export.percent) == (3, 3, 100)
    assert not exporting.export_build(export.pk), "a message that comes twice builds nothing twice"
    page = client_of(mara).get(reverse("export"), headers={"HX-Request": "true"}).content.decode()
    assert reverse("export-download", args=[export.pk]) in page
    assert "<html" not in page


def test_it_holds_what_is_known_and_ones_own_photos_as_one_sees_them(mara) -> None:
    archive = unzip(download(mara, built(mara)))
    names = set(archive.namelist())
    capture = mara.captures.get()
    assert names == {"data.json", f"photos/{mara.photo.pk}.jpg", f"your-face/{capture.pk}.png"}
    data = json.loads(archive.read("data.json"))
    assert data["you"]["handle"] == "mara"
    assert data["you"]["friends"] == ["ines"]
    assert data["you"]["circles"] == {"Choir": ["ines"]}
    assert data["you"]["blocked"] == ["rolf"]
    assert data["you"]["enrolled_pictures"][0]["consent_version"] == capture.consent_version
    assert data["posts"][0]["photos"][0]["file"] in names
    assert data["face"]["access_model"] == "authorization"
    assert data["not_included"] == []
    image = np.asarray(Image.open(io.BytesIO(archive.read(f"photos/{mara.photo.pk}.jpg"))).convert("RGB"))
    assert [shows(image, index) for index in range(3)] == [True, False, False], (
        "her own face and two stand-ins"
    )
    for telling in ("password", "template", "embedding", "token"):
        assert telling not in archive.read("data.json").decode()


def test_only_the_owner_gets_the_file(mara) -> None:
    export = built(mara)
    for other in (mara.friend, person(is_staff=True, is_superuser=True)):
        assert download(other, export).status_code == 404
    assert download(None, export).status_code == 302
    assert (
        download(mara, export)["Cache-Control"] == "no-store, private"
        or "no-store" in download(mara, export)["Cache-Control"]
    )


def test_a_file_that_shows_what_was_taken_back_is_deleted_instead_of_handed_out(mara, private_files) -> None:
    region = face_of(mara.photo, mara.friend)
    authorization_answer(region=region, by=mara.friend, answer="approved")
    export = built(mara)
    archive = unzip(download(mara, export))
    image = np.asarray(Image.open(io.BytesIO(archive.read(f"photos/{mara.photo.pk}.jpg"))).convert("RGB"))
    assert shows(image, 1)
    authorization_answer(region=region, by=mara.friend, answer="denied")
    refused = client_of(mara).get(reverse("export-download", args=[export.pk]), follow=True)
    assert b"has changed since" in refused.content
    assert not DataExport.objects.exists()
    assert not [name for name in private_files() if name.startswith("exports/")]


def test_a_deleted_capture_does_not_live_on_in_a_file(mara) -> None:
    export = built(mara)
    services.enrolment_delete(user=mara)
    assert download(mara, export).status_code == 302
    assert not DataExport.objects.exists()


def test_a_file_expires_and_goes(mara, private_files) -> None:
    export = built(mara)
    DataExport.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert download(mara, export).status_code == 302
    exporting.exports_sweep()
    assert not DataExport.objects.exists()
    assert not [name for name in private_files() if name.startswith("exports/")]


def test_an_export_whose_worker_died_is_sent_again(mara, sent_tasks) -> None:
    export = exporting.export_order(user=mara)
    long_ago = timezone.now() - exporting.LOST_AFTER * 2
    DataExport.objects.update(state=DataExport.State.BUILDING, touched_at=long_ago)
    del sent_tasks[:]
    exporting.exports_sweep()
    assert [arguments for _, arguments in sent_tasks] == [(str(export.pk),)]
    assert exporting.export_build(export.pk)


def test_leaving_while_a_file_is_made_leaves_no_file(mara, private_files, monkeypatch) -> None:
    export = exporting.export_order(user=mara)
    write = exporting._write

    def leave_meanwhile(export, file):
        write(export, file)
        services.account_delete(user=mara, by=mara)

    monkeypatch.setattr(exporting, "_write", leave_meanwhile)
    exporting.export_build(export.pk)
    assert not [name for name in private_files() if name.startswith("exports/")]
