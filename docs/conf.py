"""How the documentation is built; `make docs` calls Sphinx with it, on a copy of this folder."""

import resnb

project = "resnb"
copyright = "resnb contributors"  # noqa: A001 - Sphinx's name
version = release = resnb.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["generated"]
default_role = "code"  # docstrings name things by single backticks
nitpicky = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
suppress_warnings = ["mystnb.unknown_mime_type"]  # the live view; the picture beside it is shown

nb_execution_mode = "force"
nb_execution_excludepatterns = [
    "examples/*",
    "examples/*/*",
]  # nbval runs these; here they keep their outputs
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True
nb_ipywidgets_js: dict[str, dict[str, str]] = {}  # nothing is fetched from elsewhere

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_class_signature = "mixed"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"resnb {release}"
html_show_sphinx = False
html_copy_source = False
html_static_path = ["_static"]
html_js_files = [("keyboard.js", {"defer": "defer"})]
html_theme_options = {"navigation_with_keys": True}
