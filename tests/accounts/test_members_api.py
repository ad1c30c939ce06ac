"""Suggestions, muting, reporting and one's own data over the API: for oneself, and about whom one may know."""

from __future__ import annotations

import io
import zipfile

import pytest

from accounts import exporting
from accounts.models import DataExport, Mute, Report
from photos.models import Audience
from tests.faceaccess.conftest import client_of, engine, person, posted  # noqa: F401  a fixture, and helpers
from tests.factories import BlockFactory, PhotoFactory, befriend

pytestmark = pytest.mark.django_db

JSON = {"content_type": "application/json"}


def feed_of(viewer) -> list[str]:
    return [post["id"] for post in client_of(viewer).get("/api/v1/posts/").json()["results"]]


class TestSuggestions:
    def test_they_are_friends_of_friends_with_how_many_one_shares(self):
        mara, one, other, far = person(), person(), person(), person(username="far")
        for friend in (one, other):
            befriend(mara, friend)
            befriend(friend, far)
        near = person(username="near")
        befriend(one, near)
        found = client_of(mara).get("/api/v1/suggestions/").json()
        assert [(each["handle"], each["mutual_friends"]) for each in found] == [("far", 2), ("near", 1)]
        assert set(found[0]) == {"handle", "name", "bio", "avatar", "mutual_friends"}

    def test_nobody_across_a_block_and_nobody_one_already_asked(self):
        mara, friend, blocking, asked = person(), person(), person(), person(username="asked")
        befriend(mara, friend)
        befriend(friend, blocking)
        befriend(friend, asked)
        BlockFactory(blocker=blocking, blocked=mara)
        client = client_of(mara)
        assert [each["handle"] for each in client.get("/api/v1/suggestions/").json()] == ["asked"]
        assert client.post("/api/v1/friends/requests/", {"handle": "asked"}, **JSON).status_code == 201
        assert client.get("/api/v1/suggestions/").json() == []

    def test_a_photo_together_suggests_nobody(self, engine):  # noqa: F811
        mara, stranger = person(0), person(1)
        posted(mara)
        assert client_of(mara).get("/api/v1/suggestions/").json() == []
        assert client_of(stranger).get("/api/v1/suggestions/").json() == []


class TestMutes:
    def test_muting_takes_posts_out_of_the_feed_until_it_is_taken_back(self):
        mara, theo = person(), person(username="theo")
        post = str(PhotoFactory(author=theo, audience=Audience.MEMBERS).post_id)
        client = client_of(mara)
        assert feed_of(mara) == [post]
        assert client.post("/api/v1/mutes/", {"handle": "theo"}, **JSON).status_code == 204
        assert client.post("/api/v1/mutes/", {"handle": "theo"}, **JSON).status_code == 204, "twice is once"
        muted = client.get("/api/v1/mutes/").json()
        rows = muted["results"] if isinstance(muted, dict) else muted
        assert [each["handle"] for each in rows] == ["theo"]
        assert feed_of(mara) == []
        assert client.get(f"/api/v1/posts/{post}/").status_code == 200, "it is out of the feed alone"
        assert client.delete("/api/v1/mutes/theo/").status_code == 204
        assert feed_of(mara) == [post]
        assert client.delete("/api/v1/mutes/theo/").status_code == 404

    def test_nobody_mutes_who_is_not_there_for_them_or_themselves(self):
        mara, rolf = person(username="mara"), person(username="rolf")
        BlockFactory(blocker=rolf, blocked=mara)
        client = client_of(mara)
        assert client.post("/api/v1/mutes/", {"handle": "rolf"}, **JSON).status_code == 404
        assert client.post("/api/v1/mutes/", {"handle": "mara"}, **JSON).status_code == 400
        assert not Mute.objects.exists()

    def test_a_list_of_mutes_is_ones_own(self):
        mara, theo = person(), person(username="theo")
        Mute.objects.create(muter=mara, muted=theo)
        assert client_of(theo).get("/api/v1/mutes/").json() in (
            [],
            {"next": None, "previous": None, "results": []},
        )
        assert client_of(theo).delete("/api/v1/mutes/theo/").status_code == 404
        assert Mute.objects.exists()


