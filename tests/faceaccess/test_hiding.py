"""A disclosure is taken back also where the photo is out of its owner's sight, and nothing is told about that photo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.urls import reverse

from accounts import services as people
from accounts.models import User
from faceaccess import exposures, services
from faceaccess.models import Authorization, DecisionLog, Exposure, FaceRegion, PhotoOverride, Tag
from photos.models import Audience, Photo
from photos.services import post_delete, post_update
from tests.faceaccess.conftest import client_of, face_of, fetch, person, posted, shown_to
from tests.factories import CircleFactory, befriend
from tests.pages.html import Page
from tests.pages.test_every_page import CHECKS

pytestmark = pytest.mark.django_db

MODELS = ("proxy", "authorization", "rules")
JSON = "application/json"


@dataclass
class Scene:
    owner: User
    third: User  # may see the photo, and is nobody to the owner
    photo: Photo
    region: FaceRegion

    def show(self) -> None:
        """The owner's word to show, under whatever model, as if it was said when the photo was in sight."""
        said = {"region": self.region, "owner": self.owner}
        Tag.objects.update_or_create(**said, defaults={"tagger": self.owner, "withdrawn_at": None})
        Authorization.objects.update_or_create(**said, defaults={"answer": "approved"})
        PhotoOverride.objects.update_or_create(**said, defaults={"effect": "show"})

    def line(self) -> Exposure:
        exposures.keep(self.owner.pk)
        return Exposure.objects.filter(owner=self.owner, photo=self.photo).first()

    def page(self, name: str, **fields: str):
        return client_of(self.owner).post(reverse(name, args=[self.region.pk]), fields)

    def api(self, method: str, word: str, body: dict[str, str] | None = None):
        call = getattr(client_of(self.owner), method)
        return call(f"/api/v1/faces/{self.region.pk}/{word}/", body or {}, JSON)


def author_blocks(scene: Scene) -> None:
    people.block_create(blocker=scene.photo.post.author, blocked=scene.owner)


def owner_blocks(scene: Scene) -> None:
    people.block_create(blocker=scene.owner, blocked=scene.photo.post.author)


def audience_narrows(scene: Scene) -> None:
    author = scene.photo.post.author
    circle = CircleFactory(owner=author, members=[scene.third])
    post_update(post=scene.photo.post, by=author, audience=Audience.CIRCLE, circle=circle)


WAYS = (author_blocks, owner_blocks, audience_narrows)


def in_sight(model: str) -> Scene:
    owner, third = person(0, model), person()
    author = person(username="whoposted", display_name="Whoever Posted")
    befriend(author, owner)
    befriend(author, third)
    photo = posted(author, 2, post__caption="At the lake")
    return Scene(owner, third, photo, face_of(photo, owner))


def out_of_sight(model: str, way: Callable[[Scene], None] = author_blocks) -> Scene:
    scene = in_sight(model)
    scene.show()
    way(scene)
    assert fetch(scene.owner, scene.photo).status_code == 404
    assert shown_to(scene.third, scene.photo) == {0}
    return scene


HIDE_BY_PAGE = {
    "proxy": lambda scene: scene.page("face-untag"),
    "authorization": lambda scene: scene.page("face-answer", answer="denied"),
    "rules": lambda scene: scene.page("face-override", effect="hide"),
}
HIDE_BY_API = {
    "proxy": lambda scene: scene.api("delete", "tag"),
    "authorization": lambda scene: scene.api("put", "answer", {"answer": "denied"}),
    "rules": lambda scene: scene.api("put", "override", {"effect": "hide"}),
}


def by_log(scene: Scene):
    return client_of(scene.owner).post(reverse("hide-there", args=[scene.line().pk]))


def by_log_of_the_api(scene: Scene):
    return client_of(scene.owner).post(f"/api/v1/exposures/{scene.line().pk}/hide/")


def check_tells_nothing(scene: Scene, response) -> None:
    """Nothing about the photo: also where the answer leads to, and on the page there."""
    told = [response.content.decode(), str(response.headers)]
    if response.status_code == 302:
        assert response.url == reverse("who-could-see")
        told.append(client_of(scene.owner).get(response.url).content.decode())
    for words in told:
        for secret in (str(scene.photo.pk), "whoposted", "Whoever Posted", "At the lake", "/image/", "/crop"):
            assert secret not in words, secret
        assert "Undo" not in words  # what could not be done


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("model", MODELS)
def test_a_word_that_hides_is_taken_whoever_took_the_photo_away(engine, model, way):
    scene = out_of_sight(model, way)
    for hide in (HIDE_BY_PAGE[model], HIDE_BY_API[model], by_log, by_log_of_the_api):
        scene.show()
        assert shown_to(scene.third, scene.photo) == {0}
        response = hide(scene)
        assert response.status_code in (204, 302)
        assert shown_to(scene.third, scene.photo) == set()
        check_tells_nothing(scene, response)


