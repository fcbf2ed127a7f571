#!/usr/bin/env python3
"""A small web shop, to have something that is worth recovering.

It keeps its orders in an SQLite database and its uploaded files beside it, all below the folder that DRAM_ROOT names:

    var/lib/shop/shop.db    products and orders
    srv/shop/uploads/       files, as they were uploaded
    var/log/shop.log        what the server says
    run/shop.pid            the process that serves, and a lock that it holds while it lives

Nothing but Python's standard library is needed.

    shop.py start --port 8080     serve in the background; returns when the shop listens
    shop.py stop                  stop it; stopping a stopped shop is fine
    shop.py serve --port 8080     serve in the foreground
    shop.py dump                  the database as SQL text, consistent, to the standard output
    shop.py load                  SQL text from the standard input into a fresh database, whole or not at all
"""

import argparse
import contextlib
import fcntl
import html
import http.server
import json
import os
import pathlib
import re
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.parse

ROOT = pathlib.Path(os.environ.get("DRAM_ROOT", "/")).absolute()
SITE = os.environ.get("DRAM_SITE", "")
DATABASE = ROOT / "var/lib/shop/shop.db"
UPLOADS = ROOT / "srv/shop/uploads"
LOG = ROOT / "var/log/shop.log"
PID = ROOT / "run/shop.pid"

UPLOAD_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
START_SECONDS = 20
STOP_SECONDS = 10

SCHEMA = """
CREATE TABLE product (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, cents INTEGER NOT NULL);
CREATE TABLE purchase (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    product INTEGER NOT NULL REFERENCES product (id),
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    customer TEXT NOT NULL,
    at TEXT NOT NULL
);
INSERT INTO product (name, cents) VALUES
    ('tea, green', 890), ('tea, black', 790), ('teapot, 1 l', 3450), ('cup, blue', 1200);
"""


class Refused(Exception):
    """Something the user can mend; its text says what."""


# The database


def connect():
    """A connection that waits for others, and in which transactions are begun by us only."""
    return contextlib.closing(sqlite3.connect(DATABASE, timeout=30, isolation_level=None))


def prepare():
    """Makes folders and database where they are missing; what exists stays as it is."""
    for folder in (DATABASE.parent, UPLOADS, LOG.parent, PID.parent):
        folder.mkdir(parents=True, exist_ok=True)
    if not DATABASE.exists():
        build(SCHEMA)


def build(script):
    """Makes a new database from SQL text beside the old one, and puts it in its place at the end."""
    DATABASE.parent.mkdir(parents=True, exist_ok=True)
    fresh = DATABASE.with_name(f"{DATABASE.name}.new")
    remove_database(fresh)
    with contextlib.closing(sqlite3.connect(fresh, isolation_level=None)) as db:
        db.executescript(script)
        if db.in_transaction:
            raise Refused("the SQL text ends inside a transaction: it was cut off")
        (verdict,) = db.execute("PRAGMA integrity_check").fetchone()
        if verdict != "ok":
            raise Refused(f"the loaded database is damaged: {verdict}")
        db.execute("PRAGMA journal_mode = WAL")
    # A journal of the old database must not be played into the new one.
    remove_database(DATABASE)
    os.replace(fresh, DATABASE)
    with open_folder(DATABASE.parent) as folder:
        os.fsync(folder)


def remove_database(path):
    for suffix in ("-wal", "-shm", "-journal", ""):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


@contextlib.contextmanager
def open_folder(path):
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield folder
    finally:
        os.close(folder)


def dump():
    if not DATABASE.exists():
        raise Refused(f"there is no database at {DATABASE}")
    out = sys.stdout
    out.reconfigure(encoding="utf-8", newline="\n")
    with connect() as db:
        # One read transaction: orders that come in meanwhile are not half in the dump.
        db.execute("BEGIN")
        db.execute("SELECT count(*) FROM purchase").fetchone()
        for statement in db.iterdump():
            out.write(statement + "\n")
    out.flush()


