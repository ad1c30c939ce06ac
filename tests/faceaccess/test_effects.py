"""The effect told before a change is the effect the change then has, counted the slow way over everybody."""

from __future__ import annotations

import itertools
import os
import random

import pytest
from django.utils import timezone

from accounts.models import User
from faceaccess import effects, services
from faceaccess.effects import rules_after, scene
from faceaccess.models import Rule, Tag
from faceaccess.policies import Model
from faceaccess.selectors import regions_of, visible_set
from photos.models import Audience, Photo, Post
from tests.faceaccess.conftest import face_of, person, posted
from tests.factories import BlockFactory, CircleFactory, befriend

pytestmark = pytest.mark.django_db
# Of the random networks every sixth in a run that is a second one, on another database (see test_leaks.combined).
EVERY = 6 if os.environ.get("LEAKS") == "pairs" else 1


def seen_by_all(owner: User) -> dict[tuple[object, int], bool]:
    """Whether the owner's face is shown, for every pair of a photo and somebody who may see it: one at a time."""
    mine = Photo.objects.visible_to(owner).filter(regions__owner=owner)
    index = dict(mine.values_list("pk", "regions__index"))
    shown = {}
    for viewer in User.objects.filter(is_active=True).exclude(pk=owner.pk):
        for photo in Photo.objects.visible_to(viewer).filter(pk__in=index):
            shown[photo.pk, viewer.pk] = index[photo.pk] in visible_set(photo, viewer).shown
    return shown


def network(seed: int, people: int = 9) -> User:
    """An owner in six photos of four authors, among people related to them in every way, at random."""
    draw = random.Random(seed)
    owner = person(0, draw.choice(["proxy", "authorization", "rules"]))
    others = [person() for _ in range(people)]
    for one, other in itertools.combinations([owner, *others], 2):
        match draw.choice(["friends", "nothing", "nothing", "blocked" if draw.random() < 0.3 else "friends"]):
            case "friends":
                befriend(one, other)
            case "blocked":
                BlockFactory(blocker=other, blocked=one)
    User.objects.filter(pk=others[-1].pk).update(is_active=False)
    CircleFactory(owner=owner, members=draw.sample(others, 3))
    for audience in (*Audience, Audience.MEMBERS, Audience.FRIENDS):
        author = draw.choice([owner, *others[:3]])
        circle = CircleFactory(owner=author, members=draw.sample(others, 4))
        photo = posted(author, 1, audience, post__circle=circle if audience == Audience.CIRCLE else None)
        region = face_of(photo, owner)
        if draw.random() < 0.5:
            withdrawn = draw.choice([None, None, timezone.now()])
            Tag.objects.create(region=region, owner=owner, tagger=draw.choice(others), withdrawn_at=withdrawn)
        if draw.random() < 0.5:
            services.authorization_answer(region=region, by=owner, answer=draw.choice(["approved", "denied"]))
        if draw.random() < 0.2:
            services.override_set(region=region, by=owner, effect=draw.choice(["show", "hide"]))
    for _ in range(3):
        add_rule(owner, draw, others).save()
    return owner


def add_rule(owner: User, draw: random.Random, others: list[User]) -> Rule:
    rule = Rule(
        owner=owner,
        position=Rule.objects.filter(owner=owner).count() + 1,
        effect=draw.choice(["show", "show", "hide"]),
        enabled=draw.random() < 0.8,
        subject=draw.choice(Rule.Subject.values),
        uploader=draw.choice(["anyone", "anyone", *Rule.Uploader.values]),
    )
    for who in ("subject", "uploader"):
        setattr(rule, f"{who}_circle", owner.circles.first())
        setattr(rule, f"{who}_person", draw.choice(others))
    rule.clean()
    return rule


def check(effect: effects.Effect, before: dict, after: dict, owner: User) -> None:
    pairs = {pair for pair in before if before[pair] != after[pair]}
    photos = {photo for photo, _ in pairs}
    own = set(Photo.objects.filter(post__author=owner, pk__in=photos).values_list("pk", flat=True))
    assert effect.own_photos == len(own)
    assert effect.people == {viewer for photo, viewer in pairs if photo in own}
    assert effect.others_photos >= len(photos - own)
    opened = any(after[pair] and not before[pair] for pair in before)
    closed = any(before[pair] and not after[pair] for pair in before)
    assert effect.shows >= opened
    assert effect.hides >= closed
    if not effect.others_photos:
        assert (effect.shows, effect.hides) == (opened, closed)


