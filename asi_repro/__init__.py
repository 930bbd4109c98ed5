"""A reproducibility toolkit and artifact archive for ASI-ARCH (arXiv 2507.18074)."""

__version__ = "0.1.0"
