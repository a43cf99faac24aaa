"""Quantizer quality as a graph-to-graph pass: weights that already lie on the PAL grid, corrected biases.

The passes see float weights and return float weights; `quantize_channels` finds the very same codes again,
so nothing behind them knows.
"""
