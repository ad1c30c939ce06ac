"""What networks do differently on a CPU for speed answers the same as torch's own way."""

import numpy as np
import torch


def test_the_graph_embeds_as_the_torch_network_does(real_engine):
    recognizer = real_engine.pack.recognizer
    chips = np.random.default_rng(0).integers(0, 256, (3, 150, 150, 3), np.uint8)
    with torch.inference_mode():
        wanted = recognizer.network(torch.from_numpy(chips).permute(0, 3, 1, 2).float()).numpy()
    assert np.abs(recognizer.embed_chips(chips) - wanted).max() < 1e-5
    assert np.abs(wanted).max() > 0.1
