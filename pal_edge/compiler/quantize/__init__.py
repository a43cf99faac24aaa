"""The quantizer's numeric core: which bias, which codes, and the proof that no accumulator overflows."""
