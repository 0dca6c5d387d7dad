"""A DCGAN (arXiv:1511.06434) in Flax linen, for images of any size that 4 divides."""

from functools import partial

import flax.linen as nn

from normsweep.models import fast_convolution, from_linen

layer = partial(
    nn.Conv,
    kernel_size=(4, 4),
    kernel_init=nn.initializers.normal(0.02),
    conv_general_dilated=fast_convolution,
)
down = partial(layer, strides=(2, 2))
up = partial(layer, input_dilation=(2, 2), padding=((2, 2), (2, 2)))


class Generator(nn.Module):
    shape: tuple
    width: int

    @nn.compact
    def __call__(self, z, train=True):
        height, width, channels = self.shape
        norm = partial(nn.BatchNorm, use_running_average=not train, momentum=0.9)
        x = nn.Dense(height // 4 * (width // 4) * 2 * self.width)(z)
        x = nn.relu(norm()(x.reshape(-1, height // 4, width // 4, 2 * self.width)))
        x = nn.relu(norm()(up(self.width)(x)))
        return nn.tanh(up(channels)(x))


class Discriminator(nn.Module):
    width: int

    @nn.compact
    def __call__(self, x, train=True):
        norm = partial(nn.BatchNorm, use_running_average=not train, momentum=0.9)
        x = nn.leaky_relu(down(self.width)(x), 0.2)
        x = nn.leaky_relu(norm()(down(2 * self.width)(x)), 0.2)
        return nn.Dense(1)(x.reshape(len(x), -1))


def bring(image_shape, classes, settings):
    return {
        "generator": from_linen(lambda: Generator(image_shape, settings["width"])),
        "discriminator": from_linen(lambda: Discriminator(settings["width"])),
    }
