"""How the nouns that travel are spelt as JSON. Only `wire` reads it; here it is plain data."""

from collections.abc import Mapping

# Nothing unknown comes in, and no number that is none: JSON has no word for NaN or infinity.
SPELLING: Mapping[str, object] = {"extra": "forbid", "allow_inf_nan": False, "ser_json_inf_nan": "constants"}
