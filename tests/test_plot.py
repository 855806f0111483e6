"""Pictures show what they say: their pixels, lines and limits are the numbers they were given."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib import rcParams
from matplotlib.figure import Figure

from minigen import data, flows, plot
from minigen.plot import curves, grids, mapping, style
from minigen.prob import Gaussian


@pytest.fixture
def toy():
    return data.toy("moons")


@pytest.fixture
def flow(toy, rng):
    x = toy.sample(200, rng=rng)
    flow = flows.real_nvp(2, 4, (8,), rng=rng, dtype=np.float64, init_from=x)
    for f in flow.chain.layers:
        if hasattr(f, "net"):
            f.net.layers[-1].W[...] = 0.1 * rng.standard_normal(f.net.layers[-1].W.shape)
    return flow


def pixels(ax):
    return np.asarray(ax.images[0].get_array())


def area(ax):
    left, right, bottom, top = ax.images[0].get_extent()
    return (right - left) * (top - bottom) / pixels(ax).size


def test_the_drawn_density_integrates_to_one(toy):
    truth, model, _ = plot.density(Gaussian.init(2), toy, box=(-5, 5, -5, 5)).axes
    assert abs(pixels(truth).sum() * area(truth) - 1) < 1e-3
    assert abs(pixels(model).sum() * area(model) - 1) < 1e-3


def test_truth_and_model_share_a_scale_and_the_third_panel_is_their_difference(flow, toy):
    truth, model, difference = plot.density(flow, toy).axes
    assert truth.images[0].get_clim() == model.images[0].get_clim()
    assert np.allclose(pixels(difference), pixels(model) - pixels(truth))
    low, high = difference.images[0].get_clim()
    assert low == -high


def test_a_density_stands_upright():
    """The mass at (0.5, 2) is drawn right of and above the centre of the window."""
    high = Gaussian.from_moments([0.5, 2.0], 0.01 * np.eye(2))
    (ax,) = plot.density(high, box=(-3, 3, -3, 3)).axes
    row, column = np.unravel_index(pixels(ax).argmax(), pixels(ax).shape)
    n = len(pixels(ax))
    assert ax.images[0].origin == "lower"
    assert np.allclose([-3 + 6 * (column + 0.5) / n, -3 + 6 * (row + 0.5) / n], [0.5, 2], atol=0.05)


def test_a_density_is_of_two_columns():
    with pytest.raises(ValueError, match=r"model.features: expected .* 2"):
        plot.density(Gaussian.init(3))


def test_the_gallery_has_each_truth_above_its_model(flow, toy):
    figure = plot.gallery({"moons": (flow, toy), "circles": (flow, data.toy("circles"))})
    assert [ax.get_title("left") for ax in figure.axes] == ["moons", "circles", "model", "model"]
    upper, lower = figure.axes[0], figure.axes[2]
    assert upper.images[0].get_extent() == lower.images[0].get_extent()
    assert upper.images[0].get_clim() == lower.images[0].get_clim()


def test_the_gallery_has_a_row_for_each_model(flow, toy):
    figure = plot.gallery({"moons": (flow, flow, toy)}, {"moons": ("first", "second")})
    assert [ax.get_title("left") for ax in figure.axes] == ["moons", "first", "second"]
    with pytest.raises(ValueError, match="as many models for each"):
        plot.gallery({"a": (flow, toy), "b": (flow, flow, toy)})


def test_samples_are_drawn_in_the_window_of_the_truth(rng, toy):
    x, truth = 5 + rng.standard_normal((40, 2)), toy.sample(60, rng=rng)
    left, right = plot.samples(x, truth).axes
    assert np.array_equal(left.collections[0].get_offsets(), truth)
    assert np.array_equal(right.collections[0].get_offsets(), x)
    assert left.get_xlim() == right.get_xlim()
    assert len(plot.samples(x).axes) == 1
    named = plot.samples(x, truth, names=("wrong", "right")).axes
    assert [ax.get_title("left") for ax in named] == ["right: 60 points", "wrong: 40 points"]
    with pytest.raises(ValueError, match="names: expected a title for each of 2, got"):
        plot.samples(x, truth, names=["one"])


@pytest.mark.parametrize("inverted", [False, True])
def test_warp_ends_where_decode_ends(flow, inverted):
    """The first panel is the square grid and the last its image; both in the data's columns."""
    layers = flow.chain.layers
    flow = flows.Flow(flows.Inverse(flow.chain), flow.base) if inverted else flow
    first, *_, last = plot.warp(flow, steps=3).axes
    grid = np.stack(first.collections[0].get_segments())
    assert np.ptp(np.ptp(grid, axis=1).min(axis=1)) < 1e-12  # straight lines along the axes
    bent = np.concatenate([np.stack(c.get_segments()) for c in last.collections[:2]])
    z = np.concatenate([np.stack(c.get_segments()) for c in first.collections[:2]])
    swaps = sum(isinstance(f, flows.Permute) for f in layers)
    z = z[..., ::-1] if swaps % 2 else z  # the panel shows z in the data's order of columns
    x, _ = flow.decode(z.reshape(-1, 2))
    assert np.allclose(bent.reshape(-1, 2), x)


