"""Writes schedulers.json: what samplers of diffusers (0.42) do with the network sin(input).

Usage: python schedulers.py > schedulers.json
"""

import json

import diffusers
import torch

START = [1.0, -0.5, 0.25, 2.0]
SD = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
CASES = [
    ("LMSDiscreteScheduler", SD, [1, 2, 7, 20]),
    ("LMSDiscreteScheduler", SD | dict(use_karras_sigmas=True), [7]),
    ("LMSDiscreteScheduler", SD | dict(timestep_spacing="leading", steps_offset=1, prediction_type="v_prediction"), [7]),
    ("LMSDiscreteScheduler", SD | dict(timestep_spacing="trailing", prediction_type="sample"), [7]),
    ("LMSDiscreteScheduler", {}, [5]),
    ("DEISMultistepScheduler", SD, [1, 2, 7, 20]),
    ("DEISMultistepScheduler", SD | dict(solver_order=3), [7, 20]),
    ("DEISMultistepScheduler", SD | dict(solver_order=1), [7]),
    ("DEISMultistepScheduler", SD | dict(solver_order=3, lower_order_final=False), [7]),
    ("DEISMultistepScheduler", SD | dict(use_karras_sigmas=True), [7, 20]),
    ("DEISMultistepScheduler", SD | dict(timestep_spacing="leading", steps_offset=1, prediction_type="v_prediction"), [7]),
    ("DEISMultistepScheduler", SD | dict(timestep_spacing="trailing", prediction_type="sample", solver_type="bh2", algorithm_type="dpmsolver++"), [7]),
    ("DEISMultistepScheduler", {}, [5]),
    ("LCMScheduler", {}, [1, 2, 3, 4, 7, 50]),
    ("LCMScheduler", dict(original_inference_steps=100, timestep_scaling=5.0, prediction_type="v_prediction"), [6]),
    ("LCMScheduler", dict(clip_sample=True, clip_sample_range=0.7, prediction_type="sample"), [4]),
    ("LCMScheduler", dict(rescale_betas_zero_snr=True, prediction_type="v_prediction"), [4]),
    ("TCDScheduler", {}, [1, 2, 3, 4, 7, 50]),
    ("TCDScheduler", dict(eta=0.3), [1, 4, 7]),
    ("TCDScheduler", dict(eta=1.0, prediction_type="v_prediction"), [4]),
    ("TCDScheduler", dict(eta=0.5, original_inference_steps=30, prediction_type="sample"), [4]),
    ("HeunDiscreteScheduler", {}, [3]),
    ("HeunDiscreteScheduler", dict(beta_schedule="scaled_linear"), [4]),
]


def run(name, config, steps):
    arguments = dict(config)
    kwargs = {}
    if name == "TCDScheduler":
        kwargs["eta"] = arguments.pop("eta", 0.0)  # what the published pipelines pass
    scheduler = getattr(diffusers, name)(**arguments)
    scheduler.set_timesteps(steps)
    noises = []
    module = __import__(scheduler.__module__, fromlist=["randn_tensor"])
    generator = torch.Generator().manual_seed(steps)

    def randn(shape, generator=None, device=None, dtype=None):
        noises.append([round(value, 3) for value in torch.randn(4, generator=seeded).tolist()])
        return torch.tensor(noises[-1], dtype=dtype).reshape(shape)

    seeded = generator
    if hasattr(module, "randn_tensor"):
        module.randn_tensor = randn
    sample = torch.tensor([START]) * scheduler.init_noise_sigma
    samples = []
    for timestep in scheduler.timesteps:
        output = torch.sin(scheduler.scale_model_input(sample, timestep))
        sample = scheduler.step(output, timestep, sample, **kwargs).prev_sample
        samples.append([float("%.7g" % value) for value in sample[0].tolist()])
    return dict(
        scheduler=name,
        config=config,
        steps=steps,
        start=[float("%.7g" % value) for value in (torch.tensor(START) * scheduler.init_noise_sigma).tolist()],
        timesteps=[float("%.7g" % value) for value in scheduler.timesteps.tolist()],
        noise=noises,
        samples=samples[-3:],
    )


runs = [run(name, config, steps) for name, config, counts in CASES for steps in counts]
print("[\n" + ",\n".join(json.dumps(each) for each in runs) + "\n]")
