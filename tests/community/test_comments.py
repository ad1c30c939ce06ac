"""Comments: who may write, read, change and delete them."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.urls import reverse

from accounts.services import block_create, friendship_end
from community import selectors, services
from community.models import COMMENT_LENGTH, Comment
from photos.models import Audience
from tests.faceaccess.conftest import client_of
from tests.factories import BlockFactory, PhotoFactory, UserFactory, befriend
from tests.pages.html import Page

pytestmark = pytest.mark.django_db


@pytest.fixture
def author():
    return UserFactory(display_name="Anna Author")


@pytest.fixture
def friend(author):
    friend = UserFactory(display_name="Fred Friend")
    befriend(author, friend)
    return friend


@pytest.fixture
def post(author):
    return PhotoFactory(author=author).post


def say(post, author, body="Well done") -> Comment:
    return services.comment_create(post=post, author=author, body=body)


def read(post, viewer) -> list[str]:
    return [comment.body for comment in selectors.comments_on(post, viewer)]


def test_a_friend_comments_and_both_read_it(post, author, friend):
    say(post, friend, "  Well done ")
    assert read(post, author) == read(post, friend) == ["Well done"]


@pytest.mark.parametrize("audience", [Audience.FRIENDS, Audience.CIRCLE, Audience.ONLY_ME])
def test_who_may_not_see_the_post_neither_comments_nor_reads(author, audience):
    post = PhotoFactory(author=author, audience=audience).post
    stranger = UserFactory()
    say(post, author)
    assert read(post, stranger) == []
    with pytest.raises(PermissionDenied):
        say(post, stranger)
    response = client_of(stranger).post(reverse("comment-create", args=[post.pk]), {"body": "x"})
    assert response.status_code == 404


@pytest.mark.parametrize("body", ["", "   \n", "x" * (COMMENT_LENGTH + 1)])
def test_an_empty_or_endless_comment_is_refused(post, friend, body):
    with pytest.raises(ValidationError):
        say(post, friend, body)
    assert not Comment.objects.exists()


def test_blocked_people_do_not_read_each_other_and_are_not_counted(author, friend):
    post = PhotoFactory(author=author, audience=Audience.MEMBERS).post
    other = UserFactory()
    say(post, friend, "from the friend")
    say(post, other, "from the other")
    BlockFactory(blocker=friend, blocked=other)
    assert read(post, friend) == ["from the friend"]
    assert read(post, other) == ["from the other"]
    assert len(read(post, author)) == 2
    for viewer, number in ((friend, 1), (other, 1), (author, 2)):
        assert selectors.counted(type(post).objects.all(), viewer).get().comment_count == number


def test_a_closed_account_is_not_read(post, author, friend):
    say(post, friend)
    type(friend).objects.filter(pk=friend.pk).update(is_active=False)
    assert read(post, author) == []


def test_only_its_author_changes_a_comment(post, author, friend):
    comment = say(post, friend)
    with pytest.raises(PermissionDenied):
        services.comment_edit(comment=comment, by=author, body="mine now")
    changed = services.comment_edit(comment=comment, by=friend, body="Very well done")
    assert changed.edited_at is not None
    assert read(post, author) == ["Very well done"]


def test_an_unchanged_comment_is_not_called_changed(post, friend):
    comment = say(post, friend)
    assert services.comment_edit(comment=comment, by=friend, body="Well done ").edited_at is None


def test_one_deletes_ones_own_and_those_on_ones_own_photo_and_no_others(post, author, friend):
    third = UserFactory()
    befriend(author, third)
    one, two = say(post, friend, "one"), say(post, friend, "two")
    with pytest.raises(PermissionDenied):
        services.comment_delete(comment=one, by=third)
    services.comment_delete(comment=one, by=friend)
    services.comment_delete(comment=two, by=author)
    assert read(post, author) == []


def test_ones_own_comment_can_be_deleted_but_not_changed_where_one_sees_the_post_no_more(
    post, author, friend
):
    comment = say(post, friend)
    friendship_end(one=author, other=friend)
    assert read(post, friend) == []
    with pytest.raises(PermissionDenied):
        services.comment_edit(comment=comment, by=friend, body="x")
    client = client_of(friend)
    assert client.post(reverse("comment-delete", args=[comment.pk])).url == reverse("feed")
    assert not Comment.objects.exists()


def test_a_block_takes_the_comment_out_of_the_others_reach(post, author, friend):
    comment = say(post, friend)
    block_create(blocker=author, blocked=friend)
    assert read(post, author) == []
    client = client_of(author)
    assert client.post(reverse("comment-delete", args=[comment.pk])).status_code == 404


class TestOnThePage:
    def test_it_is_written_read_and_deleted_without_a_script(self, post, author, friend):
        client = client_of(friend)
        sent = client.post(reverse("comment-create", args=[post.pk]), {"body": "<b>Bravo</b>"}, follow=True)
        page = Page.of(sent)
        assert "<b>Bravo</b>" in page.words
        assert "1 comment" in page.words
        (comment,) = Comment.objects.all()
        assert page.forms_to(reverse("comment-delete", args=[comment.pk]))
        photo = Page.of(client_of(author).get(reverse("photo", args=[post.photos.get().pk])))
        assert "<b>Bravo</b>" in photo.words
        assert photo.forms_to(reverse("comment-delete", args=[comment.pk]))
        assert reverse("comment-edit", args=[comment.pk]) not in [tag.get("href") for tag in photo.tags]

    def test_a_refused_one_keeps_what_was_typed(self, post, friend):
        text = "x" * (COMMENT_LENGTH + 1)
        response = client_of(friend).post(reverse("comment-create", args=[post.pk]), {"body": text})
        assert response.status_code == 422
        page = Page.of(response)
        assert text in page.all("textarea")[0].text
        assert [tag for tag in page.tags if tag.get("role") == "alert"]

    def test_htmx_gets_the_conversation_alone(self, post, friend):
        response = client_of(friend).post(
            reverse("comment-create", args=[post.pk]), {"body": "Hi"}, headers={"HX-Request": "true"}
        )
        page = Page.of(response)
        assert page.all("html") == []
        assert "Hi" in page.words
        assert "Your comment is there." in page.words
        assert page.all("textarea")[0].get("autofocus") is not None

    def test_a_page_that_is_opened_says_nothing_and_leaves_the_focus_alone(self, post, friend):
        say(post, friend)
        page = Page.of(client_of(friend).get(reverse("post", args=[post.pk])))
        assert "Your comment is there." not in page.words
        assert not [tag for tag in page.tags if {"autofocus", "hx-swap-oob"} & tag.attributes.keys()]

    def test_it_is_changed_on_a_page_of_its_own(self, post, author, friend):
        comment = say(post, friend)
        address = reverse("comment-edit", args=[comment.pk])
        assert client_of(author).get(address).status_code == 404
        assert "Well done" in Page.of(client_of(friend).get(address)).all("textarea")[0].text
        page = Page.of(client_of(friend).post(address, {"body": "Even better"}, follow=True))
        assert "Even better" in page.words
        assert "changed" in page.words

    def test_many_comments_show_the_latest_first_and_the_rest_when_asked(self, post, friend):
        from community.pages import COMMENTS_SHOWN

        Comment.objects.bulk_create(
            Comment(post=post, author=friend, body=f"said {n:03d}.") for n in range(COMMENTS_SHOWN + 5)
        )
        address = reverse("post", args=[post.pk])
        page = Page.of(client_of(friend).get(address))
        assert "Show 5 earlier comments" in page.words
        assert page.words.count("said ") == COMMENTS_SHOWN
        everything = Page.of(client_of(friend).get(address, {"comments": "all"}))
        assert everything.words.count("said ") == COMMENTS_SHOWN + 5
