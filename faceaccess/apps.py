from django.apps import AppConfig


class FaceAccessConfig(AppConfig):
    name = "faceaccess"

    def ready(self) -> None:
        from accounts import exporting as exports
        from faceaccess import exporting, receivers  # noqa: F401  receivers: connects them

        for part in exporting.PARTS:
            exports.register(part)
