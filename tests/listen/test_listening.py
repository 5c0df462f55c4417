"""Listening to recordings: what is counted, kept, labelled and shown."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.listen.models import RATE, bursts, manifest

import stapes
from stapes.contracts import captures
from stapes.errors import AudioError, UsageError
from stapes.listen import listening as module
from stapes.listen import session as sessions
from stapes.listen.listener import Listener
from stapes.listen.session import Session
from stapes.listen.settings import ListenSettings
from stapes.listen.wake_word import WakeWord
from stapes.listen.warm_up import led
from stapes.measure.intervals import poisson_rate
from stapes.system.files import sha256

pytest.importorskip("pymicro_features", reason="needs the extra `listen`")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two models, and two recordings of 20 and 10 seconds."""
    folder = tmp_path_factory.mktemp("listening")
    manifest(folder)
    manifest(folder, "strict", probability_cutoff=0.95, sliding_window_size=12)
    (folder / "rec").mkdir()
    soundfile.write(folder / "rec" / "a.wav", bursts(20.0, 2.0, 5.0, 8.0), RATE)
    soundfile.write(folder / "rec" / "b.flac", bursts(10.0, 4.0), RATE)
    return folder


class Recorded(Listener):
    def __init__(self) -> None:
        self.calls: list[str] = []

    def begins(self, words, source, *, live) -> None:
        self.calls.append(f"begins {[word.name for word in words]} {Path(source).name} {live}")

    def recording(self, done, total, name) -> None:
        self.calls.append(f"{done} of {total}: {name}")

    def heard(self, heard) -> None:
        self.calls.append(heard.event)

    def ends(self) -> None:
        self.calls.append("ends")


def moments(listening, model="loud", event="detection") -> list[tuple[str, float]]:
    return [
        (heard.file, round(heard.seconds, 1))
        for heard in listening.heard
        if heard.model == model and heard.event == event
    ]


def test_a_folder_of_recordings_has_a_rate_with_its_interval(folder):
    listener = Recorded()
    listening = stapes.listen(folder / "loud.json", folder / "rec", listener=listener)
    assert moments(listening) == [
        *(("rec/a.wav", 2.0), ("rec/a.wav", 5.0), ("rec/a.wav", 8.0)),
        ("rec/b.flac", 4.0),
    ]
    [model] = listening.models
    hours = 30 / 3600
    assert listening.hours == pytest.approx(hours)
    assert (model.detections, model.files, listening.files) == (4, 2, 2)
    assert model.per_hour == pytest.approx(4 / hours)
    assert model.per_hour_ci95 == pytest.approx(poisson_rate(4, hours))
    assert listener.calls == [
        "begins ['loud'] rec False",
        *("0 of 2: rec/a.wav", *["detection"] * 3),
        *("1 of 2: rec/b.flac", "detection", "ends"),
    ]


def test_data_names_recordings_too_and_models_are_compared(folder):
    models = [folder / "loud.json", folder / "strict.json"]
    listening = stapes.listen(models, data=folder / "rec" / "a.wav")
    assert [(model.name, model.detections) for model in listening.models] == [
        ("loud", 3),
        ("strict", 0),
    ]
    # A burst of 0.3 s does not fill a ring of 12 outputs, but it comes near.
    assert len(moments(listening, "strict", "near miss")) == 3
    assert stapes.listen(models, data=folder / "rec" / "a.wav", near=1.0).models[1].near_misses == 0


def test_a_word_at_the_begin_of_a_clip_is_detected(folder, tmp_path):
    """A device would be deaf in the first second after its start.

    Played backwards, the clip is detected too, and the device would be deaf again.
    """
    soundfile.write(tmp_path / "clip.wav", bursts(0.8, 0.3), RATE)
    listening = stapes.listen(folder / "loud.json", tmp_path / "clip.wav")
    assert listening.models[0].files == 1


def test_decisions_on_a_recording_are_those_of_the_wake_word_after_its_lead(folder):
    y, _ = soundfile.read(folder / "rec" / "a.wav", dtype="int16")
    before, _ = led(iter([y]))
    word = WakeWord(folder / "loud.json")
    assert word.process(before) == []
    expected = [round(found.seconds - 2, 3) for found in word.process(y)]
    listening = stapes.listen(folder / "loud.json", folder / "rec" / "a.wav")
    assert [heard.seconds for heard in listening.heard] == expected


