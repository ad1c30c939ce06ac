"""A copy of everything: what is in it, who gets it, how long, and that nothing taken back stays in it."""

from __future__ import annotations

import io
import json
import os
import time
import zipfile
from datetime import timedelta
from importlib import import_module

import numpy as np
import pytest
from django.apps import apps
from django.core.files import File
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from accounts import exporting, services
from accounts.models import DataExport, User
from faceaccess import leftovers
from faceaccess.services import authorization_answer, rule_create
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


def test_the_file_of_a_worker_killed_before_it_was_named_does_not_stay(
    mara, private_root, private_files, monkeypatch
) -> None:
    """It shows what was disclosed when it was made, and no row leads to it any more."""

    class Killed(BaseException):
        pass

    def killed(export, file, *_) -> None:
        export.file.save("export.zip", File(file), save=False)
        raise Killed

    kept = built(mara.friend)
    export = exporting.export_order(user=mara)
    monkeypatch.setattr(exporting, "_store", killed)
    with pytest.raises(Killed):
        exporting.export_build(export.pk)
    (left,) = {name for name in private_files() if name.startswith("exports/")} - {kept.file.name}
    assert leftovers.remove() == 0, "it may still get its row"
    for name in private_files():
        os.utime(private_root / name, (time.time() - 2 * 3600,) * 2)
    assert leftovers.remove() == 1
    assert left not in private_files()
    assert kept.file.name in private_files()


def test_an_export_whose_worker_died_is_sent_again(mara, sent_tasks) -> None:
    export = exporting.export_order(user=mara)
    long_ago = timezone.now() - exporting.LOST_AFTER * 2
    DataExport.objects.update(state=DataExport.State.BUILDING, touched_at=long_ago)
    del sent_tasks[:]
    exporting.exports_sweep()
    assert [arguments for _, arguments in sent_tasks] == [(str(export.pk),)]
    assert exporting.export_build(export.pk)


# --- the people it names ---


@pytest.fixture
def ines(engine):  # noqa: F811
    """Somebody whose file names one person in every place there is for one."""
    ines = person(username="ines")
    ines.friend, ines.asking, ines.asked = person(), person(), person()
    ines.muted, ines.blocked, ines.ruled, ines.uploader = person(), person(), person(), person()
    befriend(ines, ines.friend)
    for one, other in ((ines.asking, ines), (ines, ines.asked)):
        services.friendship_request(requester=one, addressee=other)
    ines.member = person()  # no friend any more, and still in the circle
    CircleFactory(owner=ines, name="Choir", members=[ines.member])
    services.mute_create(muter=ines, muted=ines.muted)
    services.block_create(blocker=ines, blocked=ines.blocked)
    people = {"subject": "person", "subject_person": ines.ruled}
    people |= {"uploader": "person", "uploader_person": ines.uploader}
    rule_create(owner=ines, effect="show", **people)
    return ines


PLACES = ("friend", "asking", "asked", "member", "muted", "blocked", "ruled", "uploader")


def words_in(data: object) -> set[str]:
    """All text in JSON, keys left out."""
    if isinstance(data, dict):
        data = list(data.values())
    if isinstance(data, list):
        return set().union(*map(words_in, data))
    return {data} if isinstance(data, str) else set()


def test_it_is_noted_whom_a_file_names(ines) -> None:
    bystander = person()
    export = built(ines)
    words = words_in(json.loads(unzip(download(ines, export)).read("data.json")))
    told = {user for user in User.objects.exclude(pk=ines.pk) if user.username in words}
    assert told == set(export.names.all()) == {getattr(ines, place) for place in PLACES}
    assert bystander not in told


@pytest.mark.parametrize("place", PLACES)
def test_with_somebody_who_leaves_the_files_go_that_name_them(ines, place, private_files) -> None:
    person_named, other = getattr(ines, place), person()
    kept = built(other)
    built(ines)
    services.account_delete(user=person_named, by=person_named)
    assert list(DataExport.objects.all()) == [kept]
    assert [name for name in private_files() if name.startswith("exports/")] == [kept.file.name]


@pytest.mark.parametrize("place", [place for place in PLACES if place != "blocked"])
@pytest.mark.parametrize("way", ["blocks", "closed"])
def test_a_file_that_names_somebody_who_is_hidden_now_is_deleted_instead_of_handed_out(
    ines, place, way, private_files
) -> None:
    export, hidden = built(ines), getattr(ines, place)
    if way == "blocks":
        services.block_create(blocker=hidden, blocked=ines)
    else:
        User.objects.filter(pk=hidden.pk).update(is_active=False)
    refused = client_of(ines).get(reverse("export-download", args=[export.pk]), follow=True)
    assert b"has changed since" in refused.content
    assert not [name for name in private_files() if name.startswith("exports/")]
    again = json.loads(unzip(download(ines, built(ines))).read("data.json"))
    assert hidden.username not in words_in(again)


def test_what_a_blocked_person_does_shows_in_no_file(ines) -> None:
    export, blocked = built(ines), ines.blocked
    services.block_create(blocker=blocked, blocked=ines)
    services.profile_update(user=blocked, by=blocked, username="another.one")
    User.objects.filter(pk=blocked.pk).update(is_active=False)
    assert download(ines, export).status_code == 200, "it was not taken back because of them"


def test_nobody_who_comes_along_takes_a_file_away(ines) -> None:
    export = built(ines)
    services.friendship_request(requester=person(), addressee=ines)
    assert download(ines, export).status_code == 200


@pytest.mark.parametrize("step", ["_write", "_store"])
def test_somebody_named_who_leaves_while_a_file_is_made_is_in_none(
    ines, step, private_files, monkeypatch
) -> None:
    export, friend, then = exporting.export_order(user=ines), ines.friend, getattr(exporting, step)

    def leave_meanwhile(*arguments):
        if step == "_store":
            services.account_delete(user=friend, by=friend)
        then(*arguments)
        if step == "_write":
            services.account_delete(user=friend, by=friend)

    monkeypatch.setattr(exporting, step, leave_meanwhile)
    assert not exporting.export_build(export.pk)
    assert DataExport.objects.get().state == DataExport.State.FAILED
    assert not [name for name in private_files() if name.startswith("exports/")]


def test_files_from_before_do_not_say_whom_they_name_and_go(ines) -> None:
    built(ines)
    waiting = exporting.export_order(user=person())
    import_module("accounts.migrations.0008_exports_note_whom_they_name").expire(apps, None)
    exporting.exports_sweep()
    assert list(DataExport.objects.all()) == [waiting]


def test_leaving_while_a_file_is_made_leaves_no_file(mara, private_files, monkeypatch) -> None:
    export = exporting.export_order(user=mara)
    write = exporting._write

    def leave_meanwhile(export, file):
        write(export, file)
        services.account_delete(user=mara, by=mara)

    monkeypatch.setattr(exporting, "_write", leave_meanwhile)
    exporting.export_build(export.pk)
    assert not [name for name in private_files() if name.startswith("exports/")]
