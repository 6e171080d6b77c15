"""Writes what Pillow's resizing gives, for the tests.

python resize.py    # in this folder
"""
import hashlib
import json
from PIL import Image

FILTERS = {"BOX": Image.BOX, "BILINEAR": Image.BILINEAR, "HAMMING": Image.HAMMING,
           "BICUBIC": Image.BICUBIC, "LANCZOS": Image.LANCZOS}
SIZES = [((40, 30), (17, 11)), ((17, 23), (64, 50)), ((64, 64), (64, 24)), ((31, 64), (224, 64)),
         ((512, 512), (224, 224)), ((5, 300), (300, 5)), ((7, 9), (7, 9)), ((100, 70), (1, 1))]


def image(width, height):
    image = Image.new("RGB", (width, height))
    image.putdata([((x * 7 + y * 3) % 256, (x * y) % 256, (x * x + 5 * y) % 256)
                   for y in range(height) for x in range(width)])
    return image


cases = []
for name, kind in FILTERS.items():
    for size, to in SIZES:
        image = image(*size)
        # Rows first, as Pillow always did; since some version it turns the order where it is faster.
        small = image.resize((to[0], size[1]), kind).resize(to, kind)
        plane = image.split()[2].convert("F").resize((to[0], size[1]), kind).resize(to, kind)
        cases.append({"filter": name, "size": size, "to": to,
                      "sha256": hashlib.sha256(small.tobytes()).hexdigest(),
                      "first": list(small.tobytes()[:6]),
                      "blue_float": [round(v, 4) for v in list(plane.getdata())[:6]]})
with open("resize.json", "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
