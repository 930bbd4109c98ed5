"""Figures and pages made from the archive and the claims ledger."""
