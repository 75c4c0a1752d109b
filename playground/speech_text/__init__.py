"""From written text to phones: sentences, words written out, a lexicon and a model for words that it lacks."""
