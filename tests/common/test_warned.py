import subprocess
import sys
import warnings

from common import warned


def test_a_warning_is_one_line_and_is_said_once(capsys):
    with warnings.catch_warnings():
        warned.in_one_line()
        for _ in range(2):
            warnings.warn("boxes: 1\nwithout width", stacklevel=1)
            warnings.simplefilter("always")
    assert capsys.readouterr().err == "warning: boxes: 1 without width\n"


def test_other_categories_are_shown_as_python_does():
    code = """
import warnings
from common import warned
warned.in_one_line()
warnings.warn("later", FutureWarning)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "FutureWarning: later" in run.stderr
