"""What this machine can do, found by trying it, and what to do about each gap.

No torch in this process: what needs a heavy import is asked of a child.
"""

from __future__ import annotations

from asi_repro.doctor.findings import Finding, can_verify
from asi_repro.doctor.probes import examine

__all__ = ["Finding", "can_verify", "examine"]
