# SPDX-License-Identifier: Apache-2.0
"""The checkpoint as a stranger would use it: transformers' processor, chat template and generate()."""

import pathlib

import numpy as np
import torch
from PIL import Image

from train.model import beside_torch  # noqa: F401  before transformers
from transformers import AutoProcessor, Qwen3VLForConditionalGeneration


class Reference:
    def __init__(self, folder: pathlib.Path, dtype: torch.dtype = torch.float32) -> None:
        self.processor = AutoProcessor.from_pretrained(folder)
        self.model = Qwen3VLForConditionalGeneration.from_pretrained(folder, dtype=dtype).eval()

    @torch.no_grad()
    def answer(self, rgb: np.ndarray | None, question: str, limit: int = 48, fps: float = 0.0) -> str:
        """The greedy answer to a question about a picture [H, W, 3], several or a clip's frames [N, H, W, 3], or about none."""
        pictures = [] if rgb is None else [Image.fromarray(one) for one in rgb.reshape(-1, *rgb.shape[-3:])]
        content, options = [{"type": "image", "image": picture} for picture in pictures], {}
        if fps:
            content = [{"type": "video", "video": pictures}]
            about = dict(fps=fps, total_num_frames=len(pictures), frames_indices=list(range(len(pictures))), duration=len(pictures) / fps)
            options = {"processor_kwargs": {"do_sample_frames": False, "video_metadata": [about]}}
        content.append({"type": "text", "text": question})
        inputs = self.processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True,
                                                    tokenize=True, return_dict=True, return_tensors="pt", **options)
        output = self.model.generate(**inputs, max_new_tokens=limit, do_sample=False)
        return self.processor.decode(output[0, inputs["input_ids"].shape[1]:], skip_special_tokens=True)
