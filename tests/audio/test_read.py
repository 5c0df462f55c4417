"""Sound files are decoded to their samples, and unusable files are refused with a reason."""

from __future__ import annotations

import io
import tracemalloc
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from stapes.audio import read
from stapes.errors import AudioError

WriteClip = Callable[..., Path]
Samples = NDArray[np.float32]

# Name, options of soundfile to write it, and tolerance of a decoded sine's amplitude.
FORMATS = {
    "8 bit WAV": ("a.wav", {"subtype": "PCM_U8"}, 0.01),
    "16 bit WAV": ("a.wav", {"subtype": "PCM_16"}, 1e-4),
    "24 bit WAV": ("a.wav", {"subtype": "PCM_24"}, 1e-6),
    "32 bit WAV": ("a.wav", {"subtype": "PCM_32"}, 1e-6),
    "float WAV": ("a.wav", {"subtype": "FLOAT"}, 1e-6),
    "double WAV": ("a.wav", {"subtype": "DOUBLE"}, 1e-6),
    "u-law WAV": ("a.wav", {"subtype": "ULAW"}, 0.01),
    "extensible WAV": ("a.wav", {"format": "WAVEX"}, 1e-4),
    "16 bit FLAC": ("a.flac", {"subtype": "PCM_16"}, 1e-4),
    "24 bit FLAC": ("a.flac", {"subtype": "PCM_24"}, 1e-6),
    "OGG Vorbis": ("a.ogg", {"subtype": "VORBIS"}, 0.02),
    "MP3": ("a.mp3", {}, 0.06),
    "AIFF": ("a.aiff", {}, 1e-4),
    "AU": ("a.au", {}, 1e-4),
    "W64": ("a.w64", {}, 1e-4),
    "a FLAC that is named as WAV": ("a.wav", {"format": "FLAC"}, 1e-4),
}


def sine(rate: int, *, hz: float = 1000.0, seconds: float = 1.0, amplitude: float = 0.5) -> Samples:
    time = np.arange(round(seconds * rate)) / rate
    return (amplitude * np.sin(2 * np.pi * hz * time)).astype(np.float32)


def noise(samples: int, seed: int = 0) -> Samples:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, samples).astype(np.float32)


def strongest(y: Samples, rate: int) -> tuple[float, float]:
    """Frequency [Hz] and amplitude of the strongest sine; `y` has a whole number of periods."""
    spectrum = np.abs(np.fft.rfft(y)) * 2 / len(y)
    bin_ = int(spectrum.argmax())
    return bin_ * rate / len(y), float(spectrum[bin_])


def encoded(y: NDArray[Any], rate: int = 16_000, **options: Any) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, y, rate, **options)
    return buffer.getvalue()


def refusal(path: Path, action: Callable[[Path], object] | None = None) -> str:
    """The reason of the AudioError of a file, which must also name the file."""
    with pytest.raises(AudioError) as caught:
        action(path) if action else read.read(path, 16_000)
    assert caught.value.file == str(path)
    assert str(caught.value) == f"{path}: {caught.value.reason}"
    return caught.value.reason


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
@pytest.mark.parametrize(("name", "options", "tolerance"), FORMATS.values(), ids=FORMATS)
def test_a_sine_keeps_its_frequency_amplitude_and_length(
    tmp_path: Path,
    write_clip: WriteClip,
    rate: int,
    name: str,
    options: dict[str, str],
    tolerance: float,
) -> None:
    path = write_clip(tmp_path / name, sine(rate), rate=rate, **options)
    y, decoded_rate = read.decode(path)
    assert decoded_rate == rate
    assert y.dtype == np.float32
    assert y.shape == (rate,)
    hz, amplitude = strongest(y, rate)
    assert hz == pytest.approx(1000)
    assert amplitude == pytest.approx(0.5, rel=tolerance)


