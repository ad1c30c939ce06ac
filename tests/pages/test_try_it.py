"""Try it without an account: every face is replaced, and afterwards there is nothing anywhere that was not before."""

from __future__ import annotations

import io
import threading

import numpy as np
import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse
from PIL import Image

from faceaccess import trying
from tests.accounts.test_leaving import rows_that_mention
from tests.faceaccess.conftest import client_of, engine, pixels, shows  # noqa: F401  a fixture, and helpers
from tests.faceaccess.engine import SquareEngine, group_photo
from tests.factories import UserFactory, file_bytes, upload

pytestmark = pytest.mark.django_db

JSON = {"HTTP_ACCEPT": "application/json, image/jpeg"}


@pytest.fixture
def trial(engine, monkeypatch):  # noqa: F811
    monkeypatch.setattr("faceaccess.trying.get_engine", lambda: engine)
    return engine


def send(photo=None, client: Client | None = None, **more: object):
    photo = photo or upload(group_photo(3), name="holiday-in-rome.png")
    return (client or Client()).post(reverse("try"), {"photo": photo}, **more)


def everything(settings) -> dict[str, object]:
    """What there is outside this process's own memory: rows by table, files with their size, entries of the cache."""
    with connection.cursor() as cursor:
        rows = {}
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT COUNT(*) FROM {connection.ops.quote_name(table)}")
            rows[table] = cursor.fetchone()[0]
    folders = (settings.VAR_DIR, settings.PRIVATE_ROOT, settings.RENDITION_ROOT)
    files = {
        str(path): path.stat().st_size
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and ".sqlite3" not in path.name
    }
    return {"rows": rows, "files": files, "cache": set(cache._cache)}


def test_every_face_is_replaced(trial):
    answer = send()
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["X-Stand-Ins"] == "3"
    assert [shows(pixels(answer), index) for index in range(3)] == [False, False, False]
    assert "no-store" in answer["Cache-Control"]


def test_nothing_is_left_of_it_but_a_count(trial, settings, caplog, sent_tasks, monkeypatch):
    """Not in a table, a folder, the cache, the queue or the log; and on the way through it was never a file either."""

    def no_file(*_args, **_kwargs):
        raise AssertionError("the photo was about to be written to a disk")

    monkeypatch.setattr("django.core.files.uploadhandler.TemporaryUploadedFile.__init__", no_file)
    monkeypatch.setattr("django.core.files.storage.FileSystemStorage.save", no_file)
    noisy = np.random.default_rng(0).integers(
        0, 256, (1200, 1200, 3), np.uint8
    )  # more than Django keeps in memory
    noisy[:80, :200] = group_photo(3)
    large = file_bytes(noisy)
    assert len(large) > settings.FILE_UPLOAD_MAX_MEMORY_SIZE
    before = everything(settings)
    for photo in (
        upload(group_photo(3), name="holiday-in-rome.png"),
        SimpleUploadedFile("holiday-in-rome.png", large),
    ):
        assert send(photo).status_code == 200
    after = everything(settings)
    assert after["rows"] == before["rows"]
    assert after["files"] == before["files"]
    window, count = sorted((after["cache"] - before["cache"]), key=len)
    since = cache.get(window.split(":", 2)[2])
    assert "limit-try-" in window
    assert count == f"{window}-{since}"
    assert cache.get(count.split(":", 2)[2]) == 2
    assert "127.0.0.1" not in count
    assert sent_tasks == []
    assert "holiday" not in caplog.text
    assert rows_that_mention(["holiday-in-rome"]) == []


def test_the_answer_carries_nothing_of_the_files_own_words(trial):
    exif = Image.Exif()
    exif[0x010E], exif[0x0132] = "Taken at home", "2020:01:01 10:00:00"
    answer = send(upload(group_photo(3), kind="JPEG", quality=95, subsampling=0, exif=exif))
    assert b"Taken at home" not in answer.content
    assert not Image.open(io.BytesIO(answer.content)).getexif()


