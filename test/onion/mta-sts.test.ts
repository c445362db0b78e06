import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import dnsPacket from "dns-packet";
import { parseDomain } from "#kith/onion/domain.js";
import { policyAtRisk } from "#kith/onion/mta-sts.js";
import { need } from "../support/need.js";
import { temporaryDirectory } from "../support/temporary.js";

const { openssl, skip } = need("openssl");
const DOMAIN = parseDomain("there.example")!;
const ENFORCE = "version: STSv1\r\nmode: enforce\r\nmx: mx.there.example\r\nmax_age: 86400\r\n";

describe("the promise of a domain to be reached over verified TLS only", { skip }, () => {
  let answer: { status: number; headers: Record<string, string>; body: string };
  let txt: string;
  let asked: string[];
  let wanted: string[];
  let resolver: { host: string; port: number };
  let tor: { host: string; port: number };
  let ca: string;

  const closing: { close(): unknown }[] = [];
  after(() => {
    for (const one of closing) one.close();
  });

  before(async () => {
    const directory = temporaryDirectory();
    const [key, cert] = [join(directory, "key"), join(directory, "cert")];
    const made = ["req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "2", "-keyout", key, "-out", cert];
    const names = ["-subj", "/CN=mta-sts.there.example", "-addext", "subjectAltName=DNS:mta-sts.there.example"];
    execFileSync(openssl, [...made, ...names], { stdio: "ignore" });
    ca = readFileSync(cert, "utf8");
    const web = createHttpsServer({ key: readFileSync(key), cert: ca }, (request, response) => {
      asked.push(`${request.headers.host}${request.url}`);
      response.writeHead(answer.status, answer.headers).end(answer.body);
    });
    web.on("tlsClientError", () => undefined);
    await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));

    // Tor as far as this goes: any name leads to that one server.
    const socks = createServer((socket) => {
      socket.on("error", () => socket.destroy());
      socket.once("data", () => {
        socket.write(Buffer.of(5, 0));
        socket.once("data", (request: Buffer) => {
          const length = request[4] as number;
          wanted.push(`${request.subarray(5, 5 + length)}:${request.readUInt16BE(5 + length)}`);
          const onward = connect((web.address() as AddressInfo).port, "127.0.0.1", () => {
            socket.write(Buffer.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0));
            socket.pipe(onward).pipe(socket);
          });
          onward.on("error", () => socket.destroy());
        });
      });
    });
    await new Promise<void>((resolve) => socks.listen(0, "127.0.0.1", resolve));
    tor = { host: "127.0.0.1", port: (socks.address() as AddressInfo).port };

    const dns = createSocket("udp4", (query, from) => {
      const { id, questions } = dnsPacket.decode(query);
      const answers =
        txt === "" ? [] : [{ type: "TXT" as const, name: questions?.[0]?.name ?? "", ttl: 60, data: [txt] }];
      dns.send(
        dnsPacket.encode({ type: "response", id: id ?? 0, questions: questions ?? [], answers }),
        from.port,
        from.address,
      );
    });
    await new Promise<void>((resolve) => dns.bind(0, "127.0.0.1", resolve));
    closing.push(web, socks, dns);
    resolver = { host: "127.0.0.1", port: dns.address().port };
  });

  const ask = async (
    change: Partial<typeof answer> = {},
    trusted: string | undefined = ca,
    record = "v=STSv1; id=1;",
  ) => {
    [asked, wanted, txt] = [[], [], record];
    answer = { status: 200, headers: {}, body: ENFORCE, ...change };
    return await policyAtRisk(resolver, tor, DOMAIN, trusted);
  };

  it("is read through Tor, from the one address that the standard names", async () => {
    assert.equal(await ask(), "enforce");
    assert.deepEqual(wanted, ["mta-sts.there.example:443"]);
    assert.deepEqual(asked, ["mta-sts.there.example/.well-known/mta-sts.txt"]);
    assert.equal(await ask({ body: ENFORCE.replace("enforce", "testing") }), "none");
  });

  it("is not looked for where the DNS says that there is none", async () => {
    for (const record of ["", "v=spf1 -all"]) assert.equal(await ask({}, ca, record), "none");
    assert.deepEqual(wanted, []);
  });

  it("is unknown when nobody vouches for the certificate, and then nothing is asked", async () => {
    const usualOnes = "";
    assert.equal(await ask({}, usualOnes), "unknown");
    assert.deepEqual(asked, []);
  });

  it("is unknown, and nothing is followed, when the answer leads elsewhere, is a fault, or too long", async () => {
    for (const change of [
      { status: 302, headers: { location: "https://elsewhere.example/.well-known/mta-sts.txt" } },
      { status: 404 },
      { status: 500 },
      { body: `${ENFORCE}${"x".repeat(70_000)}` },
    ]) {
      assert.equal(await ask(change), "unknown", JSON.stringify(change).slice(0, 60));
      assert.equal(wanted.length, 1);
    }
  });

  it("is unknown without Tor: the open net is never asked", async () => {
    tor = { ...tor, port: 1 };
    assert.equal(await ask(), "unknown");
    assert.deepEqual(asked, []);
  });
});
