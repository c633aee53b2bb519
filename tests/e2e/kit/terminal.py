"""Runs a program on a terminal of its own. Lines of JSON on stdin: {"keys": "q"}, {"rows": 20,
"columns": 60}, {"signal": 15}. What the terminal shows goes to stdout; at the end a line of JSON on
stderr says how the program ended and whether the terminal is as it was."""
import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import termios

master, slave = pty.openpty()


def resize(rows, columns):
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


resize(int(sys.argv[1]), int(sys.argv[2]))
before = termios.tcgetattr(slave)
child = os.fork()
if child == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for number in (0, 1, 2):
        os.dup2(slave, number)
    os.execvp(sys.argv[3], sys.argv[3:])

orders = b""
sources = [master, 0]
while True:
    ready, _, _ = select.select(sources, [], [], 0.05)
    if master in ready:
        os.write(1, os.read(master, 65536))
        continue
    ended, status = os.waitpid(child, os.WNOHANG)
    if ended:
        break
    if 0 in ready:
        came = os.read(0, 65536)
        if not came:
            sources.remove(0)
        orders += came
        while b"\n" in orders:
            line, orders = orders.split(b"\n", 1)
            order = json.loads(line)
            if "keys" in order:
                os.write(master, order["keys"].encode())
            if "rows" in order:
                resize(order["rows"], order["columns"])
            if "signal" in order:
                os.kill(child, order["signal"])
code = os.waitstatus_to_exitcode(status)
print(json.dumps({"code": code, "is_as_before": termios.tcgetattr(slave) == before}), file=sys.stderr)
