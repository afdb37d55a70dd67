# SPDX-License-Identifier: Apache-2.0
"""Walks through the dashboard's pages as a reader does and looks at what stands there.
  pages.py report FILE [--shots DIR]            a report
  pages.py hostile FILE                         a report whose every text attacks
  pages.py served DOCUMENTS ASSETS CHART_JS     the pages of a server, its API played from DOCUMENTS
  pages.py live KWRIGHT DATABASE CAMPAIGN       a campaign that runs meanwhile, through `kwright serve --read-only`
Exit 0: as it should be; 1: not, and what; 77: no Chromium here."""
import argparse
import http.server
import json
import os
import pathlib
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from devtools import Browser, find_chromium  # noqa: E402

problems = []


def expect(true, what):
    if not true:
        problems.append(what)


# What must hold on every page: nothing that a text could have made, and what assistive technology needs.
AUDIT = """(() => {
  const bad = [];
  const all = [...document.querySelectorAll('*')];
  const allowed = new Set(('html head meta title link style script body a header nav ul li p main footer noscript h1 h2 h3 section dl ' +
    'div dt dd table caption thead tbody tr th td figure figcaption canvas details summary pre code span form label select option ' +
    'input button svg g path rect text').split(' '));
  for (const e of all) {
    if (!allowed.has(e.localName)) bad.push('element ' + e.localName);
    for (const a of e.attributes) {
      if (a.name.startsWith('on')) bad.push('handler ' + a.name);
      if ((a.name === 'href' || a.name === 'src') && e.localName === 'a' && !a.value.startsWith('#')) bad.push('link ' + a.value);
    }
  }
  if (window.pwned !== undefined) bad.push('pwned ' + window.pwned);
  for (const table of document.querySelectorAll('table')) if (!table.caption) bad.push('a table without caption');
  for (const input of document.querySelectorAll('select, input')) if (input.labels.length === 0) bad.push('no label: ' + input.id);
  for (const canvas of document.querySelectorAll('canvas')) {
    const figure = canvas.closest('figure');
    if (!figure || !figure.querySelector('figcaption') || !figure.querySelector('table')) bad.push('a chart without caption or data');
    if (canvas.getAttribute('role') !== 'img' || !canvas.getAttribute('aria-label')) bad.push('a chart without a name');
    const blank = document.createElement('canvas');
    [blank.width, blank.height] = [canvas.width, canvas.height];
    if (canvas.toDataURL() === blank.toDataURL()) bad.push('an empty chart: ' + canvas.getAttribute('aria-label'));
  }
  const ids = all.map((e) => e.id).filter(Boolean);
  if (new Set(ids).size !== ids.length) bad.push('ids twice: ' + ids.filter((id, i) => ids.indexOf(id) !== i));
  for (const part of ['header', 'nav[aria-label]', 'main', 'footer', '#live[aria-live]']) {
    if (!document.querySelector(part)) bad.push('no ' + part);
  }
  if (document.querySelectorAll('h1').length !== 1) bad.push(document.querySelectorAll('h1').length + ' h1');
  if (document.documentElement.scrollWidth > window.innerWidth) bad.push('wider than the window: ' + document.documentElement.scrollWidth);
  return bad;
})()"""


def audit(page, where):
    for bad in page.get(AUDIT):
        expect(False, where + ": " + bad)


def go(page, where):
    page.get("location.hash = " + json.dumps(where))
    page.settle()


def heading(page):
    return page.get("document.querySelector('h1').textContent")


def open_all(page):
    page.get("document.querySelectorAll('details').forEach((each) => { each.open = true; })")


def keyboard(page):
    page.get("document.activeElement.blur(); window.scrollTo(0, 0)")
    page.key("Tab", 9)
    expect(page.get("document.activeElement.id") == "skip", "the first Tab does not reach the skip link: "
           + str(page.get("document.activeElement.outerHTML.slice(0, 80)")))
    page.key("Enter", 13)
    expect(page.get("document.activeElement.id") == "main", "the skip link does not lead to the content")
    page.key("Tab", 9)
    expect(page.get("document.getElementById('main').contains(document.activeElement)"), "Tab leaves the content at once")


def shots(page, folder, name):
    if folder:
        for dark in (False, True):
            for width in (1280, 400):
                page.shape(width, 900, dark)
                time.sleep(0.2)
                page.shot(os.path.join(folder, f"{name}-{'dark' if dark else 'light'}-{width}.png"))
        page.shape(1280, 900, False)


def clean(page, allowed=()):
    for complaint in page.complaints():
        expect(any(part in complaint for part in allowed), complaint)


