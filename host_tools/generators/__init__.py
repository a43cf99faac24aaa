"""Generators: the facts of driver/spec become C headers and Python modules."""
