"""Small line plots as inline SVG: no file, no script, and the page's own colours."""

import html

import numpy as np

WIDTH, HEIGHT = 640, 236
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 12, 44


def plot(curves, x_label, y_label, caption, *, log=False):
    """A figure with a caption.

    curves: (name, role, xs, ys), with role one of right, wrong, plain, other.
    """
    xs = np.concatenate([np.asarray(c[2], float) for c in curves])
    ys = np.concatenate([np.asarray(c[3], float) for c in curves])
    across = Axis(xs, LEFT, WIDTH - RIGHT, tight=True)
    up = Axis(ys, HEIGHT - BOTTOM, TOP, log)
    parts = [*x_axis(across, x_label), *y_axis(up)]
    for _, role, x, y in curves:
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(across(x), up(y), strict=True))
        parts.append(f'<polyline class="{role}" points="{points}"/>')
    return (
        f'<figure class="plot">{keys(curves, y_label)}<svg viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'role="img" aria-label="{html.escape(caption, quote=True)}">{"".join(parts)}</svg>'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def keys(curves, y_label):
    """What stands upwards, and which curve is which."""
    names = "".join(
        f'<span class="key {role}">{html.escape(name)}</span>' for name, role, _, _ in curves
    )
    return f'<div class="keys"><span class="y">{html.escape(y_label)}</span>{names}</div>'


class Axis:
    """Numbers to pixels, and where to put the ticks; a tight one ends where its numbers end."""

    def __init__(self, values, start, end, log=False, tight=False):
        self.log, self.start, self.end = log, start, end
        values = np.log10(np.maximum(values, 1e-17)) if log else values
        low, high = float(np.min(values)), float(np.max(values))
        self.ticks = round_ticks(low, high, whole=log)
        self.low, self.high = min(low, self.ticks[0]), max(high, self.ticks[-1])
        if tight:
            self.low, self.high = low, high
            self.ticks = [v for v in self.ticks if low <= v <= high]

    def __call__(self, values):
        values = np.asarray(values, float)
        return self.place(np.log10(np.maximum(values, 1e-17)) if self.log else values)

    def place(self, v):
        return self.start + (v - self.low) / (self.high - self.low) * (self.end - self.start)

    def labels(self):
        """(pixel, text) of each tick."""
        for v in self.ticks:
            text = f"1e{v:.0f}" if self.log else f"{v:g}".replace("-", "−")
            yield self.place(v), text


def round_ticks(low, high, whole=False, most=6):
    """At most `most` round numbers from below `low` to above `high`."""
    span = max(high - low, 1e-9)
    raw = span / (most - 2)
    unit = 10.0 ** np.floor(np.log10(raw))
    steps = [k * unit for k in (1, 2, 2.5, 5, 10) if k * unit >= raw * 0.999]
    step = np.ceil(steps[0]) if whole else steps[0]
    ticks = np.arange(np.floor(low / step), np.ceil(high / step) + 1) * step
    return [float(f"{t:.10g}") for t in ticks]


def x_axis(axis, label):
    y = HEIGHT - BOTTOM
    yield f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>'
    for x, text in axis.labels():
        yield f'<text class="tick" x="{x:.1f}" y="{y + 16}" text-anchor="middle">{text}</text>'
    middle = (LEFT + WIDTH - RIGHT) / 2
    yield (
        f'<text class="label" x="{middle}" y="{HEIGHT - 5}" text-anchor="middle">'
        f"{html.escape(label)}</text>"
    )


def y_axis(axis):
    for y, text in axis.labels():
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="tick" x="{LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'


def ruler(marks):
    """The errors of one entry on a logarithmic ruler from 1e-17 to 100.

    marks: (name, role, value); an exact zero stands at the left end.
    """
    at = lambda v: 8 + 624 * (np.log10(min(max(v, 1e-17), 100.0)) + 17) / 19  # noqa: E731
    parts = ['<line class="axis" x1="8" x2="632" y1="20" y2="20"/>']
    for power in range(-16, 1, 4):
        x = at(10.0**power)
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="17" y2="23"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="37" text-anchor="middle">1e{power}</text>')
    for name, role, value in marks:
        x = at(value)
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
