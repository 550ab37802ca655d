"""How recognizers are made."""
