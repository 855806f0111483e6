"""Small line plots as inline SVG: no file, no script, and the page's own colours."""

import html
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

WIDTH, HEIGHT = 640, 236
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 12, 44

Curve = tuple[str, str, ArrayLike, ArrayLike]  # name, role, x, y


def plot(
    curves: Sequence[Curve], x_label: str, y_label: str, caption: str, *, log: bool = False
) -> str:
    """A figure with a caption; the role of a curve is one of right, wrong, plain, other."""
    across = Axis([x for _, _, x, _ in curves], LEFT, WIDTH - RIGHT, tight=True)
    up = Axis([y for _, _, _, y in curves], HEIGHT - BOTTOM, TOP, log)
    parts = [*_x_axis(across, x_label), *_y_axis(up)]
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


class Axis:
    """Numbers to pixels, and where to put the ticks; a tight one ends where its numbers end."""

    def __init__(
        self,
        values: Sequence[ArrayLike],
        start: float,
        end: float,
        log: bool = False,
        tight: bool = False,
    ) -> None:
        self.log, self.start, self.end = log, start, end
        every = self._scaled(np.concatenate([np.asarray(v, float) for v in values]))
        low, high = float(np.min(every)), float(np.max(every))
        self.ticks = _round_ticks(low, high, whole=log)
        self.low, self.high = min(low, self.ticks[0]), max(high, self.ticks[-1])
        if tight:
            self.low, self.high = low, high
            self.ticks = [v for v in self.ticks if low <= v <= high]

    def __call__(self, values: ArrayLike) -> NDArray:
        return self._place(self._scaled(values))

    def labels(self) -> Iterator[tuple[float, str]]:
        """(pixel, text) of each tick."""
        for v in self.ticks:
            text = f"1e{v:.0f}" if self.log else f"{v:g}".replace("-", "−")
            yield float(self._place(np.asarray(v))), text

    def _scaled(self, values: ArrayLike) -> NDArray:
        values = np.asarray(values, float)
        return np.log10(np.maximum(values, 1e-17)) if self.log else values

    def _place(self, v: NDArray) -> NDArray:
        return self.start + (v - self.low) / (self.high - self.low) * (self.end - self.start)


def _round_ticks(low: float, high: float, whole: bool = False, most: int = 6) -> list[float]:
    """At most `most` round numbers from below `low` to above `high`."""
    span = max(high - low, 1e-9)
    raw = span / (most - 2)
    unit = 10.0 ** np.floor(np.log10(raw))
    steps = [k * unit for k in (1, 2, 2.5, 5, 10) if k * unit >= raw * 0.999]
    step = np.ceil(steps[0]) if whole else steps[0]
    ticks = np.arange(np.floor(low / step), np.ceil(high / step) + 1) * step
    return [float(f"{t:.10g}") for t in ticks]


def _x_axis(axis: Axis, label: str) -> Iterator[str]:
    y = HEIGHT - BOTTOM
    yield f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>'
    for x, text in axis.labels():
        yield f'<text class="tick" x="{x:.1f}" y="{y + 16}" text-anchor="middle">{text}</text>'
    middle = (LEFT + WIDTH - RIGHT) / 2
    yield (
        f'<text class="label" x="{middle}" y="{HEIGHT - 5}" text-anchor="middle">'
        f"{html.escape(label)}</text>"
    )


def _y_axis(axis: Axis) -> Iterator[str]:
    for y, text in axis.labels():
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="tick" x="{LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'


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
        parts.append(f'<text class="tick" x="{x:.1f}" y="37" text-anchor="middle">1e{power}</text>')
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
