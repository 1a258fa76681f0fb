#!/usr/bin/env python3
"""Verifies an AeroDB data directory. Written from docs/format.md alone; shares no code with AeroDB.

Usage: verify.py DIR     Needs: pip install blake3 cryptography
Exit:  0 all is well, 1 something is wrong, 2 usage, 3 the directory cannot be read. Section numbers are of the document.
"""
import json, re, struct, sys, unicodedata, zlib
from pathlib import Path
from blake3 import blake3
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

KINDS = {"wal": 1, "authority.ledger": 2, "decision.ledger": 3}
BLOCKS = (4096, 8192, 16384, 32768, 65536)
NONE_BEFORE = bytes(32)
RULES = """
P6-A1 P6-A2 P6-A3 P6-S1 P6-S2 P6-S3 P6-F1 P6-SC1 P6-V29 P6-SM2 P6-SB3 P6-DF5 RM-3 RM-5 RM-8 P5-I4 P5-I5 P5-I12 RI-3
F-V1 F-V2 F-R1 F-RS1 F-RS2 F-X4 F-RC2 WAL-2 WAL-8 WAL-13 P3-D4 P3-D9 P3-FS5 DIS-16 DIS-18 DIS-22 ST-2 CORE-R3
CORE-D1 MVV-1 MVG-2 MVG-1 MVG-4 MVS-1 MVS-2 CKP-2 CKP-4 P3-K3 DIS-20 DIS-21 RD-2 AU-1 AU-2 AU-3 AU-4 AU-5 AU-6
AU-7 AU-8 AU-9 AU-10 AU-11 AU-12 AU-13 AU-14 AU-16 AU-17 AU-18 AU-19 DIR-1 DIR-2 DIR-3 DIR-4 FK-1 FK-2 MEM-1 AU-15 RS-1 RS-2 RS-3 RS-6 F-S1 F-S2 F-S3 P3-S2 SNP-4 SNP-5
""".split()


class Fault(Exception):
    def __init__(self, file, offset, what):
        super().__init__(f"{file} at byte {offset}: {what}")


def H(purpose, data):
    return blake3(data, derive_key_context="aerodb 2026 " + purpose).digest()


def signed(key, message, signature):
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        return True
    except (InvalidSignature, ValueError):
        return False


def u16(b, at): return struct.unpack_from("<H", b, at)[0]
def u32(b, at): return struct.unpack_from("<I", b, at)[0]
def u64(b, at): return struct.unpack_from("<Q", b, at)[0]
def is_zero(b): return b.count(0) == len(b)


# 2 to 5: logs -------------------------------------------------------------------------------------------

