"""Random numbers of the simulator."""

import numpy as np
import pytest

from temwatch.sim.chance import band_noise, log_uniform, stream


def test_a_stream_repeats_itself() -> None:
    assert stream("foil", 3, 7).random() == stream("foil", 3, 7).random()


def test_streams_for_other_purposes_or_seeds_differ() -> None:
    firsts = {
        stream(purpose, *seeds).random() for purpose in ("foil", "detector") for seeds in ((3, 7), (7, 3))
    }
    assert len(firsts) == 4


@pytest.mark.parametrize("sigma_px", [0.8, 1.7, 3.0, 9.0, 28.0])
def test_band_noise_has_about_unit_variance_at_every_width(sigma_px: float) -> None:
    noise = band_noise(stream("noise", 1), (700, 900), sigma_px)
    assert noise.shape == (700, 900)
    assert 0.8 < noise.std() < 1.25


def test_wide_band_noise_is_smooth() -> None:
    noise = band_noise(stream("noise", 2), (300, 300), 20.0)
    assert np.abs(np.diff(noise, axis=0)).max() < 0.3


def test_log_uniform_gives_every_octave_the_same_share() -> None:
    rng = stream("sizes", 1)
    drawn = np.array([log_uniform(rng, 1.0, 16.0) for _ in range(4000)])
    shares = np.histogram(np.log2(drawn), bins=4, range=(0, 4))[0] / drawn.size
    assert np.abs(shares - 0.25).max() < 0.03
