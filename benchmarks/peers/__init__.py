"""The bench of peers: the same net on the same rows for the same epochs, trained by Vouch and by what others use."""
