"""Says how the claims are judged where they are collected without the plugin that judges them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

PLUGIN = "harness.suite.plugin"


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to collect what nothing here can judge: of a wheel's claims, all would only be deselected.

    Raises:
        pytest.UsageError: the plugin is not loaded (one line that says how it is).
    """
    import pytest

    if not config.pluginmanager.has_plugin(PLUGIN):
        raise pytest.UsageError(
            f"claims are judged by a plugin that is not loaded: python -m pytest -p {PLUGIN} --pyargs claims "
            f'-m quick (or, in a conftest.py of your own, pytest_plugins = ["{PLUGIN}"])'
        )
