"""The corpus: every text the tiny model learns from, made by these programs."""
