"""@mentions and #tags: what is one, whom it names, and what it may never tell."""

from __future__ import annotations

import pytest
from django.urls import reverse

from accounts.services import block_create
from community import notifications, selectors, services
from community.models import Notification, TagUse
from community.text import fold, handles_in, linked, tags_in
from photos.models import Audience
from photos.services import post_update
from tests.faceaccess.conftest import client_of, engine, person, posted, shown_to  # noqa: F401  a fixture, and helpers
from tests.factories import BlockFactory, PhotoFactory, UserFactory, befriend
from tests.pages.html import Page
from tests.pages.test_what_pages_tell import normal


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("#Summer and #summer", {"summer"}),
        ("(#a_b) #c!", {"a_b", "c"}),
        ("#Cafe\u0301 #CAFÉ", {"café"}),
        ("page#3 ##x #3 a#b &#39; /#frag", set()),
        ("#日本 #Straße", {"日本", "strasse"}),
    ],
)
def test_what_is_a_tag(text, tags):
    assert tags_in(text) == tags


def test_one_spelling_of_a_tag_is_the_other():
    assert fold("Café") == fold("CAFÉ") == fold("CAFE\u0301")


@pytest.mark.parametrize(
    ("text", "handles"),
    [
        ("Hello @mara, and @Theo.", {"mara", "theo", "theo."}),
        ("me@home.example @@x @ab", set()),
        ("@a.b.c!", {"a.b.c"}),
    ],
)
def test_who_may_be_mentioned(text, handles):
    assert handles_in(text) == handles


@pytest.mark.django_db
def test_only_known_people_are_linked_and_everything_is_escaped():
    mara = UserFactory(username="mara", display_name='M "<i>"')
    html = linked("<b>@mara</b> @nobody & #x<script>", {"mara": mara})
    assert "<b>" not in html
    assert "<script" not in html
    assert "&lt;b&gt;<a" in html
    assert reverse("person", args=["mara"]) in html
    assert "@nobody &amp;" in html
    assert f'href="{reverse("tag", args=["x"])}"' in html
    assert "<i>" not in html


@pytest.mark.django_db
class TestForOneViewer:
    def test_a_mention_across_a_block_stays_words(self):
        author, reader, mara = UserFactory(), UserFactory(), UserFactory(username="mara")
        post = PhotoFactory(author=author, audience=Audience.MEMBERS).post
        post_update(post=post, by=author, caption="With @mara and @ghost")
        BlockFactory(blocker=mara, blocked=reader)
        for viewer, link in ((author, True), (reader, False)):
            for address in (reverse("feed"), reverse("post", args=[post.pk])):
                page = Page.of(client_of(viewer).get(address))
                found = [tag for tag in page.all("a") if tag.get("class") == "mention"]
                assert [tag.text for tag in found] == (["@mara"] if link else [])
                assert "With @mara and @ghost" in page.words

    def test_nobody_mentions_who_blocked_them_or_whom_they_blocked_or_who_refuses(self):
        author, reader = UserFactory(), UserFactory()
        blocking, blocked, refusing, other = (UserFactory(username=f"name{n}") for n in range(4))
        BlockFactory(blocker=blocking, blocked=author)
        BlockFactory(blocker=author, blocked=blocked)
        notifications.preferences_set(owner=refusing, by=refusing, off={"mention"})
        text = "@name0 @name1 @name2 @name3"
        post = PhotoFactory(author=author, audience=Audience.MEMBERS).post
        post_update(post=post, by=author, caption=text)
        services.comment_create(post=post, author=other, body=text)
        told = {row.recipient for row in Notification.objects.filter(kind="mention")}
        assert told == {other}, "the comment's writer may mention the first two: who cannot see the post"
        page = Page.of(client_of(reader).get(reverse("post", args=[post.pk])))
        linked = [tag.text for tag in page.all("a") if tag.get("class") == "mention"]
        assert linked == ["@name3", "@name0", "@name1", "@name3"], "the author's words, then the comment's"

    def test_a_mention_grants_nothing(self, engine):  # noqa: F811
        author, mara = person(), person(0)
        photo = posted(author, audience=Audience.ONLY_ME)
        post_update(post=photo.post, by=author, caption="@" + mara.username)
        client = client_of(mara)
        assert client.get(reverse("photo", args=[photo.pk])).status_code == 404
        assert client.get(f"/photos/{photo.pk}/image/full").status_code == 404
        assert notifications.batches(mara) == []
        post_update(post=photo.post, by=author, audience=Audience.MEMBERS)
        before = shown_to(mara, photo), shown_to(author, photo)
        services.comment_create(post=photo.post, author=author, body="@" + mara.username)
        assert (shown_to(mara, photo), shown_to(author, photo)) == before == ({0}, set())

    def test_a_caption_alone_mentions_with_one_query_for_all(self, django_assert_num_queries):
        people = [UserFactory(username=f"name{n}") for n in range(3)]
        with django_assert_num_queries(1):
            found = selectors.mentioned_in([(1, "@name0 @name1"), (2, "@name2 @nobody")], people[0])
        assert {writer: set(names) for writer, names in found.items()} == {
            1: {"name0", "name1"},
            2: {"name2"},
        }
        with django_assert_num_queries(0):
            assert selectors.mentioned_in([(1, "nobody here")], people[0]) == {}


@pytest.mark.django_db
class TestTagPages:
    def listed(self, viewer, name="summer") -> int:
        return len(Page.of(client_of(viewer).get(reverse("tag", args=[name]))).all("article"))

    def test_only_visible_posts_are_listed(self):
        author, friend, stranger = UserFactory(), UserFactory(), UserFactory()
        befriend(author, friend)
        for audience in (Audience.MEMBERS, Audience.FRIENDS, Audience.ONLY_ME):
            post = PhotoFactory(author=author, audience=audience).post
            post_update(post=post, by=author, caption="One #Summer day")
        assert [self.listed(viewer) for viewer in (author, friend, stranger)] == [3, 2, 1]
        block_create(blocker=author, blocked=stranger)
        assert self.listed(stranger) == 0

    def test_a_tag_nobody_used_and_one_nobody_shows_look_the_same(self):
        author, stranger = UserFactory(), UserFactory()
        post = PhotoFactory(author=author, audience=Audience.ONLY_ME).post
        post_update(post=post, by=author, caption="#secret")
        secret, absent = (
            client_of(stranger).get(reverse("tag", args=[name])).content.decode().replace(name, "…")
            for name in ("secret", "absent")
        )
        assert normal(secret.encode()) == normal(absent.encode())

    def test_a_changed_caption_is_listed_anew(self):
        author = UserFactory()
        post = PhotoFactory(author=author).post
        post_update(post=post, by=author, caption="#summer #sea")
        post_update(post=post, by=author, caption="#sea")
        assert (self.listed(author), self.listed(author, "sea")) == (0, 1)

    def test_the_authors_own_comment_lists_and_nobody_elses(self):
        author, friend = UserFactory(), UserFactory()
        befriend(author, friend)
        post = PhotoFactory(author=author).post
        services.comment_create(post=post, author=friend, body="#summer")
        assert self.listed(author) == 0
        own = services.comment_create(post=post, author=author, body="#summer #summer")
        assert self.listed(author) == 1
        services.comment_edit(comment=own, by=author, body="#winter")
        assert (self.listed(author), self.listed(author, "winter")) == (0, 1)
        services.comment_delete(comment=own, by=author)
        assert not TagUse.objects.exists()
