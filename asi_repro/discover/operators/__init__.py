"""The control arm's operators on programs: evolution of real source code with no language model.

Programs are edited as source, through their syntax trees; nothing here executes one or imports torch.
"""

from asi_repro.config.operators import OperatorSettings
from asi_repro.discover.operators.errors import NoNewProgram, NotLibraryForm
from asi_repro.discover.operators.library import seed_program
from asi_repro.discover.operators.researcher import OperatorResearcher, functional_key
from asi_repro.discover.operators.source import normalised_ast

__all__ = [
    "NoNewProgram",
    "NotLibraryForm",
    "OperatorResearcher",
    "OperatorSettings",
    "functional_key",
    "normalised_ast",
    "seed_program",
]
