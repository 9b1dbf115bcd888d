"""One thread for torch: tests run side by side, and threads that wait for one another would only slow them down."""

import torch

torch.set_num_threads(1)