class Log:
    """The frames of one log, in order: (file, offset, header fields, records)."""

    def __init__(self, dir, kind, owner, start, witness):
        self.dir, self.kind, self.owner, self.witness = dir, kind, owner, witness
        self.frames, self.tail, self.size, self.block = [], None, None, None
        self.segment, self.seq, self.record = start
        self.frame_count = self.records = 0
        self.after_records = False  # a ledger's last frame awaits its trailer
        self.read()

    def read(self):
        if not self.dir.is_dir():
            raise Fault(self.dir, 0, "the log is missing")
        numbers = []
        for file in sorted(self.dir.iterdir()):
            name = file.name.removesuffix(".tmp")
            if not re.fullmatch(r"[0-9]{16}\.seg", name) or int(name[:16]) == 0:
                raise Fault(file, 0, "the file does not belong to a log")
            if name == file.name and int(name[:16]) >= self.segment:
                numbers.append(int(name[:16]))
        if numbers != list(range(self.segment, self.segment + len(numbers))) or not numbers:
            raise Fault(self.dir, 0, f"segments {numbers}, {self.segment} and on were expected")
        empty = 0
        for number in numbers:
            file = self.dir / f"{number:016}.seg"
            data = file.read_bytes()
            self.header(file, data, number)
            if is_zero(data[self.block:]):
                empty += 1
            elif self.tail or (empty and number > numbers[0]):
                raise Fault(file, self.block, "written to, though a segment before it is empty or torn")
            else:
                self.segment_frames(file, data)
        if empty > (2 if empty == len(numbers) else 1):
            raise Fault(self.dir, 0, f"{empty} segments stand ready")
        for what, found in zip(("frame", "record"), (self.seq - 1, self.record - 1)):
            if self.witness[what] > found:
                raise Fault(self.dir, 0, f"ends with {what} {found}, but {self.witness[what]} was durable")

    def header(self, file, data, number):
        if len(data) < 4096 or data[:8] != b"AERODBSG":
            raise Fault(file, 0, "no segment header")
        if zlib.crc32(data[:12] + bytes(4) + data[16:4096]) != u32(data, 12):
            raise Fault(file, 12, "header checksum")
        if u16(data, 8) != 1:
            raise Fault(file, 8, f"format version {u16(data, 8)} is not known")
        size, block, owner = u64(data, 24), u32(data, 64), data[32:64]
        if u16(data, 10) != self.kind or u64(data, 16) != number:
            raise Fault(file, 10, "the header is of another log or place")
        if block not in BLOCKS or size % block or not 2 * block <= size <= 1 << 30 or size != len(data):
            raise Fault(file, 24, f"{len(data)} bytes, the header says {size} in blocks of {block}")
        if not is_zero(data[68:block]):
            raise Fault(file, 68, "reserved bytes")
        if (self.size or size, self.block or block, self.owner or owner) != (size, block, owner):
            raise Fault(file, 24, "size, block or owner differs from the rest of the log or the identity")
        self.size, self.block, self.owner = size, block, owner

    def segment_frames(self, file, data):
        at = self.block
        while at < len(data):
            if is_zero(data[at:]):
                return
            length = self.frame(file, data, at)
            if length is None:
                return
            at += length

    def frame(self, file, data, at):
        tag = ((self.seq & 0x7FFFFFFF) << 1 | 1).to_bytes(4, "little")
        sectors = [data[i:i + 512] for i in range(at, len(data), 512)]
        if is_zero(sectors[0]):
            return self.torn(file, at, sectors, tag, len(sectors))
        head = data[at:at + 136]
        if zlib.crc32(head[:132]) != u32(head, 132):
            raise Fault(file, at + 132, "frame header checksum")
        if u16(head, 4) != 1:
            raise Fault(file, at + 4, f"format version {u16(head, 4)} is not known")
        kind, count, payload_bytes = u16(head, 6), u32(head, 40), u32(head, 44)
        room = self.block - self.block // 512 * 4
        length = -(-(payload_bytes + 132) // room) * self.block
        if head[:4] != tag or u64(head, 8) != self.seq or u64(head, 88) != self.seq - 1:
            raise Fault(file, at, f"frame {u64(head, 8)} stands where {self.seq} must")
        if at + length > len(data):
            raise Fault(file, at + 44, "payload bytes")
        own = sectors[:length // 512]
        for i, sector in enumerate(own):
            if sector[:4] != tag and not is_zero(sector):
                raise Fault(file, at + 512 * i, "the sector is not of this frame")
        if any(is_zero(sector) for sector in own):
            return self.torn(file, at, sectors, tag, len(own))
        payload = own[0][136:] + b"".join(sector[4:] for sector in own[1:])
        if zlib.crc32(payload) != u32(head, 128):
            raise Fault(file, at + 128, "payload checksum")
        if not is_zero(payload[payload_bytes:]):
            raise Fault(file, at + 136, "padding")
        if kind != (2 if self.after_records else 1):
            raise Fault(file, at + 6, "records and trailers do not alternate as they must")
        if kind == 2:
            if not is_zero(head[16:88] + head[96:128]):
                raise Fault(file, at, "trailer fields")
        else:
            self.take(file, at, head, count, payload[:payload_bytes])
        self.after_records = kind == 1 and self.kind != 1
        self.seq += 1
        self.frame_count += 1
        return length

    def take(self, file, at, head, count, payload):
        records, i = [], 0
        while i < len(payload):
            n = u32(payload, i) if i + 4 <= len(payload) else len(payload)
            if i + 4 + n > len(payload):
                raise Fault(file, at + 136, "the records do not fill the payload")
            records.append(payload[i + 4:i + 4 + n])
            i += 4 + n
        first, last = u64(head, 16), u64(head, 24)
        if len(records) != count or not count or first != self.record or last < first:
            raise Fault(file, at + 16, f"records {first} to {last}, {self.record} must follow")
        if u64(head, 48) == 0 and not is_zero(head[56:88]):
            raise Fault(file, at + 56, "stamp")
        about = dict(first=first, last=last, epoch=u64(head, 32), stamp=(u64(head, 48), head[56:88]), before=head[96:128])
        self.frames.append((file, at, about, records))
        self.record = last + 1
        self.records += count

    def torn(self, file, at, sectors, tag, own):
        for i, sector in enumerate(sectors):
            if not is_zero(sector) and (i >= own or sector[:4] != tag):
                raise Fault(file, at + 512 * i, "neither a frame nor what a crash leaves of one")
        self.tail = (file, at)


# 7: postcard --------------------------------------------------------------------------------------------

class Reader:
    def __init__(self, data): self.data, self.at = data, 0

    def bytes(self, n):
        if self.at + n > len(self.data):
            raise ValueError("the bytes end first")
        self.at += n
        return self.data[self.at - n:self.at]

    def varint(self, bits=64):
        value = shift = 0
        while True:
            byte = self.bytes(1)[0]
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                if (byte == 0 and shift > 7) or value >> bits:
                    raise ValueError("a number that is not in its shortest form, or too large")
                return value

    def id(self):
        value = self.varint()
        if not value:
            raise ValueError("0 where a number must be")
        return value

    def blob(self): return self.bytes(self.varint())
    def text(self): return self.blob().decode()
    def bool(self): return self.one_of("no", "yes") == "yes"
    def u32(self): return self.varint(32)

    def fixed(self, n=32):
        blob = self.blob()
        if len(blob) != n:
            raise ValueError(f"{len(blob)} bytes where {n} must be")
        return blob

    def option(self, read): return read() if self.bool() else None
    def seq(self, read): return [read() for _ in range(self.varint())]

    def one_of(self, *names):
        at = self.u32()
        if at >= len(names):
            raise ValueError(f"no variant {at}")
        return names[at]

    def limited(self, most, legal=lambda text: True):
        text = self.text()
        if not 1 <= len(text.encode()) <= most or any(unicodedata.category(c) == "Cc" for c in text) or not legal(text):
            raise ValueError(f"{text!r} is not legal here")
        return text

    def name(self): return self.limited(64, re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*").fullmatch)
    def address(self): return self.limited(256, lambda t: (m := re.fullmatch(r"http://([^/@?# ]+):([0-9]{1,5})", t)) and int(m[2]) < 65536)
    def rule(self): return self.limited(32, RULES.__contains__)
    def position(self): return (self.varint(), self.fixed())
    def head(self): return (self.id(), self.fixed())
    def member(self): return dict(id=self.name(), key=self.fixed(), address=self.address())
    def request(self): return (self.limited(128), self.fixed())
    def role(self): return self.one_of("Uninitialized", "PrimaryActive", "ReplicaActive", "PrimarySealed", "ReplicationHalted")

    def authority(self):
        facts = dict(epoch=self.id(), holder=self.name(), start=self.position())
        if self.one_of("held", "relinquished") == "relinquished":
            facts["relinquished"] = (self.name(), self.position(), self.head())
        facts["succession"] = self.option(lambda: (self.one_of("designated", "releasing"), self.name(), self.position(), self.head()))
        return facts

    def promotion(self):
        return dict(cluster=self.fixed(), node=self.name(), expected=self.id(), replica=self.option(self.name),
                    ledger=self.head(), authority=self.authority(), member=self.bool(), role=self.role(),
                    halt=self.option(self.rule), attempt=self.bool(), progress=[self.varint() for _ in range(3)],
                    wal_end=self.position(), chain=self.option(self.fixed),
                    mismatch=self.option(lambda: (self.id(), self.id())), declined=self.bool(),
                    decline=self.option(self.presented))

    def command(self):
        facts = dict(cluster=self.fixed(), node=self.name())
        what = self.one_of("admit", "remove", "designate", "release", "relinquish", "end_obligation")
        of = {"admit": self.member, "end_obligation": self.presented}.get(what, self.name)
        facts["command"] = (what, of())
        return facts | dict(expected=self.option(self.id), ledger=self.head(), authority=self.authority(), role=self.role(),
                            halt=self.option(self.rule), wal_end=self.position(),
                            membership=self.option(lambda: self.one_of("admitted", "removed")), key_known=self.bool(),
                            pulling=self.bool(), declined=self.bool())

    def decline(self):
        return dict(cluster=self.fixed(), node=self.name(), epoch=self.id(), named_by=self.head(), ledger=self.head(),
                    signature=self.fixed(64))

    def presented(self):
        return dict(certificate=self.decline(), signed=self.bool(), named_here=self.bool(), ledger_here=self.bool())

    def declining(self):
        return dict(declines=True, cluster=self.fixed(), node=self.name(), expected=self.id(), ledger=self.head(),
                    authority=self.authority(), named_by=self.option(self.head), original=self.bool())

    def place(self): return (self.varint(), self.varint())
    def retired(self): return ("relocated", self.place()) if self.one_of("relocated", "forked") == "relocated" else ("forked", self.fixed())

    def directory(self):
        return dict(cluster=self.fixed(), node=self.name(), key=self.fixed(), bound=self.place(), here=self.place(),
                    retired=self.option(self.retired),
                    holds=self.option(lambda: (self.head(), self.option(self.head), self.position(), self.varint())))

    def relocate(self):
        facts = dict(kept=self.directory(), left=self.option(self.directory))
        return facts | dict(history=facts["kept"]["holds"] and facts["kept"]["holds"][2])

    def fork(self):
        return dict(cluster=self.fixed(), node=self.name(), expected=self.id(), ledger=self.head(), authority=self.authority(),
                    role=self.role(), original=self.bool(), retired=self.option(self.retired), proven=self.position(),
                    received=self.varint(), acknowledged=self.option(self.varint), gives_up=self.bool())

    def bootstrap(self):
        return dict(cluster=self.fixed(), node=self.name(), source=self.name(), ledger=self.head(), authority=self.authority(),
                    role=self.role(), halt=self.option(self.rule), own=self.position(), snapshot=self.option(self.snapshot),
                    damage=self.option(self.varint), known=self.bool(), epoch=self.option(self.id))

    def snapshot(self):
        return dict(cluster=self.fixed(), position=self.position(), epoch=self.id(), ledger=self.head(), oldest=self.varint(),
                    designation=self.option(self.position), keys=self.varint(), versions=self.varint(), bytes=self.varint(),
                    manifest=self.fixed())

    def recorded(self, facts):
        return dict(ruleset=self.u32(), facts=facts(),
                    evaluations=self.seq(lambda: (self.rule(), self.one_of("true", "false", "not_evaluable"))),
                    status=self.text(), reason=self.option(self.text), digest=self.fixed())

    def receipt(self):
        return dict(cluster=self.fixed(), node=self.name(), epoch=self.id(), position=self.position(),
                    ledger=self.head(), signature=self.fixed(64))

    def authority_body(self):
        kind = self.one_of("genesis", "member_admitted", "member_removed", "successor_designated", "successor_released",
                           "obligation_ended", "authority_relinquished", "authority_granted")
        if kind == "genesis":
            body = dict(cluster=self.name(), nonce=self.fixed(), founder=self.member(),
                        durability=self.one_of("local", "paired"), ruleset=self.u32(),
                        ancestor=self.option(lambda: (self.fixed(), self.id(), self.position(), self.head())))
        else:
            body = dict(epoch=self.id())
        match kind:
            case "member_admitted": body["member"] = self.member()
            case "member_removed" | "successor_released": body["node"] = self.name()
            case "successor_designated" | "authority_relinquished": body |= dict(node=self.name(), at=self.position())
            case "obligation_ended":
                body |= dict(node=self.name(), certificate=self.one_of("receipt", "decline"))
                body["shown"] = self.receipt() if body["certificate"] == "receipt" else self.decline()
            case "authority_granted":
                body |= dict(node=self.name(), at=self.position(), basis=self.one_of("relinquishment", "designation", "decline"),
                             entry=self.head())
                body["decline"] = self.decline() if body["basis"] == "decline" else None
                body |= dict(promotion=self.limited(96), request=self.option(lambda: self.limited(128)),
                             decision=self.recorded(self.promotion))
        return kind, body

    def decision_body(self):
        kind = self.one_of("promotion_requested", "promotion_denied", "promotion_granted", "command_refused", "command_done",
                           "followed", "resumed", "halted", "suffix_discarded", "bootstrap_requested", "bootstrap_decided",
                           "failure_cleared", "declined", "decline_refused", "relocated", "forked", "fork_refused",
                           "checkpoint_requested", "relocate_refused")
        match kind:
            case "promotion_requested": return kind, (self.id(), self.option(self.name), self.option(self.request))
            case "promotion_denied": return kind, (self.limited(96), self.recorded(self.promotion))
            case "promotion_granted": return kind, (self.limited(96), self.head())
            case "command_refused": return kind, (self.recorded(self.command), self.option(self.request))
            case "command_done": return kind, (self.recorded(self.command), self.head(), self.option(self.request))
            case "bootstrap_decided": return kind, (self.recorded(self.bootstrap), self.option(self.rule))
            case "followed" | "resumed" | "bootstrap_requested": return kind, (self.address(), self.option(self.request))
            case "failure_cleared": return kind, (self.rule(), self.option(self.request))
            case "halted": return kind, (self.rule(), self.text())
            case "declined": return kind, (self.recorded(self.declining), self.decline(), self.option(self.request))
            case "decline_refused": return kind, (self.recorded(self.declining), self.option(self.request))
            case "relocated" | "relocate_refused": return kind, (self.recorded(self.relocate),)
            case "forked": return kind, (self.recorded(self.fork), self.fixed())
            case "fork_refused": return kind, (self.recorded(self.fork),)
            case "checkpoint_requested": return kind, (self.option(self.varint),)
        return kind, (self.option(self.rule), self.position(), self.varint(), self.text(), self.varint(), self.varint(),
                      self.seq(lambda: (self.id(), self.fixed(), self.text())), self.option(self.request))

    def entry(self, ledger):
        if len(self.data) > 16384:
            raise ValueError("larger than an entry can be")
        if self.varint(16) != 1:
            raise ValueError("format version is not known")
        entry = dict(seq=self.id(), previous=self.fixed(), author=self.name())
        entry["kind"], entry["body"] = self.authority_body() if ledger == "authority" else self.decision_body()
        self.varint(), self.text(), self.limited(1024)
        entry["hash"] = H(ledger + " entry", self.data[:self.at])
        entry["signature"] = self.fixed(64)
        if self.at != len(self.data):
            raise ValueError("bytes behind the entry")
        return entry


def entries(log, ledger):
    """Every entry of a ledger with its place; the chain is checked, signatures are not."""
    before, seq = NONE_BEFORE, 1
    for file, at, about, records in log.frames:
        place, first = (file, at), before
        for record in records:
            try:
                entry = Reader(record).entry(ledger)
            except ValueError as error:
                raise Fault(*place, f"entry {seq}: {error}") from None
            if entry["seq"] != seq or entry["previous"] != before:
                raise Fault(*place, f"entry {entry['seq']} does not continue entry {seq - 1}")
            before, seq = entry["hash"], seq + 1
            yield place, entry
        said = (about["first"], about["last"], about["epoch"], about["stamp"], about["before"])
        if said != (seq - len(records), seq - 1, 0, (0, NONE_BEFORE), first):
            raise Fault(*place, "the frame header does not say what the entries say")


# 8: what an authority ledger may say ---------------------------------------------------------------------

class Authority:
    def __init__(self):
        self.hashes, self.members, self.epochs, self.named = [], {}, [], []
        self.cluster = self.holder = self.relinquished = self.succession = self.reached = None
        self.namings, self.declined, self.promotions = set(), set(), []

    def head(self): return (len(self.hashes), self.hashes[-1])
    def contains(self, head): return 1 <= head[0] <= len(self.hashes) and self.hashes[head[0] - 1] == head[1]
    def epoch_at(self, commit): return next((e for e, start in reversed(self.epochs) if start[0] < commit), 1)
    def not_below(self, least, found): return found[0] > least[0] or found == least
    def presented(self, decline):
        """What this ledger makes of a decline."""
        d = decline
        message = (d["cluster"] + struct.pack("<QQ", d["epoch"], d["named_by"][0]) + d["named_by"][1]
                   + struct.pack("<Q", d["ledger"][0]) + d["ledger"][1] + d["node"].encode())
        key = self.members.get(d["node"], (None,))[0]
        return dict(certificate=d, signed=bool(key) and signed(key, H("decline", message), d["signature"]),
                    named_here=(d["node"], d["named_by"]) in self.namings,
                    ledger_here=d["ledger"][0] >= d["named_by"][0] and self.contains(d["ledger"]))

    def heir(self, node): return node != self.holder and self.members.get(node, (0, False))[1]

    def take(self, entry):
        """The entry's fault, or None."""
        kind, body, author = entry["kind"], entry["body"], entry["author"]
        if (kind == "genesis") != (not self.hashes):
            return "genesis is the first entry and no other"
        if kind == "genesis":
            self.members[body["founder"]["id"]] = (body["founder"]["key"], True)
        if author not in self.members or not signed(self.members[author][0], entry["hash"], entry["signature"]):
            return f"the signature is not of {author}"
        illegal = getattr(self, kind)(entry, author, body)
        self.hashes.append(entry["hash"])
        if "at" in body:
            self.named.append((entry["seq"], author, body["at"]))
        return illegal

    def genesis(self, entry, author, body):
        self.cluster, self.holder = entry["hash"], author
        commit, chain = body["ancestor"][2] if body["ancestor"] else (0, b"")
        forked = H("history fork", self.cluster + struct.pack("<Q", commit) + chain)
        self.reached = (commit, forked if commit else H("history origin", self.cluster))
        self.epochs.append((1, self.reached))
        if commit:
            self.named.append((1, author, self.reached))
        return None if author == body["founder"]["id"] else "the author is not the founder"

    def by_holder(self, author, body):
        if author != self.holder or body["epoch"] != self.epochs[-1][0] or self.relinquished:
            return "not by the holder of this epoch"

    def member_admitted(self, entry, author, body):
        member = body["member"]
        if member["id"] in self.members or member["key"] in [key for key, _ in self.members.values()]:
            return "id or key was admitted before"
        self.members[member["id"]] = (member["key"], True)
        return self.by_holder(author, body)

    def member_removed(self, entry, author, body):
        key, admitted = self.members.get(body["node"], (None, False))
        if not self.heir(body["node"]) or (self.succession and self.succession[1] == body["node"]):
            return "the member cannot be removed"
        self.members[body["node"]] = (key, False)
        return self.by_holder(author, body)

    def successor_designated(self, entry, author, body):
        if (not self.heir(body["node"]) or self.succession or body["node"] in self.declined
                or not self.not_below(self.reached, body["at"])):
            return "the designation is not legal"
        self.namings.add((body["node"], (entry["seq"], entry["hash"])))
        self.reached = body["at"]
        self.succession = ("designated", body["node"], body["at"], (entry["seq"], entry["hash"]))
        return self.by_holder(author, body)

    def successor_released(self, entry, author, body):
        if not self.succession or self.succession[:2] != ("designated", body["node"]):
            return "nobody of that name is designated"
        self.succession = ("releasing", body["node"], self.succession[2], (entry["seq"], entry["hash"]))
        return self.by_holder(author, body)

    def obligation_ended(self, entry, author, body):
        r, s = body["shown"], self.succession
        if body["certificate"] == "decline":
            if not s or s[1] != body["node"] or lacks(self.presented(r), self.cluster, body["node"], self.epochs[-1][0]):
                return "the decline does not end this obligation"
            self.succession = None
            self.declined.add(body["node"])
            return self.by_holder(author, body)
        message = (r["cluster"] + struct.pack("<QQ", r["epoch"], r["position"][0]) + r["position"][1]
                   + struct.pack("<Q", r["ledger"][0]) + r["ledger"][1] + r["node"].encode())
        key = self.members.get(r["node"], (None,))[0]
        if not key or not signed(key, H("receipt", message), r["signature"]):
            return f"the receipt's signature is not of {r['node']}"
        if not s or s[:2] != ("releasing", body["node"]) or (r["cluster"], r["node"], r["epoch"]) != (self.cluster, body["node"], body["epoch"]):
            return "the receipt does not end this obligation"
        if r["ledger"][0] < s[3][0] or not self.contains(r["ledger"]):
            return "the receipt does not cover the release"
        self.succession = None
        return self.by_holder(author, body)

    def authority_relinquished(self, entry, author, body):
        illegal = self.by_holder(author, body)
        if not self.heir(body["node"]) or (self.succession and self.succession[1] != body["node"]) or not self.not_below(self.reached, body["at"]):
            return "the relinquishment is not legal"
        self.namings.add((body["node"], (entry["seq"], entry["hash"])))
        self.reached, self.relinquished = body["at"], (body["node"], body["at"], (entry["seq"], entry["hash"]))
        return illegal

    def authority_granted(self, entry, author, body):
        state = dict(epoch=self.epochs[-1][0], holder=self.holder, start=self.epochs[-1][1], succession=self.succession)
        if self.relinquished:
            state["relinquished"] = self.relinquished
            if body["basis"] == "decline":
                presented = self.presented(body["decline"])
                stands = (author == self.holder and self.relinquished[1:] == (body["at"], body["entry"])
                          and not lacks(presented, self.cluster, self.relinquished[0], self.epochs[-1][0])
                          and body["decision"]["facts"]["decline"] == presented)
            else:
                stands = body["basis"] == "relinquishment" and self.relinquished == (author, body["at"], body["entry"])
        else:
            s = self.succession
            stands = (body["basis"] == "designation" and s and s[:2] == ("designated", author) and s[3] == body["entry"]
                      and self.not_below(s[2], body["at"]))
        if author != body["node"] or body["epoch"] != self.epochs[-1][0] + 1 or author in self.declined or not (
                stands and (body["basis"] == "decline" or self.heir(author))):
            return "the grant does not stand on its basis"
        facts = body["decision"]["facts"]
        if (facts["cluster"], facts["node"], facts["ledger"], facts["authority"], facts["wal_end"]) != (
                self.cluster, author, self.head(), state, body["at"]) or body["decision"]["status"] != "approved":
            return "the recorded decision is of another state, or denies"
        self.promotions.append(body["promotion"])
        wrong = misjudged(body["decision"])
        if wrong:
            return wrong
        self.epochs.append((body["epoch"], body["at"]))
        self.holder, self.relinquished, self.succession, self.reached = author, None, None, body["at"]
        self.namings, self.declined = set(), set()


# 9: decisions -------------------------------------------------------------------------------------------

def lacks(presented, cluster, node, epoch):
    """What keeps a presented decline from showing that the node declined the epoch after this one, or None."""
    d = presented["certificate"]
    shown = [(d["cluster"] == cluster, "it is of another cluster"), (d["node"] == node, "it is of another node"),
             (d["epoch"] == epoch + 1, "it is of another epoch"),
             (presented["signed"], "its signature is not of that node"),
             (presented["named_here"], "the entry that it names did not name that node heir in this epoch"),
             (presented["ledger_here"], "its ledger is not this one")]
    return next((what for holds, what in shown if not holds), None)


def at_json(at): return {"commit_id": at[0], "chain": at[1].hex()}
def head_json(head): return {"seq": head[0], "hash": head[1].hex()}
def hex_or_null(blob): return None if blob is None else blob.hex()


def succession_json(s):
    return s and {s[0]: {"successor": s[1], "at": at_json(s[2]), "entry": head_json(s[3])}}


def tenure_json(a):
    gone = a.get("relinquished")
    return {"relinquished": {"successor": gone[0], "final_position": at_json(gone[1]), "entry": head_json(gone[2])}} if gone else "held"


def decline_json(d):
    return {"claim": {"cluster": d["cluster"].hex(), "node_id": d["node"], "epoch": d["epoch"], "named_by": head_json(d["named_by"]),
                      "ledger": head_json(d["ledger"])}, "signature": d["signature"].hex()}


def presented_json(p):
    return p and {"certificate": decline_json(p["certificate"]), "signed": p["signed"], "named_here": p["named_here"],
                  "ledger_here": p["ledger_here"]}


def authority_json(a):
    return {"epoch": a["epoch"], "holder": a["holder"], "start": at_json(a["start"]), "tenure": tenure_json(a),
            "succession": succession_json(a["succession"])}


def inputs_json(f):
    shown = {"cluster": f["cluster"].hex(), "node": f["node"]}
    if "command" in f:
        what, of = f["command"]
        if what == "admit":
            of = {"node_id": of["id"], "public_key": of["key"].hex(), "address": of["address"]}
        shown["command"] = {what: presented_json(of) if what == "end_obligation" else of}
    shown["expected_epoch"] = f["expected"]
    if "replica" in f:
        shown["replica_id"] = f["replica"]
    shown["ledger"] = head_json(f["ledger"])
    shown["authority"] = authority_json(f["authority"])
    if "command" in f:
        return shown | {"role": f["role"], "halt": f["halt"], "wal_end": at_json(f["wal_end"]), "membership": f["membership"],
                        "key_known": f["key_known"], "pulling": f["pulling"], "declined": f["declined"]}
    if "declines" in f:
        return shown | {"named_by": f["named_by"] and head_json(f["named_by"]), "original": f["original"]}
    mismatch = f["mismatch"] and {"commit": f["mismatch"][0], "found": f["mismatch"][1]}
    return shown | {"member": f["member"], "role": f["role"], "halt": f["halt"], "attempt_in_progress": f["attempt"],
                    "progress": dict(zip(("received", "validated", "applied"), f["progress"])), "wal_end": at_json(f["wal_end"]),
                    "chain_at_basis": hex_or_null(f["chain"]), "epoch_mismatch": mismatch, "declined": f["declined"],
                    "decline": presented_json(f["decline"])}


def promotion_rules(f):
    a, end, (received, validated, applied) = f["authority"], f["wal_end"], f["progress"]
    gone, s, heir, basis, needed = a.get("relinquished"), a["succession"], None, None, None
    if gone:
        heir = gone[0]
        if heir == f["node"]:
            basis, needed = {"relinquishment": {"entry": head_json(gone[2])}}, gone[1]
        elif f["decline"] and f["node"] == a["holder"] and not lacks(f["decline"], f["cluster"], heir, a["epoch"]):
            basis, needed = {"decline": {"entry": head_json(gone[2]), "certificate": decline_json(f["decline"]["certificate"])}}, gone[1]
    elif s and s[0] == "designated":
        heir = s[1]
        if heir == f["node"]:
            basis, needed = {"designation": {"entry": head_json(s[3])}}, s[2]
    exact = basis is not None and "designation" not in basis
    role = "PrimarySealed" if basis is not None and "decline" in basis else "ReplicaActive"
    lossless = needed is not None and (end == needed or (not exact and end[0] > needed[0]))
    mismatch = inputs_json(f)["epoch_mismatch"]
    yield "P6-A3", f["expected"] == a["epoch"], {"expected_epoch": f["expected"], "ledger_epoch": a["epoch"]}
    yield "P6-SC1", f["replica"] in (None, f["node"]), {"replica_id": f["replica"], "node_id": f["node"]}
    yield "P6-V29", f["member"] and f["role"] == role, {"member": f["member"], "role": f["role"]}
    yield "P6-SM2", not f["attempt"], {"attempt_in_progress": f["attempt"]}
    yield "RM-5", f["halt"] is None, {"halt": f["halt"]}
    yield "AU-17", not f["declined"], {"next_epoch": a["epoch"] + 1, "declined": f["declined"]}
    yield "P6-S2", needed is not None and f["chain"] == needed[1], {
        "basis_position": needed and at_json(needed), "chain_here": hex_or_null(f["chain"]), "wal_end": at_json(end)}
    yield "P6-S1", lossless, {"acknowledged_at_least": needed and needed[0], "must_end_exactly_there": exact, "wal_end": end[0]}
    yield "P6-A1", basis is not None, {"basis": basis, "holder": a["holder"], "heir": heir, "decline": presented_json(f["decline"]),
                                        "node_id": f["node"]}
    yield "P6-S3", applied == validated, {"validated": validated, "applied": applied}
    yield "P5-I5", received == validated == end[0], {"received": received, "validated": validated, "wal_end": end[0]}
    yield "P5-I4", mismatch is None, {"first_mismatch": mismatch}


def command_rules(f):
    a, (what, of), s = f["authority"], f["command"], f["authority"]["succession"]
    who = of["id"] if what == "admit" else of["certificate"]["node"] if what == "end_obligation" else of
    shown, member, heir = succession_json(s), f["membership"], s is not None and s[1] == who
    free = f["expected"] is None and what in ("admit", "remove")
    yield "P6-A3", free or f["expected"] == a["epoch"], {"expected_epoch": f["expected"], "ledger_epoch": a["epoch"]}
    yield "AU-1", (f["node"], f["role"], tenure_json(a)) == (a["holder"], "PrimaryActive", "held"), {
        "node_id": f["node"], "holder": a["holder"], "role": f["role"], "tenure": tenure_json(a)}
    yield "RM-5", f["halt"] is None, {"halt": f["halt"]}
    if what in ("designate", "relinquish"):
        yield "AU-2", member == "admitted" and who != a["holder"], {"successor": who, "membership": member, "holder": a["holder"]}
    if what == "designate":
        yield "AU-3", f["pulling"], {"successor": who, "pulling": f["pulling"]}
        yield "AU-4", s is None, {"succession": shown}
        yield "AU-18", not f["declined"], {"successor": who, "declined": f["declined"]}
    if what == "end_obligation":
        missing = lacks(of, f["cluster"], who, a["epoch"])
        yield "P6-SB3", missing is None and heir, {"successor": who, "succession": shown, "certificate_lacks": missing}
    if what == "release":
        yield "AU-5", heir and s[0] == "designated", {"successor": who, "succession": shown}
    if what == "relinquish":
        yield "AU-6", s is None or heir, {"successor": who, "succession": shown}
    if what == "admit":
        yield "AU-7", member is None and not f["key_known"], {"node_id": who, "membership": member, "key_known": f["key_known"]}
    if what == "remove":
        yield "AU-8", member == "admitted" and who != a["holder"] and not heir, {
            "node_id": who, "membership": member, "holder": a["holder"], "succession": shown}


def decline_rules(f):
    a = f["authority"]
    heir = a["relinquished"][0] if "relinquished" in a else a["succession"] and a["succession"][1]
    named = f["named_by"] and head_json(f["named_by"])
    yield "P6-A3", f["expected"] == a["epoch"], {"expected_epoch": f["expected"], "ledger_epoch": a["epoch"]}
    yield "AU-16", heir == f["node"] and named is not None, {
        "node_id": f["node"], "heir": heir, "named_by": named, "next_epoch": a["epoch"] + 1}
    yield "ST-2", f["original"], {"original": f["original"]}


def bootstrap_json(f):
    a, s = f["authority"], f["snapshot"]
    return {"cluster": f["cluster"].hex(), "node": f["node"], "source": f["source"], "ledger": head_json(f["ledger"]),
            "authority": authority_json(a), "role": f["role"], "halt": f["halt"], "own": at_json(f["own"]),
            "snapshot": s and {"cluster": s["cluster"].hex(), "position": at_json(s["position"]), "epoch": s["epoch"],
                               "ledger": head_json(s["ledger"]), "oldest_retained": s["oldest"],
                               "designation": s["designation"] and at_json(s["designation"]), "keys": s["keys"],
                               "versions": s["versions"], "bytes": s["bytes"], "manifest": s["manifest"].hex()},
            "damage_at": f["damage"], "ledger_known": f["known"], "epoch_by_ledger": f["epoch"]}


def bootstrap_rules(f):
    holder, heir, shown = f["authority"]["holder"], f["authority"]["succession"], bootstrap_json(f)["snapshot"]
    s, told = f["snapshot"], (lambda name: shown and shown[name])
    judge = lambda holds: holds() if s else None
    asked = (f["role"], f["halt"]) in (("ReplicaActive", None), ("ReplicationHalted", "F-S3"))
    obliged = heir is not None and heir[1] == f["node"]
    yield "RS-6", asked, {"role": f["role"], "halt": f["halt"]}
    yield "RS-1", f["source"] == holder != f["node"], {"source": f["source"], "holder": holder}
    yield "SNP-4", s is not None, {"bytes": told("bytes"), "damage_at": f["damage"], "manifest": told("manifest")}
    yield "RS-2", judge(lambda: s["cluster"] == f["cluster"]), {"cluster": f["cluster"].hex(), "snapshot_cluster": told("cluster")}
    yield "AU-14", judge(lambda: f["known"]), {"ledger": head_json(f["ledger"]), "snapshot_ledger": told("ledger")}
    yield "P5-I4", judge(lambda: s["epoch"] == f["epoch"]), {"snapshot_epoch": told("epoch"), "ledger_epoch": f["epoch"]}
    yield "P6-S2", judge(lambda: not heir or heir[2][0] > s["position"][0] or heir[2] == s["designation"]), {
        "designation": heir and at_json(heir[2]), "snapshot_designation": told("designation")}
    yield "AU-13", judge(lambda: s["position"][0] > f["own"][0] and not obliged), {
        "own": at_json(f["own"]), "snapshot": told("position"), "obliged": obliged}


def place_json(place): return {"device": place[0], "inode": place[1]}


def retired_json(retired):
    if retired is None:
        return None
    what, of = retired
    return {"relocated": {"to": place_json(of)}} if what == "relocated" else {"forked": {"cluster": of.hex()}}


def holds_json(holds):
    return holds and {"ledger": head_json(holds[0]), "decisions": holds[1] and head_json(holds[1]), "history": at_json(holds[2]),
                      "received": holds[3]}


def directory_json(d):
    return d and {"cluster": d["cluster"].hex(), "node": d["node"], "public_key": d["key"].hex(), "bound_to": place_json(d["bound"]),
                  "here": place_json(d["here"]), "retired": retired_json(d["retired"]), "holds": holds_json(d["holds"])}


def relocate_json(f): return {"kept": directory_json(f["kept"]), "left": directory_json(f["left"])}


def relocate_rules(f):
    k, l = f["kept"], f["left"]
    shown, there = relocate_json(f), directory_json(l) or {}
    original = k["bound"] == k["here"]
    who = lambda d: d and {name: d[name] for name in ("cluster", "node", "public_key")}
    judge = lambda holds: holds() if l else None
    may_go = lambda: (l["retired"] == ("relocated", k["here"]) if l["retired"]
                      else original or l["bound"] == l["here"] == k["bound"])
    yield "DIR-1", judge(lambda: (k["cluster"], k["node"], k["key"]) == (l["cluster"], l["node"], l["key"]) and k["here"] != l["here"]), {
        "kept": who(shown["kept"]), "left": who(shown["left"]), "kept_directory": shown["kept"]["here"],
        "left_directory": there.get("here")}
    yield "DIR-2", judge(lambda: k["retired"] is None and may_go()), {
        "kept_bound_to": shown["kept"]["bound_to"], "kept_directory": shown["kept"]["here"], "kept_retired": shown["kept"]["retired"],
        "left_bound_to": there.get("bound_to"), "left_directory": there.get("here"), "left_retired": there.get("retired")}
    yield "DIR-3", judge(lambda: original or l["holds"] is not None and l["holds"] == k["holds"]), {
        "kept_is_original": original, "kept": shown["kept"]["holds"], "left": there.get("holds")}


def fork_json(f):
    return {"cluster": f["cluster"].hex(), "node": f["node"], "expected_epoch": f["expected"], "ledger": head_json(f["ledger"]),
            "authority": authority_json(f["authority"]), "role": f["role"], "original": f["original"],
            "retired": retired_json(f["retired"]), "proven": at_json(f["proven"]), "received": f["received"],
            "acknowledged": f["acknowledged"], "declines": f["gives_up"]}


def fork_rules(f):
    proven, known = f["proven"][0], f["acknowledged"]
    current = f["authority"]["epoch"]
    yield "P6-A3", f["expected"] == current, {"expected_epoch": f["expected"], "ledger_epoch": current}
    yield "FK-1", f["retired"] is None, {"retired": retired_json(f["retired"]), "original": f["original"], "declines": f["gives_up"]}
    yield "FK-2", 0 < proven <= f["received"] and (known is None or known <= proven), {
        "proven": at_json(f["proven"]), "received": f["received"], "acknowledged_at_least": known, "after_it": "unknown"}


# type, inputs, rules, what they look at, status if all hold, status if one does not
KINDS_OF_DECISION = {
    "command": ("authority.command", lambda f: inputs_json(f), lambda f: command_rules(f), "wal_end", "approved", "refused"),
    "declines": ("authority.command", lambda f: inputs_json(f), decline_rules, None, "approved", "refused"),
    "kept": ("authority.command", relocate_json, relocate_rules, "history", "approved", "refused"),
    "proven": ("authority.command", fork_json, fork_rules, "proven", "approved", "refused"),
    "source": ("snapshot.bootstrap", bootstrap_json, bootstrap_rules, "own", "accepted", "rejected"),
    "replica": ("replication.promotion", lambda f: inputs_json(f), lambda f: promotion_rules(f), "wal_end", "approved", "denied"),
}


OTHER_RULESETS = {}


def misjudged(decision):
    """What is wrong with a recorded decision, or None."""
    facts = decision["facts"]
    if decision["ruleset"] != 1:
        # Rules that are not known here: it is taken at its word.
        OTHER_RULESETS[decision["ruleset"]] = OTHER_RULESETS.get(decision["ruleset"], 0) + 1
        yes = next(of for field, of in KINDS_OF_DECISION.items() if field in facts)[4]
        said = decision["status"] == yes and decision["reason"] is None
        holds = [evaluation == "true" for _, evaluation in decision["evaluations"]]
        return None if said == (bool(holds) and all(holds)) else "it contradicts itself"
    kind, inputs, apply, seen, yes, no = next(of for field, of in KINDS_OF_DECISION.items() if field in facts)
    rules = [(rule, {True: "true", False: "false", None: "not_evaluable"}[holds], evidence) for rule, holds, evidence in apply(facts)]
    failed = [rule for rule, evaluation, _ in rules if evaluation != "true"]
    status = "undetermined" if "not_evaluable" in [it for _, it, _ in rules] else no if failed else yes
    explanation = {
        "explanation_type": kind,
        "observed_snapshot": {"snapshot_id": facts[seen][1].hex() if seen and facts[seen] else None,
                              "commit_id": facts[seen][0] if seen and facts[seen] else None},
        "inputs": inputs(facts),
        "rules_applied": [{"rule_id": r, "evaluation": e, "evidence": v} for r, e, v in rules],
        "conclusion": {"status": status, "reason": ", ".join(failed) or None},
    }
    digest = H("explanation", json.dumps(explanation, separators=(",", ":"), ensure_ascii=False).encode())
    recorded = (decision["evaluations"], decision["status"], decision["reason"], decision["digest"])
    if recorded != ([(rule, evaluation) for rule, evaluation, _ in rules], status, ", ".join(failed) or None, digest):
        return "the rules give another answer for its facts"


# 6: the WAL ---------------------------------------------------------------------------------------------

def batches(log, authority, tip):
    """Checks every batch; gives the positions where one ends."""
    ends = [tip]
    for file, at, about, records in log.frames:
        start, fail = tip, lambda what: Fault(file, at, f"batch after commit {tip[0]}: {what}")
        for record in records:
            if len(record) < 137 or u32(record, 0) != len(record) - 8 or zlib.crc32(record[8:]) != u32(record, 4):
                raise fail("length or checksum")
            if record[8] != 1:
                raise fail(f"format version {record[8]} is not known")
            epoch, first, last, seq = struct.unpack_from("<QQQQ", record, 9)
            stamp, before, after = (seq, record[41:73]), record[73:105], record[105:137]
            if H("history chain", before + record[8:73] + record[137:]) != after:
                raise fail("chain after")
            if first != tip[0] + 1 or last < first or before != tip[1]:
                raise fail("it does not continue the history")
            if epoch != authority.epoch_at(first) or epoch != authority.epoch_at(last):
                raise fail(f"epoch {epoch}, the ledger gives {authority.epoch_at(first)} to {authority.epoch_at(last)}")
            if not authority.contains(stamp):
                raise fail(f"it was formed when entry {seq} was known; the authority ledger does not hold that")
            try:
                payload(Reader(record[137:]), last - first + 1)
            except ValueError as error:
                raise fail(error) from None
            tip = (last, after)
            ends.append(tip)
        if (about["first"], about["last"], about["epoch"], about["stamp"], about["before"]) != (start[0] + 1, last, epoch, stamp, start[1]):
            raise Fault(file, at, "the frame header does not say what the batches say")
    return ends


def payload(reader, commits):
    def op():
        what = reader.one_of("put", "delete")
        key, value = reader.blob(), reader.blob() if what == "put" else b""
        key.decode()
        if not 1 <= len(key) <= 1024 or len(value) > 4194304:
            raise ValueError("key or value size")
    if len(reader.seq(lambda: reader.seq(op))) != commits or reader.at != len(reader.data):
        raise ValueError("number of commits, or bytes behind them")


# 10: sealed files ---------------------------------------------------------------------------------------

def sealed(path, format):
    if not path.exists():
        return None
    data = path.read_bytes()
    try:
        file = json.loads(data[:65537])
        content = json.dumps(file["content"], separators=(",", ":"))
        again = {k: file[k] for k in ("format", "content", "digest")}
        if file["format"] != format:
            raise Fault(path, 0, f"format {file['format']!r} is not known")
        if file != again or (json.dumps(again, indent=2) + "\n").encode() != data:
            raise Fault(path, 0, "not the bytes that were written")
        if H("sealed file", (format + content).encode()).hex() != file["digest"]:
            raise Fault(path, 0, "digest")
        return file["content"]
    except (ValueError, KeyError, TypeError) as error:
        raise Fault(path, 0, f"not a sealed file: {error}") from None


def position(json): return (json["commit_id"], bytes.fromhex(json["chain"]))


# 11: snapshots ------------------------------------------------------------------------------------------

def snapshot(path):
    """The manifest's hash, cluster, position and epoch; every byte of the file is looked at."""
    if not path.is_file():
        raise Fault(path, 0, "the snapshot is missing")
    data = path.read_bytes()
    end, at = len(data) - 256, 64
    if end < 64 or data[end:end + 8] != b"AERODBSM":
        raise Fault(path, max(end, 0), "the snapshot is incomplete")
    head, manifest = data[:64], data[end:]
    for offset, part, magic in ((0, head, b"AERODBSN"), (end, manifest, b"AERODBSM")):
        if part[:8] != magic or zlib.crc32(part[:12] + bytes(4) + part[16:]) != u32(part, 12):
            raise Fault(path, offset, "magic or checksum")
        if u16(part, 8) != 1:
            raise Fault(path, offset + 8, f"format version {u16(part, 8)} is not known")
        if not is_zero(part[10:12]):
            raise Fault(path, offset + 10, "reserved bytes")
    cut, oldest, designated = u64(manifest, 48), u64(manifest, 136), u64(manifest, 208)
    if head[16:48] != manifest[16:48] or u64(head, 48) != cut or not is_zero(head[56:]):
        raise Fault(path, 16, "header and manifest are of different snapshots")
    if oldest > cut or designated > 1 or u64(manifest, 216) > cut or (not designated and not is_zero(manifest[216:])):
        raise Fault(path, end, "the manifest contradicts itself")
    before, last, keys, versions, blocks = H("snapshot header", head), None, 0, 0, 0
    while at < end:
        length, count = (u32(data, at), u32(data, at + 4)) if at + 48 <= end else (0, 0)
        payload = data[at + 48:at + 48 + length]
        if not 1 <= length <= 4195342 or at + 48 + length > end or not count or u64(data, at + 8) != blocks + 1:
            raise Fault(path, at, "a block's header")
        if H("snapshot block", before + data[at:at + 16] + payload) != data[at + 16:at + 48]:
            raise Fault(path, at, "a block's hash")
        place = 0
        for _ in range(count):
            if place + 14 > length:
                raise Fault(path, at, "a version is cut off")
            name, commit, value = u16(payload, place), u64(payload, place + 2), u32(payload, place + 10)
            key = payload[place + 14:place + 14 + name]
            place += 14 + name + (0 if value == 2**32 - 1 else value)
            if not 1 <= name <= 1024 or (value > 4194304 and value != 2**32 - 1) or place > length or not 1 <= commit <= cut:
                raise Fault(path, at, "a version that cannot be")
            try:
                key.decode()
            except UnicodeDecodeError:
                raise Fault(path, at, "a key that is not UTF-8") from None
            if last and (key, -commit) <= last:
                raise Fault(path, at, "versions out of order")
            keys += not last or last[0] != key
            versions, last = versions + 1, (key, -commit)
        if place != length:
            raise Fault(path, at, "a block holds more than its versions")
        before, at, blocks = data[at + 16:at + 48], at + 48 + length, blocks + 1
    if (keys, versions, blocks, at) != tuple(u64(manifest, 144 + 8 * n) for n in range(4)) or before != manifest[176:208]:
        raise Fault(path, end, "the blocks are not those of the manifest")
    return H("snapshot manifest", manifest).hex(), manifest[16:48].hex(), (cut, manifest[56:88]), u64(manifest, 88)


# 14: the order of it all --------------------------------------------------------------------------------

class Verifier:
    def __init__(self, dir):
        self.dir, self.faults, self.owner = dir, 0, None
        self.authority = self.ends = self.identity = self.checkpoint = None

    def step(self, name, check):
        try:
            print(f"{name:17} {check()}")
        except Fault as fault:
            self.faults += 1
            print(f"{name:17} FAULT {fault}")

    def log(self, name, start=(1, 1, 1), **witness):
        stamp = self.identity["stamp"][name.split(".")[0] + "_frame"] if self.identity else 0
        log = Log(self.dir / name, KINDS[name], self.owner, start, dict(frame=stamp, record=0) | witness)
        if self.owner and log.owner != self.owner:
            raise Fault(log.dir, 32, "of another node")
        self.owner = log.owner
        tail = f", unproven tail at byte {log.tail[1]} of {log.tail[0].name}" if log.tail else ""
        return log, f"{log.frame_count} frames, {log.records} records{tail}"

    def check_identity(self):
        found = sealed(self.dir / "identity", "aerodb identity 1")
        if found is None:
            return "absent: no witnesses"
        secret = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(found["secret"]))
        self.identity, self.owner = found, secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return f"of {found['node_id']}"

    def check_authority(self):
        log, text = self.log("authority.ledger", record=1)
        authority = Authority()
        for place, entry in entries(log, "authority"):
            illegal = authority.take(entry)
            if illegal:
                raise Fault(*place, f"entry {entry['seq']}, {entry['kind']}: {illegal}")
        if self.identity and self.identity["cluster"] != authority.cluster.hex():
            raise Fault(log.dir, 0, "the identity is of another cluster")
        self.authority = authority
        return f"{text}, epoch {authority.epochs[-1][0]} held by {authority.holder}, cluster {authority.cluster.hex()[:16]}"

    def check_decisions(self):
        node, grants = self.identity["node_id"] if self.identity else None, self.authority.promotions if self.authority else []
        asked = [int(it.removeprefix(f"{node}-")) for it in grants if it.removeprefix(f"{node}-").isdigit() and it.startswith(f"{node}-")]
        log, text = self.log("decision.ledger", record=max(asked, default=0))
        author = self.identity["node_id"] if self.identity else None
        for place, entry in entries(log, "decision"):
            author = author or entry["author"]
            if entry["author"] != author or not signed(self.owner, entry["hash"], entry["signature"]):
                raise Fault(*place, f"entry {entry['seq']} is not signed by {author}")
            for decision in entry["body"]:
                wrong = isinstance(decision, dict) and "facts" in decision and misjudged(decision)
                if wrong:
                    raise Fault(*place, f"entry {entry['seq']}, {entry['kind']}: {wrong}")
        known = self.authority and self.authority.members.get(author)
        if known and known[0] != self.owner:
            raise Fault(log.dir, 0, f"the key of {author} in the authority ledger is another")
        return text

    def check_retention(self):
        found = sealed(self.dir / "retention", "aerodb retention 1")
        foreign = found and ((self.owner and found["owner"] != self.owner.hex())
                             or (self.authority and found["cluster"] != self.authority.cluster.hex()))
        if foreign:
            raise Fault(self.dir / "retention", 0, "of another node or cluster")

    def check_checkpoint(self):
        self.check_retention()
        found = sealed(self.dir / "checkpoint", "aerodb checkpoint 1")
        if found is None:
            return "absent: the WAL starts with commit 1"
        start, file = found["wal_start"], self.dir / "checkpoint"
        segment, frame, commit = start["segment"], start["frame_seq"], start["position"]["commit_id"]
        if not (1 <= segment <= min(frame, 10**16 - 1) and (segment == 1) == (frame == 1) and max(frame, commit) < 1 << 62
                and commit <= found["position"]["commit_id"]):
            raise Fault(file, 0, "no WAL starts there")
        if self.owner and found["owner"] != self.owner.hex():
            raise Fault(file, 0, "of another node")
        if self.authority and (found["cluster"] != self.authority.cluster.hex() or not self.authority.contains(
                (found["ledger"]["seq"], bytes.fromhex(found["ledger"]["hash"])))):
            raise Fault(file, 0, "of another cluster, or of a ledger that has more entries than this one")
        covers = position(found["position"])
        named = snapshot(self.dir / "snapshots" / f"{covers[0]:020}.snapshot")
        if named != (found["snapshot"], found["cluster"], covers, found["epoch"]):
            raise Fault(file, 0, "the snapshot there is another one than it names")
        self.checkpoint = found
        return f"at commit {found['position']['commit_id']}, the WAL starts after commit {commit}"

    def check_wal(self):
        start, tip, covered = (1, 1, 1), None, 0
        if self.checkpoint:
            at, covered = self.checkpoint["wal_start"], self.checkpoint["position"]["commit_id"]
            tip = position(at["position"])
            start = (at["segment"], at["frame_seq"], tip[0] + 1)
        if self.authority and self.identity:  # what this node's own entries name was durable here
            covered = max([covered] + [at[0] for _, author, at in self.authority.named if author == self.identity["node_id"]])
        log, text = self.log("wal", start, record=covered)
        if not self.authority:
            return f"{text}; batches not checked without the authority ledger"
        ends = batches(log, self.authority, tip or (0, H("history origin", self.authority.cluster)))
        named = [(f"entry {seq} of the authority ledger", at) for seq, _, at in self.authority.named]
        if self.checkpoint:
            named.append(("the checkpoint", position(self.checkpoint["position"])))
        for who, at in named:
            if ends[0][0] <= at[0] <= ends[-1][0] and at not in ends:
                raise Fault(log.dir, 0, f"{who} names commit {at[0]} with another chain")
        return f"{text}, commits {ends[0][0] + 1} to {ends[-1][0]}"

    def run(self):
        for name, check in (("identity", self.check_identity), ("authority.ledger", self.check_authority),
                            ("decision.ledger", self.check_decisions), ("checkpoint", self.check_checkpoint), ("wal", self.check_wal)):
            self.step(name, check)
        for ruleset, count in sorted(OTHER_RULESETS.items()):
            print(f"note              {count} decided under ruleset {ruleset}, which is not known here: not made again")
        print("verdict           " + ("ok" if not self.faults else f"{self.faults} FOUND WRONG"))
        return 1 if self.faults else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print(__doc__)
        sys.exit(2)
    try:
        next(Path(sys.argv[1]).iterdir(), None)
        sys.exit(Verifier(Path(sys.argv[1])).run())
    except OSError as error:
        print(f"cannot read: {error}")
        sys.exit(3)
