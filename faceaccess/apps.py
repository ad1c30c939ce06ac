from django.apps import AppConfig


class FaceAccessConfig(AppConfig):
    name = "faceaccess"

    def ready(self) -> None:
        from faceaccess import receivers  # noqa: F401  connects them