def test_the_seconds_around_each_event_are_kept_with_their_scores(folder, tmp_path):
    models = [folder / "loud.json", folder / "strict.json"]
    stapes.listen(models, folder / "rec" / "a.wav", keep=tmp_path / "kept")
    paths = sorted((tmp_path / "kept").glob("*.wav"))
    names = [re.sub(r"\d\.\d\d", "N", path.name) for path in paths]
    assert names == [
        *["loud-a_wav-00000N-detection.wav"] * 3,
        *["strict-a_wav-00000N-near_miss.wav"] * 3,
    ]
    recording, _ = soundfile.read(folder / "rec" / "a.wav", dtype="int16")
    for path in paths:
        y, rate = soundfile.read(path, dtype="int16")
        capture = captures.read(path.with_suffix(".json"))
        assert (rate, capture.source, capture.recorded) == (RATE, "a.wav", None)
        assert capture.source_sha256 == sha256(folder / "rec" / "a.wav")
        assert capture.wake_word == "Loud"
        # Three seconds before it and one after it, if the recording has them.
        moment = float(path.name.split("-")[2])
        assert len(y) / RATE == pytest.approx(1 + min(3.0, moment), abs=0.1)
        windows = np.lib.stride_tricks.sliding_window_view(recording, 50)
        [begin] = np.flatnonzero((windows == y[:50]).all(axis=1))
        np.testing.assert_array_equal(recording[begin : begin + len(y)], y)
        # The score that stands for the event is at its place.
        place = round(capture.seconds / capture.step_seconds) - 1
        assert len(capture.scores) * capture.step_seconds == pytest.approx(len(y) / RATE, abs=0.03)
        assert capture.score == pytest.approx(max(capture.scores[place : place + 34]), abs=1e-4)
        assert (capture.scores[place] > capture.threshold) == (capture.kind == "detection")
        assert capture.score >= 0.8 * capture.threshold


def test_scores_that_stay_near_are_kept_around_their_moments(folder, tmp_path):
    rng = np.random.default_rng(0)
    y = np.concatenate([rng.normal(0, 0.002, 3 * RATE), rng.normal(0, 0.02, 1 * RATE)] * 6)
    soundfile.write(tmp_path / "long.wav", y.astype(np.float32), RATE)
    options = {"near": 0.001, "cutoff": 1.0, "keep": tmp_path / "kept"}
    listening = stapes.listen(folder / "strict.json", tmp_path / "long.wav", **options)
    assert len(listening.heard) >= 4
    for path in (tmp_path / "kept").glob("*.json"):
        capture = captures.read(path)
        place = round(capture.seconds / capture.step_seconds) - 1
        assert capture.scores[place] == pytest.approx(capture.score, abs=1e-4)


def test_listening_again_keeps_nothing_twice(folder, tmp_path):
    for _ in range(2):
        stapes.listen(folder / "loud.json", folder / "rec", keep=tmp_path)
    assert len(list(tmp_path.glob("*.wav"))) == 4


def test_a_label_track_has_the_moments_of_a_recording(folder, tmp_path):
    models = [folder / "loud.json", folder / "strict.json"]
    stapes.listen(models, folder / "rec" / "a.wav", labels=tmp_path / "a.txt")
    lines = [line.split("\t") for line in (tmp_path / "a.txt").read_text().splitlines()]
    assert [line[2].rsplit(" ", 1)[0] for line in lines] == ["loud", "strict near miss"] * 3
    for begin, end, _ in lines:
        assert begin == end
        assert re.fullmatch(r"\d+\.\d{3}", begin)


def test_recordings_of_a_folder_have_a_track_each(folder, tmp_path):
    stapes.listen(folder / "loud.json", folder / "rec", labels=tmp_path / "labels")
    tracks = {path.name: path.read_text() for path in (tmp_path / "labels" / "rec").iterdir()}
    assert {name: text.count("\n") for name, text in tracks.items()} == {
        "a.wav.txt": 3,
        "b.flac.txt": 1,
    }


