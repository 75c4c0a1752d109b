"""The recipe of the starter text model: a tokenizer and a small Llama, trained from scratch on old story books."""
