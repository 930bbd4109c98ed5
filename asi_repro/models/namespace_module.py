"""The module that classes of loaded programs name as theirs.

A program runs in a dictionary of its own and never enters `sys.modules`, but `dataclasses` and `typing` look
up a class's module there to read annotations that are strings. They find this one, which holds the names that
such annotations need and nothing of any program.
"""

import dataclasses
import typing
from dataclasses import KW_ONLY, InitVar
from typing import Any, ClassVar, Final, Optional, Union

__all__ = ["KW_ONLY", "Any", "ClassVar", "Final", "InitVar", "Optional", "Union", "dataclasses", "typing"]