def load():
    sys.stdin.reconfigure(encoding="utf-8", newline="\n")
    script = sys.stdin.read()
    if script.rstrip().rsplit("\n", 1)[-1] != "COMMIT;":
        raise Refused("the SQL text does not end with `COMMIT;`: it was cut off, and nothing was changed")
    if running():
        raise Refused(f"the shop is running in {ROOT}: stop it before its database is replaced")
    build(script)


def orders():
    with connect() as db:
        rows = db.execute(
            "SELECT purchase.id, product.name, quantity, customer, at, quantity * cents"
            " FROM purchase JOIN product ON product.id = purchase.product ORDER BY purchase.id"
        )
        names = ("id", "product", "quantity", "customer", "at", "cents")
        return [dict(zip(names, row)) for row in rows]


def products():
    with connect() as db:
        return db.execute("SELECT name, cents FROM product ORDER BY id").fetchall()


def count():
    with connect() as db:
        return db.execute("SELECT count(*) FROM purchase").fetchone()[0]


def order(product, quantity, customer):
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    with connect() as db:
        row = db.execute("SELECT id FROM product WHERE name = ?", (product,)).fetchone()
        if row is None:
            raise Refused(f"there is no product `{product}`")
        done = db.execute(
            "INSERT INTO purchase (product, quantity, customer, at) VALUES (?, ?, ?, ?)",
            (row[0], quantity, customer, at),
        )
        return {"id": done.lastrowid, "product": product, "quantity": quantity, "customer": customer, "at": at}


# The web


def price(cents):
    return f"{cents // 100}.{cents % 100:02}"


