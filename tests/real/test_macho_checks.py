"""The checks of `macho.py` find what is wrong; run by `python3 -m unittest discover tests/real`."""

import unittest
from pathlib import Path

import macho
import macho_reader as reader

DATA = Path(__file__).parents[2] / "testdata" / "macho"


class Signatures(unittest.TestCase):
    def setUp(self) -> None:
        self.data = (DATA / "module.arm64.so").read_bytes()
        (self.slice,) = reader.slices(self.data)

    def changed(self, offset: int) -> reader.Slice:
        data = bytearray(self.data)
        data[offset] ^= 1
        return reader.slices(bytes(data))[0]

    def test_a_good_signature_has_no_problem(self) -> None:
        self.assertEqual(reader.signature_problems(self.slice), [])

    def test_a_changed_page_is_found(self) -> None:
        found = reader.signature_problems(self.changed(self.slice.first_content))
        self.assertEqual(found, ["sha256: a page hash is wrong"])

    def test_an_arm64_file_without_a_signature_is_found(self) -> None:
        (cut,) = reader.slices(reader.unsigned(self.data))
        self.assertEqual(reader.signature_problems(cut), ["no signature"])

    def test_other_bytes_are_not_explained_away(self) -> None:
        other = bytearray(self.data)
        other[self.slice.signature.offset + 40] ^= 1
        self.assertIsNone(macho.difference(self.data, bytes(other)))


class Edits(unittest.TestCase):
    def test_what_an_edit_must_not_change_is_found(self) -> None:
        data = (DATA / "module.x86_64.so").read_bytes()
        (old,) = reader.slices(data)
        want = [[], [name for _, name, _ in old.loads], old.rpaths]
        self.assertEqual(macho.slice_problems(old, old, want), [])
        self.assertEqual(macho.slice_problems(old, old, [[], [], []]), ["the names are not those asked for"])
        changed = bytearray(data)
        changed[old.first_content] ^= 1
        (new,) = reader.slices(bytes(changed))
        self.assertEqual(macho.slice_problems(old, new, want), ["a section changed", "the content changed"])
        changed = bytearray(data)
        changed[old.commands_end + 8] = 1
        (new,) = reader.slices(bytes(changed))
        self.assertEqual(macho.slice_problems(old, new, want), ["the header pad is not zero"])


if __name__ == "__main__":
    unittest.main()
