#!/usr/bin/env python3
"""Asks for resets without a pause until the file STOP is there: load.py STOP. Each request is a connection of its own, as from
a web application's worker. Prints how many were answered with 202, and what else happened; then whether each accepted one is known."""
import http.client, json, os, socket, sys, threading, time

class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(120)
        self.sock.connect("/run/resetd/resetd.sock")

def call(method, path, body=None):
    connection = Connection("localhost")
    try:
        connection.request(method, path, body and json.dumps(body), {"content-type": "application/json", "connection": "close"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")
    finally:
        connection.close()

accepted, other, longest = [], [], 0.0
def work(number):
    global longest
    count = 0
    while not os.path.exists(sys.argv[1]):
        count += 1
        begin = time.monotonic()
        try:
            status, said = call("POST", "/v1/resets", {"portal": "shop", "account": f"load-{number}-{count}", "email": f"load{number}@example.test"})
            accepted.append(said["id"]) if status == 202 else other.append(f"{status} {said}")
        except Exception as error:
            other.append(repr(error))
        longest = max(longest, time.monotonic() - begin)

threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
lost = [id for id in accepted if call("GET", f"/v1/resets/{id}")[0] != 200]
print(f"answered {len(accepted)} other {len(other)} lost {len(lost)} longest {longest:.1f}s {other[:3]}")
