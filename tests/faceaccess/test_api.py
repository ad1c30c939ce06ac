"""The API does what the pages do, for oneself only, and tells nobody about anybody else's face."""

from __future__ import annotations

import json

import pytest
from django.core.management import call_command
from django.urls import get_resolver
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from faceaccess import services
from faceaccess.models import Authorization, PhotoOverride, Rule, Tag
from photos.models import Photo, Post
from tests.faceaccess.conftest import face_of, person, posted, shown_to
from tests.faceaccess.engine import group_photo
from tests.factories import (
    PASSWORD,
    BlockFactory,
    CircleFactory,
    FaceCaptureFactory,
    PostFactory,
    befriend,
    upload,
)

pytestmark = pytest.mark.django_db


def api(user=None) -> APIClient:
    client = APIClient()
    if user is not None:
        client.credentials(HTTP_AUTHORIZATION=f"Token {Token.objects.get_or_create(user=user)[0].key}")
    return client


class TestSigningIn:
    def test_a_token_for_a_password_and_back(self, client):
        user = person()
        sign_in = {"username": user.username, "password": PASSWORD}
        token = client.post("/api/v1/token/", sign_in).json()["token"]
        me = client.get("/api/v1/me/", headers={"Authorization": f"Token {token}"})
        assert me.json()["handle"] == user.username
        assert client.delete("/api/v1/token/", headers={"Authorization": f"Token {token}"}).status_code == 204
        assert client.get("/api/v1/me/", headers={"Authorization": f"Token {token}"}).status_code == 401

    def test_guessing_passwords_locks_the_account_and_then_the_right_one_fails_too(self, client, settings):
        settings.AXES_FAILURE_LIMIT = 3
        user = person()
        for _ in range(3):
            wrong = {"username": user.username, "password": "wrong"}
            assert client.post("/api/v1/token/", wrong).status_code in (400, 403)
        right = {"username": user.username, "password": PASSWORD}
        assert client.post("/api/v1/token/", right).status_code in (400, 403)
        assert not Token.objects.exists()

    def test_signing_in_is_rate_limited(self, client):
        answers = [client.post("/api/v1/token/", {"username": "nobody", "password": "x"}) for _ in range(11)]
        assert answers[-1].status_code == 429

    def test_a_session_needs_the_csrf_token_to_write(self):
        user = person()
        client = APIClient(enforce_csrf_checks=True)
        client.force_login(user)
        assert client.get("/api/v1/me/").status_code == 200
        for method, address in (("post", "rules/"), ("delete", "captures/all/"), ("delete", "token/")):
            assert getattr(client, method)(f"/api/v1/{address}").status_code == 403


ADDRESSES = [
    "me/", "people/", "friends/", "friends/requests/", "circles/", "blocks/", "captures/", "consent/",
    "posts/", "faces/", "faces/inbox/", "rules/", "model/",
]  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
def test_visitors_get_nothing(address):
    assert api().get(f"/api/v1/{address}").status_code == 401
    assert api(person()).get(f"/api/v1/{address}").status_code == 200


def test_the_schema_is_complete(tmp_path):
    call_command("spectacular", "--fail-on-warn", "--validate", "--file", str(tmp_path / "schema.yml"))


def test_the_documentation_runs_under_the_sites_policy(client):
    page = client.get("/api/docs/")
    assert page.status_code == 200
    assert b"<script>" not in page.content, "an inline script would be blocked"
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    script = client.get("/api/docs/?script=")
    assert script.headers["Content-Type"].startswith("application/javascript")
    assert "'unsafe-inline'" not in client.get("/").headers["Content-Security-Policy"]


def test_every_address_needs_somebody_signed_in():
    """Whatever is added to the API later."""
    pattern = next(p for p in get_resolver().url_patterns if str(p.pattern) == "api/v1/")
    checked = 0
    for route in pattern.url_patterns[:-1] + pattern.url_patterns[-1].url_patterns:
        view = getattr(route.callback, "cls", None) or route.callback.view_class
        if view.__name__ != "TokenView":
            assert [permission.__name__ for permission in view.permission_classes] == ["IsAuthenticated"]
            checked += 1
    assert checked > 20


