"""A DCGAN (arXiv:1511.06434) in Flax NNX, for images of any size that 4 divides."""

from functools import partial

from flax import nnx

from normsweep.models import fast_convolution, from_nnx

layer = partial(nnx.Conv, kernel_size=(4, 4), conv_general_dilated=fast_convolution)
down = partial(layer, strides=(2, 2))
up = partial(layer, input_dilation=(2, 2), padding=((2, 2), (2, 2)))


class Generator(nnx.Module):
    def __init__(self, latent, shape, width, rngs):
        self.start = (shape[0] // 4, shape[1] // 4, 2 * width)
        self.dense = nnx.Linear(latent, shape[0] // 4 * (shape[1] // 4) * 2 * width, rngs=rngs)
        self.norms = nnx.List([nnx.BatchNorm(n * width, rngs=rngs) for n in (2, 1)])
        self.ups = nnx.List([up(2 * width, width, rngs=rngs), up(width, shape[2], rngs=rngs)])

    def __call__(self, z):
        x = nnx.relu(self.norms[0](self.dense(z).reshape(-1, *self.start)))
        x = nnx.relu(self.norms[1](self.ups[0](x)))
        return nnx.tanh(self.ups[1](x))


class Discriminator(nnx.Module):
    def __init__(self, shape, width, rngs):
        self.downs = nnx.List([down(shape[2], width, rngs=rngs), down(width, 2 * width, rngs=rngs)])
        self.dense = nnx.Linear(shape[0] // 4 * (shape[1] // 4) * 2 * width, 1, rngs=rngs)

    def __call__(self, x):
        for layer in self.downs:
            x = nnx.leaky_relu(layer(x), 0.2)
        return self.dense(x.reshape(len(x), -1))


def bring(image_shape, classes, settings):
    latent, width = settings["latent"], settings["width"]
    return {
        "generator": from_nnx(lambda rngs: Generator(latent, image_shape, width, rngs)),
        "discriminator": from_nnx(lambda rngs: Discriminator(image_shape, width, rngs)),
    }
