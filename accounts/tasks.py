"""Work for the Celery worker. Messages carry keys only."""

from __future__ import annotations

from celery import shared_task

from accounts import exporting, signing_up, traces


@shared_task
def export_build(export_id: str) -> None:
    exporting.export_build(export_id)


@shared_task
def exports_sweep() -> None:
    exporting.exports_sweep()


@shared_task
def traces_sweep() -> None:
    traces.sweep()


@shared_task
def signups_sweep() -> None:
    signing_up.expired_forget()
