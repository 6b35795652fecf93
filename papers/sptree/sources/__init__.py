"""Readers of corpora with entities and relations, and of two sets made here."""
