"""All variants are compared with float32, and the clips that most get wrong have sound."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
import soundfile
from tests.run.rows_by_hand import results, variant

from stapes.data.clip import Clip
from stapes.run.conclusion import against, conclude
from stapes.run.settings import RunSettings

N = 20


@pytest.fixture
def clips(tmp_path):
    clips = []
    for number in range(N):
        y = np.sin(2 * np.pi * (200 + 20 * number) * np.arange(16_000) / 16_000)
        soundfile.write(tmp_path / f"{number}.wav", 0.5 * y, 16_000)
        clips.append(Clip(f"clip{number}", tmp_path / f"{number}.wav", "x"))
    return clips


def test_each_variant_is_tested_against_float32_on_the_same_clips(clips):
    floats = variant("float32", wrong=[0, 15], n=N)
    int8 = variant("int8", wrong=[0, 1, 2, 3], n=N)
    whole = results(floats, int8, n=N)
    conclude(whole, clips, RunSettings())
    assert whole.variants[0].against_float32 is None
    paired = whole.variants[1].against_float32
    assert paired is not None
    assert paired.model_dump() == {
        "n": N,
        "only_this_wrong": 3,
        "only_other_wrong": 1,
        "p": pytest.approx(0.625),
    }


def test_what_was_not_measured_is_not_compared():
    floats = variant("float32", n=N)
    broken = variant("broken", n=N).model_copy(update={"accuracy": None})
    assert against(broken, floats, results(n=N).clips) is None
    assert against(floats, None, results(n=N).clips) is None


def test_the_clips_that_most_get_wrong_have_sound(clips):
    rows = [variant("float32", wrong=[12], n=N)]
    rows += [variant(f"v{n}", wrong=[3, 12, 4 + n], n=N) for n in range(7)]
    whole = results(*rows, n=N)
    conclude(whole, clips, RunSettings())
    with_sound = [place for place, clip in enumerate(whole.clips) if clip.sound]
    assert with_sound == [3, 4, 5, 6, 7, 8, 9, 12]
    y, rate = soundfile.read(io.BytesIO(base64.b64decode(whole.clips[12].sound or "")))
    spectrum = np.abs(np.fft.rfft(y[2_000:10_000]))
    assert np.argmax(spectrum) * rate / 8_000 == 200 + 20 * 12


def test_a_deleted_clip_has_no_sound(clips):
    clips[3].path.unlink()
    whole = results(variant("float32", wrong=[3], n=N), n=N)
    conclude(whole, clips, RunSettings())
    assert whole.clips[3].sound is None
    assert whole.recommendation is not None


def test_the_recommendation_is_for_the_budget_of_the_settings(clips):
    rows = [variant("float32", 80_000, n=N, arena=9), variant("int8", 20_000, n=N, arena=9)]
    whole = results(*rows, n=N)
    conclude(whole, clips, RunSettings(budget={"flash": 30_000.0}))
    assert whole.recommendation is not None
    assert whole.recommendation.variant == "int8"
    assert whole.recommendation.budget == {"flash": 30_000.0}
