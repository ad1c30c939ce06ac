"""What is told before a change says nothing of how other people stand to each other.

One owner asks everything that can be asked, in two worlds that differ only in friendships, blocks and circles among the
others. Everybody is a friend of a friend of the owner's in both: whom one has friends in common with is told under
"People", so rules about friends of friends may count them.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Block, Circle, Friendship, User
from faceaccess import effects
from faceaccess.models import Rule
from faceaccess.policies import Model
from faceaccess.selectors import regions_of
from photos.models import Audience, Post
from tests.faceaccess.conftest import client_of, person, posted
from tests.factories import BlockFactory, CircleFactory, befriend
from tests.pages.html import Page

pytestmark = pytest.mark.django_db


@dataclass
class World:
    """The owner's side of it stays as it is; ``others`` are mixed anew."""

    owner: User
    author: User  # a friend of the owner
    friend: User  # of the owner: the one asked about
    others: list[User]
    near: Circle  # of the owner
    theirs: Circle  # of the author, the owner always in it

    @classmethod
    def of(cls, model: str) -> World:
        owner, author, friend, stranger, hub = person(0, model), person(), person(), person(), person()
        four = [person() for _ in range(4)]
        for user in (author, friend, hub, *four):
            befriend(owner, user)
        others = [author, friend, stranger, *four]
        for user in others:
            befriend(hub, user)
        near = CircleFactory(owner=owner, members=four)
        theirs = CircleFactory(owner=author, members=[owner])
        world = cls(owner, author, friend, others, near, theirs)
        world._post(stranger)
        return world

    def _post(self, stranger: User) -> None:
        circle = {"audience": Audience.CIRCLE, "post__circle": self.theirs}
        for author, fields in (
            (self.author, {"audience": Audience.FRIENDS}),
            (self.author, {"audience": Audience.MEMBERS}),
            (self.author, circle),
            (stranger, {"audience": Audience.MEMBERS}),
            (self.owner, {"audience": Audience.CIRCLE, "post__circle": self.near}),
            (self.owner, {"audience": Audience.FRIENDS}),
        ):
            posted(author, 1, **fields)
        Post.objects.update(created_at=timezone.now() - timedelta(days=3))  # pages say how long ago

    def mix(self, draw: random.Random) -> None:
        """Who of the others is whose friend, blocks whom and is in the author's circle, at random."""
        among = {"low__in": self.others, "high__in": self.others}
        Friendship.objects.filter(**among).delete()
        Block.objects.filter(blocker__in=self.others, blocked__in=self.others).delete()
        for one, other in itertools.combinations(self.others, 2):
            match draw.choice(["friends", "friends", "nothing", "blocked"]):
                case "friends":
                    befriend(one, other)
                case "blocked":
                    BlockFactory(blocker=one, blocked=other)
        members = draw.sample(self.others[1:], draw.randrange(len(self.others)))
        self.theirs.members.set([self.owner, *members])


def told(response: HttpResponse) -> object:
    assert response.status_code == 200, response
    if "json" in response["Content-Type"]:
        return response.json()
    return " ".join(Page.of(response).words.split())


def everything_asked(world: World) -> dict[str, object]:
    """The answer of every page and address that tells an effect, for every kind of change."""
    owner, client = world.owner, client_of(world.owner)
    regions = list(regions_of(owner))
    found = {"cards": told(client.get(reverse("face")))}
    for model in Model:
        found[f"model {model}"] = told(client.get("/api/v1/model/effect/", {"choice": model}))
    for region in regions:
        found[f"photo {region.pk}"] = told(client.get(reverse("photo", args=[region.photo_id])))
        for word in effects.WORDS:
            found[f"{word} {region.pk}"] = told(
                client.get(f"/api/v1/faces/{region.pk}/effect/", {"word": word})
            )
    chosen = [region.pk for region in regions]
    for some, answer in itertools.product((chosen, chosen[1:3]), ("approved", "denied")):
        given = {"face": some, "answer": answer}
        found[f"{answer} {some}"] = told(client.post(reverse("inbox-preview"), given))
    found |= rules_asked(world, client)
    found["who could see"] = told(client.get(reverse("who-could-see")))
    found["exposures"] = told(client.get("/api/v1/exposures/"))
    return found


def rules_asked(world: World, client: Client) -> dict[str, object]:
    found = {}
    for (subject, whom), uploader in zip(subjects(world), itertools.cycle(("anyone", "friends"))):
        handle = whom.username if isinstance(whom, User) else ""
        given = {"effect": "show", "subject": subject, "uploader": uploader}
        if whom is not None:
            given[f"subject_{subject}"] = handle or whom.pk
        found[f"add {given}"] = told(client.post("/api/v1/rules/effect/", given, "application/json"))
        form = given | {"subject": f"{subject}:{whom.pk}" if whom else subject, "person": handle}
        found[f"add {given} there"] = told(client.post(reverse("rules-preview"), form))
    for rule in world.owner.rules.all():
        address = reverse("rule-preview", args=[rule.pk])
        for change in effects.CHANGES_OF_ONE:
            found[f"{change} {rule.pk}"] = told(
                client.get(f"/api/v1/rules/{rule.pk}/effect/", {"change": change})
            )
        for change in ("delete", "toggle", "place"):
            query = {"change": change, "place": 1}
            found[f"{change} {rule.pk} there"] = told(client.get(address, query))
    return found


def subjects(world: World) -> list[tuple[str, Circle | User | None]]:
    people = [("person", world.friend), ("person", world.others[2])]
    kinds = [("everyone", None), ("friends", None), ("friends_of_friends", None)]
    return [*kinds, ("circle", world.near), *people]


def say_something(world: World, draw: random.Random) -> None:
    for region in draw.sample(list(regions_of(world.owner)), 3):
        region.tags.create(owner=world.owner, tagger=world.friend)
        region.authorizations.create(owner=world.owner, answer=draw.choice(["approved", "denied"]))
        region.overrides.create(owner=world.owner, effect=draw.choice(["show", "hide"]))
    for subject, whom in draw.sample(subjects(world), 3):
        rule = Rule(owner=world.owner, effect=draw.choice(["show", "hide"]), subject=subject)
        rule.position = world.owner.rules.count() + 1
        if whom is not None:
            setattr(rule, f"subject_{subject}", whom)
        rule.save()


@pytest.mark.parametrize("model", Model)
def test_nothing_asked_tells_how_others_stand_to_each_other(engine, model):
    draw = random.Random(list(Model).index(model))
    world = World.of(model)
    say_something(world, draw)
    world.mix(draw)
    first = everything_asked(world)
    assert any(answer["others_photos"] for answer in first.values() if "others_photos" in answer)
    world.mix(draw)
    assert everything_asked(world) == first
