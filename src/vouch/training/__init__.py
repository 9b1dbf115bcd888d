"""Train a network on resident tensors: one loop, exact resume, the best validation weights kept."""
