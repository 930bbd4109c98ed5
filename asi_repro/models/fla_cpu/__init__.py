"""Plain torch versions of the flash-linear-attention (fla 0.6.0) names that programs use.

Written for machines without CUDA and Triton, where fla's kernels cannot run. Same signatures, same numbers:
tests compare them with fla's own kernels under the Triton interpreter. Arithmetic is done in at least
float32 and the result takes the input's dtype, as in the kernels; float64 stays float64, which the kernels do
not offer.
"""

from asi_repro.models.fla_cpu.cache import Cache
from asi_repro.models.fla_cpu.convolution import ShortConvolution
from asi_repro.models.fla_cpu.norms import FusedRMSNormGated, RMSNorm, l2norm
from asi_repro.models.fla_cpu.padding import get_unpad_data, index_first_axis, pad_input

__all__ = [
    "Cache",
    "FusedRMSNormGated",
    "RMSNorm",
    "ShortConvolution",
    "get_unpad_data",
    "index_first_axis",
    "l2norm",
    "pad_input",
]
