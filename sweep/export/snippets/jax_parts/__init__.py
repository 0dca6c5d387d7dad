"""The functions of which an Optax snippet is put together, each copied as it stands here.

They need JAX and Optax alone: a snippet is for code without our packages. `penalties`, `proximal`
and `constraints` hold the formulas of `normsweep.objectives`, which their tests compare them with,
as functions of a list of weights; `schedules` those of the strength. What these four files can
write has there a function of its name: `power`, `power_step`, `l2_ball`, `linear_way`.
"""
