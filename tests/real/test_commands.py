"""The checks of `commands.py` find what is wrong; run by `python3 -m unittest discover tests/real`."""

import tempfile
import unittest
import zipfile
from pathlib import Path

import commands
import commands_checks
import commands_shells
import wheel_file

ELF = Path(__file__).parents[2] / "testdata" / "repair" / "android.so"


class Words(unittest.TestCase):
    def test_words_are_those_of_a_program_for_windows(self) -> None:
        for text, wanted in (
            (r'a "b c" d\e', ["a", "b c", r"d\e"]),
            (r'--x "C:\a b\bin;D:\c" ""', ["--x", r"C:\a b\bin;D:\c", ""]),
            (r'a \"b\" c\\"d e"', ["a", '"b"', r"c\d e"]),
            ("'a b'", ["'a", "b'"]),
        ):
            self.assertEqual(commands_shells.words(text), wanted, text)

    def test_a_line_of_cmd_is_cut_filled_in_and_moved_into_the_project(self) -> None:
        text = 'call a.bat && delvewheel repair ^\n --add-path "%X%\\bin;C:\\y" w.whl || exit /B 1'
        wanted = [["call", "a.bat"], ["delvewheel", "repair", "--add-path", "v/bin:/p/C/y", "w.whl"]]
        self.assertEqual(commands_shells.cmd_words(text, {"X": "v"}, Path("/p"), ":"), wanted)

    def test_variables_of_scripts_are_no_placeholders(self) -> None:
        row = commands.Row("id", "p", "f", "linux", "")
        place = commands.Place(Path("/p"), Path("/d"), Path("/w.whl"), Path("/l"), [], Path("/log"))
        self.assertEqual(commands.filled("${wheel} {wheel} {delocate_archs}", row, place), "${wheel} /w.whl {delocate_archs}")


class Results(unittest.TestCase):
    def problems(self, **fields) -> list[str]:
        row = commands.Row("id", "p", "f", "linux", "", **fields)
        with tempfile.TemporaryDirectory() as scratch:
            tree = Path(scratch) / "tree"
            files = {
                "demo/_ext.so": ELF.read_bytes(),
                "demo.libs/libfoo-01234567.so.1": ELF.read_bytes(),
                "demo-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n",
                "demo-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py3-none-linux_x86_64\n",
            }
            for name, data in files.items():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                (tree / name).write_bytes(data)
            wheel = Path(scratch) / "demo-1.0-py3-none-linux_x86_64.whl"
            wheel_file.pack(tree, wheel)
            self.assertIn("demo/_ext.so", zipfile.ZipFile(wheel).namelist())
            return commands_checks.problems(row, wheel)

    def test_each_library_is_brought_and_needed_by_its_new_name(self) -> None:
        found = self.problems(vendored=["libfoo.so.1"])
        self.assertEqual(found, ["the module needs [] for libfoo.so.1"])

    def test_what_was_not_asked_for_is_told(self) -> None:
        found = self.problems()
        self.assertEqual(found, ["brings along ['libfoo-01234567.so.1'], it should be []"])

    def test_what_was_left_out_stays_needed(self) -> None:
        found = self.problems(vendored=["libfoo.so.1"], left_out=["libcuda.so.1"])
        self.assertTrue(any("does not need libcuda.so.1" in problem for problem in found), found)


if __name__ == "__main__":
    unittest.main()
