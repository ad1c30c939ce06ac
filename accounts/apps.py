from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts import (  # noqa: F401  connects the receivers
            attempts,
            exporting,
            moderation,
            programs,
            reportables,
            signals,
            signing_up,
        )

        moderation.register(reportables.PERSON)
