"""The checks of `pe.py` find what is wrong; run by `python3 -m unittest discover tests/real`."""

import unittest
from pathlib import Path

import pe
import pe_reader as reader

DATA = Path(__file__).parents[2] / "testdata" / "pe"


class Edits(unittest.TestCase):
    def setUp(self) -> None:
        self.data = (DATA / "full.x64.dll").read_bytes()
        self.old = reader.File(self.data)

    def problems(self, changes: dict[int, bytes], names: dict[str, str]) -> list[str]:
        data = bytearray(self.data)
        for offset, new in changes.items():
            data[offset : offset + len(new)] = new
        file = reader.File(bytes(data))
        place = file.optional + 64
        if place not in changes:
            data[place : place + 4] = file.right_checksum().to_bytes(4, "little")
        return pe.edit_problems(self.old, reader.File(bytes(data)), names)

    def test_the_reader_reads_what_the_readme_says(self) -> None:
        (needed,) = self.old.imports
        self.assertEqual((needed.name, needed.symbols), ("needed.dll", ("needed",)))
        self.assertEqual([names for _, names, _ in self.old.exports], [("passed_on",), ("value",)])
        self.assertEqual(self.old.exports[0][2], "needed.needed")
        self.assertEqual(self.old.checksum, self.old.right_checksum())
        delay = reader.File((DATA / "module.x64.pyd").read_bytes()).delay_imports
        self.assertEqual([(one.name, one.symbols) for one in delay], [("late.dll", ("late",))])

    def test_no_change_is_no_problem(self) -> None:
        self.assertEqual(self.problems({}, {}), [])

    def test_an_edit_that_was_not_made_is_found(self) -> None:
        wanted = ["the imports are not those asked for", "the exports are not those asked for"]
        self.assertEqual(self.problems({}, {"needed.dll": "other.dll"}), wanted)

    def test_a_changed_byte_is_found(self) -> None:
        code = self.old.sections[0].pointer + 1
        found = self.problems({code: b"\xee"}, {})
        self.assertEqual(len(found), 1)
        self.assertRegex(found[0], "bytes between .* changed")
        symbols = self.old.symbols[0] + 3
        self.assertRegex(self.problems({symbols: b"\xee"}, {})[0], "bytes between .* changed")

    def test_a_wrong_checksum_is_found(self) -> None:
        wrong = (self.old.checksum ^ 1).to_bytes(4, "little")
        self.assertEqual(self.problems({self.old.optional + 64: wrong}, {}), ["the checksum is wrong"])

    def test_a_gap_and_a_wrong_image_size_are_found(self) -> None:
        last = self.old.sections[-1]
        moved = (last.rva + 0x1000).to_bytes(4, "little")
        found = self.problems({last.header + 12: moved}, {})
        self.assertIn(f"section {last.name} is another", found)
        self.assertIn(f"there is a gap before section {last.name}", found)
        self.assertIn("SizeOfImage is wrong", found)

    def test_each_mode_gives_names_of_its_length(self) -> None:
        for mode, length in (("longer", 19), ("long", 43), ("same", 10), ("shorter", 8)):
            self.assertEqual(len(pe.new_name("needed.dll", mode, 16)), length)


if __name__ == "__main__":
    unittest.main()
