from django.apps import AppConfig


class FaceAccessConfig(AppConfig):
    name = "faceaccess"

    def ready(self) -> None:
        from accounts import exporting as exports
        from faceaccess import checks, exporting, receivers  # noqa: F401  registers and connects them

        for part in exporting.PARTS:
            exports.register(part)
