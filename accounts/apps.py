from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts import exporting, moderation, reportables, signals  # noqa: F401  connects the receivers

        moderation.register(reportables.PERSON)