def walk_report(browser, file, folder, hostile):
    page = browser.page(pathlib.Path(file).resolve().as_uri())
    data = json.loads(page.get("document.getElementById('kw-data').textContent"))
    campaign = data["report"]["campaign"]
    expect(heading(page) == campaign, "the campaign's name is not the heading: " + heading(page))
    audit(page, "campaign")
    keyboard(page)
    shots(page, folder, "report-campaign")
    open_all(page)
    audit(page, "campaign, all open")
    if page.get("!!document.querySelector('#unit')"):
        for unit in page.get("[...document.querySelectorAll('#unit option')].map((each) => each.value)"):
            page.choose("#unit", unit)
            page.settle()
            page.wait("document.querySelector('#unit').value === " + json.dumps(unit))
            expect(page.get("document.querySelectorAll('details[open]').length") > 1, "what was open closed when the page was drawn again")
    expect(page.get("document.querySelectorAll('.tree a').length") > 0, "no node of the search tree is a link")
    page.click(".tree a rect")
    page.wait("location.hash.startsWith('#/kernels/')")
    page.settle()
    expect(heading(page).startswith("Kernel k"), "a node does not lead to its kernel: " + heading(page))
    kernels = [key for key in data if key.startswith("kernels/")]
    for at, key in enumerate(kernels[:8 if hostile else 4]):
        go(page, "#/" + key)
        expect(heading(page) == "Kernel k" + key[8:15], "kernel page: " + heading(page))
        source = page.get("document.querySelector('pre.numbered').textContent")
        held = data[key]["source"]
        expect(source.rstrip("\n") == held.rstrip("\n"), "the source is not shown as it is: " + repr(source[:200]) + " " + repr(held[:200]))
        open_all(page)
        audit(page, key)
        if at == 0:
            shots(page, folder, "report-kernel")
    page.click("#nav li:nth-child(2) a")
    page.wait("document.querySelector('h1').textContent === 'Board'")
    audit(page, "board")
    shots(page, folder, "report-board")
    device = page.get("(document.querySelector('#filter-device option:nth-child(2)') || {}).value")
    if device:
        page.choose("#filter-device", device)
        page.wait("location.hash.includes('device=')")
        page.settle()
        expect(page.get("document.activeElement.id") in ("filter-device", ""), "the focus is lost by a filter")
        audit(page, "board, filtered")
    task = [key for key in data if key.startswith("tasks/")]
    if task:
        go(page, "#/tasks/" + page.get("encodeURIComponent(" + json.dumps(task[0][6:]) + ")"))
        expect(heading(page) == task[0][6:], "task page: " + heading(page))
        open_all(page)
        audit(page, "task")
        shots(page, folder, "report-task")
    go(page, "#/kernels/" + "0" * 64)
    expect("cannot be shown" in heading(page), "a kernel that is not there: " + heading(page))
    go(page, "#/constructor")
    expect("cannot be shown" in heading(page), "a page that is not there: " + heading(page))
    outside = [url for url in page.requests() if not url.startswith(("file:", "data:", "about:"))]
    expect(not outside, "asked for " + str(outside))
    clean(page)


class Service(http.server.ThreadingHTTPServer):
    daemon_threads = True


POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
          "base-uri 'none'; frame-ancestors 'none'")


