"""Checks on programs, and the certificates made of their results."""