def test_permutations_and_scalings_are_no_stages_of_the_warp(flow):
    assert len(plot.warp(flow, steps=99).axes) == 1 + 4


def run_of(loss, **more):
    return SimpleNamespace(history={"loss": loss} | more, best=1.1, best_step=20)


def test_training_shows_the_floor_and_the_best_validation():
    run = run_of(np.linspace(3, 1.2, 30), validation=[2, 1.1, 1.3], validation_step=[10, 20, 30])
    ax = plot.training(run, floor=1.0).axes[0]
    lines = {line.get_label(): line.get_xydata() for line in ax.lines}
    assert np.array_equal(lines["best"], [[20, 1.1]])
    assert [1.0, 1.0] in [list(xy[:, 1]) for xy in lines.values()]
    assert ax.get_ylim()[0] < 1.0
    assert len(plot.training(run_of([1.0])).axes) == 1


def test_the_running_mean_is_the_mean_of_the_last_values(rng):
    x = rng.standard_normal(50)
    expected = [x[max(0, k - 6) : k + 1].mean() for k in range(50)]
    assert np.allclose(curves._running_mean(x, 7), expected)


def test_images_stand_in_reading_order(rng):
    x = rng.random((5, 16))
    ax = plot.images(x, [str(k) for k in range(5)], columns=2).axes[0]
    shown = pixels(ax)
    for k in range(5):
        row, column = divmod(k, 2)
        tile = shown[5 * row : 5 * row + 4, 5 * column : 5 * column + 4]
        assert np.array_equal(tile, x[k].reshape(4, 4))
    assert [text.get_text() for text in ax.texts] == list("01234")


def test_images_must_be_square():
    with pytest.raises(ValueError, match=r"x: expected images"):
        plot.images(np.zeros((3, 15)))
    assert grids.as_images(np.zeros((3, 15, 2))).shape == (3, 15, 2)


def test_neighbours_put_each_query_first(rng):
    query, found = rng.random((3, 16)), rng.random((3, 2, 16))
    shown = pixels(plot.neighbours(query, found).axes[0])
    assert np.array_equal(shown[5:9, :4], query[1].reshape(4, 4))
    assert np.array_equal(shown[5:9, 10:14], found[1, 1].reshape(4, 4))
    with pytest.raises(ValueError, match="found: expected rows for 3 queries, got 2"):
        plot.neighbours(query, found[:2])


def test_the_last_panel_of_masks_is_what_gets_through():
    first = np.array([[1, 1], [0, 1], [0, 0]])
    last = np.array([[0, 1, 1], [0, 0, 1]])
    *layers, through = plot.masks([first, last]).axes
    assert len(layers) == 2
    assert np.array_equal(pixels(through), [[0, 1, 1], [0, 0, 1], [0, 0, 0]])