def test_nobody_is_looked_up_and_the_same_photo_gets_other_stand_ins(trial, monkeypatch):
    monkeypatch.setattr(SquareEngine, "match", lambda *_: pytest.fail("a face was compared with members'"))
    for _ in range(2):
        assert send().status_code == 200
    seeds = [request.seed for requests in trial.requests for request in requests]
    assert len(set(seeds)) == 6


def test_a_face_without_stand_in_means_no_picture(trial):
    trial.skip_decoys = 1
    answer = send(**JSON)
    assert answer.status_code == 422
    assert "could not be protected" in answer.json()["error"]


@pytest.mark.parametrize(
    ("photo", "words"),
    [
        (lambda: upload(group_photo(0)), "No face was found"),
        (lambda: SimpleUploadedFile("x.png", b"no picture at all"), "x.png"),
        (lambda: SimpleUploadedFile("x.png", b""), "x.png"),
        (lambda: "words instead of a file", "Choose a photo"),
    ],
)
def test_what_is_wrong_is_said(trial, photo, words):
    assert words in send(photo(), **JSON).json()["error"]
    page = send(photo())
    assert page.status_code == 422
    assert words in page.content.decode()


def test_more_bytes_than_allowed_are_not_even_read(trial, settings):
    settings.TRY_MAX_BYTES = 2**20
    answer = send(SimpleUploadedFile("x.png", bytes(2**20 + 1)), **JSON)
    assert answer.status_code == 422
    assert "at most 1 MB" in answer.json()["error"]
    assert trial.calls["analyze"] == 0


def test_more_faces_than_allowed_are_refused(trial, monkeypatch):
    monkeypatch.setattr(trying, "FACES_AT_MOST", 2)
    assert "At most 2 faces" in send(**JSON).json()["error"]
    assert trial.calls["make_decoys"] == 0


def test_one_photo_at_a_time(trial):
    started, go_on = threading.Event(), threading.Event()

    def hold():
        started.set()
        assert go_on.wait(10)

    trial.before["analyze"] = hold
    first = threading.Thread(target=trying.everybody_replaced, args=[upload(group_photo(1))])
    first.start()
    assert started.wait(10)
    answer = send(**JSON)
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    go_on.set()
    first.join(10)
    trial.before.clear()
    assert send().status_code == 200, "the turn was given back"


def test_one_address_tries_so_often_and_no_more(trial, settings):
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"try": (2, 600)}
    assert [send(**JSON).status_code for _ in range(3)] == [200, 200, 429]
    assert send(REMOTE_ADDR="10.0.0.9").status_code == 200


def test_another_site_cannot_send_photos_for_a_visitor(trial):
    assert send(client=Client(enforce_csrf_checks=True)).status_code == 403
    assert trial.calls["analyze"] == 0


def test_it_has_no_address_to_fetch_it_from_and_is_found_from_the_landing_page(trial):
    landing = Client().get("/").content.decode()
    assert f'href="{reverse("try")}"' in landing
    send()
    assert Client().get(reverse("try"))["Content-Type"].startswith("text/html")
    assert client_of(UserFactory()).get(reverse("try")).status_code == 200, "members may look at it too"


def test_the_real_engine_replaces_all_six(six_people, real_engine, monkeypatch):
    monkeypatch.setattr("faceaccess.trying.get_engine", lambda: real_engine)
    monkeypatch.setattr(trying, "SIDE", 960)
    answer = send(SimpleUploadedFile("t1.jpg", six_people.read_bytes()))
    assert answer["X-Stand-Ins"] == "6"
    before = Image.open(six_people).convert("RGB").resize((960, 664))
    after = Image.fromarray(pixels(answer)).resize((960, 664))
    for face in real_engine.analyze(np.asarray(before)).faces:
        now = real_engine.pack.recognizer.embed(np.asarray(after), face.landmarks[None])[0]
        assert np.linalg.norm(now - face.embedding) > 0.6