def test_a_page_has_players_of_the_highest_scores(folder, tmp_path):
    sound = bursts(60.0, *np.arange(2.0, 58.0, 2.5))
    soundfile.write(tmp_path / "<b>long.wav", sound, RATE)
    models = [folder / "loud.json", folder / "strict.json"]
    page = tmp_path / "heard.html"
    listening = stapes.listen(models, tmp_path / "<b>long.wav", page=page)
    assert listening.models[0].detections == 23
    text = page.read_text("utf-8")
    assert text.count("<audio ") == 20
    assert len(text) < 2_000_000
    assert "&lt;b&gt;long.wav" in text
    assert "<b>long.wav" not in text
    assert "http" not in text.replace("http-equiv", "")
    # The highest of each model, in order.
    loudest = sorted((one.peak for one in listening.heard if one.model == "strict"), reverse=True)
    section = text.split("Highest scores of strict")[-1]
    assert [float(v) for v in re.findall(r'data-value="(0\.\d+|1\.0)"', section)] == loudest[:10]


def test_a_page_shows_lower_scores_where_nothing_came_near(folder, tmp_path):
    page = tmp_path / "heard.html"
    options = {"page": page, "near": 1.0, "cutoff": 1.0}
    listening = stapes.listen(folder / "strict.json", folder / "rec" / "a.wav", **options)
    assert listening.heard == []
    assert {one.event for one in listening.highest} == {"lower score"}
    assert sorted(round(one.seconds) for one in listening.highest if one.peak > 0.5) == [2, 5, 8]
    assert page.read_text().count("<audio ") == len(listening.highest)
    assert stapes.listen(folder / "strict.json", folder / "rec").highest == []


def test_files_that_do_not_decode_are_skipped_by_name(folder, tmp_path, write_clip):
    shutil.copy(folder / "rec" / "b.flac", tmp_path / "b.flac")
    (tmp_path / "a.wav").write_bytes(b"no sound")
    (tmp_path / "c.txt").write_text("notes")
    listening = stapes.listen(folder / "loud.json", tmp_path)
    assert len(listening.heard) == 1
    assert {Path(part.file).name for part in listening.skipped} == {"a.wav", "c.txt"}
    assert listening.hours == pytest.approx(10 / 3600)
    with pytest.raises(AudioError, match=r"a\.wav"):
        stapes.listen(folder / "loud.json", tmp_path / "a.wav")
    (tmp_path / "b.flac").write_bytes(b"")
    with pytest.raises(UsageError, match="no sound file in it can be used"):
        stapes.listen(folder / "loud.json", tmp_path)


def test_ctrl_c_ends_with_what_was_heard(folder):
    class Interrupts(Listener):
        def heard(self, heard) -> None:
            if heard.seconds > 4:
                raise KeyboardInterrupt

    listening = stapes.listen(folder / "loud.json", folder / "rec", listener=Interrupts())
    assert listening.stopped
    assert moments(listening) == [("rec/a.wav", 2.0), ("rec/a.wav", 5.0)]
    assert listening.hours < 7 / 3600


def test_ctrl_c_while_a_recording_is_decoded_keeps_the_ones_before(folder, monkeypatch):
    decoded = iter([led])

    def interrupted(chunks):
        for decodes in decoded:
            return decodes(chunks)
        raise KeyboardInterrupt

    monkeypatch.setattr(sessions, "led", interrupted)
    listening = stapes.listen(folder / "loud.json", folder / "rec")
    assert listening.stopped
    assert [file for file, _ in moments(listening)] == ["rec/a.wav"] * 3
    assert listening.hours == pytest.approx(20 / 3600)


def test_live_sound_has_the_time_of_the_day_and_messages(folder, tmp_path, monkeypatch):
    notes = []

    class Notes(Listener):
        def note(self, text: str) -> None:
            notes.append(text)

    def silent(_: object) -> Iterator[np.ndarray]:
        yield from np.split(np.zeros(4 * RATE, np.int16), 50)
        yield from np.split(bursts(4.0, 1.0), 50)
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "of_microphone", silent)
    listening = stapes.listen(folder / "loud.json", listener=Notes(), keep=tmp_path)
    assert listening.source == "microphone"
    assert listening.stopped
    [heard] = listening.heard
    # Silence does not train the frontend's noise: the first sound of the room is a burst too.
    assert heard.seconds == pytest.approx(4.1, abs=0.2)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d", heard.time or "")
    assert len(notes) == 1
    [sidecar] = tmp_path.glob("loud-2*-detection.json")
    assert json.loads(sidecar.read_text())["recorded"] < heard.time
    assert json.loads(sidecar.read_text())["source_sha256"] is None


