from django.apps import AppConfig


class FaceAccessConfig(AppConfig):
    name = "faceaccess"
