"""The page of what was heard stays small, and its names are escaped."""

from __future__ import annotations

from stapes.contracts.listening import Heard, ListenedModel, Listening
from stapes.report.page.listening import MOST_SOUND, listening_page


def model(name: str) -> ListenedModel:
    return ListenedModel(
        name=name,
        wake_word="<i>word</i>",
        path=f"{name}.tflite",
        threshold=0.97,
        detections=0,
        files=0,
        near_misses=1,
        per_hour=None,
        per_hour_ci95=None,
    )


def test_sound_that_does_not_fit_is_left_out_and_names_are_escaped():
    def heard(name: str, peak: float) -> Heard:
        return Heard(
            event="near miss",
            model=name,
            file="a<script>.wav",
            seconds=1.0,
            score=peak,
            threshold=0.97,
            peak=peak,
            sound="A" * (MOST_SOUND // 4 - 1),
        )

    highest = [heard("one", 0.9), heard("one", 0.8), heard("two", 0.9), heard("two", 0.85)]
    highest.append(heard("two", 0.8))
    page = listening_page(
        Listening(
            source="rec",
            files=1,
            hours=0.5,
            near=0.8,
            models=[model("one"), model("two"), model("three")],
            skipped=[],
            highest=highest,
        )
    )
    assert page.count("<audio ") == 4
    assert page.count("near miss</td>") == 5
    assert len(page.encode()) < 2_000_000
    assert "a&lt;script&gt;.wav" in page
    assert "<i>word" not in page
    assert "No score reached a tenth of its threshold." in page