def test_opus_is_decoded(tmp_path: Path, write_clip: WriteClip) -> None:
    path = write_clip(tmp_path / "a.opus", sine(16_000), format="OGG", subtype="OPUS")
    y, rate = read.decode(path)
    hz, amplitude = strongest(y, rate)
    assert len(y) == 16_000
    assert hz == pytest.approx(1000)
    assert amplitude == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize(
    ("width", "raw"),
    [
        (1, bytes([192, 64, 128, 0])),
        (2, np.array([16384, -16384, 0, -32768], "<i2").tobytes()),
        (3, b"\x00\x00\x40" + b"\x00\x00\xc0" + b"\x00\x00\x00" + b"\x00\x00\x80"),
        (4, np.array([2**30, -(2**30), 0, -(2**31)], "<i4").tobytes()),
    ],
)
def test_integers_of_any_width_are_scaled_to_full_scale_1(
    tmp_path: Path, width: int, raw: bytes
) -> None:
    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(width)
        file.setframerate(8_000)
        file.writeframes(raw * 500)
    y, rate = read.decode(path)
    assert rate == 8_000
    np.testing.assert_array_equal(y, np.tile([0.5, -0.5, 0.0, -1.0], 500).astype(np.float32))


def test_a_float_file_keeps_its_own_scale(tmp_path: Path, write_clip: WriteClip) -> None:
    y = 8 * noise(4_000)
    path = write_clip(tmp_path / "a.wav", y, subtype="FLOAT")
    np.testing.assert_array_equal(read.decode(path)[0], y)


def test_channels_are_averaged(tmp_path: Path, write_clip: WriteClip) -> None:
    parts = np.stack([noise(4_000, seed) for seed in range(3)], axis=1)
    path = write_clip(tmp_path / "a.wav", parts, subtype="FLOAT")
    expected = (parts[:, 0] + parts[:, 1] + parts[:, 2]) / 3
    np.testing.assert_allclose(read.decode(path)[0], expected, atol=1e-7)


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 44_100, 48_000])
def test_reading_resamples_and_keeps_the_sine(
    tmp_path: Path, write_clip: WriteClip, rate: int
) -> None:
    path = write_clip(tmp_path / "a.wav", sine(rate), rate=rate, subtype="FLOAT")
    y = read.read(path, 22_050)
    assert y.shape == (22_050,)
    # The ends ring: measure half a second in the middle.
    hz, amplitude = strongest(y[5_512 : 5_512 + 11_025], 22_050)
    assert hz == pytest.approx(1000)
    assert amplitude == pytest.approx(0.5, rel=1e-3)


@pytest.mark.parametrize("rate", [16_000, 22_050, 8_000])
def test_real_clips_are_what_librosa_loads(speech: Path, rate: int) -> None:
    librosa = pytest.importorskip("librosa")
    paths = [
        *sorted(speech.glob("commands/*/*.flac"))[::250],
        *sorted(speech.glob("wakewords/computer/*.flac"))[::60],
        *sorted(speech.glob("continuous/*.flac"))[::60],
    ]
    assert len(paths) > 15
    for path in paths:
        expected, _ = librosa.load(path, sr=rate)
        y = read.read(path, rate)
        assert y.shape == expected.shape
        np.testing.assert_allclose(y, expected, atol=1e-6, err_msg=str(path))


def test_a_stereo_file_is_what_librosa_loads(tmp_path: Path, write_clip: WriteClip) -> None:
    librosa = pytest.importorskip("librosa")
    stereo = np.stack([noise(44_100), sine(44_100)], axis=1)
    path = write_clip(tmp_path / "a.wav", stereo, rate=44_100, subtype="PCM_24")
    expected, _ = librosa.load(path, sr=22_050)
    np.testing.assert_allclose(read.read(path, 22_050), expected, atol=1e-6)


# Unusable files


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "absent.wav")


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.touch()
    assert refusal(path) == "the file is empty (0 bytes)"


