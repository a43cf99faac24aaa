"""The slow oracle: PAL8 in plain Python integers, written from the number format's definition alone.

It shares no code and no table with the package: every constant is derived from its formula with exact
integers, and loops say what the format says. `pal8` has the numbers, `softmax` the softmax, `engine` the
commands, `vectors` the files of tests/vectors. It imports nothing of `pal_edge`.
"""