class TestPeople:
    def test_oneself(self):
        user = person()
        answer = api(user).patch("/api/v1/me/", {"display_name": "Mara", "is_staff": True})
        assert answer.json()["display_name"] == "Mara"
        user.refresh_from_db()
        assert (user.display_name, user.is_staff, user.username) == ("Mara", False, answer.json()["handle"])

    @pytest.mark.parametrize("name", ["handle", "username"])
    def test_ones_handle_follows_the_rules_of_the_settings_page(self, name):
        user, other = person(), person()
        assert api(user).patch("/api/v1/me/", {name: " Mara.L "}).json()["handle"] == "mara.l"
        for refused in ("root", "m", "a b c", other.username):
            answer = api(user).patch("/api/v1/me/", {name: refused})
            assert (answer.status_code, list(answer.json())) == (400, [name])
        user.refresh_from_db()
        assert user.username == "mara.l"

    def test_an_address_cannot_be_changed_here_and_that_is_said(self):
        user = person()
        answer = api(user).patch("/api/v1/me/", {"email": "other@mail.example", "bio": "Hello"})
        assert answer.status_code == 400
        assert "Settings" in answer.json()["email"][0]
        user.refresh_from_db()
        assert user.bio == ""
        assert api(user).patch("/api/v1/me/", api(user).get("/api/v1/me/").json()).status_code == 200

    def test_others_show_their_name_and_no_more(self):
        other = person()
        found = api(person()).get(f"/api/v1/people/?q={other.username}").json()["results"]
        assert found == [{"handle": other.username, "name": other.name, "bio": "", "avatar": None}]
        assert other.email not in json.dumps(found)

    def test_a_block_makes_the_other_one_not_exist(self):
        user, other = person(), person()
        block = api(user).post("/api/v1/blocks/", {"handle": other.username}).json()
        for one, two in ((user, other), (other, user)):
            assert api(one).get(f"/api/v1/people/{two.username}/").status_code == 404
            assert api(one).post("/api/v1/friends/requests/", {"handle": two.username}).status_code == 404
        assert api(user).get("/api/v1/blocks/").json() == [block]
        assert (block["handle"], block["name"]) == (other.username, other.name)
        assert api(other).get("/api/v1/blocks/").json() == []
        assert api(other).delete(f"/api/v1/blocks/{block['id']}/").status_code == 404
        assert api(user).delete(f"/api/v1/blocks/{block['id']}/").status_code == 204
        assert api(other).get(f"/api/v1/people/{user.username}/").status_code == 200

    def test_friends_from_asking_to_ending(self):
        one, two, third = person(), person(), person()
        asked = api(one).post("/api/v1/friends/requests/", {"handle": two.username}).json()
        address = f"/api/v1/friends/requests/{asked['id']}/"
        assert api(third).post(address + "accept/").status_code == 404
        assert api(one).post(address + "accept/").status_code == 403
        assert api(two).post(address + "accept/").json()["accepted"] is True
        assert [p["handle"] for p in api(one).get("/api/v1/friends/").json()["results"]] == [two.username]
        assert api(third).delete(f"/api/v1/friends/{two.username}/").status_code == 404
        assert api(one).delete(f"/api/v1/friends/{two.username}/").status_code == 204
        assert api(two).get("/api/v1/friends/").json()["results"] == []
        asked = api(one).post("/api/v1/friends/requests/", {"handle": two.username}).json()
        assert api(two).post(f"/api/v1/friends/requests/{asked['id']}/decline/").status_code == 204

    def test_circles(self):
        user, friend, stranger = person(), person(), person()
        befriend(user, friend)
        circle = api(user).post("/api/v1/circles/", {"name": "Family"}).json()
        address = f"/api/v1/circles/{circle['id']}/"
        assert api(user).put(f"{address}members/{friend.username}/").status_code == 204
        assert api(user).put(f"{address}members/{stranger.username}/").status_code == 400
        assert [p["handle"] for p in api(user).get(address).json()["members"]] == [friend.username]
        for method, rest in (
            ("get", ""),
            ("patch", ""),
            ("delete", ""),
            ("put", f"members/{user.username}/"),
        ):
            assert getattr(api(friend), method)(address + rest).status_code == 404
        assert api(user).patch(address, {"name": "Kin"}).json()["name"] == "Kin"
        assert api(user).delete(f"{address}members/{friend.username}/").status_code == 204
        assert api(user).delete(address).status_code == 204

    def test_captures_are_ones_own(self, engine, django_capture_on_commit_callbacks):
        owner, other = person(0), person()
        capture = owner.captures.get()
        shown = api(owner).get("/api/v1/captures/").json()
        assert [row.keys() for row in shown] == [
            {"id", "consent_version", "consented_at", "created_at", "held", "unreadable"}
        ]
        assert api(other).delete(f"/api/v1/captures/{capture.pk}/").status_code == 404
        assert api(owner).delete(f"/api/v1/captures/{capture.pk}/").status_code == 204
        FaceCaptureFactory(user=owner)
        assert api(other).delete("/api/v1/captures/all/").status_code == 204
        assert owner.captures.count() == 1
        assert api(owner).delete("/api/v1/captures/all/").status_code == 204
        assert owner.captures.count() == 0

    def test_nothing_is_enrolled_without_consent(self, engine):
        user = person()
        answer = api(user).post(
            "/api/v1/captures/", {"picture": upload(), "consent": "false"}, format="multipart"
        )
        assert answer.status_code == 400
        assert not user.captures.exists()


