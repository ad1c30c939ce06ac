"""Staff pages: no pixel, no template, no path of a file; and no way to search for one."""

import base64
import re
from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.db.models import BinaryField, FileField
from django.urls import reverse

from accounts.models import FaceCapture, User
from photos.models import Photo
from tests.factories import BlockFactory, FaceCaptureFactory, PhotoFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client):
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client


def registered():
    apps = ("accounts", "photos", "faceaccess")
    return [(model, site) for model, site in admin.site._registry.items() if model._meta.app_label in apps]


def secrets_of(row) -> list[str]:
    """Every way the row's files and templates could be written on a page."""
    found = []
    for field in row._meta.get_fields():
        if isinstance(field, FileField):
            found += [getattr(row, field.name).name, getattr(row, field.name).name.rsplit("/")[-1]]
        if isinstance(field, BinaryField):
            value = bytes(getattr(row, field.name))
            found += [value.hex()[:24], repr(value)[2:14], base64.b64encode(value).decode()[:16]]
    return found


def test_no_page_about_a_photo_or_a_capture_shows_what_is_private(staff) -> None:
    rows = [PhotoFactory(), FaceCaptureFactory()]
    secrets = [secret for row in rows for secret in secrets_of(row)]
    assert len(secrets) == 7
    for model, _ in registered():
        info = (model._meta.app_label, model._meta.model_name)
        pages = [reverse("admin:{}_{}_changelist".format(*info))]
        for row in model.objects.all():
            pages += [
                reverse("admin:{}_{}_{}".format(*info, kind), args=[row.pk]) for kind in ("change", "history")
            ]
        for page in pages:
            answer = staff.get(page)
            assert answer.status_code == 200, page
            text = answer.content.decode()
            pictures = re.findall(r"<img[^>]*src=.([^\s>]*)", text)
            assert all(picture.startswith("/static/admin/") for picture in pictures), page
            assert not [secret for secret in secrets if secret in text], page


def test_no_registration_names_a_file_or_a_template() -> None:
    assert {User, FaceCapture, Photo} <= {model for model, _ in registered()}
    for model, site in registered():
        private = {f.name for f in model._meta.get_fields() if isinstance(f, FileField | BinaryField)}
        named = {*site.list_display, *site.list_filter, *site.search_fields, *(site.fields or ())}
        assert not private & named, model


@pytest.mark.parametrize(
    ("page", "lookup"),
    [
        ("photos_photo", "original__startswith=originals"),
        ("photos_photo", "original__contains=a"),
        ("photos_photo", "post__caption__startswith=a"),
        ("photos_post", "caption__startswith=a"),
        ("photos_post", "photos__original__startswith=originals"),
        ("accounts_facecapture", "picture__startswith=captures"),
        ("accounts_facecapture", "template__startswith=x"),
        ("accounts_user", "captures__picture__startswith=captures"),
        ("accounts_user", "password__startswith=md5"),
        ("accounts_user", "avatar__isnull=False"),
        ("accounts_facecapture", "held_at__isnull=False"),
        ("accounts_facecapture", "user__username=mara"),
        ("community_comment", "body__contains=a"),
        ("authtoken_tokenproxy", "user__email__startswith=a"),
    ],
)
def test_a_private_column_cannot_be_guessed_by_searching_for_it(staff, page, lookup) -> None:
    FaceCaptureFactory(user=PhotoFactory().post.author)
    answer = staff.get(reverse(f"admin:{page}_changelist") + "?" + lookup)
    assert answer.status_code in (302, 400)
    assert "e=1" in answer.get("Location", "e=1")


def change_list(model) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def backwards(model) -> set[str]:
    """The names by which a query goes from the model to rows that point at it."""
    return {relation.name for relation in model._meta.related_objects}


def ways_around(model) -> Iterator[str]:
    """Every way to ask by another table: backwards, or along a key and on, forwards or backwards."""
    yield from backwards(model)
    yield from (field.name for field in model._meta.many_to_many)
    for field in model._meta.get_fields():
        if field.is_relation and not field.auto_created:
            beyond = field.related_model
            columns = {each.name for each in beyond._meta.concrete_fields}
            yield from (f"{field.name}__{name}" for name in backwards(beyond) | columns)


@pytest.mark.parametrize("model", admin.site._registry, ids=lambda model: model._meta.label)
def test_no_list_is_filtered_by_what_a_row_is_related_to(rf, model) -> None:
    site, request = admin.site._registry[model], rf.get(change_list(model))
    endings = ("", "__exact", "__in", "__isnull", "__pk", "__id__exact")
    lookups = {name + ending for name in ways_around(model) for ending in endings}
    assert not [lookup for lookup in lookups if site.lookup_allowed(lookup, "1", request)]


def test_staff_cannot_ask_the_list_of_people_whose_a_hidden_face_is_or_who_blocked_whom(staff) -> None:
    block = BlockFactory(blocked__display_name="Rolf")
    names = {"face_regions", "tags", "blocks_made", "blocks_received", "circle_memberships"}
    assert names <= backwards(User)
    for name in names:
        answer = staff.get(change_list(User), {name: block.pk})
        assert answer.status_code == 400
        assert "Rolf" not in answer.content.decode()


@pytest.mark.parametrize("model", admin.site._registry, ids=lambda model: model._meta.label)
def test_filters_and_columns_of_every_list_work(staff, model) -> None:
    """Each link that a list shows: its filters, also with their counts, its columns to order by, and its dates."""
    PhotoFactory(), FaceCaptureFactory()
    page = staff.get(change_list(model))
    assert page.status_code == 200
    changes = page.context["cl"]
    links = {choice["query_string"] for spec in changes.filter_specs for choice in spec.choices(changes)}
    links |= {f"?o={column}" for column in range(len(changes.list_display))} | {"?_facets=True"}
    if date := changes.date_hierarchy:
        links.add(f"?{date}__year=2026&{date}__month=1")
    assert len(changes.filter_specs) == len(changes.list_filter)
    for link in links:
        assert staff.get(change_list(model) + link).status_code == 200, link


def test_nothing_is_searched_or_ordered_by_rows_that_point_at_it() -> None:
    for model, site in admin.site._registry.items():
        paths = {*site.search_fields, *(site.ordering or ())}
        first = {path.lstrip("-^=@").split("__")[0] for path in paths}
        assert first <= {field.name for field in model._meta.concrete_fields}, model


def test_staff_cannot_add_change_or_delete_photos_and_captures(staff) -> None:
    photo, capture = PhotoFactory(), FaceCaptureFactory()
    for row, name in (
        (photo, "photos_photo"),
        (photo.post, "photos_post"),
        (capture, "accounts_facecapture"),
    ):
        assert staff.get(reverse(f"admin:{name}_add")).status_code == 403
        assert (
            staff.post(reverse(f"admin:{name}_change", args=[row.pk]), {"state": "ready"}).status_code == 403
        )
        assert staff.post(reverse(f"admin:{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    assert staff.post(reverse("admin:accounts_user_delete", args=[photo.post.author.pk])).status_code == 403


def test_the_admin_is_for_staff(client) -> None:
    client.force_login(UserFactory())
    assert client.get(reverse("admin:photos_photo_changelist")).status_code == 302
