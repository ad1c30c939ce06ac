"""Visible sets of many photos cost as many queries as those of one."""

from __future__ import annotations

import pytest

from accounts.models import User
from faceaccess import facts, selectors, services
from photos.models import Photo
from socialnet.crowd import Crowd
from tests.faceaccess.conftest import client_of, face_of, person, posted
from tests.factories import CircleFactory, befriend

pytestmark = pytest.mark.django_db


def populate(photos: int, owners: int):
    author, viewer = person(), person()
    befriend(author, viewer)
    people = [person(index, "rules" if index % 2 else "proxy") for index in range(owners)]
    for owner in people:
        befriend(owner, author)
        circle = CircleFactory(owner=owner, members=[viewer])
        services.rule_create(owner=owner, effect="hide", subject="circle", subject_circle=circle)
        services.rule_create(owner=owner, effect="show", subject="friends_of_friends", uploader="friends")
    made = [posted(author, faces=owners) for _ in range(photos)]
    for photo in made:
        for owner in people:
            services.tag_create(region=face_of(photo, owner), tagger=author, owner=owner)
    return made, viewer


@pytest.mark.parametrize(("photos", "owners"), [(1, 2), (2, 6), (8, 6)])
def test_visible_sets_take_six_queries_at_most(engine, django_assert_num_queries, photos, owners):
    made, viewer = populate(photos, owners)
    with django_assert_num_queries(6):
        seen = selectors.visible_sets(made, viewer)
    assert all(seen[photo.pk].shown == frozenset(range(0, owners, 2)) for photo in made)


def test_no_query_is_spent_on_what_nobody_asks(engine, django_assert_num_queries):
    photo, viewer = posted(person()), person()
    with django_assert_num_queries(1):
        selectors.visible_sets([photo], viewer)


@pytest.mark.parametrize("owners", [2, 6])
def test_the_image_gate_takes_as_many_queries_whatever_the_photo_holds(
    engine, django_assert_max_num_queries, owners
):
    made, viewer = populate(1, owners)
    client = client_of(viewer)
    client.get(f"/photos/{made[0].pk}/image/full")
    with django_assert_max_num_queries(9):  # session, user, photo, and the six
        assert client.get(f"/photos/{made[0].pk}/image/full").status_code == 200


def test_the_feed_of_the_api_does_not_grow_with_its_posts(engine, django_assert_max_num_queries):
    _, viewer = populate(8, 6)
    client = client_of(viewer)
    client.get("/api/v1/posts/")
    with django_assert_max_num_queries(11):
        answer = client.get("/api/v1/posts/").json()
    assert len(answer["results"]) == 8


@pytest.fixture
def crowd():
    """Eighty people with twenty rules each, as benchmark_feed measures them by the thousand."""
    crowd = Crowd(80)
    crowd.build()
    return crowd


def test_a_feed_takes_eight_queries_at_most_and_leaving_rules_out_changes_no_decision(
    crowd, django_assert_max_num_queries, monkeypatch
):
    everything = facts.relations
    for viewer in User.objects.filter(pk__in=crowd.viewers(6)):
        photos = list(Photo.objects.visible_to(viewer)[:20])
        with django_assert_max_num_queries(8):
            seen = selectors.visible_sets(photos, viewer)
        with monkeypatch.context() as patch:
            patch.setattr(facts, "relations", lambda regions, viewer_id, **_: everything(regions, viewer_id))
            assert selectors.visible_sets(photos, viewer) == seen
        assert len(photos) == 20
        assert {len(one.decisions) for one in seen.values()} == {10}
        shown = sum(len(one.shown) for one in seen.values())
        assert 20 < shown < 180, "neither all dark nor all light"
