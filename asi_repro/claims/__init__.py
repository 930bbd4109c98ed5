"""The claims of the paper, each with a check on the released artifacts. Imports no torch.

`claims.yaml` says what the paper claims, where, and what would count as contradicting it. A function
in `checks` works out each verdict from the archive; no verdict is typed in anywhere.
"""