class TestPosts:
    def test_from_posting_to_deleting(self, engine, django_capture_on_commit_callbacks):
        author, other = person(), person()
        given = {
            "photos": [upload(group_photo(2)), upload(group_photo(1))],
            "alt_texts": ["two", "one"],
            "caption": "Look",
            "audience": "members",
        }
        post = api(author).post("/api/v1/posts/", given, format="multipart").json()
        assert [photo["state"] for photo in post["photos"]] == ["waiting", "waiting"]
        assert [photo["images"] for photo in post["photos"]] == [{}, {}]
        assert [photo["alt_text"] for photo in post["photos"]] == ["two", "one"]
        address = f"/api/v1/posts/{post['id']}/"
        assert api(other).get(address).json()["caption"] == "Look"
        assert api(other).patch(address, {"caption": "Mine"}).status_code == 403
        assert api(other).delete(address).status_code == 403
        assert api(author).patch(address, {"audience": "only_me"}).json()["audience"] == "only_me"
        for method in ("get", "patch", "delete"):
            assert getattr(api(other), method)(address).status_code == 404
        assert api(author).delete(address).status_code == 204
        assert not Post.objects.exists()

    def test_another_circle_alone_is_another_audience_and_its_author_alone_reads_it(self, engine):
        author, old, new = person(), person(), person()
        befriend(author, old)
        befriend(author, new)
        first, second = CircleFactory(owner=author, members=[old]), CircleFactory(owner=author, members=[new])
        post = PostFactory(author=author, audience="circle", circle=first)
        address = f"/api/v1/posts/{post.pk}/"
        assert api(author).get(address).json()["circle"] == first.pk
        assert api(old).get(address).json()["circle"] is None
        assert api(author).patch(address, {"circle": second.pk}).json()["circle"] == second.pk
        assert [api(someone).get(address).status_code for someone in (old, new)] == [404, 200]
        assert api(author).patch(address, {"caption": "Look"}).json()["circle"] == second.pk
        answer = api(author).patch(address, {"audience": "friends"}).json()
        assert (answer["audience"], answer["circle"]) == ("friends", None)

    def test_a_circle_that_would_count_for_nothing_is_refused(self):
        author = person()
        circle = CircleFactory(owner=author)
        post = PostFactory(author=author, audience="friends")
        address = f"/api/v1/posts/{post.pk}/"
        for given in (
            {"circle": circle.pk},
            {"audience": "members", "circle": circle.pk},
            {"audience": "circle"},
        ):
            answer = api(author).patch(address, given)
            assert (answer.status_code, list(answer.json())) == (400, ["circle"])
        given = {"photos": [upload()], "circle": circle.pk}
        assert api(author).post("/api/v1/posts/", given, format="multipart").status_code == 400
        api(author).patch(address, {"audience": "circle", "circle": circle.pk})
        assert api(author).patch(address, {"circle": None}, format="json").status_code == 400
        assert Post.objects.get().circle == circle

    def test_a_file_that_is_no_picture_is_refused_with_its_reason(self):
        broken = upload()
        broken.file.seek(0)
        broken.file.write(b"not a picture at all" * 4)
        broken.file.seek(0)
        answer = api(person()).post(
            "/api/v1/posts/", {"photos": [broken], "audience": "members"}, format="multipart"
        )
        assert answer.status_code == 400
        assert "photos" in answer.json()
        assert not Post.objects.exists()

    def test_somebody_elses_circle_is_no_audience(self):
        given = {"photos": [upload()], "audience": "circle", "circle": CircleFactory().pk}
        assert api(person()).post("/api/v1/posts/", given, format="multipart").status_code == 400

    def test_the_feed_holds_what_one_may_see(self, engine):
        viewer, author, blocked = person(), person(), person()
        seen = posted(author)
        posted(author, audience="friends")
        posted(blocked)
        BlockFactory(blocker=blocked, blocked=viewer)
        feed = api(viewer).get("/api/v1/posts/").json()["results"]
        assert [post["id"] for post in feed] == [str(seen.post_id)]
        assert feed[0]["photos"][0]["images"]["thumb"]["url"].endswith(f"/photos/{seen.pk}/image/thumb")
        assert api(viewer).get(f"/api/v1/posts/?author={blocked.username}").status_code == 404

    def test_only_its_author_retries_a_failed_photo(self, engine):
        author, photo = person(), None
        photo = posted(author)
        Photo.objects.filter(pk=photo.pk).update(state=Photo.State.FAILED)
        address = f"/api/v1/photos/{photo.pk}/retry/"
        assert api(person()).post(address).status_code == 403
        assert api(author).post(address).status_code == 204
        assert api(author).post(address).status_code == 400


