"""The recipe of the starter that enlarges pictures: a compact super-resolution network, trained from scratch."""
