"""Facts generated from driver/spec: one module a spec file."""
