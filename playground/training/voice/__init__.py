"""The recipe of the starter voice: `python -m playground.training.voice`."""
