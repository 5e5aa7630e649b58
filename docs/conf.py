"""Configuration of the documentation site: Sphinx with MyST (Markdown) and the Furo theme; `./just docs` builds it."""

from typing import Any

from sphinx.application import Sphinx

from mftctl import __version__

project = "mftctl"
author = "the mftctl authors"
release = __version__

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
# The parts are folders, and each is listed with a glob: a new page needs no entry anywhere.

myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]

html_theme = "furo"
pygments_style = "tango"
pygments_dark_style = "github-dark"
html_title = "mftctl"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
# Result summaries are fetched with a request for each page, which a browser refuses for local files.
html_show_search_summary = False
html_static_path = ["_static"]
html_css_files = ["site.css"]


def _collapse(_app: Sphinx, _page: str, _template: str, context: dict[str, Any], _tree: object) -> None:
    """List the pages below the current one only: with all of them in each page, the build takes twice as long."""
    if full := context.get("toctree"):
        context["toctree"] = lambda **options: full(**options | {"collapse": True})


def setup(app: Sphinx) -> None:
    """Come before Furo, which makes the menu of each page."""
    app.connect("html-page-context", _collapse, priority=400)
