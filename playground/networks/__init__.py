"""Playground's own small networks, for which the model libraries have no class."""
