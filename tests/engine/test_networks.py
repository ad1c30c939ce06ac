"""What networks do differently on a CPU for speed answers the same as torch's own way."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mfmc_engine.detection import networks


@pytest.mark.parametrize("size", [(22, 22), (9, 9), (46, 21), (3, 8)])
def test_pooling_by_maxima_is_max_pooling(size):
    x = torch.randn(2, 5, *size).contiguous(memory_format=torch.channels_last)
    pooled = networks._third(networks._third(x, 2), 3)
    assert torch.equal(pooled, F.max_pool2d(x, 3, stride=2, ceil_mode=True))


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_slopes_below_zero_are_each_channels_own_in_any_layout(layout):
    x = torch.randn(2, 10, 7, 6).contiguous(memory_format=layout)
    slope = torch.linspace(-1.3, 1.3, 10)  # some of MTCNN's are below 0, some above 1
    assert torch.equal(networks._prelu(x, slope), F.prelu(x, slope))


def test_the_graph_embeds_as_the_torch_network_does(real_engine):
    recognizer = real_engine.pack.recognizer
    chips = np.random.default_rng(0).integers(0, 256, (3, 150, 150, 3), np.uint8)
    with torch.inference_mode():
        wanted = recognizer.network(torch.from_numpy(chips).permute(0, 3, 1, 2).float()).numpy()
    assert np.abs(recognizer.embed_chips(chips) - wanted).max() < 1e-5
    assert np.abs(wanted).max() > 0.1