class TestFaces:
    @pytest.fixture
    def owner(self):
        return person(0, "authorization")

    @pytest.fixture
    def photo(self, engine, owner):
        return posted(person())

    def test_ones_own_face_with_what_one_said_and_why_others_see_it(self, photo, owner):
        friend = person()
        befriend(owner, friend)
        region = face_of(photo, owner)
        services.tag_create(region=region, tagger=friend, owner=owner)
        address = f"/api/v1/faces/{region.pk}/"
        face = api(owner).get(address).json()
        assert face == {
            "id": region.pk,
            "photo": str(photo.pk),
            "box": region.box,
            "tag": {"tagger": friend.username, "withdrawn": False},
            "answer": None,
            "override": None,
            "decision": {"shown": False, "reason": "not_answered", "rule": None},
        }
        assert api(owner).put(address + "answer/", {"answer": "approved"}).json()["decision"]["shown"] is True
        assert shown_to(friend, photo) == {0}
        assert api(owner).delete(address + "answer/").json()["answer"] is None
        assert shown_to(friend, photo) == set()

    def test_as_somebody(self, photo, owner):
        friend, blocked = person(), person()
        befriend(owner, friend)
        rule = services.rule_create(owner=owner, effect="show", subject="friends")
        api(owner).put("/api/v1/model/", {"choice": "rules"})
        address = f"/api/v1/faces/{face_of(photo, owner).pk}/"
        decision = api(owner).get(f"{address}?as={friend.username}").json()["decision"]
        assert decision == {"shown": True, "reason": "rule", "rule": rule.pk}
        assert api(owner).get(address).json()["decision"]["reason"] == "no_rule"
        BlockFactory(blocker=blocked, blocked=owner)
        assert api(owner).get(f"{address}?as={blocked.username}").status_code == 404
        assert api(owner).get(f"{address}?as=nobody").status_code == 404

    def test_inbox_and_list(self, photo, owner):
        region = face_of(photo, owner)
        for address in ("faces/", "faces/inbox/"):
            assert [face["id"] for face in api(owner).get(f"/api/v1/{address}").json()["results"]] == [
                region.pk
            ]
        api(owner).put(f"/api/v1/faces/{region.pk}/answer/", {"answer": "denied"})
        assert api(owner).get("/api/v1/faces/inbox/").json()["results"] == []

    def test_a_face_that_is_not_ones_own_does_not_exist(self, photo, owner):
        """Also for the uploader, and alike for a known, an unknown and an absent face."""
        for user in (photo.post.author, person(1)):
            for pk in (*photo.regions.values_list("pk", flat=True), 10**9):
                address = f"/api/v1/faces/{pk}/"
                answers = [
                    api(user).get(address),
                    api(user).put(address + "answer/", {"answer": "approved"}),
                    api(user).delete(address + "answer/"),
                    api(user).put(address + "override/", {"effect": "show"}),
                    api(user).delete(address + "override/"),
                    api(user).post(address + "not-me/"),
                ]
                assert {answer.status_code for answer in answers} == {404}
                assert len({answer.content for answer in answers}) == 1
        assert not Authorization.objects.exists()
        assert not PhotoOverride.objects.exists()

    def test_override_and_not_me(self, photo, owner):
        services.model_choose(owner=owner, model="rules")
        address = f"/api/v1/faces/{face_of(photo, owner).pk}/"
        assert api(owner).put(address + "override/", {"effect": "show"}).json()["override"] == "show"
        assert shown_to(person(), photo) == {0}
        assert api(owner).delete(address + "override/").json()["override"] is None
        assert api(owner).post(address + "not-me/").status_code == 204
        assert api(owner).get(address).status_code == 404
        assert shown_to(owner, photo) == set()

    def test_tagging_answers_the_same_whoevers_face_it_is(self, photo, owner):
        services.model_choose(owner=owner, model="proxy")
        friend = person()
        befriend(owner, friend)
        for region in photo.regions.all():
            answer = api(friend).post(f"/api/v1/faces/{region.pk}/tag/", {"handle": owner.username})
            assert (answer.status_code, answer.content) == (204, b"")
        assert Tag.objects.count() == 3
        assert shown_to(person(), photo) == {0}
        own = face_of(photo, owner).pk
        assert api(owner).delete(f"/api/v1/faces/{own}/tag/").status_code == 204
        assert shown_to(person(), photo) == set()
        assert api(person()).post(f"/api/v1/faces/{own}/tag/", {"handle": owner.username}).status_code == 403

    def test_nobody_tags_where_they_may_not_look(self, engine, owner):
        hidden = posted(person(), audience="only_me")
        befriend(owner, stranger := person())
        for region in hidden.regions.all():
            for method in ("post", "delete"):
                address = f"/api/v1/faces/{region.pk}/tag/"
                assert getattr(api(stranger), method)(address, {"handle": owner.username}).status_code == 404


