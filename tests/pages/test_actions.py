"""Every button: who may press it, what it changes, and what it says afterwards."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import reverse

from accounts.models import Block, Circle, Friendship
from accounts.selectors import are_friends
from faceaccess.models import Authorization, MatchRejection, PhotoOverride, Rule
from photos.models import Photo, Post
from tests.faceaccess.conftest import client_of
from tests.factories import upload
from tests.pages.conftest import press, told
from tests.pages.html import Page

ACTIONS = {  # name -> arguments out of the network
    "friend-request": lambda n: [n.stranger.username],
    "friend-accept": lambda n: [n.asking.username],
    "friend-decline": lambda n: [n.asking.username],
    "friend-end": lambda n: [n.friend.username],
    "block": lambda n: [n.stranger.username],
    "unblock": lambda n: [n.me.blocks_made.get(blocked=n.blocked).pk],
    "circle-create": lambda n: [],
    "circle-rename": lambda n: [n.circle.pk],
    "circle-delete": lambda n: [n.circle.pk],
    "circle-add": lambda n: [n.circle.pk],
    "circle-remove": lambda n: [n.circle.pk],
    "enrolment-delete": lambda n: [],
    "capture-delete": lambda n: [n.me.captures.get().pk],
    "face-model": lambda n: [],
    "rule-move": lambda n: [n.rule.pk],
    "rule-toggle": lambda n: [n.rule.pk],
    "rule-delete": lambda n: [n.rule.pk],
    "face-tag": lambda n: [n.my_face.pk],
    "face-untag": lambda n: [n.my_face.pk],
    "face-answer": lambda n: [n.my_face.pk],
    "face-override": lambda n: [n.my_face.pk],
    "face-not-me": lambda n: [n.my_face.pk],
    "face-later": lambda n: [n.my_face.pk],
    "face-claim": lambda n: [n.my_face.pk],
    "face-unmark": lambda n: [n.my_face.pk],
    "inbox-answer": lambda n: [],
    "hide-there": lambda n: [1],  # a line of the log: nobody's
    "photo-mark": lambda n: [n.photo.pk],
    "photo-retry": lambda n: [n.failed.pk],
}
OWNED = {  # what belongs to one person alone: name -> what somebody else's try is answered with
    "circle-rename": 404,
    "circle-delete": 404,
    "circle-add": 404,
    "circle-remove": 404,
    "capture-delete": 403,
    "rule-move": 404,
    "rule-toggle": 404,
    "rule-delete": 404,
    "face-not-me": 403,
    "face-answer": 403,
    "face-override": 403,
    "face-later": 403,
    "face-unmark": 403,
}
ASKING = {  # what else answers POST alone
    "like": lambda n: [n.photo.post_id],
    "bookmark": lambda n: [n.photo.post_id],
    "comment-create": lambda n: [n.photo.post_id],
    "inbox-preview": lambda n: [],
    "rules-preview": lambda n: [],
    "frame-check": lambda n: [],
}
FIELDS = {"name": "Mine", "person": "person", "answer": "approved", "effect": "show", "model": "proxy"}


@pytest.mark.parametrize("name", ACTIONS)
def test_an_action_is_never_done_by_a_link(name, network):
    assert client_of(network.me).get(reverse(name, args=ACTIONS[name](network))).status_code == 405


@pytest.mark.parametrize("name", ACTIONS)
def test_a_visitor_without_account_is_sent_to_sign_in(name, network):
    response = press(None, name, *ACTIONS[name](network), follow=False, **FIELDS)
    assert response.status_code == 302
    assert response.url.startswith(reverse("account_login"))


@pytest.mark.parametrize("name", ACTIONS | ASKING)
def test_whose_session_ended_is_told_so_and_led_back_to_the_page_of_the_button(name, network):
    client, address = client_of(None), reverse(name, args=(ACTIONS | ASKING)[name](network))
    page = reverse("photo", args=[network.photo.pk]) + "?as=~stranger#your-face"
    for given, expected in ((page, {page}), ("https://evil.example/", set()), ("", set())):
        sent = client.post(address, {**FIELDS, "next": given})
        (onward,) = parse_qs(urlsplit(sent.url).query)["next"]
        assert expected <= {onward}
        assert client_of(network.me).get(onward).status_code == 200, onward
    assert "You were signed out, so nothing was changed." in Page.of(client.get(sent.url)).words


@pytest.mark.parametrize("name", ["post-new", "settings", "face-rules", "account-delete"])
def test_a_form_that_was_sent_without_a_session_is_where_signing_in_leads_to(name, db):
    client, address = client_of(None), reverse(name)
    sent = client.post(address, {"next": "/people/"})
    assert parse_qs(urlsplit(sent.url).query)["next"] == [address]
    assert "You were signed out" in Page.of(client.get(sent.url)).words
    assert "You were signed out" not in Page.of(client.get(client.get(address).url)).words  # a link only


@pytest.mark.parametrize(
    ("method", "name", "arguments"),
    [
        *(("post", name, find) for name, find in ASKING.items()),
        ("post", "hide-there", lambda n: [1]),
        ("get", "people", lambda n: []),
        ("get", "bookmarks", lambda n: []),
        ("get", "export", lambda n: []),
        ("get", "photo-status", lambda n: [n.waiting.pk]),
    ],
)
def test_a_part_of_a_page_is_never_the_sign_in_page(method, name, arguments, network):
    ask, address = getattr(client_of(None), method), reverse(name, args=arguments(network))
    for headers, kind in (
        ({"HX-Request": "true"}, "text/plain"),
        ({"Accept": "application/json"}, "application/json"),
    ):
        answer = ask(address, headers=headers)
        assert (answer.status_code, answer["Content-Type"].partition(";")[0]) == (401, kind)
        assert (
            "You were signed out, so nothing was changed. Sign in and try it again."
            in answer.content.decode()
        )
        assert not answer.cookies, "told once, not again on the next page"
    assert ask(address, headers={"HX-Request": "true", "HX-Boosted": "true"}).status_code == 302


@pytest.mark.parametrize(("name", "status"), OWNED.items())
def test_what_is_mine_is_not_changed_by_a_friend(name, status, network):
    before = (Circle.objects.get(), Rule.objects.filter(owner=network.me).get(), network.me.captures.count())
    response = press(network.friend, name, *ACTIONS[name](network), **FIELDS)
    assert response.status_code == status
    assert (
        Circle.objects.get(),
        Rule.objects.filter(owner=network.me).get(),
        network.me.captures.count(),
    ) == before
    assert not Authorization.objects.exists()
    assert not PhotoOverride.objects.exists()
    assert not MatchRejection.objects.exists()


@pytest.mark.parametrize("name", ["post-edit", "post-delete"])
def test_a_post_is_changed_by_its_author_alone(name, network):
    address = reverse(name, args=[network.photo.post_id])
    for method in ("get", "post"):
        assert getattr(client_of(network.friend), method)(address).status_code == 403
    assert Post.objects.filter(pk=network.photo.post_id).exists()


def test_a_capture_is_shown_to_its_owner_alone(network):
    address = reverse("capture-picture", args=[network.me.captures.get().pk])
    answer = client_of(network.me).get(address)
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert "private" in answer["Cache-Control"]
    assert client_of(network.friend).get(address).status_code == 404
    assert client_of(None).get(address).status_code == 302


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_an_action_never_leads_to_another_site(elsewhere, network):
    response = press(
        network.me, "face-answer", network.my_face.pk, answer="approved", next=elsewhere, follow=False
    )
    assert response.url == reverse("photo", args=[network.photo.pk])


# --- people ---


def test_a_request_is_accepted_from_the_list_of_requests(network):
    page = Page.of(client_of(network.me).get(reverse("people")))
    accept = reverse("friend-accept", args=[network.asking.username])
    assert len(page.forms_to(accept)) == 1
    assert "friends now" in told(press(network.me, "friend-accept", network.asking.username))
    assert are_friends(network.me, network.asking)


def test_nobody_accepts_their_own_request(network):
    assert press(network.asking, "friend-accept", network.me.username).status_code == 403
    assert not are_friends(network.me, network.asking)


def test_a_request_can_be_declined_and_taken_back(network):
    assert "not told" in told(press(network.me, "friend-decline", network.asking.username))
    press(network.me, "friend-request", network.stranger.username)
    assert "taken back" in told(press(network.me, "friend-decline", network.stranger.username))
    assert Friendship.objects.filter(accepted_at=None).count() == 0


def test_a_blocked_person_has_no_page_and_can_be_unblocked(network):
    press(network.me, "block", network.friend.username)
    for one, other in ((network.me, network.friend), (network.friend, network.me)):
        assert client_of(one).get(reverse("person", args=[other.username])).status_code == 404
    block = Block.objects.get(blocked=network.friend)
    assert press(network.friend, "unblock", block.pk).status_code == 404
    assert f"{network.friend.name} is unblocked" in told(press(network.me, "unblock", block.pk))
    assert not Block.objects.filter(blocked=network.friend).exists()


def test_a_circle_that_a_rule_names_says_why_it_stays(network):
    assert "rules uses this circle" in told(press(network.me, "circle-delete", network.circle.pk))
    assert Circle.objects.filter(pk=network.circle.pk).exists()


def test_leaving_a_circle_can_be_undone(network):
    membership = network.circle.memberships.get(person=network.friend)
    response = press(network.me, "circle-remove", network.circle.pk, membership=membership.pk)
    assert list(network.circle.members.all()) == []
    (undo,) = [
        form
        for form in Page.of(response).forms_to(f"/circles/{network.circle.pk}/add")
        if form.text.strip() == "Undo"
    ]
    assert undo
    press(network.me, "circle-add", network.circle.pk, person=network.friend.username)
    assert list(network.circle.members.all()) == [network.friend]


def test_search_finds_people_and_never_blocked_ones(network):
    client = client_of(network.me)
    assert "Frida Fern" in client.get("/people/", {"q": "frid"}).content.decode()
    found = client.get("/people/", {"q": network.blocked.username}, headers={"HX-Request": "true"})
    page = Page.of(found)
    assert "Nobody found" in page.words
    assert page.all("html") == []  # a fragment


def test_a_profile_is_saved_and_a_refused_one_is_not(network):
    client = client_of(network.me)
    client.post(reverse("settings"), {"display_name": "  Mia   M. ", "username": "Mia.M", "bio": "Hello"})
    network.me.refresh_from_db()
    assert (network.me.name, network.me.username) == ("Mia M.", "mia.m")
    taken = {"display_name": "", "username": network.friend.username, "bio": ""}
    assert "Somebody already has this handle" in client.post(reverse("settings"), taken).content.decode()
    assert "reserved" in client.post(reverse("settings"), taken | {"username": "Admin"}).content.decode()
    refused = client.post(reverse("settings"), {"display_name": "x" * 61, "username": "mia.m", "bio": ""})
    assert "Mia M." in refused.content.decode()
    network.me.refresh_from_db()
    assert network.me.bio == "Hello"


# --- posts ---


def test_a_post_of_two_photos_with_words_for_a_circle(
    network, sent_tasks, django_capture_on_commit_callbacks
):
    fields = {
        "photos": [upload(name="a.png"), upload(name="b.png")],
        "caption": "After the concert",
        "audience": f"circle:{network.circle.pk}",
        "alt_texts": ["The choir", ""],
    }
    with django_capture_on_commit_callbacks(execute=True):
        response = client_of(network.me).post(reverse("post-new"), fields, follow=True)
    post = Post.objects.get(caption="After the concert")
    assert response.redirect_chain[-1][0] == reverse("post", args=[post.pk])
    assert (post.circle, [photo.alt_text for photo in post.photos.all()]) == (
        network.circle,
        ["The choir", ""],
    )
    page = Page.of(response)
    assert "still being protected" in page.words
    assert page.all("img") == []
    assert (
        client_of(network.ruler).get(reverse("post", args=[post.pk])).status_code == 404
    )  # not in the circle


@pytest.mark.parametrize(
    "fields",
    [
        {"photos": [], "audience": "friends"},
        {"photos": "text", "audience": "friends"},
        {"photos": "good", "audience": "circle"},
        {"photos": "good", "audience": "circle:424242"},
        {"photos": "good", "audience": "the world"},
    ],
)
def test_a_post_that_cannot_be_is_refused_in_words(fields, network):
    from django.core.files.uploadedfile import SimpleUploadedFile

    files = {"text": SimpleUploadedFile("notes.txt", b"no picture"), "good": upload()}
    data = fields | {"photos": files.get(fields["photos"], []) if fields["photos"] else []}
    before = Photo.objects.count()
    response = client_of(network.me).post(reverse("post-new"), data)
    assert response.status_code == 422
    assert [tag for tag in Page.of(response).all("ul") if "errorlist" in (tag.get("class") or "")]
    assert Photo.objects.count() == before


def test_a_page_that_lay_open_changes_what_was_changed_on_it_and_no_audience(network):
    post, author = network.photo.post, client_of(network.me)
    address = reverse("post-edit", args=[post.pk])
    (shown,) = [
        tag for tag in Page.of(author.get(address)).all("input") if tag.get("name") == "initial-audience"
    ]
    lay_open = {"caption": post.caption, "audience": post.audience, "initial-audience": shown["value"]}
    author.post(address, lay_open | {"audience": "only_me"})
    author.post(address, lay_open | {"caption": "A comma"})
    post.refresh_from_db()
    assert (post.caption, post.audience) == ("A comma", "only_me")
    author.post(address, lay_open | {"audience": "friends"})
    post.refresh_from_db()
    assert post.audience == "friends", "what is chosen on the page counts"


def test_a_post_is_edited(network):
    post = network.photo.post
    fields = {"caption": "New words", "audience": "only_me", f"alt-{network.photo.pk}": "Three squares"}
    client_of(network.me).post(reverse("post-edit", args=[post.pk]), fields)
    post.refresh_from_db()
    network.photo.refresh_from_db()
    assert (post.caption, post.audience, network.photo.alt_text) == ("New words", "only_me", "Three squares")
    assert client_of(network.friend).get(reverse("photo", args=[network.photo.pk])).status_code == 404


def test_a_post_is_deleted_only_after_asking(network):
    address = reverse("post-delete", args=[network.photo.post_id])
    assert "Delete this post?" in client_of(network.me).get(address).content.decode()
    assert Post.objects.filter(pk=network.photo.post_id).exists()
    client_of(network.me).post(address)
    assert not Photo.objects.filter(pk=network.photo.pk).exists()


def test_a_failed_photo_is_tried_again_by_its_author_alone(network):
    assert press(network.friend, "photo-retry", network.failed.pk).status_code == 403
    press(network.me, "photo-retry", network.failed.pk)
    network.failed.refresh_from_db()
    assert network.failed.state == Photo.State.WAITING


# --- signing up ---


def test_signing_up_takes_a_handle_with_capitals_as_small_letters(db):
    from django.test import Client

    from accounts.models import User

    fields = {
        "username": "Nora.New",
        "email": "nora@mail.example",
        "password1": "a long and good passphrase",
    }
    response = Client().post(reverse("account_signup"), fields, follow=True)
    assert User.objects.get().username == "nora.new"
    assert "Look into your mail" in Page.of(response).words
