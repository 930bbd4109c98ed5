"""The roles that a language model plays in the discovery loop. No torch here.

Roles keep no state between calls, so an experiment that begins again asks the same questions.
"""
