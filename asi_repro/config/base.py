"""What every group of settings is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """A group of settings: no unknown key, no coerced type."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
