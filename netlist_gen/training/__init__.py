"""Quantisation-aware training with snnTorch. Import from the modules: torch is heavy."""
