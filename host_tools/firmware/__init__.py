"""Tools for the firmware: the sources of public libraries that it is built with."""
