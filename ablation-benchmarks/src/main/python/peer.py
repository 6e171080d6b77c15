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
MATRIX = 2048


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


def encode(pipe, prompts):
    tokens = pipe.tokenizer(
        prompts, padding="max_length", max_length=pipe.tokenizer.model_max_length,
        truncation=True, return_tensors="pt")
    with torch.no_grad():
        return pipe.text_encoder(tokens.input_ids.to(pipe.device))[0]


def timesteps(pipe, batch):
    return torch.full((batch,), 500, device=pipe.device)


def forward(pipe, latents, arguments):
    text = encode(pipe, [TARGET] * arguments.batch)
    timestep = timesteps(pipe, arguments.batch)

    def once():
        with torch.no_grad():
            return pipe.unet(latents, timestep, text).sample.abs().mean().item()

    return once


GROUPS = {"kv": ("attn2.to_k", "attn2.to_v"), "attention": (".attn",), "unet": ("",)}


def trained(pipe, group):
    unet = pipe.unet
    unet.set_attn_processor({
        name: StopStartToken() if "attn2" in name else AttnProcessor2_0()
        for name in unet.attn_processors})
    weights = []
    for name, parameter in unet.named_parameters():
        parameter.requires_grad_(any(part in name for part in GROUPS[group]))
        if parameter.requires_grad:
            weights.append(parameter)
    return weights, torch.optim.AdamW(weights, lr=LEARNING_RATE, weight_decay=0.01)


def train(unet, weights, optimizer, noised, timestep, target, anchor):
    with torch.no_grad():
        aim = unet(noised, timestep, anchor).sample
    prediction = unet(noised, timestep, target).sample
    mask = torch.ones_like(noised[:, :1])
    loss = (prediction - aim).square() * mask
    loss = (loss.sum([1, 2, 3]) / mask.sum([1, 2, 3])).mean()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(weights, 1.0)
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


def step(pipe, latents, arguments):
    target, anchor = (encode(pipe, [prompt] * arguments.batch) for prompt in (TARGET, ANCHOR))
    timestep = timesteps(pipe, arguments.batch)
    weights, optimizer = trained(pipe, arguments.group)
    return lambda: train(pipe.unet, weights, optimizer, latents, timestep, target, anchor)


def use_ddim(pipe):
    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config)
    pipe.set_progress_bar_config(disable=True)


def sampling(pipe, latents, arguments):
    use_ddim(pipe)

    def once():
        return pipe(
            [TARGET] * arguments.batch, latents=latents, num_inference_steps=arguments.steps,
            guidance_scale=GUIDANCE, output_type="latent").images.abs().mean().item()

    return once


def anchors(pipe, latents, arguments):
    use_ddim(pipe)
    prompts = [f"a photo of a cat, number {i}" for i in range(arguments.images)]

    def once():
        drawn = [
            pipe(
                prompts[i:i + arguments.batch],
                latents=latents[:1].repeat(len(prompts[i:i + arguments.batch]), 1, 1, 1),
                num_inference_steps=arguments.steps, guidance_scale=GUIDANCE,
                output_type="latent").images
            for i in range(0, arguments.images, arguments.batch)]
        return torch.cat(drawn).abs().mean().item()

    return once


def matmul(pipe, _, arguments):
    numbers = [1.4 * math.sin(0.7 * i) for i in range(MATRIX * MATRIX)]
    matrix = torch.tensor(numbers).reshape(MATRIX, MATRIX).to(pipe.device)
    return lambda: (matrix @ matrix).abs().mean().item()


def decode(pipe, latents, _):
    def once():
        with torch.no_grad():
            return pipe.vae.decode(latents / pipe.vae.config.scaling_factor).sample.abs().mean().item()

    return once


def text(pipe, _, arguments):
    prompts = [f"a photo of cat {i}" for i in range(arguments.batch)]
    return lambda: encode(pipe, prompts).abs().mean().item()


