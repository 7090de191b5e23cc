#!/usr/bin/env python3
"""A name server for one test: every name has MX mx.example.test and the address 127.0.0.3."""
import socket, struct

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 5353))
name = b"\x02mx\x07example\x04test\x00"
while True:
    asked, peer = server.recvfrom(4096)
    end = 12
    while asked[end]:
        end += asked[end] + 1
    question = asked[12 : end + 5]
    kind = struct.unpack(">H", question[-4:-2])[0]
    data = {1: b"\x7f\x00\x00\x03", 15: b"\x00\x0a" + name}.get(kind)
    answer = b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(data)) + data if data else b""
    server.sendto(asked[:2] + struct.pack(">HHHHH", 0x8580, 1, 1 if data else 0, 0, 0) + question + answer, peer)
