"""The recipes that train the starter models; run one with `python -m playground.training.<starter>`."""
