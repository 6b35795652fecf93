"""Pure kernels, layers, losses and data readers. No paper is named here."""
