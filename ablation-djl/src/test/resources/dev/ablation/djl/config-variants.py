"""Makes config-variants.json: outputs of the published network classes for many configurations.

Weights and inputs follow a formula, so only numbers of the outputs are stored. Run where torch,
diffusers (0.42.0 was used) and transformers (5.23.0 was used) are installed.
"""

import json
import math

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

SAMPLES = 24


def noise(count, k):
    """Hashes of integers, spread over -1..1."""
    h = (torch.arange(count, dtype=torch.int64) + 1000003 * k) % 2**32
    for _ in range(2):
        h = (h ^ (h >> 16)) * 73244475 % 2**32
    h = h ^ (h >> 16)
    return h.double() / 2**31 - 1


def fill(model):
    weights = {n: p for n, p in model.named_parameters()}
    if isinstance(model, CLIPTextModel):
        weights = {n if n.startswith("text_model.") else "text_model." + n: p for n, p in weights.items()}
    for k, name in enumerate(sorted(weights)):
        p = weights[name]
        if p.dim() > 1:
            values = noise(p.numel(), k) * 1.5 / math.sqrt(p[0].numel())
        elif name.endswith("bias"):
            values = noise(p.numel(), k) * 0.1
        else:
            values = 1 + noise(p.numel(), k) * 0.2
        p.data = values.reshape(p.shape).float()
    return model.eval()


def inputs(*shape):
    count = math.prod(shape)
    return noise(count, 1).reshape(shape).float()


