"""The engine for GPUs, in torch."""