def ablation(pipe, _, arguments):
    """Anchors in batches, then training: text embeddings are encoded once a prompt."""
    use_ddim(pipe)
    start = {name: value.clone() for name, value in pipe.unet.state_dict().items()}
    anchors = [f"a photo of a cat, number {i}" for i in range(arguments.images)]
    targets = [prompt.replace("cat", "grumpy cat") for prompt in anchors]

    def once():
        pipe.unet.load_state_dict(start)
        latents = torch.cat([
            pipe(anchors[i:i + arguments.batch], num_inference_steps=arguments.steps,
                 guidance_scale=GUIDANCE, output_type="latent").images
            for i in range(0, arguments.images, arguments.batch)])
        target = torch.cat([encode(pipe, [prompt]) for prompt in targets])
        anchor = torch.cat([encode(pipe, [prompt]) for prompt in anchors])
        weights, optimizer = trained(pipe, "kv")
        losses = []
        for _ in range(arguments.iterations):
            chosen = torch.randint(arguments.images, (arguments.batch,), device=pipe.device)
            timestep = torch.randint(1000, (arguments.batch,), device=pipe.device)
            clean = latents[chosen]
            noised = pipe.scheduler.add_noise(clean, torch.randn_like(clean), timestep)
            losses.append(train(
                pipe.unet, weights, optimizer, noised, timestep, target[chosen], anchor[chosen]))
        return sum(losses) / len(losses)

    return once


def uce(pipe, _, arguments):
    """The published closed form: for every matrix, sums over concepts and an inverse in float32."""
    targets = [f"artist {i}" for i in range(arguments.concepts)]
    kept = [f"painter {i}" for i in range(2 * arguments.concepts)]
    modules = [
        module for name, module in pipe.unet.named_modules()
        if name.endswith(("attn2.to_k", "attn2.to_v"))]

    def last_token(prompt):
        tokens = pipe.tokenizer(
            prompt, padding="max_length", max_length=pipe.tokenizer.model_max_length,
            truncation=True, return_tensors="pt")
        with torch.no_grad():
            states = pipe.text_encoder(tokens.input_ids.to(pipe.device))[0]
        return states[0, tokens.attention_mask.sum() - 2]

    def once():
        embeddings = {prompt: last_token(prompt) for prompt in ["art", *targets, *kept]}
        squares = 0.0
        for module in modules:
            weight = module.weight.detach()
            left = 0.5 * weight
            right = 0.5 * torch.eye(weight.shape[1], device=weight.device)
            for prompt in targets:
                c, v = embeddings[prompt], weight @ embeddings["art"]
                left = left + torch.outer(v, c)
                right = right + torch.outer(c, c)
            for prompt in kept:
                c = embeddings[prompt]
                left = left + torch.outer(weight @ c, c)
                right = right + torch.outer(c, c)
            squares += (left @ torch.inverse(right) - weight).square().sum().item()
        return math.sqrt(squares)

    return once


SCENARIOS = {
    "forward": forward, "step": step, "sampling": sampling, "anchors": anchors,
    "decode": decode, "text": text, "ablation": ablation, "uce": uce, "matmul": matmul}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--scenario", required=True, choices=list(SCENARIOS))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--group", default="kv", choices=list(GROUPS))
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--iterations", type=int, default=200)
    parser.add_argument("--concepts", type=int, default=1)
    parser.add_argument("--size", type=int)
    parser.add_argument("--workers")  # Java's alone
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
    size = arguments.size or config.sample_size
    count = config.in_channels * size**2
    latents = torch.tensor([1.4 * math.sin(0.7 * i) for i in range(count)])
    latents = latents.reshape(1, config.in_channels, size, size)
    latents = latents.repeat(arguments.batch, 1, 1, 1)
    once = SCENARIOS[arguments.scenario](pipe, latents.to(pipe.device), arguments)
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
