"""The network that judges apparent gender and age."""
