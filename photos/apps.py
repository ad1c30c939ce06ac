from django.apps import AppConfig


class PhotosConfig(AppConfig):
    name = "photos"

    def ready(self) -> None:
        from accounts import exporting as exports
        from accounts import moderation
        from photos import avatars, exporting, reportables, signals  # noqa: F401  avatars, signals: their receivers

        exports.register(exporting.PART)
        moderation.register(reportables.PHOTO)