def page():
    goods = "".join(f"<option>{html.escape(name)}</option>" for name, _ in products())
    shelf = "".join(f"<tr><td>{html.escape(name)}<td class=n>{price(cents)}" for name, cents in products())
    book = "".join(
        f"<tr><td class=n>{o['id']}<td>{html.escape(o['at'])}<td>{html.escape(o['customer'])}"
        f"<td>{html.escape(o['product'])}<td class=n>{o['quantity']}<td class=n>{price(o['cents'])}"
        for o in reversed(orders())
    )
    files = "".join(
        f"<li><a href='/uploads/{html.escape(f.name)}'>{html.escape(f.name)}</a> {f.stat().st_size} bytes"
        for f in sorted(UPLOADS.iterdir())
        if UPLOAD_NAME.fullmatch(f.name)
    )
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>The shop</title>
<style>
 body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #222 }}
 header {{ display: flex; justify-content: space-between; align-items: baseline; border-bottom: 2px solid #2a6f6b }}
 .site {{ background: #2a6f6b; color: #fff; padding: .1rem .6rem; border-radius: 1rem }}
 table {{ border-collapse: collapse; width: 100% }} td, th {{ text-align: left; padding: .2rem .6rem .2rem 0 }}
 tr + tr {{ border-top: 1px solid #ddd }} .n {{ text-align: right; font-variant-numeric: tabular-nums }}
</style>
<header><h1>The shop</h1><span class="site">served by {html.escape(SITE or "no site")}</span></header>
<h2>Products</h2><table>{shelf}</table>
<form method="post" action="/orders"><p>
 <select name="product">{goods}</select>
 <input name="quantity" type="number" min="1" value="1" size="4" aria-label="quantity">
 <input name="customer" required placeholder="your name"> <button>Order</button></form>
<h2>{count()} orders</h2><table>{book}</table>
<h2>Files</h2><ul>{files}</ul>
"""


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        if path == "/":
            self.answer(200, page().encode(), "text/html; charset=utf-8")
        elif path == "/up":
            self.answer_json(200, {"site": SITE, "orders": count(), "root": str(ROOT)})
        elif path == "/orders":
            self.answer_json(200, orders())
        elif path.startswith("/uploads/"):
            self.with_upload(path, lambda file: self.answer(200, file.read_bytes(), "application/octet-stream"))
        else:
            self.answer_json(404, {"error": f"there is no `{path}`"})

    def do_POST(self):
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if path == "/orders":
            self.take_order(body)
        elif path.startswith("/uploads/"):
            self.with_upload(path, lambda file: self.keep(file, body))
        else:
            self.answer_json(404, {"error": f"there is no `{path}`"})

    do_PUT = do_POST

    def take_order(self, body):
        is_json = self.headers.get_content_type() == "application/json"
        try:
            wish = json.loads(body) if is_json else dict(urllib.parse.parse_qsl(body.decode()))
            done = order(str(wish["product"]), int(wish.get("quantity", 1)), str(wish["customer"]))
        except (Refused, KeyError, TypeError, ValueError, sqlite3.IntegrityError) as error:
            return self.answer_json(400, {"error": f"this is no order: {error}"})
        if is_json:
            return self.answer_json(201, done)
        return self.answer(303, b"", "text/plain", {"Location": "/"})

    def with_upload(self, path, act):
        name = path[len("/uploads/"):]
        if not UPLOAD_NAME.fullmatch(name):
            return self.answer_json(400, {"error": f"`{name}` is no name for a file here"})
        try:
            return act(UPLOADS / name)
        except FileNotFoundError:
            return self.answer_json(404, {"error": f"there is no file `{name}`"})

    def keep(self, file, body):
        # Names that begin with a point are never served, so that nobody sees half a file.
        part = file.with_name(f".{file.name}.{os.getpid()}.{id(self)}")
        part.write_bytes(body)
        os.replace(part, file)
        self.answer_json(201, {"name": file.name, "bytes": len(body)})

    def answer_json(self, status, value):
        self.answer(status, json.dumps(value).encode() + b"\n", "application/json")

    def answer(self, status, body, kind, headers=None):
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64


# The process


@contextlib.contextmanager
def pid_lock(shared):
    """The pid file, locked: gives the open file, or None where another process holds it."""
    if shared and not PID.exists():
        yield sys.stdin
        return
    with open(PID, "r" if shared else "a+") as file:
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        yield file


def running():
    """The pid of the shop below this root, or None. The lock proves that the pid is the shop's and no successor's."""
    with pid_lock(shared=True) as free:
        if free is not None:
            return None
    text = PID.read_text().strip()
    return int(text) if text.isdigit() else 0


def serve(port):
    prepare()
    with pid_lock(shared=False) as file:
        if file is None:
            raise Refused(f"the shop is running in {ROOT} already")
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        try:
            server = Server(("127.0.0.1", port), Answers)
        except OSError as error:
            raise Refused(f"port {port} cannot be had: {error.strerror}") from error
        # The pid is written once the shop listens: whoever waits for it may ask at once.
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        print(f"the shop of {SITE or 'no site'} listens at http://127.0.0.1:{port}", flush=True)
        try:
            with server:
                server.serve_forever()
        finally:
            file.truncate(0)


def start(port):
    if running():
        return
    prepare()
    with open(LOG, "a") as log:
        child = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), "serve", "--port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=ROOT,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_SECONDS
    while running() != child.pid:
        if child.poll() is not None:
            raise Refused(f"the shop did not start; the end of {LOG}:\n{tail(LOG)}")
        if time.monotonic() > deadline:
            child.kill()
            raise Refused(f"the shop does not listen after {START_SECONDS} s; see {LOG}")
        time.sleep(0.02)


def stop():
    for name, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, STOP_SECONDS)):
        pid = running()
        if pid is None:
            return
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, name)
        deadline = time.monotonic() + seconds
        while running() is not None and time.monotonic() < deadline:
            time.sleep(0.02)
    if running() is not None:
        raise Refused(f"the shop in {ROOT} does not stop")


def tail(path):
    return "\n".join(path.read_text(errors="replace").splitlines()[-5:])


def main():
    parser = argparse.ArgumentParser(description="A small web shop.", epilog="Everything lies below $DRAM_ROOT.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in ("start", "serve"):
        verbs.add_parser(verb).add_argument("--port", type=int, default=8080)
    for verb in ("stop", "dump", "load"):
        verbs.add_parser(verb)
    wish = parser.parse_args()
    try:
        if wish.verb in ("start", "serve"):
            {"start": start, "serve": serve}[wish.verb](wish.port)
        else:
            {"stop": stop, "dump": dump, "load": load}[wish.verb]()
    except (Refused, OSError, sqlite3.Error) as error:
        sys.exit(f"shop: {error}")


if __name__ == "__main__":
    main()