def service_of(documents, assets, chart):
    """The dashboard's files under the server's policy, and an API that answers with these documents."""
    state = {"token": None, "events": threading.Event(), "streams": 0, "loads": 0}

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *ignored):
            pass

        def answer(self, status, kind, body):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", POLICY)
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(body)

        def stream(self):
            state["streams"] += 1
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            state["events"].wait(10)
            event = {"schema": "kwright.event/1", "type": "best", "text": "told <img src=x>", "speedup": 9.87}
            self.wfile.write(b"id: 7\ndata: " + json.dumps(event).encode() + b"\n\n")
            self.wfile.flush()

        def do_GET(self):
            path = self.path.split("?")[0]
            if not path.startswith("/v1/"):
                name = "index.html" if path == "/" else path[1:]
                file = pathlib.Path(chart) if name == "chart.js" else pathlib.Path(assets) / name
                kind = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}.get(file.suffix)
                if kind and "/" not in name and file.exists():
                    return self.answer(200, kind + "; charset=utf-8", file.read_bytes())
                return self.answer(404, "text/plain", b"")
            if state["token"] and self.headers.get("Authorization") != "Bearer " + state["token"]:
                said = {"error": {"kind": "auth", "message": "a token is needed", "hint": "kwright serve token new"}}
                return self.answer(401, "application/json", json.dumps(said).encode())
            from urllib.parse import unquote
            key = "/".join(unquote(part) for part in path[4:].split("/"))
            if key.endswith("/events"):
                return self.stream()
            state["loads"] += 1
            if key not in documents:
                said = {"error": {"kind": "usage", "message": "there is no " + key, "hint": "look at the board"}}
                return self.answer(404, "application/json", json.dumps(said).encode())
            return self.answer(200, "application/json", json.dumps(documents[key]).encode())

    server = Service(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, state


def walk_served(browser, documents, assets, chart, folder):
    documents = json.loads(pathlib.Path(documents).read_text())
    server, state = service_of(documents, assets, chart)
    base = f"http://127.0.0.1:{server.server_address[1]}/"
    page = browser.page(base)
    for where, title in (("#/campaigns", "Campaigns"), ("#/board", "Board"), ("#/tasks", "Tasks"),
                         ("#/queue", "Queue and workers"), ("#/spend", "Spend")):
        page.click("#nav a[href=" + json.dumps(where) + "]")
        page.wait("document.querySelector('h1') && document.querySelector('h1').textContent === " + json.dumps(title))
        page.settle()
        expect(page.get("document.querySelector('#nav a[aria-current]').textContent") == title.split(" ")[0],
               "the menu does not say where one is: " + title)
        audit(page, title)
        shots(page, folder, "served-" + title.split(" ")[0].lower())
    go(page, "#/kernels/deadbeef")
    expect("there is no kernels/deadbeef" in page.get("document.body.innerText"), "an error's message is not shown")
    name = next(key[10:] for key, value in documents.items() if key.startswith("campaigns/") and value["state"] == "running")
    go(page, "#/campaigns/" + name)
    expect(heading(page) == name, "campaign page: " + heading(page))
    open_all(page)
    page.get("document.querySelector('#unit').focus()")
    page.wait("true")
    documents["campaigns/" + name]["stop_reason"] = "seen live"
    state["events"].set()
    page.wait("document.getElementById('live').textContent.includes('told <img src=x>')")
    page.wait("document.getElementById('main').innerText.includes('seen live')")
    expect(page.get("document.activeElement.id") == "unit", "the focus is lost when the page is drawn again")
    expect(page.get("document.querySelectorAll('details[open]').length") > 1, "what was open closed")
    audit(page, "live campaign")
    shots(page, folder, "served-live")
    clean(page, ["404"])
    state["token"] = "secret-token"
    page = browser.page(base + "#/board")
    expect("a token is needed" in page.get("document.body.innerText"), "no word of the token")
    audit(page, "token")
    page.click("#token")
    page.send("Input.insertText", {"text": "secret-token"})
    page.key("Enter", 13)
    page.wait("document.querySelector('h1').textContent === 'Board'")
    expect(page.get("sessionStorage.length") == 1 and page.get("localStorage.length") == 0, "the token is kept elsewhere")
    outside = [url for url in page.requests() if not url.startswith((base, "data:", "about:"))]
    expect(not outside, "asked for " + str(outside))
    clean(page, ["401"])
    server.shutdown()


def walk_live(browser, program, database, campaign, folder):
    """Every page, the campaign while it goes on, a kernel, a task; the server neither has nor needs a compiler."""
    server = subprocess.Popen([program, "serve", "--read-only", "--port", "0", "--json", "--db", database],
                              stdout=subprocess.PIPE, env={**os.environ, "PATH": ""})
    try:
        base = f"http://127.0.0.1:{json.loads(server.stdout.readline())['port']}/"
        page = browser.page(base)
        for where in ("campaigns", "board", "tasks", "queue", "spend"):
            page.click("#nav a[href='#/" + where + "']")
            page.wait("location.hash === '#/" + where + "'")
            page.settle()
            expect("cannot be shown" not in heading(page), where + ": " + page.get("document.getElementById('main').innerText"))
            audit(page, where)
            shots(page, folder, "live-" + where)
        go(page, "#/campaigns")
        page.click("tbody a[href='#/campaigns/" + campaign + "']")
        page.wait("document.querySelector('h1').textContent === " + json.dumps(campaign))
        page.settle()
        page.get("document.querySelector('#attempts').open = true")
        count = "document.querySelectorAll('#attempts tbody tr').length"
        before = page.get(count)
        page.wait(count + " > " + str(before))
        page.wait("/^(judged|promoted|best) k/.test(document.getElementById('live').textContent)")
        page.wait(count + " > " + str(page.get(count)))
        expect(page.get("document.querySelector('#attempts').open"), "what was open closed when the page was drawn again")
        audit(page, "live campaign")
        shots(page, folder, "live-campaign")
        for where, link in (("board", "tbody a[href^='#/kernels/']"), ("tasks", "tbody a[href^='#/tasks/']")):
            go(page, "#/" + where)
            page.click(link)
            page.wait("location.hash !== '#/" + where + "'")
            page.settle()
            expect("cannot be shown" not in heading(page), where + ": " + page.get("document.getElementById('main').innerText"))
            open_all(page)
            audit(page, where + ", one")
            shots(page, folder, "live-one-" + where)
        go(page, "#/kernels/deadbeef")
        expect("cannot be shown" in heading(page), "a kernel that is not there: " + heading(page))
        outside = [url for url in page.requests() if not url.startswith((base, "data:", "about:"))]
        expect(not outside, "asked for " + str(outside))
        clean(page, ["404"])
    finally:
        server.terminate()
        expect(server.wait(30) == 0, "the server does not end well")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("report", "hostile", "served", "live"))
    parser.add_argument("files", nargs="+")
    parser.add_argument("--shots")
    options = parser.parse_args()
    program = find_chromium()
    if not program:
        print("skipped: no Chromium here")
        return 77
    with Browser(program) as browser:
        if options.what == "served":
            walk_served(browser, *options.files, options.shots)
        elif options.what == "live":
            walk_live(browser, *options.files, options.shots)
        else:
            walk_report(browser, options.files[0], options.shots, options.what == "hostile")
    for problem in problems:
        print("problem: " + problem)
    return 1 if problems else 0


sys.exit(main())