def test_a_folder_with_the_name_of_a_sound_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    path.mkdir()
    assert "does not decode" in refusal(path) or "cannot be read" in refusal(path)


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg", "aiff"])
@pytest.mark.parametrize(
    "content",
    [b"this is no sound\n" * 300, bytes(5_000), b"R"],
    ids=["text", "zeros", "one byte"],
)
def test_files_that_are_not_sound_are_refused(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(content)
    assert refusal(path) == "does not decode (Format not recognised)"


def test_samples_without_a_header_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.raw"
    path.write_bytes(bytes(range(256)) * 100)
    assert "no header says what its samples are" in refusal(path)


@pytest.mark.parametrize("name", ["a.wav", "a.ogg", "a.aiff"])
def test_a_file_of_no_samples_is_too_short(
    tmp_path: Path, write_clip: WriteClip, name: str
) -> None:
    path = write_clip(tmp_path / name, np.zeros(0, np.float32))
    assert refusal(path) == "too short (0 ms; at least 100 ms)"


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_ten_milliseconds_are_too_short(tmp_path: Path, write_clip: WriteClip, name: str) -> None:
    path = write_clip(tmp_path / name, noise(160))
    assert refusal(path) == "too short (10 ms; at least 100 ms)"


def test_a_tenth_of_a_second_is_long_enough(tmp_path: Path, write_clip: WriteClip) -> None:
    assert len(read.read(write_clip(tmp_path / "a.wav", noise(1_600)), 16_000)) == 1_600
    assert "too short" in refusal(write_clip(tmp_path / "b.wav", noise(1_599)))


def test_silence_is_refused(tmp_path: Path, write_clip: WriteClip) -> None:
    path = write_clip(tmp_path / "a.flac", np.zeros(16_000, np.float32))
    assert refusal(path) == "silent (every sample is zero)"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_are_refused(
    tmp_path: Path, write_clip: WriteClip, value: float
) -> None:
    y = noise(16_000)
    y[12_345] = value
    path = write_clip(tmp_path / "a.wav", y, subtype="FLOAT")
    assert refusal(path) == "contains samples that are not finite numbers"


@pytest.mark.parametrize("loudest", [1e20, -3e38])
def test_samples_whose_squares_are_not_finite_are_refused(
    tmp_path: Path, write_clip: WriteClip, loudest: float
) -> None:
    y = noise(16_000)
    y[12_345] = loudest
    path = write_clip(tmp_path / "a.wav", y, subtype="FLOAT")
    assert refusal(path) == f"its loudest sample is {abs(loudest):.3g}, and full scale is 1"
    with pytest.raises(AudioError, match="its loudest sample is"):
        read.decode_part(path, 0.5, 0.5)


def test_integers_that_were_written_as_floats_are_read(
    tmp_path: Path, write_clip: WriteClip
) -> None:
    path = write_clip(tmp_path / "a.wav", noise(16_000) * 2**31, subtype="FLOAT")
    assert np.isfinite(np.square(read.read(path, 8_000)).sum())


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.wav", {}),
        ("a.wav", {"subtype": "FLOAT"}),
        ("a.flac", {}),
        ("a.ogg", {}),
        ("a.opus", {"format": "OGG", "subtype": "OPUS"}),
        ("a.mp3", {}),
        ("a.aiff", {}),
        ("a.au", {}),
        ("a.w64", {}),
    ],
)
def test_a_truncated_file_is_refused(
    tmp_path: Path, write_clip: WriteClip, name: str, options: dict[str, str], part: float
) -> None:
    path = write_clip(tmp_path / name, noise(10 * 16_000), **options)
    assert len(read.decode(path)[0]) == 10 * 16_000
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    reason = refusal(path)
    assert "truncated" in reason or "does not decode" in reason


def test_the_reason_of_a_truncated_wav_has_its_bytes(tmp_path: Path, write_clip: WriteClip) -> None:
    path = write_clip(tmp_path / "a.wav", noise(16_000))
    path.write_bytes(path.read_bytes()[: 44 + 20_000])
    assert refusal(path) == "truncated: 20000 of 32000 bytes of sound are there"


def test_more_than_an_hour_is_refused_and_an_hour_is_not(
    tmp_path: Path, write_clip: WriteClip
) -> None:
    hour = write_clip(tmp_path / "hour.wav", noise(36_000), rate=10)
    assert len(read.decode(hour)[0]) == 36_000
    longer = write_clip(tmp_path / "longer.wav", noise(36_001), rate=10)
    assert "longer than 60 minutes" in refusal(longer)