class TestRules:
    def test_from_the_first_to_the_last(self):
        owner, friend = person(), person()
        circle = CircleFactory(owner=owner)
        first = {"effect": "hide", "subject": "circle", "subject_circle": circle.pk}
        second = {"effect": "show", "subject": "person", "subject_person": friend.username, "enabled": False}
        made = [api(owner).post("/api/v1/rules/", rule, format="json").json() for rule in (first, second)]
        assert [rule["position"] for rule in made] == [1, 2]
        assert made[1]["subject_person"] == friend.username
        assert made[1]["enabled"] is False
        address = f"/api/v1/rules/{made[1]['id']}/"
        moved = api(owner).post(address + "move/", {"up": True}, format="json").json()
        assert [rule["id"] for rule in moved] == [made[1]["id"], made[0]["id"]]
        changed = api(owner).patch(
            address, {"enabled": True, "effect": "hide", "owner": friend.pk}, format="json"
        )
        assert (changed.json()["enabled"], changed.json()["effect"]) == (True, "hide")
        assert Rule.objects.get(pk=made[1]["id"]).owner == owner
        assert api(owner).delete(address).status_code == 204
        assert len(api(owner).get("/api/v1/rules/").json()) == 1

    def test_somebody_elses_rules_do_not_exist(self):
        rule = services.rule_create(owner=person(), effect="show", subject="everyone")
        address = f"/api/v1/rules/{rule.pk}/"
        other = api(person())
        answers = [other.get(address), other.patch(address, {"effect": "hide"}), other.delete(address)]
        answers.append(other.post(address + "move/", {"up": True}))
        assert {answer.status_code for answer in answers} == {404}

    def test_a_rule_cannot_name_what_one_may_not_know(self):
        owner, blocked = person(), person()
        BlockFactory(blocker=blocked, blocked=owner)
        for rule in (
            {"effect": "show", "subject": "circle", "subject_circle": CircleFactory().pk},
            {"effect": "show", "subject": "person", "subject_person": blocked.username},
            {"effect": "show", "subject": "circle"},
            {"effect": "show", "subject": "person"},
        ):
            assert api(owner).post("/api/v1/rules/", rule, format="json").status_code == 400
        assert not Rule.objects.exists()


