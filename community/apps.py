from django.apps import AppConfig


class CommunityConfig(AppConfig):
    name = "community"

    def ready(self) -> None:
        from community import receivers  # noqa: F401  connects them, and makes the kinds of notifications known
