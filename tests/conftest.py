"""All tests see four CPU devices: the parity of jit, pmap and one device is one of the
things that are tested, and a mesh of one device is a mesh all the same."""

import os

os.environ["JAX_PLATFORMS"] = "cpu"

import jax

jax.config.update("jax_num_cpu_devices", 4)
jax.devices()  # from here on the number stands
