"""Loads the plugin that judges claims."""

pytest_plugins = ["harness.suite.plugin"]