def test_models_of_one_name_are_called_by_their_paths(folder, tmp_path):
    other = manifest(tmp_path / "other")
    models = [folder / "loud.json", other]
    listening = stapes.listen(models, folder / "rec" / "b.flac")
    assert [model.name for model in listening.models] == list(map(str, models))
    with pytest.raises(UsageError, match="given twice"):
        stapes.listen([other, other], folder / "rec")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"sound": "x.wav", "data": "y.wav"}, r"data .*: x\.wav names the sound already"),
        ({"sound": ["-", "x.wav"]}, "standard input is the only sound"),
        ({"sound": "none.wav"}, r"none\.wav: there is no such file"),
        ({"sound": "x.wav", "device": "USB"}, "device: it is a microphone"),
        ({"sound": "x.wav", "variant": "stream"}, "variant stream: no folder of a run"),
        ({"sound": "x.wav", "page": "/proc/x.html"}, r"page /proc/x\.html: cannot be written"),
        ({"sound": "x.wav", "page": "/"}, "page /: is a folder; name a file"),
        ({"sound": "x.wav", "keep": __file__}, r"keep .*: is a file; name a folder"),
        ({"near": 0.0}, "near: "),
        ({"cutoff": 2.0}, "cutoff: "),
        ({"nera": 0.5}, r"nera: .* \(did you mean near\?\)"),
    ],
)
def test_a_wrong_call_names_the_argument(folder, call, message):
    with pytest.raises(UsageError, match=message):
        stapes.listen(folder / "loud.json", **call)


def test_the_error_of_a_second_model_is_its_own(folder, tmp_path):
    """LiteRT clears an error that is on its way when it frees the first model."""
    with pytest.raises(UsageError, match=r"none\.json cannot be read"):
        stapes.listen([folder / "loud.json", tmp_path / "none.json"], folder / "rec")


def test_no_model_or_no_recording_in_a_list_is_refused(folder):
    with pytest.raises(UsageError, match="models: name one"):
        stapes.listen([], folder / "rec")
    with pytest.raises(UsageError, match="sound: no recording is named"):
        stapes.listen(folder / "loud.json", [])


@pytest.mark.parametrize(
    ("options", "sound", "message"),
    [
        ({"keep": "file/kept"}, "rec", "keep .*: cannot be written"),
        ({"page": "file/page.html"}, "rec", "page .*: cannot be written"),
        ({"labels": "file/l.txt"}, "rec/a.wav", "labels .*: cannot be written"),
        ({"labels": "file"}, "rec", "labels .*: is a file; name a folder"),
        ({"labels": "folder"}, "rec/a.wav", "labels .*: is a folder; name a file"),
        ({"keep": "file"}, "rec", "keep .*: is a file; name a folder"),
        ({"page": "folder"}, "rec", "page .*: is a folder; name a file"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused_before_it_listens(
    folder, tmp_path, options, sound, message
):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    places = {name: tmp_path / path for name, path in options.items()}
    listener = Recorded()
    with pytest.raises(UsageError, match=message):
        stapes.listen(folder / "loud.json", folder / sound, listener=listener, **places)
    assert not listener.calls


def test_a_folder_of_one_recording_has_a_folder_of_tracks(folder, tmp_path):
    (tmp_path / "one").mkdir()
    shutil.copy(folder / "rec" / "a.wav", tmp_path / "one")
    for _ in range(2):
        stapes.listen(folder / "loud.json", tmp_path / "one", labels=tmp_path / "tracks")
    assert (tmp_path / "tracks" / "one" / "a.wav.txt").is_file()


def test_a_session_without_sound_has_no_rate(folder):
    word = WakeWord(folder / "loud.json")
    session = Session([word], ListenSettings(), "microphone", Listener())
    listening = session.live(iter([]), clock=True)
    assert listening.models[0].per_hour is None
    assert not listening.stopped
