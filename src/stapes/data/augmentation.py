"""Make one clip sound as if it had been heard in another place.

Every function takes samples `y` and gives as many back. Five of them do one thing each, by numbers
that the caller gives: `gain`, `shift`, `change_speed`, `add_noise`, `reverberate`. `augment` draws
moderate numbers from `Ranges` and does all of them in the order of a real recording: the speaker
comes early or late, the room answers, the noise of the place joins, and the microphone is near
or far.

Conventions: `y` is float32 in [-1, 1], one channel, finite. Whatever is random comes from the
`rng` that is passed in, so that the same generator state gives the same samples. Silence and
empty input come back as they are: there is no level against which noise could be set.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
from scipy import fft

from stapes.audio.read import resample

Samples: TypeAlias = npt.NDArray[np.float32]
Colour: TypeAlias = Literal["white", "pink", "brown"]

# Slope of the amplitude spectrum, f ** -slope: power falls by 0, 3 and 6 dB an octave.
_SLOPES: dict[Colour, float] = {"white": 0.0, "pink": 0.5, "brown": 1.0}
# Brown noise without a floor has nearly all its power where no microphone hears.
_LOWEST_NOISE_HZ = 50.0


@dataclass(frozen=True)
class Ranges:
    """What `augment` draws from: (lowest, highest), evenly, and how often it is done at all.

    The figures are those of a quiet to a busy room: the word stays plain to a listener.
    """

    speed: tuple[float, float] = (1.0, 1.0)
    shift_seconds: tuple[float, float] = (-0.05, 0.05)
    reverberation_probability: float = 0.5
    rt60_seconds: tuple[float, float] = (0.1, 0.5)
    direct_to_reverberant_db: tuple[float, float] = (0.0, 15.0)
    noise_probability: float = 0.9
    snr_db: tuple[float, float] = (5.0, 35.0)
    gain_db: tuple[float, float] = (-12.0, 6.0)


def _amplitude(db: float) -> float:
    """The factor on the amplitude that `db` decibels are."""
    return float(10.0 ** (db / 20.0))


def gain(y: Samples, db: float) -> Samples:
    """Make `y` louder or softer.

    Parameters
    ----------
    y : np.ndarray [shape=(samples,)] float32
        the clip
    db : float [decibels]
        20 dB is ten times the amplitude; the result is not kept within [-1, 1]

    Returns
    -------
    np.ndarray [shape=(samples,)] float32

    Examples
    --------
    >>> gain(np.array([0.5, -0.25], dtype=np.float32), -20.0)
    array([ 0.05 , -0.025], dtype=float32)
    """
    return (y * _amplitude(db)).astype(np.float32)


def shift(y: Samples, samples: int) -> Samples:
    """Move `y` in time; what leaves at one end is lost, and zeros fill the other.

    Parameters
    ----------
    y : np.ndarray [shape=(samples,)] float32
        the clip
    samples : int [samples]
        later by so many if positive, earlier if negative

    Returns
    -------
    np.ndarray [shape=(samples,)] float32

    Examples
    --------
    >>> shift(np.array([1, 2, 3], dtype=np.float32), 1)
    array([0., 1., 2.], dtype=float32)
    """
    moved = np.zeros_like(y, dtype=np.float32)
    kept = max(0, len(y) - abs(samples))
    if samples >= 0:
        moved[len(y) - kept :] = y[:kept]
    else:
        moved[:kept] = y[len(y) - kept :]
    return moved


def change_speed(y: Samples, factor: float, sample_rate: int) -> Samples:
    """Play `y` faster and higher, or slower and lower, as many samples as before.

    Parameters
    ----------
    y : np.ndarray [shape=(samples,)] float32
        the clip
    factor : float > 0
        above 1 is faster: zeros are put around it; below 1 is slower: both ends are cut
    sample_rate : int > 0 [Hz]
        of `y`

    Returns
    -------
    np.ndarray [shape=(samples,)] float32
    """
    played = resample(y, sample_rate, max(1, round(sample_rate / factor)))
    if len(played) >= len(y):
        begin = (len(played) - len(y)) // 2
        return played[begin : begin + len(y)]
    before = (len(y) - len(played)) // 2
    return np.pad(played, (before, len(y) - len(played) - before))


def coloured_noise(
    samples: int, colour: Colour, sample_rate: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Gaussian noise whose spectrum is shaped; white is flat, pink and brown fall.

    Parameters
    ----------
    samples : int >= 0 [samples]
        how many to make
    colour : "white", "pink" or "brown"
        power falls by 0, 3 or 6 dB an octave above 50 Hz, and there is none below it
    sample_rate : int > 100 [Hz]
        of the clip that the noise is for
    rng : np.random.Generator
        where the noise comes from

    Returns
    -------
    np.ndarray [shape=(samples,)] float64
        of no particular level
    """
    # Never shorter than a tenth of a second, else no bin of the spectrum lies above 50 Hz.
    length = max(samples, sample_rate // 10)
    spectrum = np.fft.rfft(rng.standard_normal(length))
    hertz = np.fft.rfftfreq(length, 1.0 / sample_rate)
    heard = hertz >= _LOWEST_NOISE_HZ
    spectrum[heard] *= hertz[heard] ** -_SLOPES[colour]
    spectrum[~heard] = 0.0
    return np.fft.irfft(spectrum, length)[:samples]


def add_noise(
    y: Samples, snr_db: float, colour: Colour, sample_rate: int, rng: np.random.Generator
) -> Samples:
    """Add noise at a given signal-to-noise ratio.

    Parameters
    ----------
    y : np.ndarray [shape=(samples,)] float32
        the clip
    snr_db : float [decibels]
        power of the whole of `y`, its pauses too, over the power of the noise
    colour : "white", "pink" or "brown"
        see `coloured_noise`
    sample_rate : int > 100 [Hz]
        of `y`
    rng : np.random.Generator
        where the noise comes from

    Returns
    -------
    np.ndarray [shape=(samples,)] float32
        not kept within [-1, 1]; `y` itself where it is silent
    """
    if not y.any():
        return y
    noise = coloured_noise(len(y), colour, sample_rate, rng)
    power = np.mean(np.square(y, dtype=np.float64))
    noise *= np.sqrt(power / np.mean(np.square(noise))) * _amplitude(-snr_db)
    return (y + noise).astype(np.float32)


def impulse_response(
    rt60: float, direct_to_reverberant_db: float, sample_rate: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """A made-up room: the direct sound, then noise that dies away exponentially.

    Parameters
    ----------
    rt60 : float > 0 [seconds]
        time in which the reverberation falls by 60 dB; the response ends there
    direct_to_reverberant_db : float [decibels]
        energy of the direct sound over the energy of all that follows
    sample_rate : int > 0 [Hz]
        of the clip that the room is for
    rng : np.random.Generator
        where the room comes from

    Returns
    -------
    np.ndarray [shape=(1 + int(rt60 * sample_rate),)] float64
        of energy 1, so that a clip keeps about its level
    """
    seconds = np.arange(1, int(rt60 * sample_rate) + 1) / sample_rate
    tail = rng.standard_normal(len(seconds)) * 10.0 ** (-3.0 * seconds / rt60)
    if len(tail):
        tail *= _amplitude(-direct_to_reverberant_db) / np.linalg.norm(tail)
    response = np.concatenate(([1.0], tail))
    response /= np.linalg.norm(response)
    return response


def reverberate(
    y: Samples,
    rt60: float,
    direct_to_reverberant_db: float,
    sample_rate: int,
    rng: np.random.Generator,
) -> Samples:
    """Play `y` in a room; what still sounds when the clip ends is cut off.

    Parameters
    ----------
    y : np.ndarray [shape=(samples,)] float32
        the clip
    rt60, direct_to_reverberant_db, sample_rate, rng
        see `impulse_response`

    Returns
    -------
    np.ndarray [shape=(samples,)] float32
        the direct sound stays where it was; not kept within [-1, 1]
    """
    if not len(y):
        return y
    room = impulse_response(rt60, direct_to_reverberant_db, sample_rate, rng)
    # By hand: to import scipy.signal takes a second, in each worker process.
    length = fft.next_fast_len(len(y) + len(room) - 1, real=True)
    heard = fft.irfft(fft.rfft(y.astype(np.float64), length) * fft.rfft(room, length), length)
    return heard[: len(y)].astype(np.float32)


def augment(
    y: Samples, sample_rate: int, rng: np.random.Generator, ranges: Ranges | None = None
) -> Samples:
    """Change speed, moment, room, noise and level, each by an amount that `rng` draws.

    Parameters
    ----------
    y : np.ndarray [shape=(samples,)] float32
        the clip
    sample_rate : int > 100 [Hz]
        of `y`
    rng : np.random.Generator
        where all of it comes from
    ranges : Ranges
        what to draw from; `Ranges()` if not given

    Returns
    -------
    np.ndarray [shape=(samples,)] float32
        finite, and at most 1 in size: a clip that came out louder is scaled down, not clipped

    Examples
    --------
    >>> y = np.zeros(16000, dtype=np.float32)
    >>> y[4000:8000] = 0.5
    >>> augment(y, 16000, np.random.default_rng(0)).shape
    (16000,)
    """
    ranges = ranges or Ranges()
    if not y.any():
        return y
    if ranges.speed != (1.0, 1.0):
        y = change_speed(y, rng.uniform(*ranges.speed), sample_rate)
    y = shift(y, round(rng.uniform(*ranges.shift_seconds) * sample_rate))
    if rng.random() < ranges.reverberation_probability:
        rt60 = rng.uniform(*ranges.rt60_seconds)
        direct = rng.uniform(*ranges.direct_to_reverberant_db)
        y = reverberate(y, rt60, direct, sample_rate, rng)
    if rng.random() < ranges.noise_probability:
        colour = get_args(Colour)[rng.integers(len(_SLOPES))]
        y = add_noise(y, rng.uniform(*ranges.snr_db), colour, sample_rate, rng)
    y = gain(y, rng.uniform(*ranges.gain_db))
    return (y / max(1.0, float(np.abs(y).max()))).astype(np.float32)
