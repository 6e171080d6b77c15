"""Writes the TorchScript file of the tests and what it gives, with PyTorch and Pillow.

python make.py    # in this folder
"""
import io
import json
import zipfile
import torch
from PIL import Image


class Features(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 5, 3, stride=2)

    def forward(self, x, scores: bool = True):
        y = torch.relu(self.conv(x)).mean([2, 3])
        y = y / y.norm(2.0, [1], True)
        return y.sum(1) if scores else y


def picture(width, height):
    image = Image.new("RGB", (width, height))
    image.putdata([((x * 7 + y * 3) % 256, (x * y) % 256, (x * x + 5 * y) % 256)
                   for y in range(height) for x in range(width)])
    return image


def prepare(image, side):  # Resize(side), ToTensor, Normalize of torchvision
    w, h = image.size
    size = (side, int(side * h / w)) if w <= h else (int(side * w / h), side)
    image = image.resize(size, Image.BILINEAR)
    x = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).view(size[1], size[0], 3)
    x = x.permute(2, 0, 1).float() / 255
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    return ((x - mean) / std)[None]


torch.manual_seed(0)
model = Features().eval()
sizes = [[40, 40], [40, 40], [61, 37], [25, 50]]
with torch.no_grad():
    rows = [model(prepare(picture(*s), 32), False)[0].tolist() for s in sizes]
buffer = io.BytesIO()
torch.jit.save(torch.jit.script(model), buffer)
# Without the debug information, which holds paths and differs from run to run.
with zipfile.ZipFile(buffer) as old, zipfile.ZipFile("features.pt", "w") as new:
    for name in old.namelist():
        if not name.endswith(".debug_pkl") and not name.endswith("serialization_id"):
            target = "features/" + name.split("/", 1)[1]
            new.writestr(zipfile.ZipInfo(target), old.read(name))
json.dump({"sizes": sizes, "side": 32, "features": rows}, open("features.json", "w"), indent=1)