def test_channels_count_for_the_length_of_a_file(
    tmp_path: Path, write_clip: WriteClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "MOST_SAMPLES", 80_000)
    one = write_clip(tmp_path / "one.wav", noise(80_000))
    assert len(read.decode(one)[0]) == 80_000
    many = write_clip(tmp_path / "many.wav", np.stack([noise(10_001)] * 8, axis=1))
    assert "longer than 80,000 samples, all 8 channels together" in refusal(many)


def test_many_channels_are_decoded_in_little_memory(tmp_path: Path, write_clip: WriteClip) -> None:
    path = write_clip(tmp_path / "a.wav", np.stack([noise(60_000)] * 100, axis=1), rate=8_000)
    tracemalloc.start()
    try:
        whole, _ = read.decode(path)
        # All channels together would have 24 MB.
        assert tracemalloc.get_traced_memory()[1] < 15e6
    finally:
        tracemalloc.stop()
    np.testing.assert_allclose(whole, noise(60_000), atol=1e-4)


@pytest.mark.parametrize("index", [32, 126])
def test_clips_that_do_not_decode_are_refused(speech: Path, index: int) -> None:
    assert "does not decode" in refusal(speech / f"wakewords/alexa/{index}.flac")


# Headers that are wrong


@pytest.mark.parametrize(
    "size",
    [0xFFFF_FFFF, 0xFFFF_FFFF - 44, 0x8000_0000, 0x7FFF_FFFF, 0x7FFF_F000],
    ids=["ffmpeg", "minus its header", "arecord", "2 GB", "espeak --stdout"],
)
def test_a_wav_that_was_streamed_is_whole(tmp_path: Path, size: int) -> None:
    y = noise(8_000)
    content = bytearray(encoded(y, format="WAV", subtype="FLOAT"))
    at = content.index(b"data") + 4
    content[at : at + 4] = size.to_bytes(4, "little")
    content[4:8] = min(size + 36, 0xFFFF_FFFF).to_bytes(4, "little")
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    np.testing.assert_array_equal(read.decode(path)[0], y)


def flac_with_length(frames: int, y: Samples) -> bytes:
    """A FLAC whose header has another number of samples; programs that stream write 0."""
    content = bytearray(encoded(y, format="FLAC", subtype="PCM_16"))
    fields = int.from_bytes(content[18:26], "big")
    content[18:26] = ((fields >> 36 << 36) | frames).to_bytes(8, "big")
    return bytes(content)


