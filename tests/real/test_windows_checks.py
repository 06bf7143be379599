"""The checks of `windows_repair.py` and `windows_founding.py` find what is wrong; run by `python3 -m unittest discover
tests/real`."""

import tempfile
import unittest
from pathlib import Path

import pe_reader as reader
import windows_founding
import windows_repair

DATA = Path(__file__).parents[2] / "testdata" / "pe"
OLD = b'"""Text."""\nfrom __future__ import annotations\nx: Missing = 1\n'
LINES = b"# start delvewheel patch\nimport os\nos.add_dll_directory('libs')\n# end delvewheel patch\n"


class Sources(unittest.TestCase):
    def setUp(self) -> None:
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.place = Path(scratch.name)

    def problems(self, new: bytes) -> list[str]:
        before, after = self.place / "before.py", self.place / "after.py"
        before.write_bytes(OLD)
        after.write_bytes(new)
        return windows_repair.syntax_problems(before, after)

    def test_what_is_put_in_is_no_problem(self) -> None:
        self.assertEqual(self.problems(OLD.replace(b"x:", LINES + b"x:")), [])

    def test_a_lost_docstring_is_found(self) -> None:
        self.assertEqual(self.problems(LINES + OLD.replace(b'"""Text."""\n', b"")), ["after.py: the docstring is another"])

    def test_another_change_and_no_change_are_found(self) -> None:
        for new in (OLD.replace(b"x:", LINES + b"y:"), OLD):
            self.assertEqual(self.problems(new), [f"{self.place / 'after.py'}: more changed than was put in"])

    def test_directories_that_a_package_names_are_recorded(self) -> None:
        (self.place / "__init__.py").write_bytes(LINES)
        (self.place / "other.py").write_bytes(b"import os\n")
        self.assertEqual(windows_repair.named_directories(self.place), [Path("libs")])

    def test_a_package_that_names_another_directory_is_found(self) -> None:
        package = self.place / "demo"
        package.mkdir()
        (package / "__init__.py").write_bytes(windows_founding.INIT + LINES)
        found = windows_founding.import_problems(self.place, [self.place])
        self.assertEqual(len(found), 2, found)
        self.assertEqual(found[0], f"the package names ['libs'], not {[self.place]}")
        self.assertIn("'os'", found[1])


class Files(unittest.TestCase):
    def test_a_dll_that_is_nowhere_is_found(self) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            tree = Path(scratch)
            (tree / "demo").mkdir()
            (tree / "demo" / "full.pyd").write_bytes((DATA / "full.x64.dll").read_bytes())
            bare = windows_repair.Bare(tree, tree, tree, {"needed-0.dll": "needed.dll"})
            found = windows_repair.closure_problems(tree, [tree / "libs"], bare)
            nowhere = [f"{tree / 'libs'} is named and is not there", "demo/full.pyd needs needed.dll, which is nowhere"]
            self.assertEqual(found, nowhere)
            (tree / "demo" / "needed.dll").write_bytes((DATA / "full.x64.dll").read_bytes())
            self.assertEqual(windows_repair.closure_problems(tree, [], bare), [])

    def test_a_filled_file_has_no_padding_and_a_right_checksum(self) -> None:
        file = reader.File(windows_founding.filled((DATA / "full.x64.dll").read_bytes()))
        self.assertTrue(all(one.virtual_size >= one.raw_size for one in file.sections))
        self.assertEqual(file.checksum, file.right_checksum())


if __name__ == "__main__":
    unittest.main()
