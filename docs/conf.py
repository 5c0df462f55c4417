"""How `make docs` builds the site: Markdown pages by MyST, the Python reference by autodoc."""

from __future__ import annotations

from stapes import __version__

project = "Stapes"
author = "The Stapes authors"
project_copyright = "The Stapes authors, Apache-2.0"
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
smartquotes = False  # An option is --data, not a dash.
exclude_patterns = ["_build"]

autodoc_typehints = "none"  # The docstrings give types with shapes and units.
napoleon_google_docstring = False

html_theme = "furo"
html_title = "Stapes"
html_copy_source = False
