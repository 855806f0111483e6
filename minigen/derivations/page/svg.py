"""Small line plots as inline SVG: no file, no script, and the page's own colours."""

import html
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

WIDTH, HEIGHT = 640, 236
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 12, 44

Curve = tuple[str, str, ArrayLike, ArrayLike]  # name, role, x, y


def plot(
    curves: Sequence[Curve], x_label: str, y_label: str, caption: str, *, log: bool = False
) -> str:
    """A figure with a caption; the role of a curve is one of right, wrong, plain, other."""
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    across, x_ticks = _scale([x for _, _, x, _ in curves], LEFT, right, tight=True)
    up, y_ticks = _scale([y for _, _, _, y in curves], bottom, TOP, log)
    parts = [_line("axis", LEFT, right, bottom)]
    parts += [_text("tick", x, bottom + 16, "middle", text) for x, text in x_ticks]
    parts.append(_text("label", (LEFT + right) / 2, HEIGHT - 5, "middle", x_label))
    for y, text in y_ticks:
        parts += [_line("grid", LEFT, right, y), _text("tick", LEFT - 7, y + 4, "end", text)]
    for _, role, x, y in curves:
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(across(x), up(y), strict=True))
        parts.append(f'<polyline class="{role}" points="{points}"/>')
    names = "".join(
        f'<span class="key {role}">{html.escape(name)}</span>' for name, role, _, _ in curves
    )
    return (
        f'<figure class="plot"><div class="keys"><span class="y">{html.escape(y_label)}</span>'
        f'{names}</div><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{html.escape(caption)}">{"".join(parts)}</svg>'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def _line(role: str, left: float, right: float, y: float) -> str:
    return f'<line class="{role}" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'


def _text(role: str, x: float, y: float, anchor: str, text: str) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text class="{role}" {place}>{html.escape(text)}</text>'


def _scale(
    values: Sequence[ArrayLike], start: float, end: float, log: bool = False, tight: bool = False
) -> tuple[Callable[[ArrayLike], NDArray], list[tuple[float, str]]]:
    """Numbers to pixels, and (pixel, text) of the ticks; a tight axis ends where its numbers do."""

    def scaled(v: ArrayLike) -> NDArray:
        return np.log10(np.maximum(v, 1e-17)) if log else np.asarray(v, float)

    def place(v: ArrayLike) -> NDArray:
        return start + (np.asarray(v) - low) / (high - low) * (end - start)

    low = min(float(scaled(v).min()) for v in values)
    high = max(float(scaled(v).max()) for v in values)
    ticks = _round_ticks(low, high, whole=log)
    if tight:
        ticks = [v for v in ticks if low <= v <= high]
    else:
        low, high = min(low, ticks[0]), max(high, ticks[-1])
    names = [f"1e{v:.0f}" if log else f"{v:g}".replace("-", "−") for v in ticks]
    pixels = map(float, map(place, ticks))
    return lambda v: place(scaled(v)), list(zip(pixels, names, strict=True))


def _round_ticks(low: float, high: float, whole: bool = False, most: int = 6) -> list[float]:
    """At most `most` round numbers from below `low` to above `high`."""
    span = max(high - low, 1e-9)
    raw = span / (most - 2)
    unit = 10.0 ** np.floor(np.log10(raw))
    steps = [k * unit for k in (1, 2, 2.5, 5, 10) if k * unit >= raw * 0.999]
    step = np.ceil(steps[0]) if whole else steps[0]
    ticks = np.arange(np.floor(low / step), np.ceil(high / step) + 1) * step
    return [float(f"{t:.10g}") for t in ticks]


def _on_ruler(error: float) -> float:
    return 8 + 624 * (np.log10(min(max(error, 1e-17), 100.0)) + 17) / 19


def ruler(marks: Sequence[tuple[str, str, float]]) -> str:
    """The errors of one entry on a logarithmic ruler from 1e-17 to 100.

    marks: (name, role, value); an exact zero stands at the left end.
    """
    parts = ['<line class="axis" x1="8" x2="632" y1="20" y2="20"/>']
    for power in range(-16, 1, 4):
        x = _on_ruler(10.0**power)
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="17" y2="23"/>')
        parts.append(_text("tick", x, 37, "middle", f"1e{power}"))
    for name, role, value in marks:
        x = _on_ruler(value)
        shape = {
            "wrong": f'<path class="mark wrong" d="M{x - 5:.1f} 15l10 10m0-10l-10 10"/>',
            "allowed": f'<path class="mark allowed" d="M{x:.1f} 10v20"/>',
            "plain": f'<path class="mark plain" d="M{x:.1f} 14l5.5 6l-5.5 6l-5.5-6z"/>',
        }.get(role, f'<circle class="mark right" cx="{x:.1f}" cy="20" r="5"/>')
        parts.append(f"<g><title>{html.escape(name)} {value:.1e}</title>{shape}</g>")
    label = ", ".join(f"{name} {value:.1e}" for name, _, value in marks)
    return (
        f'<svg class="ruler" viewBox="0 0 640 42" role="img" aria-label="{html.escape(label)}">'
        f"{''.join(parts)}</svg>"
    )