@pytest.mark.parametrize("way", WAYS)
def test_a_word_that_shows_is_refused_as_if_there_was_no_photo(engine, way):
    scene = out_of_sight("authorization", way)
    answers = [
        scene.page("face-tag", person=scene.owner.username),
        scene.page("face-answer", answer="approved"),
        scene.page("face-answer", answer="maybe"),
        scene.page("face-answer"),
        scene.page("face-override", effect="show"),
        scene.page("face-override"),
        scene.api("post", "tag", {"handle": scene.owner.username}),
        scene.api("put", "answer", {"answer": "approved"}),
        scene.api("put", "override", {"effect": "show"}),
        scene.api("post", "later"),
        scene.page("face-later"),
        scene.page("face-claim"),
    ]
    assert {answer.status_code for answer in answers} == {404}
    for read in ("", "effect/?word=hide"):
        assert client_of(scene.owner).get(f"/api/v1/faces/{scene.region.pk}/{read}").status_code == 404


def hide_words(user: User, pk: int) -> list[tuple[int, bytes]]:
    """What every word that hides is answered with: the API's answers whole, of pages the status."""
    client, face = client_of(user), f"/api/v1/faces/{pk}/"
    pages = [
        client.post(reverse("face-untag", args=[pk])),
        client.post(reverse("face-answer", args=[pk]), {"answer": "denied"}),
        client.post(reverse("face-answer", args=[pk]), {"answer": "clear"}),
        client.post(reverse("face-override", args=[pk]), {"effect": "hide"}),
        client.post(reverse("face-override", args=[pk]), {"effect": "clear"}),
        client.post(reverse("face-not-me", args=[pk])),
    ]
    answers = [
        client.delete(face + "tag/"),
        client.put(face + "answer/", {"answer": "denied"}, JSON),
        client.delete(face + "answer/"),
        client.put(face + "override/", {"effect": "hide"}, JSON),
        client.delete(face + "override/"),
        client.post(face + "not-me/"),
        client.post("/api/v1/faces/answers/", {"faces": [pk], "answer": "denied"}, JSON),
    ]
    return [(page.status_code, b"") for page in pages] + [(a.status_code, a.content) for a in answers]


def test_a_face_that_is_not_ones_own_does_not_exist_out_of_sight_either(engine):
    """Somebody else's, nobody's and none are answered alike, to a person whose own face is in the photo, too."""
    scene = out_of_sight("authorization")
    other = person(1)
    FaceRegion.objects.filter(photo=scene.photo).exclude(pk=scene.region.pk).update(
        owner=other, match="matched"
    )
    unknown = posted(scene.photo.post.author, 3).regions.get(index=2)
    theirs = face_of(scene.photo, other)
    told = [hide_words(scene.owner, pk) for pk in (theirs.pk, unknown.pk, 10**9)]
    for word in ("tag", "answer", "override"):
        assert client_of(scene.owner).delete(f"/api/v1/faces/none/{word}/").status_code == 404
    assert told[0] == told[1] == told[2]
    assert {status for status, _ in told[0]} == {404}
    assert Authorization.objects.count() == 1
    line = scene.line()
    for user in (other, scene.third, scene.photo.post.author):
        assert client_of(user).post(reverse("hide-there", args=[line.pk])).status_code == 404
        assert client_of(user).post(f"/api/v1/exposures/{line.pk}/hide/").status_code == 404
    assert shown_to(scene.third, scene.photo) == {0}


def test_a_photo_in_which_nobody_was_ever_shown_ones_face_is_not_found_by_trying_numbers(engine):
    """The log does not list it: an answer would tell that one is in a photo that one knows nothing of."""
    owner, author = person(0, "authorization"), person()
    region = face_of(posted(author, 1, Audience.FRIENDS), owner)
    assert hide_words(owner, region.pk) == hide_words(owner, 10**9)
    region.refresh_from_db()
    assert region.owner == owner
    assert "Nobody but you" in client_of(owner).get(reverse("who-could-see")).content.decode()


@pytest.mark.parametrize("by_page", [True, False])
def test_a_friends_tag_in_a_photo_that_one_never_saw_is_withdrawn(engine, by_page):
    owner, friend, author, third = person(0, "proxy"), person(), person(username="whoposted"), person()
    for one, other in ((owner, friend), (author, friend), (author, third)):
        befriend(one, other)
    photo = posted(author, 1, Audience.FRIENDS)
    scene = Scene(owner, third, photo, face_of(photo, owner))
    services.tag_create(region=scene.region, tagger=friend, owner=owner)
    assert shown_to(third, photo) == {0}
    response = (HIDE_BY_PAGE if by_page else HIDE_BY_API)["proxy"](scene)
    assert shown_to(third, photo) == set()
    check_tells_nothing(scene, response)
    services.tag_create(region=scene.region, tagger=friend, owner=owner)
    assert shown_to(third, photo) == set(), "it stays withdrawn"


