"""Work for the Celery worker."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from community.models import Notification

KEPT = timedelta(days=90)  # by choice: nobody scrolls further back


@shared_task
def notifications_prune() -> None:
    """What happened long ago is forgotten, seen or not."""
    Notification.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
