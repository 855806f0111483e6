"""What pyproject.toml cannot say: a wheel holds what is in the tree now, not what once was."""

import shutil

from setuptools import setup
from setuptools.command.build_py import build_py


class Fresh(build_py):
    """build_py that begins with an empty folder: `build/` keeps modules deleted since."""

    def run(self) -> None:
        if not self.editable_mode:
            shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()


setup(cmdclass={"build_py": Fresh})