def sampled(out):
    flat = out.flatten().double()
    at = [(i * flat.numel()) // SAMPLES for i in range(SAMPLES)]
    return {"shape": list(out.shape), "mean": flat.mean().item(), "deviation": flat.std(unbiased=False).item(), "values": [flat[i].item() for i in at]}


UNET = dict(sample_size=8, block_out_channels=[16, 32], cross_attention_dim=12, attention_head_dim=4, norm_num_groups=4,
            layers_per_block=1, down_block_types=["CrossAttnDownBlock2D", "DownBlock2D"], up_block_types=["UpBlock2D", "CrossAttnUpBlock2D"])
DEEP = dict(block_out_channels=[8, 16, 24], down_block_types=["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
            up_block_types=["CrossAttnUpBlock2D", "UpBlock2D", "CrossAttnUpBlock2D"])
FOUR = dict(block_out_channels=[8, 8, 16, 16], down_block_types=["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
            up_block_types=["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3)
# name, changed keys, height and width of the latents
UNETS = [
    ("basis", {}, (8, 8)),
    ("two heads", {"attention_head_dim": 2}, (8, 8)),
    ("heads of levels", {"attention_head_dim": [2, 8]}, (8, 8)),
    ("heads that do not divide the channels", {"attention_head_dim": 5}, (8, 8)),
    ("linear projection", {"use_linear_projection": True}, (8, 8)),
    ("linear projection, heads that do not divide the channels", {"use_linear_projection": True, "attention_head_dim": 3}, (8, 8)),
    ("gelu", {"act_fn": "gelu"}, (8, 8)),
    ("mish", {"act_fn": "mish"}, (8, 8)),
    ("relu", {"act_fn": "relu"}, (8, 8)),
    ("swish", {"act_fn": "swish"}, (8, 8)),
    ("norm groups and epsilon", {"norm_num_groups": 8, "norm_eps": 0.01}, (8, 8)),
    ("sines first", {"flip_sin_to_cos": False}, (8, 8)),
    ("frequency shift", {"freq_shift": 1}, (8, 8)),
    ("downsampling pads right and bottom", {"downsample_padding": 0}, (8, 8)),
    ("middle block scale", {"mid_block_scale_factor": 1.4142}, (8, 8)),
    ("kernel sizes", {"conv_in_kernel": 5, "conv_out_kernel": 1}, (8, 8)),
    ("time width", {"time_embedding_dim": 20}, (8, 8)),
    ("layers of levels", {"layers_per_block": [2, 1]}, (8, 8)),
    ("transformer layers of levels", {"transformer_layers_per_block": [1, 3]}, (8, 8)),
    ("nine input channels", {"in_channels": 9}, (8, 8)),
    ("no attention outside the middle", {"down_block_types": ["DownBlock2D"] * 2, "up_block_types": ["UpBlock2D"] * 2}, (8, 8)),
    ("attention everywhere", {"down_block_types": ["CrossAttnDownBlock2D"] * 2, "up_block_types": ["CrossAttnUpBlock2D"] * 2}, (8, 8)),
    ("one level", {"block_out_channels": [16], "down_block_types": ["CrossAttnDownBlock2D"], "up_block_types": ["CrossAttnUpBlock2D"]}, (6, 4)),
    ("three levels, everything by level", {**DEEP, "layers_per_block": [1, 2, 1], "transformer_layers_per_block": [1, 2, 1], "attention_head_dim": [1, 2, 4]}, (8, 12)),
    ("three levels, odd size", DEEP, (17, 13)),
    ("three levels, smallest size", DEEP, (1, 3)),
    ("four levels, odd size", FOUR, (17, 13)),
    ("four levels, even size that is no multiple of eight", FOUR, (10, 6)),
]
VAE = dict(block_out_channels=[8, 16], layers_per_block=1, norm_num_groups=4, down_block_types=["DownEncoderBlock2D"] * 2, up_block_types=["UpDecoderBlock2D"] * 2)
VAES = [
    ("basis", {}, (8, 12)),
    ("no attention", {"mid_block_add_attention": False}, (8, 8)),
    ("no convolution of the moments", {"use_quant_conv": False}, (8, 8)),
    ("no convolution of the latents", {"use_post_quant_conv": False}, (8, 8)),
    ("mish", {"act_fn": "mish"}, (8, 8)),
    ("layers and groups", {"layers_per_block": 2, "norm_num_groups": 8}, (8, 8)),
    ("eight latent channels", {"latent_channels": 8}, (8, 8)),
    ("one level", {"block_out_channels": [8], "down_block_types": ["DownEncoderBlock2D"], "up_block_types": ["UpDecoderBlock2D"]}, (5, 3)),
    ("three levels", {"block_out_channels": [4, 8, 8], "down_block_types": ["DownEncoderBlock2D"] * 3, "up_block_types": ["UpDecoderBlock2D"] * 3}, (8, 12)),
]
TEXT = dict(vocab_size=50, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=9, eos_token_id=2)
TEXTS = [
    ("basis", {}),
    ("gelu", {"hidden_act": "gelu"}),
    ("epsilon", {"layer_norm_eps": 0.01}),
    ("one head, one layer", {"num_attention_heads": 1, "num_hidden_layers": 1}),
    ("an end token that is not the highest", {"eos_token_id": 7}),
]

cases = []
with torch.no_grad():
    for name, changes, size in UNETS:
        config = {**UNET, **changes}
        model = fill(UNet2DConditionModel(**config))
        out = model(inputs(2, config.get("in_channels", 4), *size), torch.tensor([7, 981]), inputs(2, 5, config["cross_attention_dim"]))
        cases.append({"network": "unet", "name": name, "config": config, "size": size, "out": sampled(out.sample)})
    for name, changes, size in VAES:
        config = {**VAE, **changes}
        model = fill(AutoencoderKL(**config))
        moments = model.encode(inputs(2, 3, *size)).latent_dist.parameters
        image = model.decode(inputs(2, config.get("latent_channels", 4), *size)).sample
        cases.append({"network": "vae", "name": name, "config": config, "size": size, "moments": sampled(moments), "image": sampled(image)})
    ids = torch.tensor([[49, 3, 7, 20, 7, 48, 0, 0, 0], [1, 7, 49, 49, 5, 0, 0, 0, 0]])
    for name, changes in TEXTS:
        config = {**TEXT, **changes}
        model = fill(CLIPTextModel(CLIPTextConfig(**config, attn_implementation="eager")))
        out = model(input_ids=ids)
        cases.append({"network": "text_encoder", "name": name, "config": config, "ids": ids.tolist(),
                      "states": sampled(out.last_hidden_state), "pooled": sampled(out.pooler_output)})
with open("config-variants.json", "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
