"""A backend whose client is not installed."""

import client_of_a_backend_that_nobody_has_installed  # noqa: F401
