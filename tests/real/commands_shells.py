"""What stands around a repair tool when `commands.py` runs a project's command: other programs, and cmd.exe."""

import re
from pathlib import Path

# What commands call besides the repair tools. None of them is needed for the repair itself.
FOREIGN = ("pip", "pip3", "python", "python3", "pipx", "uvx", "uv", "brew", "abi3audit", "twine", "yum", "docker", "lipo",
           "otool", "install_name_tool", "ccache", "call", "wheel", "readlink", "set", "time")  # fmt: skip
TOOLS = ("auditwheel", "delvewheel", "delocate", "delocate-wheel", "delocate-listdeps", "delocate-merge", "delocate-fuse")


def stand_in(log: Path) -> str:
    """A program that writes down how it was called, and succeeds."""
    return f'#!/bin/sh\nprintf "%s\\n" "foreign: ${{0##*/}} $*" >>"{log}"\n'


def launcher(log: Path) -> str:
    """The same of a program that starts others: it starts a repair tool that it is told to start, and nothing else.

    `python -c` prints the working directory, which is what rows ask for in such a way.
    """
    return f"""#!/bin/sh
printf '%s\\n' "foreign: ${{0##*/}} $*" >>"{log}"
case "${{0##*/}}-$1" in
python*--c) pwd; exit 0;;
esac
while [ $# -gt 0 ]; do
  case "$1" in
    delocate.cmd.delocate_wheel|*/delocate-wheel) tool=delocate-wheel;;
    {"|".join(TOOLS)}) tool="$1";;
    --from) shift 2; continue;;
    -m|run|tool|pipx|--quiet) shift; continue;;
    *) exit 0;;
  esac
  shift
  if [ "$tool" = delocate ]; then continue; fi
  echo launched >>"{log}"
  exec "$tool" "$@"
done
"""


def cmd_words(text: str, environment: dict, project: Path, separator: str) -> list[list[str]]:
    """The commands in `text`, each as the words that a program of Windows sees; drives are directories of `project`."""
    text = re.sub(r"\^\s*\n", " ", text)
    text = re.sub(r"%(\w+)%", lambda found: str(environment.get(found[1], "")), text)
    parts = [part.split("||")[0].strip() for part in text.split("&&")]
    drive = re.compile(r"(?<![A-Za-z])([A-Z]):(?=/)")
    split = [[word.replace("\\", "/").replace(";", separator) for word in words(part)] for part in parts if part]
    return [[drive.sub(rf"{project}/\1", word) for word in part] for part in split]


def words(text: str) -> list[str]:
    """Words by the rules of Microsoft's C runtime: `"` groups, `\\"` is one, and every other `\\` is itself."""
    found, word, quoted, begun = [], "", False, False
    at = 0
    while at < len(text):
        slashes = len(text[at:]) - len(text[at:].lstrip("\\"))
        at += slashes
        letter = text[at : at + 1]
        if letter == '"' and slashes:
            word += "\\" * (slashes // 2)
            if slashes % 2:
                word, at, begun = word + '"', at + 1, True
                continue
        else:
            word += "\\" * slashes
            begun = begun or slashes > 0
        at += 1
        if letter == '"':
            quoted, begun = not quoted, True
        elif letter.isspace() and not quoted:
            found += [word] if begun else []
            word, begun = "", False
        elif letter:
            word, begun = word + letter, True
    return [*found, word] if begun else found
