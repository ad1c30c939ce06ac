"""What a page costs does not grow with what is on it."""

from __future__ import annotations

import pytest
from django.urls import reverse

from community import albums, services
from photos.services import post_update
from tests.faceaccess.conftest import client_of, engine  # noqa: F401  a fixture
from tests.faceaccess.test_queries import populate
from tests.factories import UserFactory, befriend

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[(2, 2), (8, 6)], ids=["few", "many"])
def network(request, engine):  # noqa: F811
    """Posts by one author with faces under two models, talked about and liked; and somebody who looks."""
    made, viewer = populate(*request.param)
    author = made[0].post.author
    for number in range(request.param[1]):
        fan = UserFactory()
        befriend(author, fan)
        for photo in made:
            services.like_set(post=photo.post, by=fan)
            services.comment_create(post=photo.post, author=fan, body=f"#so @{viewer.username} {number}")
    for photo in made:
        post_update(post=photo.post, by=author, caption=f"With @{viewer.username} #day")
        services.bookmark_set(post=photo.post, by=viewer)
    client = client_of(viewer)
    client.get("/")
    return client, made, viewer


def test_the_feed(network, django_assert_max_num_queries):
    client, made, _ = network
    with django_assert_max_num_queries(12):
        page = client.get("/")
    assert len(page.context["posts"]) == len(made)


@pytest.mark.parametrize("name", ["bookmarks", "tag"])
def test_other_lists_of_posts(network, django_assert_max_num_queries, name):
    client, made, _ = network
    with django_assert_max_num_queries(12):
        page = client.get(reverse(name, args=["day"] if name == "tag" else []))
    assert len(page.context["posts"]) == len(made)


@pytest.mark.parametrize("name", ["post", "photo"])
def test_a_post_and_a_photo_with_their_comments(network, django_assert_max_num_queries, name):
    client, made, _ = network
    address = reverse(name, args=[made[0].post_id if name == "post" else made[0].pk])
    with django_assert_max_num_queries({"post": 13, "photo": 20}[name]):
        assert client.get(address).context["comments"]


def test_an_album(network, django_assert_max_num_queries):
    client, made, _ = network
    owner = made[0].post.author
    album = albums.album_create(owner=owner, title="All")
    for photo in made:
        albums.album_add(album=album, by=owner, photo=photo)
    with django_assert_max_num_queries(13):
        page = client.get(reverse("album", args=[album.pk]))
    assert len(page.context["photos"]) == len(made)
    with django_assert_max_num_queries(10):
        client.get(reverse("albums"), {"of": owner.username})


def test_the_api(network, django_assert_max_num_queries):
    client, made, _ = network
    with django_assert_max_num_queries(12):
        assert len(client.get("/api/v1/posts/").json()["results"]) == len(made)
    with django_assert_max_num_queries(6):
        assert client.get(f"/api/v1/posts/{made[0].post_id}/comments/").json()["results"]
