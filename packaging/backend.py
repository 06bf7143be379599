"""maturin, which builds from source, with a word on why this is asked of it.

An installer takes the source archive where no wheel fits, most often in a container without a compiler. What fails
then should say what is missing: pip shows all that a step printed as soon as it fails, and nothing else.
"""

import platform
import sys

import maturin
from maturin import *  # noqa: F403


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    say_why()
    return maturin.prepare_metadata_for_build_wheel(metadata_directory, config_settings)


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    say_why()
    return maturin.build_wheel(wheel_directory, config_settings, metadata_directory)


def say_why():
    print(
        f"No wheel of truewheel was taken for {platform.system()} on {platform.machine()}, so it is built from source.\n"
        "That needs Rust 1.89 or later with cargo, a C compiler, some minutes and 1 GB of disk. A program that was\n"
        "built elsewhere for this machine serves as well: it needs nothing but its place on PATH.",
        file=sys.stderr,
        flush=True,
    )
