"""Pure torch modules, each readable alone: tensors in, tensors out, the same bits for the same seed."""
