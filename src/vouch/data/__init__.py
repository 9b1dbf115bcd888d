"""From files to tensors: read, infer the schema, clean, split without leaks, encode."""
