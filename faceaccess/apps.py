from django.apps import AppConfig


class FaceAccessConfig(AppConfig):
    name = "faceaccess"

    def ready(self) -> None:
        from faceaccess import checks, receivers  # noqa: F401  registers and connects them
