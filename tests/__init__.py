"""Tests, by the layer that they look at; fakes stand in for a model and for hardware, and nothing is patched."""
