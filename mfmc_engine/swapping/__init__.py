"""Replacing faces: mesh warp of a donor, relighting, blending, and plain redaction."""