@pytest.mark.parametrize("seed", range(0, 12, EVERY))
def test_the_effect_of_a_model_is_what_everybody_then_sees(engine, seed):
    owner = network(seed)
    before, here = seen_by_all(owner), scene(owner)
    for model in Model:
        told = here.effect(model=model)
        services.model_choose(owner=owner, model=model)
        check(told, before, seen_by_all(owner), owner)


@pytest.mark.parametrize("seed", range(12, 24, EVERY))
def test_the_effect_of_every_change_of_the_rules_is_what_everybody_then_sees(engine, seed):
    owner = network(seed)
    services.model_choose(owner=owner, model="rules")
    draw = random.Random(seed)
    for change in effects.CHANGES:
        rules = list(Rule.objects.filter(owner=owner))
        others = list(User.objects.exclude(pk=owner.pk))
        rule = add_rule(owner, draw, others) if change == "add" else draw.choice(rules)
        rule.enabled = rule.enabled or change == "add"
        before, here = seen_by_all(owner), scene(owner, {rule.subject_person_id} - {None})
        told = here.effect(rules=rules_after(rules, change, rule))
        make(change, rule, owner)
        check(told, before, seen_by_all(owner), owner)


WORDS = [
    (model, word) for model in Model for word in effects.WORDS if (model, word) != (Model.PROXY, "clear")
]


@pytest.mark.parametrize("seed", range(24, 30, EVERY))
def test_the_effect_of_a_word_about_one_photo_or_several_is_what_everybody_then_sees(engine, seed):
    owner = network(seed)
    draw = random.Random(seed)
    for model, word in draw.sample(WORDS, len(WORDS)):
        services.model_choose(owner=owner, model=model)
        regions = draw.sample(list(regions_of(owner)), draw.choice([1, 1, 3]))
        before = seen_by_all(owner)
        told = effects.statement_effect(owner, [region.pk for region in regions], word)
        for region in regions:
            say(model, word, region, owner)
        check(told, before, seen_by_all(owner), owner)


def say(model: Model, word: str, region, owner: User) -> None:
    about = {"region": region, "by": owner}
    match model, word:
        case Model.PROXY, "show":
            services.tag_create(region=region, tagger=owner, owner=owner)
        case Model.PROXY, _:
            services.tag_create(region=region, tagger=owner, owner=owner)  # there is something to take back
            services.tag_withdraw(**about)
        case Model.AUTHORIZATION, "clear":
            services.authorization_clear(**about)
        case Model.AUTHORIZATION, _:
            services.authorization_answer(**about, answer="approved" if word == "show" else "denied")
        case Model.RULES, "clear":
            services.override_clear(**about)
        case Model.RULES, _:
            services.override_set(**about, effect=word)


@pytest.mark.parametrize("place", [0, 1, 2, 7])
def test_the_effect_of_putting_a_rule_somewhere_else_is_what_everybody_then_sees(engine, place):
    owner = network(31)
    services.model_choose(owner=owner, model="rules")
    rules = list(Rule.objects.filter(owner=owner))
    before, rule = seen_by_all(owner), rules[place % 3]
    told = effects.rule_effect(owner, "place", rule, place)
    services.rule_place(rule=rule, by=owner, place=place)
    order = [row.pk for row in Rule.objects.filter(owner=owner)]
    assert order.index(rule.pk) == min(place, 2)
    check(told, before, seen_by_all(owner), owner)


def make(change: str, rule: Rule, owner: User) -> None:
    match change:
        case "add":
            rule.save()
        case "toggle":
            services.rule_update(rule=rule, by=owner, enabled=not rule.enabled)
        case "delete":
            services.rule_delete(rule=rule, by=owner)
        case direction:
            services.rule_move(rule=rule, by=owner, up=direction == "up")


def test_rules_that_are_not_in_force_change_nothing(engine):
    owner = person(0, "authorization")
    posted(owner)
    person()
    rule = Rule(owner=owner, effect="show", subject="everyone")
    told = scene(owner).effect(rules=rules_after([], "add", rule))
    assert (told.photos, told.people) == (0, frozenset())


def test_twelve_photos_change_for_forty_people(engine):
    owner = person(0, "authorization")
    for _ in range(12):
        posted(owner, 1)
    everybody = {person().pk for _ in range(40)}
    services.rule_create(owner=owner, effect="show", subject="everyone")
    told = scene(owner).effect(model=Model.RULES)
    assert (told.photos, told.people) == (12, everybody)
    assert (told.shows, told.hides, told.capped) == (True, False, False)


