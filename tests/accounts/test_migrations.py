"""Tests make their tables from the models (pyproject.toml), which the migrations must come to as well."""

import pytest
from django.core.management import call_command


@pytest.mark.django_db
def test_no_model_says_more_than_its_migrations(settings) -> None:
    settings.MIGRATION_MODULES = {}  # of which --nomigrations hides all
    call_command("makemigrations", "accounts", "community", "faceaccess", "photos", check=True, dry_run=True)
