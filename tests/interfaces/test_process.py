"""A program ends with its own code and has said everything."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("code", [0, 1, 2])
def test_leaving_keeps_code_and_output(code):
    program = (
        "import logging, sys; from kcity_flow.process import leave\n"
        "logging.basicConfig(); sys.stdout.write('said'); logging.warning('logged')\n"
        f"try: leave({code})\n"
        "finally: print('never')"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert (done.returncode, done.stdout, done.stderr) == (code, "said", "WARNING:root:logged\n")


def test_leaving_survives_a_reader_that_has_gone():
    program = "import sys; from kcity_flow.process import leave; sys.stdin.read(); sys.stdout.write('x'); leave(0)"
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=buffered,
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        process.stdin.close()

        assert process.wait() == 0
        assert process.stderr.read() == b""
