"""Visible sets of many photos cost as many queries as those of one."""

from __future__ import annotations

import pytest

from faceaccess import selectors, services
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