class TestReports:
    def test_a_photo_and_a_person_are_reported_once_each_and_nobody_learns_of_it(self):
        mara, theo = person(), person(username="theo")
        photo = PhotoFactory(author=theo, audience=Audience.MEMBERS)
        client = client_of(mara)
        for target in ({"kind": "photo", "target": str(photo.pk)}, {"kind": "person", "target": "Theo"}):
            for _ in range(2):
                answer = client.post("/api/v1/reports/", {**target, "reason": "face", "note": "Me!"}, **JSON)
                assert (answer.status_code, answer.content) == (204, b"")
        assert sorted(Report.objects.values_list("kind", "reporter")) == [
            ("person", mara.pk),
            ("photo", mara.pk),
        ]
        assert client.get("/api/v1/reports/").status_code == 405, "there is no list of them"

    def test_what_one_may_not_see_is_reported_like_what_is_not_there(self):
        mara, hidden = person(), PhotoFactory(audience=Audience.ONLY_ME)
        rolf = person(username="rolf")
        BlockFactory(blocker=rolf, blocked=mara)
        for kind, target in (
            ("photo", hidden.pk),
            ("person", "rolf"),
            ("person", "nobody"),
            ("weather", "1"),
        ):
            fields = {"kind": kind, "target": str(target), "reason": "face"}
            assert client_of(mara).post("/api/v1/reports/", fields, **JSON).status_code in (400, 404), kind
        assert not Report.objects.exists()

    def test_somebody_one_blocked_can_still_be_reported(self):
        mara, rolf = person(), person(username="rolf")
        BlockFactory(blocker=mara, blocked=rolf)
        fields = {"kind": "person", "target": "rolf", "reason": "harassment"}
        answer = client_of(mara).post("/api/v1/reports/", fields, **JSON)
        assert answer.status_code == 204, answer.content

    def test_a_reason_that_is_none_is_refused(self):
        fields = {"kind": "person", "target": person().username, "reason": "mood"}
        answer = client_of(person()).post("/api/v1/reports/", fields, **JSON)
        assert (answer.status_code, list(answer.json())) == (400, ["reason"])


@pytest.mark.django_db(transaction=True)
class TestExport:
    def test_from_asking_to_deleting(self, engine):  # noqa: F811
        mara = person(0, username="mara")
        photo = posted(mara)
        client = client_of(mara)
        assert client.get("/api/v1/me/export/").status_code == 404
        asked = client.post("/api/v1/me/export/")
        assert (asked.status_code, asked.json()["url"]) == (202, None)
        assert exporting.export_build(DataExport.objects.get().pk)
        ready = client.get("/api/v1/me/export/").json()
        assert (ready["state"], ready["done"]) == ("ready", ready["total"])
        file = b"".join(client.get(ready["url"]).streaming_content)
        assert f"photos/{photo.pk}.jpg" in zipfile.ZipFile(io.BytesIO(file)).namelist()
        assert client.delete("/api/v1/me/export/").status_code == 204
        assert client.get(ready["url"]).status_code == 404
        assert client.get("/api/v1/me/export/").status_code == 404

    def test_another_persons_file_is_not_there(self, engine):  # noqa: F811
        mara, theo = person(), person()
        client_of(mara).post("/api/v1/me/export/")
        export = DataExport.objects.get()
        assert exporting.export_build(export.pk)
        assert client_of(theo).get("/api/v1/me/export/").status_code == 404
        assert client_of(theo).delete("/api/v1/me/export/").status_code in (204, 404)
        assert DataExport.objects.filter(pk=export.pk).exists()


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("get", "suggestions/"),
        ("get", "mutes/"),
        ("post", "reports/"),
        ("get", "me/export/"),
        ("post", "me/export/"),
    ],
)
def test_visitors_get_nothing(method, address, client):
    assert getattr(client, method)(f"/api/v1/{address}").status_code == 401
