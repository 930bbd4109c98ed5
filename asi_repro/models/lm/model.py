"""`AsiArchForCausalLM`: a causal language model whose token mixer is a program or a baseline."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import GenerationMixin, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast

from asi_repro.errors import AsiReproError
from asi_repro.models.lm.blocks import Block, SwiGLU, new_mixer
from asi_repro.models.lm.config import AsiArchConfig
from asi_repro.models.lm.folder import load_folder, save_folder
from asi_repro.models.lm.generation import CacheSupport, probe_cache
from asi_repro.models.lm.source import mixer_source
from asi_repro.models.mixer import MixerSource


@dataclass
class AsiArchOutput(CausalLMOutputWithPast):
    """What a forward gives.

    Attributes:
        language_loss: mean cross-entropy in nats a token, where labels were given.
        auxiliary_loss: sum of the layers' scalar second outputs, unweighted, where there were any.
    """

    language_loss: Tensor | None = None
    auxiliary_loss: Tensor | None = None


class AsiArchForCausalLM(PreTrainedModel, GenerationMixin):  # type: ignore[no-untyped-call]
    """Embedding, pre-norm blocks, final norm, untied output projection.

    Mixers keep the initial values that their own constructors choose; everything else starts as a normal of
    `initializer_range`. The random state at construction decides the values (see `build_lm` for a seed).

    Attributes:
        source: what built the mixers.
        generation_method: how the last `generate` went, "cache" or "recompute"; None before the first.
    """

    config_class = AsiArchConfig
    base_model_prefix = ""
    main_input_name = "input_ids"
    _no_split_modules = ["Block"]  # noqa: RUF012  # Hugging Face reads a list
    _is_stateful = True

    config: AsiArchConfig

    def __init__(self, config: AsiArchConfig, *, source: MixerSource | None = None) -> None:
        super().__init__(config)
        self.source = source or mixer_source(config)
        self.generation_method: str | None = None
        self._cache_support: CacheSupport | None = None
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(
            Block(config, self.source, index) for index in range(config.num_hidden_layers)
        )
        self.norm = nn.RMSNorm(config.hidden_size, eps=config.norm_eps)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self._initialise_frame()
        self.post_init()  # type: ignore[no-untyped-call]

    def _initialise_frame(self) -> None:
        frame = [self.embed_tokens, self.lm_head]
        for module in self.modules():
            if isinstance(module, SwiGLU):
                frame += [module.gate_proj, module.up_proj, module.down_proj]
        for module in frame:
            nn.init.normal_(module.weight, std=self.config.initializer_range)

    def _init_weights(self, module: nn.Module) -> None:
        """Nothing: constructors have done it, and a second pass would undo a program's own choices."""

    def get_input_embeddings(self) -> nn.Embedding:
        return self.embed_tokens

    def get_output_embeddings(self) -> nn.Linear:
        head: nn.Linear = self.lm_head
        return head

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        past_key_values: Any = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int = 0,
        **kwargs: Any,
    ) -> AsiArchOutput:
        """Logits, and the loss where labels are given.

        Args:
            input_ids: (batch, length) token ids; or `inputs_embeds` (batch, length, hidden_size) instead.
            attention_mask: (batch, length so far), 1 at real tokens. A mask of ones is not passed on, since
                with a mask programs take another way (packed sequences).
            past_key_values: a cache from `source.new_cache()`.
            inputs_embeds: instead of `input_ids`.
            labels: (batch, length), -100 where there is none; position t is scored against label t + 1.
            use_cache: update `past_key_values`.
            logits_to_keep: only the last so many positions' logits; 0 for all.
            **kwargs: ignored.

        Raises:
            AsiReproError: for none or both of `input_ids` and `inputs_embeds`.
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise AsiReproError("pass either input_ids or inputs_embeds")
        x = self.embed_tokens(input_ids) if inputs_embeds is None else inputs_embeds
        mask = None if attention_mask is None or bool(attention_mask.all()) else attention_mask
        caching = past_key_values is not None and use_cache is not False
        auxiliary: list[Tensor] = []
        for layer in self.layers:
            mixed = layer(x, mask, past_key_values, caching)
            x = mixed.hidden_states
            if mixed.auxiliary is not None:
                auxiliary.append(mixed.auxiliary.reshape(()))
        x = self.norm(x)
        logits = self.lm_head(x[:, -logits_to_keep:] if logits_to_keep else x)
        language = None if labels is None else _language_loss(logits, labels)
        extra = torch.stack(auxiliary).sum() if auxiliary else None
        return AsiArchOutput(
            loss=self._total(language, extra),
            logits=logits,
            past_key_values=past_key_values if caching else None,
            language_loss=language,
            auxiliary_loss=extra,
        )

    def _total(self, language: Tensor | None, auxiliary: Tensor | None) -> Tensor | None:
        weight = self.config.auxiliary_loss_weight
        if language is None or auxiliary is None or not self.training or not weight:
            return language
        return language + weight * auxiliary.to(language.dtype)

    @property
    def cache_support(self) -> CacheSupport:
        """Whether this mixer's cache gives what a forward over the whole sequence gives; tried once."""
        if self._cache_support is None:
            first = self.layers[0]
            assert isinstance(first, Block)
            construct = partial(new_mixer, self.config, self.source, 0)
            self._cache_support = probe_cache(construct, first.mixer, self.source, self.config.hidden_size)
        return self._cache_support

    def generate(
        self, inputs: Tensor | None = None, *args: Any, use_cache: bool | None = None, **kwargs: Any
    ) -> Any:
        """Generate as Hugging Face models do; over the whole sequence at each step where no cache works.

        `generation_method` then says which of the two it was, `cache_support.reason` why.
        """
        cached = use_cache is not False and self.cache_support.works
        self.generation_method = "cache" if cached else "recompute"
        return super().generate(inputs, *args, use_cache=cached, **kwargs)  # type: ignore[misc]

    def _prepare_cache_for_generation(  # type: ignore[override]  # theirs makes keys and values
        self, generation_config: Any, model_kwargs: dict[str, Any], *args: Any, **kwargs: Any
    ) -> None:
        if generation_config.use_cache is not False and model_kwargs.get("past_key_values") is None:
            model_kwargs["past_key_values"] = self.source.new_cache()

    def save_pretrained(self, save_directory: Any, **kwargs: Any) -> None:  # type: ignore[override]
        """Write safetensors weights, config.json and a program's program.py, each whole or not at all."""
        write = super().save_pretrained
        save_folder(self.config, save_directory, lambda folder: write(folder, **kwargs))

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *args: Any, **kwargs: Any) -> Any:
        """Read a folder that `save_pretrained` wrote; the program runs here, so load only what you trust.

        Takes `config`, `dtype` (or `torch_dtype`), `device_map` (one device) and `output_loading_info`; the
        mixers are built in full first, since Hugging Face's way leaves unsaved buffers empty.

        Raises:
            MissingInput: where it is not such a folder.
            AsiReproError: where program.py is not the one of the configuration, or weights do not fit.
        """
        return load_folder(cls, pretrained_model_name_or_path, **kwargs)


def _language_loss(logits: Tensor, labels: Tensor) -> Tensor:
    wide = logits[:, :-1].to(torch.promote_types(logits.dtype, torch.float32))
    return F.cross_entropy(wide.flatten(0, 1), labels[:, 1:].flatten().to(wide.device))
