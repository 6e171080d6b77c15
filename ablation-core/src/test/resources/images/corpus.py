"""Writes small images of every form, and their pixels as Pillow reads them; says where OpenCV reads others."""
import io
import os
import struct
import sys
import zlib
import numpy as np
from PIL import Image
import PIL
OUT = sys.argv[1]
os.makedirs(OUT, exist_ok=True)
W, H = 21, 14
def base():
    y, x = np.mgrid[0:H, 0:W]
    return np.stack([12 * x, 17 * y, 255 - 5 * x - 7 * y], -1).clip(0, 255).astype(np.uint8)
RGB = base()
def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
ADAM7 = [(0,0,8,8),(4,0,8,8),(0,4,4,8),(2,0,4,4),(0,2,2,4),(1,0,2,2),(0,1,1,2)]
def pack(rows, depth):
    out = b''
    for r in rows:
        if depth == 16:
            b = b''.join(struct.pack('>H', v) for v in r)
        elif depth == 8:
            b = bytes(r)
        else:
            bits = ''.join(format(v, '0%db' % depth) for v in r)
            bits += '0' * (-len(bits) % 8)
            b = bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))
        out += b'\0' + b
    return out
def png(samples, color, depth, interlace, extra=b''):
    """samples: H x W x channels."""
    h, w = samples.shape[:2]
    data = b''
    for (x0, y0, dx, dy) in (ADAM7 if interlace else [(0, 0, 1, 1)]):
        part = samples[y0::dy, x0::dx]
        if part.shape[0] and part.shape[1]:
            data += pack([[int(v) for v in r.reshape(-1)] for r in part], depth)
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', w, h, depth, color, 0, 0, interlace))
            + extra + chunk(b'IDAT', zlib.compress(data)) + chunk(b'IEND', b''))
files = {}
grey = RGB.mean(-1)
alpha = ((np.mgrid[0:H, 0:W][1] * 12) % 256).astype(int)
for inter in (0, 1):
    n = 'i' if inter else 'n'
    for depth in (1, 2, 4, 8, 16):
        top = 2 ** depth - 1
        g = np.round(grey / 255 * top).astype(int)[..., None]
        files[f'png-grey-{depth}-{n}.png'] = png(g, 0, depth, inter)
        if depth <= 8:
            count = min(2 ** depth, 64)
            pal = bytes((i * 37 % 256, i * 91 % 256, 255 - i * 3)[c] for i in range(count) for c in range(3))
            idx = ((np.mgrid[0:H, 0:W].sum(0)) % count)[..., None]
            files[f'png-palette-{depth}-{n}.png'] = png(idx, 3, depth, inter, chunk(b'PLTE', pal))
        if depth >= 8:
            s = 257 if depth == 16 else 1
            files[f'png-rgb-{depth}-{n}.png'] = png(RGB.astype(int) * s, 2, depth, inter)
            files[f'png-grey-opaque-alpha-{depth}-{n}.png'] = png(np.concatenate([g, np.full_like(g, top)], -1), 4, depth, inter)
            files[f'png-rgb-opaque-alpha-{depth}-{n}.png'] = png(np.concatenate([RGB.astype(int) * s, np.full((H, W, 1), top)], -1), 6, depth, inter)
g8 = grey.astype(int)[..., None]
files['png-alpha.png'] = png(np.concatenate([RGB.astype(int), alpha[..., None]], -1), 6, 8, 0)
files['png-grey-alpha.png'] = png(np.concatenate([g8, alpha[..., None]], -1), 4, 8, 0)
files['png-grey-trns.png'] = png(g8, 0, 8, 0, chunk(b'tRNS', struct.pack('>H', 300)))
files['png-gamma.png'] = png(RGB.astype(int), 2, 8, 0, chunk(b'gAMA', struct.pack('>I', 45455)))
files['png-srgb.png'] = png(RGB.astype(int), 2, 8, 0, chunk(b'sRGB', b'\0'))
files['png-phys-time.png'] = png(RGB.astype(int), 2, 8, 0, chunk(b'pHYs', struct.pack('>IIB', 1, 2, 0)) + chunk(b'tIME', b'\x07\xe8\1\1\0\0\0'))
from PIL import ImageCms
icc = ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()
files['png-iccp.png'] = png(RGB.astype(int), 2, 8, 0, chunk(b'iCCP', b'sRGB\0\0' + zlib.compress(icc)))
def jpeg(image, **options):
    out = io.BytesIO(); image.save(out, 'JPEG', **options); return out.getvalue()
big = Image.fromarray(RGB).resize((40, 28), Image.BICUBIC)
for sub in ('4:4:4', '4:2:2', '4:2:0'):
    for prog in (False, True):
        files[f"jpg-{sub.replace(':', '')}-{'progressive' if prog else 'baseline'}.jpg"] = jpeg(big, quality=90, subsampling=sub, progressive=prog)
