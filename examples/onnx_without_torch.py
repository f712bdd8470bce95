"""Classify cells without torch: python onnx_without_torch.py MODEL IMAGE ..."""

import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

model, *files = sys.argv[1:]
session = onnxruntime.InferenceSession(model)
_, height, width, channels = session.get_inputs()[0].shape
images = []
for file in files:
    image = Image.open(file).convert("RGB" if channels == 3 else "L")
    images.append(ImageOps.fit(image, (width, height), Image.BICUBIC))
images = np.stack(images).reshape(-1, height, width, channels)
labels, probabilities = session.run(None, {"images": images})
best = probabilities.max(axis=1)
for file, label, probability in zip(files, labels, best, strict=True):
    print(f"{file}: {label} ({probability:.3f})")
