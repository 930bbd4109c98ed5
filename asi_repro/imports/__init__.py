"""Runs of other discovery systems, read into the archive: one adapter a file, one model for all of them."""
