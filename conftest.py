"""Loads the plugin; on machines with GPUs each xdist worker first takes one for itself."""

import os

if os.environ.get("PYTEST_XDIST_WORKER"):
    from harness.lab.pinning import pin_gpu

    pin_gpu(int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw")))

pytest_plugins = ["harness.suite.plugin"]
