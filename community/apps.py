from django.apps import AppConfig


class CommunityConfig(AppConfig):
    name = "community"

    def ready(self) -> None:
        from accounts import exporting as exports
        from accounts import moderation
        from community import exporting, receivers, reportables  # noqa: F401  receivers: connects them, adds the kinds

        exports.register(exporting.PART)
        moderation.register(reportables.COMMENT)
