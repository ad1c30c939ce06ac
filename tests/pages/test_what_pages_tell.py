"""What a page says to whom: the owner reads reasons, everybody else learns only that some faces are stand-ins."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from faceaccess import services, wording
from faceaccess.models import FaceRegion, Rule
from faceaccess.outlook import outlook
from faceaccess.policies import Decision, Reason
from photos.models import Audience, Photo, Post
from tests.faceaccess.conftest import client_of, face_of, person, posted
from tests.factories import CircleFactory, PhotoFactory, PostFactory, UserFactory, befriend
from tests.pages.html import Page

STAND_INS = "Some faces are stand-ins."


def photo_page(user, photo: Photo) -> Page:
    return Page.of(client_of(user).get(reverse("photo", args=[photo.pk])))


def test_stand_ins_are_mentioned_only_to_viewers_who_see_some(network):
    alone = posted(network.me, 1)  # my face only
    for place in ("photo", "post"):
        address = reverse(place, args=[alone.pk if place == "photo" else alone.post_id])
        assert STAND_INS not in Page.of(client_of(network.me).get(address)).words
        assert STAND_INS in Page.of(client_of(network.stranger).get(address)).words


def test_a_photo_without_faces_mentions_none(network):
    empty = posted(network.me, 0)
    assert STAND_INS not in photo_page(network.stranger, empty).words


def test_only_i_am_told_that_i_am_in_a_photo(network):
    for user, told in ((network.me, True), (network.stranger, False)):
        page = Page.of(client_of(user).get(reverse("post", args=[network.photo.post_id])))
        assert ("You are in this photo" in page.words) is told
        assert (
            "Your face in this photo" in str([t.attributes for t in photo_page(user, network.photo).tags])
        ) is told


def normal(page_content: bytes) -> str:
    """Without what differs from one look to the next: the form token, and how long ago things were."""
    words = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page_content.decode())
    return re.sub(r">[^<]*</time>", "></time>", words)


def test_a_page_is_the_same_whoever_the_hidden_faces_belong_to(network):
    """Known or unknown, asked or silent, withdrawn or never tagged: a stranger's page does not change by a letter."""
    client = client_of(network.stranger)
    addresses = [reverse("feed"), reverse("photo", args=[network.photo.pk])]

    def look() -> list[str]:
        return [normal(client.get(address).content) for address in addresses]

    before = look()
    services.authorization_answer(region=network.my_face, by=network.me, answer="denied")
    friend_face = face_of(network.photo, network.friend)
    services.tag_create(region=friend_face, tagger=network.friend, owner=network.friend)
    services.tag_withdraw(region=friend_face, by=network.friend)
    services.override_set(region=face_of(network.photo, network.ruler), by=network.ruler, effect="hide")
    assert look() == before
    FaceRegion.objects.filter(photo=network.photo).update(owner=None, match="unknown")
    assert look() == before


def test_a_circle_is_known_to_its_owner_alone(network):
    photo = posted(network.me, 1, Audience.CIRCLE)
    Post.objects.filter(pk=photo.post_id).update(circle=network.circle)
    mine = client_of(network.me).get(reverse("post", args=[photo.post_id])).content.decode()
    theirs = client_of(network.friend).get(reverse("post", args=[photo.post_id])).content.decode()
    assert "Choir" in mine
    assert "Choir" not in theirs
    theirs_large = photo_page(network.friend, photo)
    (audience,) = [tag for tag in theirs_large.all("span") if tag.get("class") == "audience"]
    assert audience.text.strip() == "Friends"


# --- a photo in work ---


@pytest.mark.parametrize("state", [Photo.State.WAITING, Photo.State.FINDING, Photo.State.PROTECTING])
def test_a_photo_in_work_shows_its_steps_and_no_pixel(state, network):
    photo = PhotoFactory(author=network.me, state=state)
    for page in (photo_page(network.me, photo), Page.of(client_of(network.me).get("/"))):
        assert "still being protected" in page.words
        assert str(photo.pk) not in " ".join(tag.get("src") or "" for tag in page.tags)
        (poll,) = [tag for tag in page.tags if tag.get("hx-get") == reverse("photo-status", args=[photo.pk])]
        assert poll.get("hx-trigger")
    steps = [tag for tag in photo_page(network.me, photo).all("li") if tag.get("aria-current") == "step"]
    assert [step.text for step in steps] == {"finding": ["finding faces"], "protecting": ["protecting"]}.get(
        state, []
    )


