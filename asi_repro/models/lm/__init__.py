"""A Hugging Face language model around any token mixer, registered under the model type `asi_arch`."""

from transformers import AutoConfig, AutoModelForCausalLM

from asi_repro.models.lm.build import build_lm
from asi_repro.models.lm.config import AsiArchConfig
from asi_repro.models.lm.model import AsiArchForCausalLM, AsiArchOutput

AutoConfig.register(AsiArchConfig.model_type, AsiArchConfig, exist_ok=True)
AutoModelForCausalLM.register(AsiArchConfig, AsiArchForCausalLM, exist_ok=True)

__all__ = ["AsiArchConfig", "AsiArchForCausalLM", "AsiArchOutput", "build_lm"]
