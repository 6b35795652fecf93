"""The impure shell: flags, loop, devices, checkpoints, logs and reports."""
