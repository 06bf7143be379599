"""The checks of this directory must be able to fail: each is given one fault and must name it.

usage: python3 -m unittest discover tests/real
"""

import struct
import sysconfig
import tempfile
import unittest
import zipfile
from pathlib import Path

import editor_checks
import wheel_file
from editor_plan import Edit, longer, make_plan
from elf_reader import DT_STRTAB, ElfFile

METADATA = "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp311-cp311-linux_x86_64\n"
NAME = "demo-1.0-cp311-cp311-linux_x86_64.whl"


def a_shared_object() -> bytes:
    """Any extension module of the Python that runs this."""
    directory = Path(sysconfig.get_path("platstdlib")) / "lib-dynload"
    found = sorted(directory.glob("*.so"), key=lambda path: path.stat().st_size)
    if not found:
        raise unittest.SkipTest(f"no shared object in {directory}")
    return found[-1].read_bytes()


class WheelFaults(unittest.TestCase):
    def problems(self, change) -> list[str]:
        with tempfile.TemporaryDirectory() as directory:
            tree = Path(directory) / "tree"
            (tree / "demo-1.0.dist-info").mkdir(parents=True)
            (tree / "demo.py").write_text("print()\n")
            (tree / "demo-1.0.dist-info" / "WHEEL").write_text(METADATA)
            wheel = Path(directory) / NAME
            wheel_file.pack(tree, wheel)
            with zipfile.ZipFile(wheel) as archive:
                contents = {name: archive.read(name) for name in archive.namelist()}
            change(contents)
            with zipfile.ZipFile(wheel, "w") as archive:
                for name, data in contents.items():
                    archive.writestr(name, data)
            return wheel_file.problems(wheel)

    def test_a_right_wheel_has_no_problem(self):
        self.assertEqual(self.problems(lambda contents: None), [])

    def test_a_changed_member_is_found(self):
        found = self.problems(lambda contents: contents.update({"demo.py": b"print(123)\n"}))
        self.assertEqual(len(found), 2, found)

    def test_a_member_without_a_row_is_found(self):
        found = self.problems(lambda contents: contents.update({"other.py": b""}))
        self.assertEqual(found, ["RECORD has no row for other.py"])

    def test_a_row_without_a_member_is_found(self):
        found = self.problems(lambda contents: contents.pop("demo.py"))
        self.assertEqual(found, ["RECORD has a row for demo.py, which is not there"])

    def test_a_wrong_tag_is_found(self):
        self.assertIn("WHEEL has tags", wheel_file.tag_problems(NAME, METADATA.replace("linux", "any"))[0])

    def test_purelib_twice_is_found(self):
        self.assertIn("Root-Is-Purelib", wheel_file.tag_problems(NAME, METADATA + "Root-Is-Purelib: true\n")[0])


class EditFaults(unittest.TestCase):
    def setUp(self):
        self.data = a_shared_object()
        self.elf = ElfFile(self.data)

    def test_an_equal_file_has_no_problem(self):
        self.assertEqual(editor_checks.section_problems(self.elf, ElfFile(self.data)), ([], []))
        self.assertEqual(editor_checks.memory_problems(self.elf, ElfFile(self.data)), [])

    def test_a_changed_byte_of_code_is_found(self):
        text = next(section for section in self.elf.sections() if section.name == ".text")
        changed = bytearray(self.data)
        changed[text.offset + 7] ^= 1
        problems, _ = editor_checks.section_problems(self.elf, ElfFile(bytes(changed)))
        self.assertEqual(len(problems), 1)
        self.assertIn("`.text` has other contents", problems[0])

    def test_a_changed_string_is_found(self):
        at = self.elf.offset_of(self.elf.values(DT_STRTAB)[0])
        changed = self.data.replace(b"libc.so.6\0", b"libd.so.6\0")
        self.assertNotEqual(changed, self.data, hex(at))
        same = Edit("x", self.elf.soname or "", (), self.elf.rpath or "")
        self.assertTrue(any(p.startswith("NEEDED") for p in editor_checks.view_problems(changed, self.elf, same)))

    def test_a_section_that_its_segment_does_not_hold_is_found(self):
        changed = bytearray(self.data)
        index = next(i for i, section in enumerate(self.elf.sections()) if section.name == ".text")
        # sh_offset is the fifth field of Elf64_Shdr, 24 bytes in.
        at = self.elf.shoff + index * self.elf.shentsize + 24
        (offset,) = struct.unpack_from("<Q", changed, at)
        struct.pack_into("<Q", changed, at, offset + 16)
        self.assertTrue(editor_checks.memory_problems(self.elf, ElfFile(bytes(changed))))


class PlannedNames(unittest.TestCase):
    def test_the_filler_stands_before_the_suffix(self):
        self.assertEqual(longer("libfoo.so.1", "x"), "libfoo-x.so.1")

    def test_each_round_is_longer_and_follows_the_last(self):
        elf = ElfFile(a_shared_object())
        first, second = make_plan({"demo/ext.so": elf}).edits["demo/ext.so"]
        self.assertLess(len(first.rpath), len(second.rpath))
        self.assertLess(len(first.soname), len(second.soname))
        self.assertEqual([new for _, new in first.needed], [old for old, _ in second.needed])


if __name__ == "__main__":
    unittest.main()