def test_cost_draws_each_line_and_dashes_the_sequential_ones():
    D = np.array([2, 4, 8])
    table = {"MAF": (D, 1e-3 * D), "MAF, loop": (D, 1e-2 * D)}
    ax = plot.cost(table, sequential=["MAF, loop"]).axes[0]
    assert [line.get_linestyle() for line in ax.lines] == ["-", "--"]
    assert np.allclose(ax.lines[0].get_ydata(), D)  # milliseconds
    assert [text.get_text() for text in ax.texts] == ["MAF", "MAF, loop"]
    with pytest.raises(ValueError, match="sequential: expected one of MAF, MAF, loop, got 'IAF'"):
        plot.cost(table, sequential=["IAF"])


def test_elbo_terms_draws_the_middle_and_names_the_ends():
    L = np.array([-1.5, 0.4, 0.3, 0.2, 0.01])
    ax = plot.elbo_terms(L, 0.1 * np.abs(L)).axes[0]
    assert np.array_equal(ax.lines[0].get_xydata(), [[1, 0.4], [2, 0.3], [3, 0.2]])
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert "L_0 (decoder) = -1.5, not drawn" in words
    assert "L_4 (prior) = 0.01" in words
    assert "-0.59" in ax.get_title("left")


def test_a_filmstrip_of_points_has_one_window(rng):
    frames = [rng.standard_normal((30, 2)) * scale for scale in (1, 3)]
    first, last = plot.filmstrip(frames, ["t = 0", "t = T"], color=frames[0][:, 0]).axes
    assert first.get_xlim() == last.get_xlim()
    assert first.get_title() == "t = 0"


def test_a_filmstrip_of_images_has_a_column_for_each_frame(rng):
    frames = rng.random((3, 2, 16))
    axes = plot.filmstrip(frames).axes
    assert np.array_equal(pixels(axes[1])[5:9], frames[1, 1].reshape(4, 4))
    with pytest.raises(ValueError, match="frames: expected arrays of one shape"):
        plot.filmstrip([frames[0], frames[1][:1]])


def test_the_map_has_images_at_their_places_unless_they_would_overlap():
    points = np.array([[0.0, 0.0], [1.0, 0.0], [1.001, 0.0]])
    at = mapping._pixels(points)
    hues = np.array([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]])
    canvas = mapping._collage(at, np.ones((3, 4, 4)), hues)
    column, row = at[0]
    assert np.array_equal(canvas[row, column], hues[0])
    assert (canvas == hues[0]).all(axis=2).sum() == 12 * 12
    assert (canvas == hues[2]).all(axis=2).sum() == 0  # a dot, over the image before it
    figure = plot.embedding(points, np.ones((3, 16)), [0, 1, 1])
    assert [text.get_text() for text in figure.axes[0].texts] == ["0", "1"]


def test_the_transition_matrix_is_drawn_as_it_is(rng):
    P = rng.dirichlet(np.ones(3), 3)
    ax = plot.transition(P, "abc").axes[0]
    assert np.array_equal(pixels(ax), P)
    assert [t.get_text() for t in ax.get_yticklabels()] == list("abc")
    with pytest.raises(ValueError, match="names: expected 3 names, got 2"):
        plot.transition(P, "ab")


def test_axes_of_the_caller_are_used_and_counted(flow, toy):
    axes = Figure().subplots(1, 3)
    figure = plot.density(flow, toy, ax=axes)
    assert figure is axes[0].figure and len(figure.axes) == 3
    with pytest.raises(ValueError, match="ax: expected 3 axes, got 2"):
        plot.density(flow, toy, ax=axes[:2])


def test_a_notebook_shows_a_picture_and_global_settings_stay(flow):
    before = dict(rcParams)
    assert plot.density(flow)._repr_png_().startswith(b"\x89PNG")
    assert dict(rcParams) == before


def test_plot_opens_no_window():
    code = "import sys, minigen.plot; print('matplotlib.pyplot' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True
    )
    assert run.stdout.strip() == "False"


