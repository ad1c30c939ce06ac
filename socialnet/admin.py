"""The admin's site: a list on it, ours or another package's, can be filtered by nothing but what it shows."""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib import admin
from django.contrib.admin.utils import flatten, flatten_fieldsets
from django.db.models import Field, Model
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest

OF_A_KEY = ([], ["exact"], ["isnull"])  # what may be asked of a foreign key: nothing of the row it leads to


class FiltersByOwnColumns:
    """Refuses (400) every filter in an address but those on columns of the row itself that the admin's pages show.

    Django lets a filter take one step along any relation, backwards too: ``accounts/user/?face_regions=7`` would list
    whose face 7 is, hidden or not, and ``?blocks_received=3`` who blocked whom.
    """

    def lookup_allowed(self, lookup: str, value: object, request: HttpRequest) -> bool:
        return self._is_own(lookup, request) and super().lookup_allowed(lookup, value, request)

    def _is_own(self, lookup: str, request: HttpRequest) -> bool:
        filters = self.get_list_filter(request)
        if lookup in {getattr(each, "parameter_name", None) for each in filters}:
            return True  # a filter written by hand, which reads its parameter itself
        name, *rest = lookup.split(LOOKUP_SEP)
        column = {field.name: field for field in self._columns_shown(request)}.get(name)
        if column is None:
            return False
        if column.is_relation:
            return rest in OF_A_KEY
        return all(column.get_lookup(part) or column.get_transform(part) for part in rest)

    def _columns_shown(self, request: HttpRequest) -> Iterator[Field]:
        filters = [each[0] if isinstance(each, tuple) else each for each in self.get_list_filter(request)]
        listed = {*self.get_list_display(request), *filters}
        # Not get_fieldsets(): it names every column where none was chosen, and for people those of the sign-up.
        chosen = {*flatten(self.fields or ()), *flatten_fieldsets(self.fieldsets or ())}
        return (field for field in self.opts.concrete_fields if field.name in listed | chosen)


class StaffSite(admin.AdminSite):
    def register(
        self,
        model_or_iterable: type[Model],
        admin_class: type[admin.ModelAdmin] | None = None,
        **options: object,
    ) -> None:
        plain = admin_class or admin.ModelAdmin
        guarded = type(plain.__name__, (FiltersByOwnColumns, plain), {"__module__": plain.__module__})
        super().register(model_or_iterable, guarded, **options)
