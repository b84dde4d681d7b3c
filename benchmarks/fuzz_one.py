"""One target under libFuzzer, which takes the process over: what `benchmarks/fuzz.py` starts.

python -m benchmarks.fuzz_one TARGET [CORPUS ...] [-runs=1000 ...]
"""

import sys

import atheris

with atheris.instrument_imports(include=["agent", "panoramisk", "yaml"]):
    from tests.fuzz.targets import TARGETS

name, *options = sys.argv[1:]
atheris.Setup([sys.argv[0], *options], TARGETS[name].run)
atheris.Fuzz()
