"""A study as a document, and what the dashboard shows of it.

Nothing is imported here: a launch that ends writes a note, and needs no figures for it.
"""
