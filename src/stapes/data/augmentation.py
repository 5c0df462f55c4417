"""Make one clip sound as if it was recorded in another place.

Five functions change one thing each: `gain`, `shift`, `change_speed`, `add_noise`, `reverberate`.
`augment` draws moderate amounts from `Ranges` and applies all in the order of a real recording: the
moment of the speaker, the room, the noise, and the distance to the microphone.

Conventions: `y` is one channel [shape=(samples,)], float32 in [-1, 1], finite, at `sample_rate`
above 100 Hz; the result has the same shape and type. Only `rng` is random: the same state gives
the same samples. Silence and empty input stay unchanged: they have no level to set noise by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from stapes.audio.read import resample

Samples: TypeAlias = npt.NDArray[np.float32]
Colour: TypeAlias = Literal["white", "pink", "brown"]

# Slope of the amplitude spectrum, f ** -slope: power falls by 0, 3 and 6 dB an octave.
_SLOPES: dict[Colour, float] = {"white": 0.0, "pink": 0.5, "brown": 1.0}
# Brown noise without a limit has nearly all its power below what a microphone records.
_LOWEST_NOISE_HZ = 50.0


@dataclass(frozen=True)
class Ranges:
    """What `augment` draws from evenly, (lowest, highest), and the probability of each change.

    The defaults are a quiet to a busy room, in which a listener understands the word.
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
    """Decibels as a factor of the amplitude."""
    return float(10.0 ** (db / 20.0))


def gain(y: Samples, db: float) -> Samples:
    """Make `y` louder or softer by `db` decibels; the result may leave [-1, 1].

    Examples
    --------
    >>> gain(np.array([0.5, -0.25], dtype=np.float32), -20.0)
    array([ 0.05 , -0.025], dtype=float32)
    """
    return (y * _amplitude(db)).astype(np.float32)


def shift(y: Samples, samples: int) -> Samples:
    """Move `y` to later or, if negative, earlier; one end is cut, zeros fill the other.

    Examples
    --------
    >>> shift(np.array([1, 2, 3], dtype=np.float32), 1)
    array([0., 1., 2.], dtype=float32)
    """
    moved = np.zeros_like(y, dtype=np.float32)
    length = max(0, len(y) - abs(samples))
    if samples >= 0:
        moved[len(y) - length :] = y[:length]
    else:
        moved[:length] = y[len(y) - length :]
    return moved


def change_speed(y: Samples, factor: float, sample_rate: int) -> Samples:
    """Play `y` faster and higher, or slower and lower.

    A `factor` above 1 is faster, with zeros around it; below 1 is slower, and both ends are cut.
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
    """Gaussian noise [shape=(samples,)], float64, of no particular level.

    The power of white, pink and brown noise falls by 0, 3 and 6 dB an octave above 50 Hz; below it
    there is none.
    """
    # At least a tenth of a second, or the spectrum has no bin above 50 Hz.
    length = max(samples, sample_rate // 10)
    spectrum = np.fft.rfft(rng.standard_normal(length))
    hertz = np.fft.rfftfreq(length, 1.0 / sample_rate)
    audible = hertz >= _LOWEST_NOISE_HZ
    spectrum[audible] *= hertz[audible] ** -_SLOPES[colour]
    spectrum[~audible] = 0.0
    return np.fft.irfft(spectrum, length)[:samples]


def add_noise(
    y: Samples, snr_db: float, colour: Colour, sample_rate: int, rng: np.random.Generator
) -> Samples:
    """Add `coloured_noise`; the result may leave [-1, 1].

    `snr_db` is the power of all of `y`, with its pauses, over the power of the noise [dB].
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
    """A random room: the direct sound, then noise that decays exponentially.

    Parameters
    ----------
    rt60 : float > 0 [seconds]
        Time in which the reverberation falls by 60 dB; the response ends there.
    direct_to_reverberant_db : float [decibels]
        Energy of the direct sound over the energy of all that follows.

    Returns
    -------
    np.ndarray [shape=(1 + int(rt60 * sample_rate),)] float64
        Of energy 1, so that a clip keeps about its level.
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
    """Play `y` in a room (see `impulse_response`), cut at its end; the result may leave [-1, 1]."""
    if not len(y):
        return y
    room = impulse_response(rt60, direct_to_reverberant_db, sample_rate, rng)
    # Not scipy.signal, whose import takes a second in each worker process.
    from scipy import fft  # Commands that train nothing start faster.

    length = fft.next_fast_len(len(y) + len(room) - 1, real=True)
    wet = fft.irfft(fft.rfft(y.astype(np.float64), length) * fft.rfft(room, length), length)
    return wet[: len(y)].astype(np.float32)


def augment(
    y: Samples, sample_rate: int, rng: np.random.Generator, ranges: Ranges | None = None
) -> Samples:
    """Change speed, moment, room, noise and level, each by an amount that `rng` draws.

    The result is scaled down where it would leave [-1, 1].

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