@pytest.mark.parametrize("relation", ["friends", "nothing", "blocked"])
def test_a_rule_about_one_person_does_not_tell_whether_an_author_lets_them_see(engine, relation):
    owner, author, suspect = person(0, "rules"), person(), person()
    befriend(owner, author)
    if relation == "friends":
        befriend(author, suspect)
    elif relation == "blocked":
        BlockFactory(blocker=author, blocked=suspect)
    for audience in (Audience.MEMBERS, Audience.FRIENDS):
        posted(author, 1, audience)
    rule = Rule(owner=owner, effect="show", subject="person", subject_person=suspect)
    told = scene(owner, {suspect.pk}).effect(rules=rules_after([], "add", rule))
    assert (told.photos, told.others_photos, told.people) == (2, 2, frozenset())
    assert (told.shows, told.hides) == (True, False)


def test_with_others_photos_among_them_people_are_those_of_the_own_photos(engine):
    owner, friend, author = person(0, "rules"), person(), person()
    befriend(owner, friend)
    posted(owner, 1, Audience.FRIENDS)
    posted(author, 1)
    told = scene(owner).effect(rules=rules_after([], "add", Rule(effect="show", subject="everyone")))
    assert (told.own_photos, told.others_photos, told.people) == (1, 1, {friend.pk})


def test_a_photo_that_was_taken_down_changes_for_nobody(engine):
    owner, _other = person(0, "rules"), person()
    photo = posted(owner, 1)
    rule = Rule(effect="show", subject="everyone")
    assert scene(owner).effect(rules=rules_after([], "add", rule)).photos == 1
    Post.objects.filter(pk=photo.post_id).update(taken_down_at=timezone.now())
    assert scene(owner).effect(rules=rules_after([], "add", rule)).photos == 0


@pytest.mark.parametrize("size", [1, 4, 12])
def test_as_many_queries_whatever_the_number_of_photos_people_and_rules(
    engine, django_assert_num_queries, size
):
    owner = person(0, "rules")
    for _ in range(size):
        friend, author = person(), person()
        befriend(owner, friend)
        befriend(author, owner)
        BlockFactory(blocker=friend, blocked=author)
        circle = CircleFactory(owner=author, members=[owner])
        for fields in ({"audience": Audience.MEMBERS}, {"audience": Audience.CIRCLE, "post__circle": circle}):
            posted(author, 1, **fields)
        services.rule_create(owner=owner, effect="hide", subject="person", subject_person=friend)
    rule = Rule(effect="show", subject="friends_of_friends")
    rules = list(Rule.objects.filter(owner=owner))
    with django_assert_num_queries(10):
        told = scene(owner).effect(rules=rules_after(rules, "add", rule))
    assert told.photos == 2 * size


def test_work_is_bounded_and_the_figures_say_when_they_are_a_lower_bound(engine, monkeypatch):
    owner, friend = person(0, "rules"), None
    for _ in range(6):
        friend = person()
    befriend(owner, friend)
    for _ in range(3):
        posted(owner, 1)
    monkeypatch.setattr(effects, "PHOTOS_AT_MOST", 2)
    monkeypatch.setattr(effects, "PEOPLE_AT_MOST", 4)
    told = scene(owner).effect(rules=rules_after([], "add", Rule(effect="show", subject="everyone")))
    assert told.capped
    assert told.photos == 2
    assert len(told.people) == 4, (
        "the first four members are the owner and three more; the friend is always counted"
    )
    assert friend.pk in told.people


def test_a_change_that_does_not_exist_is_an_error():
    with pytest.raises(ValueError, match="no such change"):
        rules_after([], "explode", Rule())


def test_whoever_a_block_stands_before_is_not_counted(engine):
    """Being decided hidden before and after, and not seeing the photo at all."""
    owner, walled, seeing = person(0, "rules"), person(), person()
    posted(owner, 1)
    rule = Rule(effect="show", subject="everyone")
    assert scene(owner).effect(rules=rules_after([], "add", rule)).people == {walled.pk, seeing.pk}
    BlockFactory(blocker=walled, blocked=owner)
    assert scene(owner).effect(rules=rules_after([], "add", rule)).people == {seeing.pk}
