"""The finder's network: built, trained on simulation alone, exported, quantised. Needs the extra `train`."""
