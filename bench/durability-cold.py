"""Makes a table's pages cold, and reads tables as a client. Prints one JSON line.

evict DIRECTORY PID     drops the pages of all segment files from memory, those that process PID has mapped too
                        (process_madvise MADV_PAGEOUT, what the kernel does when memory is short; needs root when PID
                        runs as somebody else); PID 0 = nobody maps them. Tells the share that is still resident,
                        or why the kernel refused.
press DIRECTORY PID     the same again and again until standard input ends: a table larger than the memory there is
get PORT SQL PAUSE      DoGet by stock pyarrow, PAUSE milliseconds after every batch
"""

import ctypes
import json
import mmap
import os
import sys
import threading
import time

SYS_PIDFD_OPEN = 434
SYS_PROCESS_MADVISE = 440
MADV_PAGEOUT = 21
ADVICE_BYTES = 64 << 20
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]


class Range(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


def segments(directory):
    for place, _, names in os.walk(os.path.join(directory, "tables")):
        for name in names:
            yield os.path.join(place, name)


def page_out(pid):
    descriptor = libc.syscall(SYS_PIDFD_OPEN, pid, 0)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), "pidfd_open failed")
    with open(f"/proc/{pid}/maps") as maps:
        ranges = [line.split()[0].split("-") for line in maps if line.rstrip().endswith(".arrow")]
    for low, high in ranges:
        start, end = int(low, 16), int(high, 16)
        while start < end:
            length = min(ADVICE_BYTES, end - start)
            advised = Range(start, length)
            if libc.syscall(SYS_PROCESS_MADVISE, descriptor, ctypes.byref(advised), 1, MADV_PAGEOUT, 0) < 0:
                raise OSError(ctypes.get_errno(), "process_madvise failed")
            start += length
    os.close(descriptor)


def drop(path):
    descriptor = os.open(path, os.O_RDONLY)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def residency(path):
    """Pages in memory, and pages in all."""
    size = os.path.getsize(path)
    descriptor = os.open(path, os.O_RDONLY)
    address = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, descriptor, 0)
    pages = (size + 4095) // 4096
    vector = (ctypes.c_ubyte * pages)()
    libc.mincore(ctypes.c_void_p(address), ctypes.c_size_t(size), vector)
    libc.munmap(ctypes.c_void_p(address), ctypes.c_size_t(size))
    os.close(descriptor)
    return sum(page & 1 for page in vector), pages


def evict(directory, pid):
    try:
        if pid > 0:
            page_out(pid)
    except OSError as error:
        return {"refused": str(error)}
    for path in segments(directory):
        drop(path)
    counts = [residency(path) for path in segments(directory)]
    return {"resident": sum(count for count, _ in counts) / max(1, sum(pages for _, pages in counts))}


def press(directory, pid):
    ended = threading.Event()

    def watch():
        sys.stdin.read()
        ended.set()

    threading.Thread(target=watch, daemon=True).start()
    rounds = 0
    while not ended.is_set():
        page_out(pid)
        for path in segments(directory):
            drop(path)
        rounds += 1
        time.sleep(0.02)
    return {"rounds": rounds}


def get(port, sql, pause):
    import pyarrow.flight as fl

    client = fl.connect(f"grpc://127.0.0.1:{port}")
    rows = 0
    total = 0
    started = time.perf_counter()
    for chunk in client.do_get(fl.Ticket(sql.encode())):
        rows += chunk.data.num_rows
        total += chunk.data.column(0)[-1].as_py()
        if pause > 0:
            time.sleep(pause / 1000)
    return {"rows": rows, "last": total, "seconds": time.perf_counter() - started}


command, *words = sys.argv[1:]
if command == "get":
    print(json.dumps(get(words[0], words[1], float(words[2]))))
else:
    print(json.dumps({"evict": evict, "press": press}[command](words[0], int(words[1]))))