def test_the_model_and_a_site_that_pins_it(settings):
    owner = api(person())
    assert owner.get("/api/v1/model/").json() == {"model": "authorization", "choice": "", "pinned": False}
    chosen = owner.put("/api/v1/model/", {"choice": "proxy"}).json()
    assert chosen == {"model": "proxy", "choice": "proxy", "pinned": False}
    assert owner.put("/api/v1/model/", {"choice": "anarchy"}).status_code == 400
    settings.FACE_PINNED_MODEL = "rules"
    assert owner.put("/api/v1/model/", {"choice": "proxy"}).status_code == 403
    assert owner.get("/api/v1/model/").json()["model"] == "rules"


class TestBeforeAChange:
    def test_the_effect_of_another_model(self, engine):
        owner = person(0, "authorization")
        posted(owner)
        for _ in range(3):
            person()
        services.rule_create(owner=owner, effect="show", subject="everyone")
        told = api(owner).get("/api/v1/model/effect/", {"choice": "rules"}).json()
        assert told == {
            "photos": 1,
            "others_photos": 0,
            "people": 3,
            "shows": True,
            "hides": False,
            "lower_bound": False,
        }
        assert api(owner).get("/api/v1/model/effect/", {"choice": "proxy"}).json()["photos"] == 0
        assert api(owner).get("/api/v1/model/effect/", {"choice": "anarchy"}).status_code == 400
        assert api(owner).get("/api/v1/model/").json()["model"] == "authorization"

    def test_the_effect_of_a_change_of_the_rules_and_nothing_is_saved(self, engine):
        owner, friend = person(0, "rules"), person()
        befriend(owner, friend)
        photo = posted(owner)
        rule = services.rule_create(owner=owner, effect="show", subject="friends")
        everyone = {"effect": "hide", "subject": "everyone"}
        assert api(owner).post("/api/v1/rules/effect/", everyone, format="json").json()["photos"] == 0
        for change, people in {"delete": 1, "toggle": 1, "up": 0, "down": 0}.items():
            told = api(owner).get(f"/api/v1/rules/{rule.pk}/effect/", {"change": change}).json()
            assert (told["people"], told["hides"]) == (people, bool(people)), change
        assert shown_to(friend, photo) == {0}
        assert list(Rule.objects.filter(owner=owner)) == [rule]

    def test_what_cannot_be_changed_is_refused(self, engine):
        owner, other = person(0, "rules"), person()
        rule = services.rule_create(owner=owner, effect="show", subject="friends")
        address = f"/api/v1/rules/{rule.pk}/effect/"
        assert api(owner).get(address, {"change": "explode"}).status_code == 400
        assert api(other).get(address, {"change": "delete"}).status_code == 404
        circle = CircleFactory(owner=other)
        stolen = {"effect": "show", "subject": "circle", "subject_circle": circle.pk}
        assert api(owner).post("/api/v1/rules/effect/", stolen, format="json").status_code == 400
        nobody = {"effect": "show", "subject": "circle"}
        assert api(owner).post("/api/v1/rules/effect/", nobody, format="json").status_code == 400

    def test_trying_the_rules(self, engine):
        owner, friend = person(0, "rules"), person()
        befriend(owner, friend)
        region = face_of(posted(owner), owner)
        rule = services.rule_create(owner=owner, effect="show", subject="friends")
        ask = api(owner).get
        shown = ask("/api/v1/rules/try/", {"face": region.pk, "as": friend.username}).json()
        assert shown == {"shown": True, "reason": "rule", "rule": rule.pk}
        hidden = ask("/api/v1/rules/try/", {"face": region.pk, "as": "~visitor"}).json()
        assert hidden == {"shown": False, "reason": "no_rule", "rule": None}
        for query in ({}, {"face": "x", "as": "~visitor"}, {"face": region.pk, "as": person().username}):
            assert ask("/api/v1/rules/try/", query).status_code == 404
        assert api(friend).get("/api/v1/rules/try/", {"face": region.pk, "as": "~visitor"}).status_code == 404
