"""Playground: one page for text, pictures, repainting, enlarging and speech, from starter models to the hub's.

Layers, each of which imports only from those above it in this list:
values (requests, events, errors) - facts (device, catalog) - models (pipelines, networks) - engine (pool, engine) -
page (tabs, wiring, theme, guard); beside them training (recipes) and bench (a command).
"""
