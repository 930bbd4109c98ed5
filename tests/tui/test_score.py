"""The colours of scores: evenly filled, and told apart without colour and by eyes that see fewer."""

from __future__ import annotations

from collections import Counter

import pytest

from asi_repro.tui.widgets.score import BARS, ScoreScale


def _lightness(style: object) -> float:
    red, green, blue = style.color.get_truecolor()  # type: ignore[attr-defined]

    def linear(channel: int) -> float:
        c = channel / 255
        return c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4

    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)


def _contrast(style: object, background: float) -> float:
    light, dark = sorted((_lightness(style), background), reverse=True)[0:2]
    return (light + 0.05) / (dark + 0.05)


def test_each_step_holds_an_eighth() -> None:
    scale = ScoreScale([n / 100 for n in range(800)])
    assert Counter(scale.step(n / 100) for n in range(800)) == dict.fromkeys(range(8), 100)
    assert [scale.bar(n) for n in (0.0, 7.99)] == [BARS[0], BARS[-1]]


@pytest.mark.parametrize(("dark", "background"), [(True, 0.0086), (False, 0.957)])
def test_more_score_is_always_more_contrast(dark: bool, background: float) -> None:
    scale = ScoreScale([1.0, 2.0], dark=dark)
    contrasts = [_contrast(style, background) for style in scale.styles]
    assert contrasts == sorted(contrasts), "lightness alone, which every eye sees, must tell the steps apart"
    assert contrasts[0] >= 2.4
    assert len({scale.bar(score) for score in (1.0, 2.0)}) == 2


def test_no_score_has_its_own_glyph() -> None:
    assert ScoreScale([1.0, 2.0]).bar(None) not in BARS
    assert ScoreScale([]).bar(1.0) not in BARS