@pytest.mark.parametrize("frames", [0, 2**36 - 1, 2**34])
def test_a_header_with_an_absurd_length_needs_no_memory(tmp_path: Path, frames: int) -> None:
    y = noise(32_000)
    path = tmp_path / "a.flac"
    path.write_bytes(flac_with_length(frames, y))
    tracemalloc.start()
    try:
        assert "longer than 60 minutes, or its header does not say how long" in refusal(path)
        part, _ = read.decode_part(path, 0.5, 1.0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    np.testing.assert_allclose(part, y[8_000:24_000], atol=1 / 2**15)
    assert peak < 50e6


def test_a_header_with_a_wrong_length_below_an_hour_needs_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    path.write_bytes(flac_with_length(3_599 * 16_000, noise(32_000)))
    tracemalloc.start()
    try:
        refusal(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The length in the header would need 230 MB.
    assert peak < 50e6


def mp3_without_its_info_frame(y: Samples, rate: int) -> bytes:
    buffer = io.BytesIO()
    with soundfile.SoundFile(
        buffer, "w", rate, 1, format="MP3", bitrate_mode="CONSTANT", compression_level=0.5
    ) as file:
        file.write(y)
    content = buffer.getvalue()
    kbps = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320][content[2] >> 4]
    first = 144_000 * kbps // rate + (content[2] >> 1 & 1)
    assert b"Info" in content[:first]
    assert content[first : first + 2] == content[:2]
    return content[first:]


@pytest.mark.parametrize("tag", [b"", b"ID3\x04\x00\x00\x00\x00\x27\x08" + bytes(0x27 * 128 + 8)])
def test_an_mp3_without_a_length_is_whole(tmp_path: Path, tag: bytes) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(tag + mp3_without_its_info_frame(sine(44_100, seconds=2), 44_100))
    y, rate = read.decode(path)
    assert rate == 44_100
    # Only the header has the length of the padding: at most three frames of 1,152 samples.
    assert 2 * 44_100 <= len(y) <= 2 * 44_100 + 3 * 1_152
    hz, amplitude = strongest(y[22_050 : 22_050 + 44_100], rate)
    assert hz == pytest.approx(1000)
    assert amplitude == pytest.approx(0.5, rel=0.06)


def test_an_mp3_with_a_length_after_a_tag_is_checked(tmp_path: Path) -> None:
    tag = b"ID3\x04\x00\x00\x00\x00\x02\x00" + bytes(256)
    content = encoded(noise(48_000), format="MP3")
    path = tmp_path / "a.mp3"
    path.write_bytes(tag + content)
    assert len(read.decode(path)[0]) == 48_000
    path.write_bytes(tag + content[: len(content) // 2])
    assert "truncated" in refusal(path)


WHOLE = {
    "wav": encoded(noise(4_000), format="WAV"),
    "float": encoded(noise(4_000), format="WAV", subtype="FLOAT"),
    "flac": encoded(noise(4_000), format="FLAC"),
    "ogg": encoded(noise(4_000), format="OGG"),
    "mp3": encoded(noise(4_000), format="MP3"),
    "aiff": encoded(noise(4_000), format="AIFF"),
    "au": encoded(noise(4_000), format="AU"),
    "w64": encoded(noise(4_000), format="W64"),
}


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged") / "a"


@given(
    kind=st.sampled_from(sorted(WHOLE)),
    changes=st.dictionaries(st.integers(0, 99), st.integers(0, 255), min_size=1, max_size=5),
)
@settings(max_examples=200, deadline=None)
def test_a_damaged_header_gives_samples_or_an_audio_error(
    damaged: Path, kind: str, changes: dict[int, int]
) -> None:
    content = bytearray(WHOLE[kind])
    for place, value in changes.items():
        content[place] = value
    path = damaged.with_suffix("." + kind)
    path.write_bytes(content)
    try:
        y, rate = read.decode(path)
        read.check(path, y, rate)
    except AudioError:
        return
    assert np.isfinite(y).all()
    assert y.any()
    assert len(y) >= read.SHORTEST_SECONDS * rate


# Parts


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("recordings")
    paths = {}
    for kind, options in {
        "wav": {"format": "WAV", "subtype": "PCM_24"},
        "flac": {"format": "FLAC", "subtype": "PCM_16"},
    }.items():
        stereo = np.stack([noise(30_011, 1), noise(30_011, 2)], axis=1)
        paths[kind] = folder / f"a.{kind}"
        paths[kind].write_bytes(encoded(stereo, 11_025, **options))
    return paths


@pytest.mark.parametrize("kind", ["wav", "flac"])
@given(start=st.floats(0, 4), seconds=st.floats(1e-3, 4))
@settings(max_examples=40, deadline=None)
def test_a_part_is_a_slice_of_the_whole(
    recordings: dict[str, Path], kind: str, start: float, seconds: float
) -> None:
    whole, rate = read.decode(recordings[kind])
    part, part_rate = read.decode_part(recordings[kind], start, seconds)
    begin = round(start * rate)
    assert part_rate == rate == 11_025
    np.testing.assert_array_equal(part, whole[begin : begin + round(seconds * rate)])


def test_a_part_of_a_broken_file_is_refused(tmp_path: Path, write_clip: WriteClip) -> None:
    path = write_clip(tmp_path / "a.wav", noise(32_000))
    path.write_bytes(path.read_bytes()[:40_000])
    assert "truncated" in refusal(path, lambda path: read.decode_part(path, 0.0, 0.5))
    absent = tmp_path / "absent.wav"
    assert "No such file" in refusal(absent, lambda path: read.decode_part(path, 0.0, 0.5))


def test_ten_minutes_are_read_whole_and_in_parts(tmp_path: Path, write_clip: WriteClip) -> None:
    rate, word = 8_000, slice(3_000_000, 3_008_000)
    y = (noise(600 * rate) / 64).astype(np.float32)
    y[word] = sine(rate)
    path = write_clip(tmp_path / "a.wav", y, rate=rate, subtype="FLOAT")
    whole = read.read(path, 2 * rate)
    assert whole.shape == (1200 * rate,)
    assert strongest(whole[6_004_000:6_012_000], 2 * rate)[0] == pytest.approx(1000)
    np.testing.assert_array_equal(read.decode_part(path, 375.0, 1.0)[0], y[word])
    np.testing.assert_array_equal(read.loudest_window(y, rate, rate // 100), y[word])


# The loudest window

# Whole numbers, so that sums of squares are exact in any order.
whole_numbers = hnp.arrays(
    np.float32, st.integers(1, 300), elements=st.integers(-9, 9).map(np.float32)
)


@given(y=whole_numbers, length=st.integers(1, 120), step=st.integers(1, 40))
@settings(deadline=None)
def test_the_loudest_window_is_the_first_with_most_energy(
    y: Samples, length: int, step: int
) -> None:
    window = read.loudest_window(y, length, step)
    if len(y) <= length:
        np.testing.assert_array_equal(window, y)
        return
    starts = sorted({*range(0, len(y) - length, step), len(y) - length})
    windows = [y[start : start + length] for start in starts]
    energies = [sum(int(value) ** 2 for value in samples) for samples in windows]
    assert len(window) == length
    np.testing.assert_array_equal(window, windows[energies.index(max(energies))])


def test_the_earliest_of_equal_windows_is_returned() -> None:
    y = np.zeros(100, np.float32)
    y[30], y[70] = 1.0, -1.0
    # The windows at 25 and 30 contain the first click; 25 is earlier.
    np.testing.assert_array_equal(read.loudest_window(y, 10, 5), y[25:35])


def test_the_last_window_counts_even_if_it_is_off_the_step() -> None:
    y = np.zeros(107, np.float32)
    y[106] = 1.0
    np.testing.assert_array_equal(read.loudest_window(y, 10, 50), y[97:])


def test_a_slightly_louder_window_is_found_in_a_long_clip() -> None:
    # In float32, a running sum of 150,000 would lose the difference of 0.002.
    y = np.ones(200_000, np.float32)
    y[150_003] = 1.001
    np.testing.assert_array_equal(read.loudest_window(y, 10, 10), y[150_000:150_010])


# Resampling

rates = st.sampled_from([8_000, 11_025, 16_000, 22_050, 44_100, 48_000])


@given(
    n=st.integers(1, 9),
    samples=st.integers(1, 6_000),
    rate=rates,
    new_rate=rates,
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_a_batch_is_resampled_to_the_same_bits_as_each_clip(
    n: int, samples: int, rate: int, new_rate: int, seed: int
) -> None:
    y = np.random.default_rng(seed).standard_normal((n, samples)).astype(np.float32)
    batch = read.resample(y, rate, new_rate)
    assert batch.dtype == np.float32
    assert batch.shape == (n, -(-samples * new_rate // rate))
    for row, clip in zip(batch, y, strict=True):
        assert row.tobytes() == read.resample(clip, rate, new_rate).tobytes()


def test_the_same_rate_changes_nothing() -> None:
    y = noise(1_234)
    np.testing.assert_array_equal(read.resample(y, 16_000, 16_000), y)


def test_frequencies_above_the_new_band_are_removed() -> None:
    y = sine(44_100, hz=15_000) + sine(44_100, hz=1_000)
    resampled = read.resample(y, 44_100, 22_050)[5_000:16_025]
    spectrum = np.abs(np.fft.rfft(resampled)) * 2 / len(resampled)
    assert strongest(resampled, 22_050)[0] == pytest.approx(1000)
    # 15 kHz would fold to 7,050 Hz.
    assert spectrum[round(7_050 / 2) - 5 : round(7_050 / 2) + 5].max() < 1e-4
