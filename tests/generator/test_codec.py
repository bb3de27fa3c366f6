"""Codecs: the patch codec is exact; the VAE codec keeps the interface."""

import torch

from diffproxy.generator.codec import PatchCodec, VaeCodec


def test_patch_codec_round_trip_is_exact():
    images = torch.randint(0, 256, (3, 3, 16, 16)).float() / 255
    latents = PatchCodec(2).encode(images)
    assert latents.shape == (3, 12, 8, 8) and latents.min() >= -1 and latents.max() <= 1
    torch.testing.assert_close(PatchCodec(2).decode(latents), images, rtol=0, atol=1e-7)


def test_vae_codec_interface():
    codec = VaeCodec(
        block_out_channels=[8, 8, 8, 8], layers_per_block=1, latent_channels=4, norm_num_groups=4,
        down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4, scaling_factor=0.18215,
    )  # fmt: skip
    images = torch.rand(3, 3, 32, 32)
    latents = codec.encode(images)
    out = codec.decode(latents, chunk=2)
    assert codec.factor == 8 and latents.shape == (3, 4, 4, 4)
    assert out.shape == images.shape and out.min() >= 0 and out.max() <= 1
    torch.testing.assert_close(codec.decode(latents, chunk=3), out)
