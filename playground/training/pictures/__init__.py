"""The recipe of the starter picture model: autoencoder, text encoder and denoiser, trained from scratch."""