def test_a_word_is_taken_back_out_of_sight_only_if_that_hides(engine):
    scene = out_of_sight("authorization")
    assert scene.page("face-answer", answer="clear").url == reverse("who-could-see")
    assert shown_to(scene.third, scene.photo) == set()
    scene.show()
    assert scene.api("delete", "answer").status_code == 204
    assert shown_to(scene.third, scene.photo) == set()

    services.model_choose(owner=scene.owner, model="rules")
    clear = (lambda: scene.page("face-override", effect="clear"), lambda: scene.api("delete", "override"))
    for take_back in clear:
        scene.show()
        assert take_back().status_code in (204, 302)
        assert shown_to(scene.third, scene.photo) == set()
    services.rule_create(owner=scene.owner, effect="show", subject="everyone")
    services.override_set(region=scene.region, by=scene.owner, effect="hide")
    assert {take_back().status_code for take_back in clear} == {404}  # it would show
    assert shown_to(scene.third, scene.photo) == set()


@pytest.mark.parametrize("by_page", [True, False])
def test_not_me_is_taken_out_of_sight_and_then_the_face_is_not_ones_own(engine, by_page):
    scene = out_of_sight("rules")
    scene.line()
    say = (lambda: scene.page("face-not-me")) if by_page else (lambda: scene.api("post", "not-me"))
    check_tells_nothing(scene, say())
    assert shown_to(scene.third, scene.photo) == set()
    assert say().status_code == 404


def test_several_faces_are_denied_at_once_with_those_out_of_sight(engine):
    scene = out_of_sight("authorization")
    near = face_of(posted(scene.third, 1), scene.owner)
    both = [scene.region.pk, near.pk]
    client, address = client_of(scene.owner), "/api/v1/faces/answers/"
    for answer in ("approved", "later"):
        assert client.post(address, {"faces": both, "answer": answer}, JSON).status_code == 404
    client.post(reverse("inbox-answer"), {"face": both, "answer": "approved"})
    assert Authorization.objects.get(region=near).answer == "approved"
    assert client.post(address, {"faces": both, "answer": "denied"}, JSON).status_code == 204
    assert set(Authorization.objects.values_list("answer", flat=True)) == {"denied"}
    scene.show()
    client.post(reverse("inbox-answer"), {"face": scene.region.pk, "answer": "denied"})
    assert shown_to(scene.third, scene.photo) == set()


# --- the log's button ---


def log(user: User) -> Page:
    return Page.of(client_of(user).get(reverse("who-could-see")))


def buttons(page: Page) -> list[str]:
    return [tag.text.strip() for tag in page.all("button") if "Hide my face there" in tag.text]


def test_the_log_offers_to_hide_where_the_photo_is_out_of_sight_and_somebody_is_shown_the_face(engine):
    scene = in_sight("authorization")
    scene.show()
    for author in (person(), person()):
        away = face_of(posted(author, 1), scene.owner)
        services.authorization_answer(region=away, by=scene.owner, answer="approved")
        people.block_create(blocker=author, blocked=scene.owner)
    page = log(scene.owner)
    assert len(page.all("li")) >= 3
    assert len(set(buttons(page))) == 2, "a name of its own for each"
    for check in CHECKS:
        check(page)
    (form, _other) = [tag for tag in page.all("form") if "/hide" in (tag.get("action") or "")]
    assert form["hx-post"] == form["action"]
    assert str(away.pk) not in form["action"].split("/")  # the log's own number, not the face's

    after = client_of(scene.owner).post(form["action"], {"next": "/face/who?page=1"}, follow=True)
    assert after.redirect_chain[-1][0] == "/face/who?page=1"
    page = Page.of(after)
    assert "Your face is hidden there, from now on." in page.words
    assert page.words.count("Your face is hidden there.") == 1
    assert len(buttons(page)) == 1


@pytest.mark.django_db(transaction=True)  # the log is brought up to date after the commit
def test_htmx_gets_the_row_alone_and_it_says_hidden(engine):
    scene = out_of_sight("proxy")
    address = reverse("hide-there", args=[scene.line().pk])
    assert len(buttons(log(scene.owner))) == 1
    response = client_of(scene.owner).post(address, headers={"HX-Request": "true"})
    check_tells_nothing(scene, response)
    page = Page.of(response)
    assert page.all("html") == []
    assert "Your face is hidden there." in page.words
    assert buttons(page) == []
    assert shown_to(scene.third, scene.photo) == set()


def test_pressed_again_or_after_the_photo_went_it_answers_the_same_and_says_nothing_more(engine):
    scene = out_of_sight("authorization")
    first = by_log(scene)
    said = DecisionLog.objects.count()
    again = by_log(scene)
    line = scene.line()
    post_delete(post=scene.photo.post, by=scene.photo.post.author)
    gone = client_of(scene.owner).post(reverse("hide-there", args=[line.pk]))
    assert {(answer.status_code, answer.url) for answer in (first, again, gone)} == {(302, "/face/who")}
    assert DecisionLog.objects.count() == said
    assert (
        "Your face is hidden there." in log(scene.owner).words
    )  # of one that is gone like of one that is not
