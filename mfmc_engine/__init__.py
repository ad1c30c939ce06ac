"""Find faces, and replace those that must not be seen. Plain Python and torch: usable without the site."""

__version__ = "0.1.0"  # part of every rendition's key: raise it when composing or decoys change