def test_a_photo_that_nobody_took_up_says_that_it_waits(network):
    photo = PhotoFactory(author=network.me, state=Photo.State.WAITING)
    assert "nothing has taken it up yet" not in photo_page(network.me, photo).words
    Photo.objects.filter(pk=photo.pk).update(created_at=timezone.now() - timezone.timedelta(minutes=1))
    assert "nothing has taken it up yet" in photo_page(network.me, photo).words


def test_the_status_of_a_photo(network):
    address = reverse("photo-status", args=[network.photo.pk])
    client = client_of(network.me)
    assert client.get(address).json() == {"state": "ready", "ready": True}
    fragment = client.get(address, headers={"HX-Request": "true"})
    page = Page.of(fragment)
    assert page.all("html") == []
    assert len(page.all("img")) == 1
    assert STAND_INS in page.words  # swapped in beside the picture
    assert "no-store" in fragment["Cache-Control"]
    waiting = client.get(reverse("photo-status", args=[network.waiting.pk]), headers={"HX-Request": "true"})
    assert Page.of(waiting).all("img") == []


def test_the_status_is_told_to_nobody_who_may_not_see_the_photo(network):
    secret = PhotoFactory(author=network.me, audience=Audience.ONLY_ME)
    for user, status in ((network.friend, 404), (network.blocked, 404), (None, 302)):
        assert client_of(user).get(reverse("photo-status", args=[secret.pk])).status_code == status


def test_a_page_that_waits_for_a_photo_that_is_gone_stops_asking_whoever_may_not_know_why(network):
    secret = PhotoFactory(author=network.me, audience=Audience.ONLY_ME)
    client, told = client_of(network.friend), set()
    for pk in (secret.pk, uuid4()):
        answer = client.get(reverse("photo-status", args=[pk]), headers={"HX-Request": "true"})
        assert answer.status_code == 286
        assert "not there any more" in Page.of(answer).words
        assert "hx-get" not in answer.content.decode()
        told.add(
            (
                answer.content.decode().replace(str(pk), ""),
                str(sorted(answer.headers.items())).replace(str(pk), ""),
            )
        )
    assert len(told) == 1


def test_the_page_of_a_photo_is_asked_for_anew_once_the_photo_is_ready(network):
    client, here = client_of(network.me), "http://testserver" + reverse("photo", args=[network.photo.pk])

    def ask(photo: Photo, page: str):
        headers = {"HX-Request": "true", "HX-Current-URL": page}
        return client.get(reverse("photo-status", args=[photo.pk]), headers=headers)

    for page in (here, f"{here}?as=~stranger#your-face"):
        assert ask(network.photo, page).headers["HX-Refresh"] == "true"
    for page in ("http://testserver/", f"{here}elsewhere", here.replace("testserver", "evil.example"), ""):
        answer = ask(network.photo, page)
        assert "HX-Refresh" not in answer.headers
        assert len(Page.of(answer).all("img")) == 1
        assert "You are in this photo" in Page.of(answer).words
    waiting = f"http://testserver{reverse('photo', args=[network.waiting.pk])}"
    assert "HX-Refresh" not in ask(network.waiting, waiting).headers


def test_a_failed_photo_says_so_and_offers_its_author_another_try(network):
    page = photo_page(network.me, network.failed)
    assert "could not be protected" in page.words
    assert page.forms_to(reverse("photo-retry", args=[network.failed.pk]))
    assert page.all("img") == []
    theirs = photo_page(network.friend, network.failed)
    assert not theirs.forms_to(reverse("photo-retry", args=[network.failed.pk]))


# --- reasons ---


def test_every_reason_has_words():
    assert set(wording.REASONS) == set(Reason)
    for reason in Reason:
        assert len(wording.reason_sentence(Decision(False, reason))) > 10


