"""A program becomes a language model: loading it, fla's modules on a CPU, the Hugging Face frame, baselines.

torch is imported only below this package, and not by this file nor by `scales` and `importable`.
"""
