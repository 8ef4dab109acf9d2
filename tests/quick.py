"""Options with which tests fit models that train for minutes by default: small and short, but all of the way."""

from __future__ import annotations

from typing import Any

#: By the name of the model; none where its defaults are quick enough.
OPTIONS: dict[str, dict[str, Any]] = {
    "ctgan": {
        "embedding_dim": 16,
        "generator_dim": [64],
        "discriminator_dim": [64],
        "generator_lr": 1e-3,
        "discriminator_lr": 1e-3,
        "batch_size": 60,
        "pac": 3,
        "epochs": 30,
    }
}
