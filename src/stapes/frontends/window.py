"""What the settings of every frontend share: the stretch of sound that the model sees at a time."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Window(BaseModel):
    """Base of a frontend's settings: each has `frames`, `hop_length` and `shape` too."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    sample_rate: int
    window_seconds: float = Field(default=1.0, gt=0, le=60, description="of sound that is used")

    @property
    def window(self) -> int:
        """Length of the window [samples]."""
        return round(self.window_seconds * self.sample_rate)

    @property
    def warm_up(self) -> int:
        """So much of the sound before a window bears on its features, where it slides [samples]."""
        return 0