def test_the_deciding_rule_is_named_by_its_number(network):
    rules = [
        Rule(pk=7, owner=network.me, effect="show", subject="friends"),
        Rule(pk=9, owner=network.me, effect="hide", subject="everyone"),
    ]
    assert (
        wording.reason_sentence(Decision(False, Reason.RULE, 9), rules) == "Your rule 2: hide from everyone."
    )


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"effect": "show", "subject": "everyone"}, "Show to everyone"),
        ({"effect": "hide", "subject": "friends_of_friends"}, "Hide from friends of friends"),
        ({"effect": "show", "subject": "friends", "uploader": "me"}, "Show to friends when you post"),
        (
            {"effect": "show", "subject": "friends", "uploader": "friends"},
            "Show to friends when friends post",
        ),
    ],
)
def test_a_rule_reads_as_a_sentence(fields, sentence):
    assert wording.rule_text(Rule(**fields)) == sentence


def test_names_in_a_rule_are_escaped(db):
    rule = Rule(
        effect="hide",
        subject="person",
        subject_person=UserFactory(display_name="<script>{0}"),
        uploader="circle",
        uploader_circle=CircleFactory(name="{who}<b>"),
    )
    html = wording.rule_sentence(rule)
    assert "<strong>&lt;script&gt;{0}</strong>" in html
    assert "{who}&lt;b&gt;" in html


def test_the_outlook_of_a_face_under_rules_tells_each_kind_of_viewer(network):
    family = CircleFactory(owner=network.ruler, name="Family")
    services.rule_create(owner=network.ruler, effect="hide", subject="person", subject_person=network.me)
    services.rule_create(owner=network.ruler, effect="show", subject="circle", subject_circle=family)
    services.rule_create(owner=network.ruler, effect="show", subject="friends_of_friends")
    told = outlook(face_of(network.photo, network.ruler))
    assert {line.who: line.shown for line in told.lines} == {
        "Mia Meier": False,
        "“Family”": True,
        "friends": True,
        "friends of friends": True,
        "everyone else": False,
    }
    assert told.lines[0].reason == "Your rule 1: hide from Mia Meier."
    assert told.summary == "shown to some people"


@pytest.mark.parametrize(
    ("rules", "summary"),
    [
        ([], "hidden"),
        ([("show", "friends")], "shown to friends"),
        ([("show", "everyone")], "shown to friends and everyone else"),
        ([("hide", "everyone"), ("show", "friends")], "hidden"),
    ],
)
def test_the_chip_says_it_in_a_few_words(rules, summary, network):
    for effect, subject in rules:
        services.rule_create(owner=network.ruler, effect=effect, subject=subject)
    assert outlook(face_of(network.photo, network.ruler)).summary == summary


def test_the_outlook_agrees_with_what_people_are_served(network):
    """For real people of each kind, whatever the model and statements."""
    from faceaccess.selectors import visible_set

    services.rule_create(owner=network.ruler, effect="show", subject="friends")
    face = face_of(network.photo, network.ruler)
    lines = {line.who: line.shown for line in outlook(face).lines}
    assert lines["friends"] == (face.index in visible_set(network.photo, network.me).shown)
    assert lines["everyone else"] == (face.index in visible_set(network.photo, network.stranger).shown)
    services.override_set(region=face, by=network.ruler, effect="hide")
    (line,) = outlook(face).lines
    assert line.shown == (face.index in visible_set(network.photo, network.me).shown) is False


def test_a_face_without_owner_has_no_outlook(network):
    face = network.my_face
    network.me.captures.all().delete()
    assert outlook(face) is None


# --- the feed ---


def test_the_feed_goes_on_where_its_page_ends(network, monkeypatch):
    monkeypatch.setattr("faceaccess.views_photos.POSTS_A_PAGE", 2)
    author = person()
    befriend(author, network.me)
    posts = [PostFactory(author=author, caption=f"Post number {n}") for n in range(5)]
    client, seen, address = client_of(network.me), [], "/"
    while address:
        page = Page.of(client.get(address))
        seen += re.findall(r"Post number \d", page.words)
        older = [tag["href"] for tag in page.all("a") if (tag.get("href") or "").startswith("?before=")]
        address = f"/{older[0]}" if older else ""
    assert seen == [f"Post number {n}" for n in reversed(range(len(posts)))]
    assert client.get("/?before=nonsense").status_code == 200


def test_the_feed_asks_the_database_as_often_for_many_posts_as_for_few(
    network, django_assert_max_num_queries
):
    client = client_of(network.friend)
    client.get("/")
    with django_assert_max_num_queries(22) as few:
        client.get("/")
    for _ in range(6):
        posted(network.me, 3)
    with django_assert_max_num_queries(len(few.captured_queries)):
        client.get("/")
