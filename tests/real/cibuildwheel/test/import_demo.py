"""cibuildwheel's test step: the installed wheel works, and with the library that is in it.

The library of the build lies in this container, too, so that the module works proves little: what counts is
which file the loader has mapped.
"""

from pathlib import Path

import demo

assert demo.root(2.25) == 1.5, demo.root(2.25)
lines = Path("/proc/self/maps").read_text().splitlines()
mapped = {line.split()[-1] for line in lines if "liboutside" in line}
libraries = Path(demo.__file__).resolve().parent.parent / "demo.libs"
assert mapped and all(Path(path).parent == libraries for path in mapped), mapped
print("imported with", *sorted(mapped))
