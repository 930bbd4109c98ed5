"""The public interface for notebooks and scripts: `open_run`, and the objects that it gives."""

from asi_repro.notebook.listing import Listing
from asi_repro.notebook.run import OpenRun, open_run

__all__ = ["Listing", "OpenRun", "open_run"]
