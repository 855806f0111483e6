"""The documentation: `pip install ".[docs]"`, then `sphinx-build docs site`.

What stands elsewhere in the repository is gathered before the build, never copied by hand: the
notebooks, the READMEs, the docstrings, the entries of the notes. Nothing is fetched by a reader:
mathematics is MathML, its font and the theme's files are in the folder.
"""

import pathlib
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))

import minigen  # noqa: E402

project = "minigen"
author = copyright = "The minigen authors"
version = release = minigen.__version__
extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "site_parts.gather",
    "site_parts.mathematics",
    "site_parts.docstrings",
    "site_parts.links",
    "site_parts.notes",
    "site_parts.papers",
    "site_parts.browser",
    "site_parts.records",
]
exclude_patterns = ["_build", "site_parts"]
nitpicky = True

# notebooks and Markdown
nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
myst_fence_as_directive = ["math"]  # as code hosts write formulas

# docstrings
autosummary_generate = False  # site_parts/gather.py writes the pages
numpydoc_show_class_members = False
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
maximum_signature_line_length = 80
add_module_names = False
toc_object_entries = False

# pages
html_theme = "furo"
html_title = f"minigen {release}"
html_math_renderer = "mathml"
html_static_path = ["_static", "../minigen/derivations/page/math.woff2"]
html_css_files = ["site.css"]
html_show_search_summary = False  # it would fetch pages, which a browser forbids in a folder
html_copy_source = False
html_show_sphinx = False
pygments_style = "tango"
pygments_dark_style = "github-dark"
