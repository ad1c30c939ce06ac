"""Staff pages: no pixel, no template, no path of a file; and no way to search for one."""

import base64
import re
from collections.abc import Iterator

import pytest
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from axes.models import AccessAttempt
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db.models import BinaryField, FileField
from django.test import Client
from django.urls import reverse
from rest_framework.authtoken.models import Token

from accounts.models import FaceCapture, User
from community import albums
from photos.models import Photo
from tests.factories import PASSWORD, BlockFactory, FaceCaptureFactory, PhotoFactory, UserFactory

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
        ("account_emailaddress", "user__email__startswith=a"),
        ("usersessions_usersession", "session_key__startswith=a"),
        ("axes_accessattempt", "post_data__contains=a"),
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


# --- what would make staff anybody ---


def with_rights(*names: str, **person: object) -> Client:
    """Staff with every right there is on those models, and no superuser."""
    person = UserFactory(is_staff=True, **person)
    person.user_permissions.add(*Permission.objects.filter(content_type__model__in=names))
    client = Client()
    client.force_login(person)
    return client


def admin_page(model: str, kind: str, *args: object) -> str:
    return reverse(f"admin:{model}_{kind}", args=args)


def test_which_pages_of_other_packages_there_are() -> None:
    ours = {"accounts", "photos", "community", "faceaccess"}
    others = {model._meta.label for model in admin.site._registry if model._meta.app_label not in ours}
    assert others == {"auth.Group", "account.EmailAddress", "usersessions.UserSession", "axes.AccessAttempt"}


@pytest.mark.parametrize("superuser", [False, True])
def test_nothing_that_opens_an_account_is_listed_or_made(superuser) -> None:
    mara = UserFactory(username="mara", email="mara@mail.example")
    token = Token.objects.create(user=mara)
    client = Client()
    client.post("/accounts/login/", {"login": "mara", "password": PASSWORD})
    session = UserSession.objects.get(user=mara)
    Client().post("/api/v1/token/", {"username": "mara", "password": "wrong", "code": "12345678"})
    names = ("emailaddress", "usersession", "accessattempt", "tokenproxy", "authenticator", "user")
    staff = with_rights(*names, is_superuser=superuser)
    secrets = (token.key, session.session_key, "12345678", mara.password)
    rows = {
        "account_emailaddress": EmailAddress.objects.get(user=mara),
        "usersessions_usersession": session,
        "axes_accessattempt": AccessAttempt.objects.get(),
    }
    for model, row in rows.items():
        for kind, args in (("changelist", ()), ("change", (row.pk,)), ("history", (row.pk,))):
            answer = staff.get(admin_page(model, kind, *args))
            assert answer.status_code == 200
            assert not [secret for secret in secrets if secret in answer.content.decode()]
        form = {"user": mara.pk, "email": "staff@mail.example", "verified": "on", "primary": "on"}
        assert staff.post(admin_page(model, "add"), form).status_code == 403
        assert staff.post(admin_page(model, "change", row.pk), form).status_code == 403
        assert staff.post(admin_page(model, "delete", row.pk), {"post": "yes"}).status_code == 403
        selected = {"action": "make_verified", "_selected_action": row.pk}
        staff.post(admin_page(model, "changelist"), selected)
    assert not EmailAddress.objects.filter(email="staff@mail.example").exists()
    for gone in ("authtoken/tokenproxy/", "mfa/authenticator/"):
        assert staff.get(f"/admin/{gone}").status_code == 404


@pytest.mark.parametrize("superuser", [False, True])
def test_nobodys_password_is_set_or_shown(superuser) -> None:
    mara = UserFactory(username="mara", email="mara@mail.example")
    staff = with_rights("user", is_superuser=superuser)
    new = {"password1": "brand new phrase 1", "password2": "brand new phrase 1", "usable_password": "true"}
    staff.post(f"/admin/accounts/user/{mara.pk}/password/", new)
    page = staff.get(admin_page("accounts_user", "change", mara.pk)).content.decode()
    assert "password" not in page.replace("/admin/password_change/", "").lower().replace(
        "change password", ""
    )
    form = {"password": "x", "username": "theirs", "email": "staff@mail.example", "is_active": "on"}
    staff.post(admin_page("accounts_user", "change", mara.pk), form)
    assert staff.get(admin_page("accounts_user", "add")).status_code == 403
    kept = User.objects.get(pk=mara.pk)
    assert kept.check_password(PASSWORD)
    assert (kept.username, kept.email) == ("mara", "mara@mail.example")


RIGHTS = {"is_active": "on", "is_staff": "on", "is_superuser": "on"}


def test_who_may_close_accounts_does_not_thereby_get_or_give_rights() -> None:
    mara, staff = UserFactory(username="mara"), with_rights("user", "group", username="vera")
    vera = User.objects.get(username="vera")
    permission = Permission.objects.get(codename="change_post")
    for person in (mara, vera):
        rights = RIGHTS | {"user_permissions": permission.pk}
        staff.post(admin_page("accounts_user", "change", person.pk), rights)
        person.refresh_from_db()
        assert not person.is_superuser
        assert not person.user_permissions.filter(pk=permission.pk).exists()
    assert not mara.is_staff
    group = Group.objects.create(name="moderators")
    vera.groups.add(group)
    form = {"name": "moderators", "permissions": permission.pk}
    assert staff.post(admin_page("auth_group", "change", group.pk), form).status_code == 403
    assert staff.post(admin_page("auth_group", "add"), form | {"name": "more"}).status_code == 403


def test_it_closes_accounts_of_members_and_not_of_staff() -> None:
    staff = with_rights("user")
    mara, theo, root = UserFactory(), UserFactory(is_staff=True), UserFactory(is_superuser=True)
    for person in (mara, theo, root):
        staff.post(admin_page("accounts_user", "change", person.pk), {})
        person.refresh_from_db()
    assert [person.is_active for person in (mara, theo, root)] == [False, True, True]


def test_a_superuser_gives_rights() -> None:
    mara = UserFactory()
    with_rights(is_superuser=True).post(admin_page("accounts_user", "change", mara.pk), RIGHTS)
    mara.refresh_from_db()
    assert (mara.is_staff, mara.is_superuser) == (True, True)


def test_the_title_of_an_album_is_on_no_page_of_the_staff() -> None:
    album = albums.album_create(owner=UserFactory(), title="Clinic with Theo")
    staff = with_rights("album")
    for kind, args in (("changelist", ()), ("change", (album.pk,)), ("history", (album.pk,))):
        answer = staff.get(admin_page("community_album", kind, *args))
        assert answer.status_code == 200
        assert "Clinic" not in answer.content.decode()
