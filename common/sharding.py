"""How arrays inside a step are split over the devices, where the compiler would choose
badly. Without a mesh around the step, and under pmap, these functions change nothing.
"""

import jax
from jax.sharding import PartitionSpec
from jaxtyping import Array


@jax.custom_vjp
def whole(x: Array) -> Array:
    """`x`, of which every device has all: it is gathered where parameters are split.

    For parameters that a product sums over. Of a kernel that is split along the summed
    axis, the compiler would make partial products, which are as large as activations,
    and add them up over the network. The gradient stays as the compiler finds it best:
    as it comes from the rows of each device, then added up into the parts.
    """
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.empty or mesh.manual_axes:
        return x
    return jax.lax.with_sharding_constraint(x, PartitionSpec())


whole.defvjp(lambda x: (whole(x), None), lambda _, gradient: (gradient,))
