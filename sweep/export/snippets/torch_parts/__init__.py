"""The functions of which a PyTorch snippet is put together, each copied as it stands here.

They are those of `jax_parts`, on modules. PyTorch keeps the output units of a layer on the first
axis of its weight, not on the last. `rates` holds the schedules of the learning rates.
"""