files['jpg-grey.jpg'] = jpeg(big.convert('L'), quality=90)
files['jpg-grey-progressive.jpg'] = jpeg(big.convert('L'), quality=90, progressive=True)
files['jpg-low-quality.jpg'] = jpeg(big, quality=20)
files['jpg-optimized.jpg'] = jpeg(big, quality=95, optimize=True)
for r in (1, 3):
    files[f'jpg-restart-{r}.jpg'] = jpeg(big, quality=90, subsampling='4:2:0', restart_marker_blocks=r)
files['jpg-restart-progressive.jpg'] = jpeg(big, quality=90, progressive=True, restart_marker_blocks=2)
files['jpg-rgb-adobe-0.jpg'] = jpeg(big, quality=90, keep_rgb=True)
files['jpg-iccp.jpg'] = jpeg(big, quality=90, icc_profile=icc)
files['jpg-comment.jpg'] = jpeg(big, quality=90, comment=b'x' * 300)
files['jpg-odd-1x1.jpg'] = jpeg(Image.fromarray(RGB[:1, :1]), quality=90)
files['jpg-odd-17x9-420.jpg'] = jpeg(Image.fromarray(RGB[:9, :17]), quality=90, subsampling='4:2:0')
j = jpeg(big, quality=90, subsampling='4:2:0')
files['jpg-no-jfif.jpg'] = j[:2] + j[4 + struct.unpack('>H', j[4:6])[0]:]
files['jpg-two-app1.jpg'] = j[:2] + b'\xff\xe1\0\x08Exif\0\0' + b'\xff\xe1\0\x06abcd' + j[2:]
files['jpg-fill-bytes.jpg'] = j[:2] + b'\xff\xff' + j[2:]
files['jpg-trailing.jpg'] = j + b'trailing bytes'
for o in range(1, 9):
    exif = Image.Exif(); exif[0x0112] = o
    files[f'jpg-orientation-{o}.jpg'] = jpeg(big, quality=90, exif=exif)
files['jpg-cmyk-adobe.jpg'] = jpeg(big.convert('CMYK'), quality=90)
def webp(image, **options):
    out = io.BytesIO(); image.save(out, 'WEBP', **options); return out.getvalue()
files['webp-lossless.webp'] = webp(Image.fromarray(RGB), lossless=True)
files['webp-lossless-grey.webp'] = webp(Image.fromarray(RGB).convert('L').convert('RGB'), lossless=True)
files['webp-lossless-palette.webp'] = webp(Image.fromarray(RGB // 128 * 100), lossless=True, method=6)
files['webp-lossless-noise.webp'] = webp(Image.fromarray(np.random.RandomState(1).randint(0, 256, (H, W, 3)).astype(np.uint8)), lossless=True)
files['webp-lossless-alpha.webp'] = webp(Image.fromarray(np.dstack([RGB, alpha.astype(np.uint8)])), lossless=True, exact=True)
files['webp-lossless-icc.webp'] = webp(Image.fromarray(RGB), lossless=True, icc_profile=icc)
files['webp-lossy.webp'] = webp(big, quality=80)
files['webp-lossy-alpha.webp'] = webp(Image.fromarray(np.dstack([RGB, alpha.astype(np.uint8)])), quality=80)
from PIL import ImageOps
def upright(name):
    image = ImageOps.exif_transpose(Image.open(os.path.join(OUT, name)))
    if image.mode.startswith('I;16') or image.mode == 'I':
        return np.repeat((np.asarray(image).astype(int) // 256)[..., None], 3, -1).astype(np.uint8), None
    if image.mode == 'P' and 'transparency' not in image.info: image = image.convert('RGB')
    if image.mode in ('LA', 'RGBA', 'PA'):
        image = image.convert('RGBA'); a = np.asarray(image)
        return a[..., :3], a[..., 3]
    return np.asarray(image.convert('RGB')), None
import cv2
def white(rgb, a):
    return rgb if a is None else np.round((rgb.astype(float) * a[..., None] + 255 * (255 - a[..., None].astype(float))) / 255).astype(np.uint8)
body = b''
for name, data in sorted(files.items()):
    open(os.path.join(OUT, name), 'wb').write(data)
    pixels = white(*upright(name))
    read = cv2.imread(os.path.join(OUT, name), cv2.IMREAD_UNCHANGED)
    if read is not None and read.ndim == 3 and read.shape[2] == 4:
        if read.dtype == np.uint16: read = (read // 256).astype(np.uint8)
        other = white(read[..., 2::-1], read[..., 3])
    else:
        read = cv2.imread(os.path.join(OUT, name), cv2.IMREAD_COLOR)
        other = read[..., ::-1] if read is not None else None
    if other is None or other.shape != pixels.shape: print(name, 'second decoder cannot')
    else:
        diff = float(np.abs(pixels.astype(int) - other).mean())
        if diff > 0.5: print(name, 'decoders differ by', diff)
    n = name.encode()
    body += struct.pack('>H', len(n)) + n + struct.pack('>HH', pixels.shape[1], pixels.shape[0]) + pixels.tobytes()
open(os.path.join(OUT, 'pixels.z'), 'wb').write(zlib.compress(body, 9))
print(PIL.__version__, cv2.__version__, len(files), sum(os.path.getsize(os.path.join(OUT, n)) for n in os.listdir(OUT)))
