"""What this machine can do, found by trying it, and what to do about each gap.

No torch in this process: what needs a heavy import is asked of a child.
"""
