"""The Python side of PeerComparison: diffusers on the same weights and numbers. See JavaPeer for the protocol."""

import argparse
import gc
import math
import sys
import time

import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline
from diffusers.models.attention_processor import AttnProcessor2_0

TARGET = "a photo of a grumpy cat"
ANCHOR = "a photo of a cat"
LEARNING_RATE = 1.6e-5
GUIDANCE = 7.5


def status(name):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":"))


class StopStartToken:
    """diffusers' attention, with key and value of the text's first position detached."""

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, **_):
        batch = hidden_states.shape[0]
        query = attn.to_q(hidden_states)
        key = attn.to_k(encoder_hidden_states)
        value = attn.to_v(encoder_hidden_states)
        key = torch.cat([key[:, :1].detach(), key[:, 1:]], dim=1)
        value = torch.cat([value[:, :1].detach(), value[:, 1:]], dim=1)
        width = key.shape[-1] // attn.heads
        query, key, value = (
            x.view(batch, -1, attn.heads, width).transpose(1, 2) for x in (query, key, value)
        )
        out = torch.nn.functional.scaled_dot_product_attention(query, key, value)
        out = out.transpose(1, 2).reshape(batch, -1, attn.heads * width)
        return attn.to_out[1](attn.to_out[0](out))


def encode(pipe, prompt):
    tokens = pipe.tokenizer(
        prompt, padding="max_length", max_length=pipe.tokenizer.model_max_length,
        truncation=True, return_tensors="pt")
    with torch.no_grad():
        return pipe.text_encoder(tokens.input_ids.to(pipe.device))[0]


def forward(pipe, latents, _):
    text = encode(pipe, TARGET)
    timestep = torch.tensor([500], device=pipe.device)

    def once():
        with torch.no_grad():
            return pipe.unet(latents, timestep, text).sample.abs().mean().item()

    return once


def step(pipe, latents, _):
    target, anchor = encode(pipe, TARGET), encode(pipe, ANCHOR)
    timestep = torch.tensor([500], device=pipe.device)
    mask = torch.ones_like(latents[:, :1])
    unet = pipe.unet
    unet.set_attn_processor({
        name: StopStartToken() if "attn2" in name else AttnProcessor2_0()
        for name in unet.attn_processors})
    weights = []
    for name, parameter in unet.named_parameters():
        parameter.requires_grad_("attn2.to_k" in name or "attn2.to_v" in name)
        if parameter.requires_grad:
            weights.append(parameter)
    optimizer = torch.optim.AdamW(weights, lr=LEARNING_RATE, weight_decay=0.01)

    def once():
        with torch.no_grad():
            aim = unet(latents, timestep, anchor).sample
        prediction = unet(latents, timestep, target).sample
        loss = (prediction - aim).square() * mask
        loss = (loss.sum([1, 2, 3]) / mask.sum([1, 2, 3])).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    return once


def sampling(pipe, latents, steps):
    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config)
    pipe.set_progress_bar_config(disable=True)

    def once():
        return pipe(
            TARGET, latents=latents, num_inference_steps=steps, guidance_scale=GUIDANCE,
            output_type="latent").images.abs().mean().item()

    return once


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--scenario", required=True, choices=["forward", "step", "sampling"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    pipe = StableDiffusionPipeline.from_pretrained(
        arguments.model, torch_dtype=torch.float32, safety_checker=None, feature_extractor=None,
        requires_safety_checker=False)
    pipe.to(arguments.device.replace("gpu", "cuda:"))  # "gpu0", as the Java side calls it
    weights = 0
    for network in (pipe.unet, pipe.vae, pipe.text_encoder):
        network.eval()
        for parameter in network.parameters():
            weights += parameter.numel() * 4
            parameter.min()  # what is mapped becomes resident, as on the Java side
    config = pipe.unet.config
    count = config.in_channels * config.sample_size**2
    latents = torch.tensor([1.4 * math.sin(0.7 * i) for i in range(count)])
    latents = latents.reshape(1, config.in_channels, config.sample_size, config.sample_size)
    once = {"forward": forward, "step": step, "sampling": sampling}[arguments.scenario](
        pipe, latents.to(pipe.device), arguments.steps)
    gc.collect()
    loaded = status("VmRSS")
    with open("/proc/self/clear_refs", "w") as refs:
        refs.write("5")  # the peak counts from here

    print("ready", flush=True)
    for line in sys.stdin:
        command = line.strip()
        if command == "run":
            cpu = time.process_time_ns()
            start = time.perf_counter_ns()
            result = once()
            wall = time.perf_counter_ns() - start
            print("done", wall, time.process_time_ns() - cpu, repr(result), flush=True)
        elif command == "memory":
            print("memory", weights, loaded, status("VmHWM"), flush=True)
        elif command == "quit":
            return


if __name__ == "__main__":
    main()
