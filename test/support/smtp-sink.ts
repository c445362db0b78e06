import { createServer, type Server } from "node:net";
import { after } from "node:test";

const servers = new Set<Server>();

export interface SmtpSink {
  port: number;
  /** Connections so far: the clear net has been used if there was one. */
  connections: number;
  /** Everything that was said to it. */
  heard: string;
}

/** A mail server that takes everything and keeps it. */
export async function startSmtpSink(port = 0): Promise<SmtpSink> {
  const sink: SmtpSink = { port, connections: 0, heard: "" };
  const server = createServer((socket) => {
    sink.connections++;
    let data = false;
    let input = "";
    socket.write("220 sink.test ESMTP\r\n");
    socket.on("error", () => socket.destroy());
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      sink.heard += chunk;
      input += chunk;
      for (let end = input.indexOf("\r\n"); end !== -1; end = input.indexOf("\r\n")) {
        const line = input.slice(0, end);
        input = input.slice(end + 2);
        if (data) {
          if (line !== ".") continue;
          data = false;
          socket.write("250 taken\r\n");
        } else if (/^DATA/i.test(line)) {
          data = true;
          socket.write("354 go on\r\n");
        } else if (/^QUIT/i.test(line)) socket.end("221 bye\r\n");
        else socket.write("250 sink.test\r\n");
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  sink.port = (server.address() as { port: number }).port;
  servers.add(server);
  return sink;
}

after(() => {
  for (const server of servers) server.close();
});
