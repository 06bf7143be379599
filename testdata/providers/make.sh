#!/usr/bin/env bash
# Makes the rpm databases here. Debian 12: apt-get install rpm db5.3-util sqlite3 python3
set -euo pipefail
cd "$(dirname "$0")"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
export SOURCE_DATE_EPOCH=1700000000

cat >"$work/foo.spec" <<'SPEC'
Name: foo
Epoch: 1
Version: 1.2
Release: 3.el9
Summary: A library
License: MIT and zlib
%description
A library.
%package libs
Summary: Its shared objects
%description libs
The library itself.
%package many
Summary: So many files that its header takes many pages
BuildArch: noarch
%description many
Files.
%prep
%build
%install
mkdir -p %{buildroot}/usr/lib64 %{buildroot}/usr/share/foo %{buildroot}/usr/share/licenses/foo
printf library >%{buildroot}/usr/lib64/libfoo.so.1.2
ln -s libfoo.so.1.2 %{buildroot}/usr/lib64/libfoo.so.1
printf licence >%{buildroot}/usr/share/licenses/foo/COPYING
for number in $(seq 100 259); do : >%{buildroot}/usr/share/foo/file$number; done
%files
%license /usr/share/licenses/foo/COPYING
%files libs
/usr/lib64/libfoo.so.1
/usr/lib64/libfoo.so.1.2
%files many
/usr/share/foo/*
SPEC
rpmbuild -bb --quiet --target x86_64 --define "_topdir $work/build" --define "_buildhost build" \
  --define "use_source_date_epoch_as_buildtime 1" --define "_build_id_links none" "$work/foo.spec"

mkdir -p "$work/sqlite"
find "$work/build/RPMS" -name '*.rpm' | sort | xargs rpm --root "$work/sqlite" --dbpath /db \
  --define "_db_backend sqlite" --nodeps --noscripts --justdb -i 2>/dev/null

# Only the table of headers: the others are indices, twenty of them.
for table in $(sqlite3 "$work/sqlite/db/rpmdb.sqlite" "SELECT name FROM sqlite_master WHERE type = 'table'
    AND name NOT IN ('Packages', 'sqlite_sequence')"); do
  sqlite3 "$work/sqlite/db/rpmdb.sqlite" "DROP TABLE '$table'"
done
sqlite3 "$work/sqlite/db/rpmdb.sqlite" "PRAGMA journal_mode = DELETE; VACUUM" >/dev/null
cp "$work/sqlite/db/rpmdb.sqlite" rpmdb.sqlite

# The same with the package `foo-libs` in the write-ahead log alone.
python3 - "$work/sqlite/db/rpmdb.sqlite" <<'PYTHON'
import pathlib, shutil, sqlite3, sys
source = pathlib.Path(sys.argv[1])
log = pathlib.Path("log")
log.mkdir(exist_ok=True)
rows = sqlite3.connect(source).execute("SELECT hnum, blob FROM Packages").fetchall()
work = source.with_name("log.sqlite")
database = sqlite3.connect(work, isolation_level=None)
database.execute("PRAGMA page_size = 512")
database.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
is_libs = lambda row: b"libfoo.so.1.2" in row[1]
database.executemany("INSERT INTO Packages VALUES (?, ?)", [r for r in rows if not is_libs(r)])
database.execute("PRAGMA journal_mode = WAL")
database.executemany("INSERT INTO Packages VALUES (?, ?)", [r for r in rows if is_libs(r)])
for end in ("", "-wal"):
    shutil.copyfile(f"{work}{end}", log / f"rpmdb.sqlite{end}")
PYTHON

# SUSE's own format (rpm, lib/backend/ndb/rpmpkg.c), which Debian's rpm does not write: a page of slots,
# a third of them empty, and each header between a head and a tail.
python3 - "$work/sqlite/db/rpmdb.sqlite" <<'PYTHON'
import pathlib, sqlite3, struct, sys, zlib
rows = sqlite3.connect(sys.argv[1]).execute("SELECT hnum, blob FROM Packages ORDER BY hnum DESC").fetchall()
slots, blobs, block = [], b"", 4096 // 16
for number, header in rows:
    slots.append(struct.pack("<4sIII", b"Slot", 0, 0, 0))
    head = struct.pack("<4sIII", b"BlbS", number, 1700000000, len(header))
    tail_size = 12
    count = -(-(len(head) + len(header) + tail_size) // 16)
    body = (head + header).ljust(count * 16 - tail_size, b"\0")
    blobs += body + struct.pack("<II4s", zlib.adler32(body), len(header), b"BlbE")
    slots.append(struct.pack("<4sIII", b"Slot", number, block, count))
    block += count
slots += [struct.pack("<4sIII", b"Slot", 0, 0, 0)] * (254 - len(slots))
head = struct.pack("<4sIIIIIII", b"RpmP", 0, len(rows), 1, len(rows) + 1, 0, 0, 0)
pathlib.Path("Packages.db").write_bytes(head + b"".join(slots) + blobs)
PYTHON

# Berkeley DB, as rpm wrote it until RHEL 8: a hash from the number of a header, in four bytes, to it.
python3 - "$work/sqlite/db/rpmdb.sqlite" >"$work/dump" <<'PYTHON'
import sqlite3, sys
print("VERSION=3\nformat=bytevalue\ntype=hash\ndb_pagesize=4096\nHEADER=END")
print(" 00000000\n 03000000")
for number, header in sqlite3.connect(sys.argv[1]).execute("SELECT hnum, blob FROM Packages"):
    print(f" {number.to_bytes(4, 'little').hex()}\n {header.hex()}")
print("DATA=END")
PYTHON
rm -f Packages
db5.3_load -f "$work/dump" Packages
# The same as a big-endian machine writes it, s390x for one.
sed 's/^db_pagesize=4096$/&\ndb_lorder=4321/' "$work/dump" >"$work/dump-big"
rm -f big/Packages
mkdir -p big
db5.3_load -f "$work/dump-big" big/Packages