def test_a_drawing_has_its_arrows_and_says_which_node_is_missing():
    nodes = {"x": (0, 0), "f": (1, 0), "y": (2, 0)}
    figure = plot.diagram(nodes, [("x", "f"), ("f", "y", "words")], back=[("y", "x")])
    (ax,) = figure.axes
    written = [t.get_text() for t in ax.texts]
    assert [written.count(w) for w in ("x", "f", "y", "words")] == [1, 1, 1, 1]
    arrows = [t.arrow_patch for t in ax.texts if getattr(t, "arrow_patch", None)]
    assert [a.get_linestyle() for a in arrows] == ["-", "-", "--"]
    with pytest.raises(ValueError, match=r"arrows\[0\].*expected one of x, f, y, got 'z'"):
        plot.diagram(nodes, [("x", "z")])


@pytest.mark.parametrize("output", [1, 2, 3])
def test_the_coloured_units_are_those_that_a_path_to_the_output_meets(output):
    masks = [np.tri(3).T, np.tri(3, k=-1).T]  # output i sees inputs 1 ... i - 1
    (ax,) = plot.units(masks, output=output, labels=[list("abc"), list("def"), list("ghi")]).axes
    inputs = ax.collections[0].get_facecolors()
    white = np.all(inputs == 1, axis=1)
    assert list(~white) == [k < output - 1 for k in range(3)]
    assert len(ax.lines) == sum(int(m.sum()) for m in masks)
    assert {"a", "i"} <= {t.get_text() for t in ax.texts}


def test_matrices_share_a_scale_and_an_exact_zero_is_written_as_0():
    first, second = plot.matrices({"one": [[0.0, -2.0]], "two": [[1e-9, 1.0]]}).axes
    assert first.images[0].get_clim() == second.images[0].get_clim() == (-2, 2)
    assert [t.get_text() for t in first.texts] == ["0", "-2.00"]
    assert [t.get_text() for t in second.texts] == ["0.00", "1.00"]


def test_an_animation_keeps_its_frames_and_ends_where_the_flow_ends(flow, tmp_path):
    from PIL import Image

    film = plot.moving_grid(flow, between=2)
    last = film.frames[-1].axes[0].collections[-1].get_offsets()
    z = flow.base.sample(800, rng=np.random.default_rng(0))
    assert np.allclose(last, flow.chain.inverse(z)[0], atol=1e-6)
    film.save(tmp_path / "film.png")
    with Image.open(tmp_path / "film.png") as image:
        assert image.n_frames == len(film.frames) > 2
    with pytest.raises(ValueError, match="figures of one size"):
        plot.Animation([plot.samples(z), plot.samples(z, z)])


def test_a_logarithmic_axis_names_its_places_where_they_are_few():
    x = np.array([5, 10, 20, 40])
    ax = plot.lines({"a": (x, 1.0 / x), "b": (x, 2.0 / x)}, log="xy").axes[0]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["5", "10", "20", "40"]
    assert not [t for t in ax.get_xticklabels(minor=True) if t.get_text()]
    many = np.arange(1.0, 300.0)
    ax = plot.lines({"a": (many, many)}, log="x").axes[0]
    ax.figure.canvas.draw()
    assert not [t.get_text() for t in ax.get_xticklabels(minor=True) if t.get_text()]


def test_words_stay_within_a_narrow_picture(rng):
    """A heading or a caption that is wider than its picture has more lines; formulas have one."""
    x = rng.random((6, 64))
    narrow = (plot.neighbours(x[:3], x[3:, None]), plot.images(x[:1], heading="one digit of " * 5))
    toy = data.toy("moons")
    for figure in (*narrow, plot.gallery({"moons": (Gaussian.init(2), toy)})):
        figure.canvas.draw()
        width = figure.bbox.width
        texts = [*(ax.title for ax in figure.axes), *(ax._left_title for ax in figure.axes)]
        for text in filter(lambda t: t.get_text(), [*texts, *figure.texts]):
            box = text.get_window_extent()
            assert box.x0 >= -1 and box.x1 <= width + 1, text.get_text()
    assert style.in_lines("a $x_1 = 3$ long formula", 0.1, 9.0) == "a $x_1 = 3$ long formula"
    assert style.in_lines("two words", 9.0, 9.0) == "two words"
