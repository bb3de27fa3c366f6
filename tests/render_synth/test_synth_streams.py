"""Each job of each sample draws its own numbers."""

from render_synth.rng import stream


def test_a_stream_is_a_function_of_seed_sample_and_name():
    assert stream(3, 7, "person").random() == stream(3, 7, "person").random()
    draws = {
        stream(s, k, n).random() for s in (3, 4) for k in (7, 8) for n in ("person", "outfit", "sensor-0")
    }
    assert len(draws) == 12


def test_streams_are_the_same_everywhere():
    assert stream(3, 7, "person").integers(2**31) == 782880296
