"""The reference target: complete, in memory, with fault knobs. Copy this folder to write a new adapter."""
