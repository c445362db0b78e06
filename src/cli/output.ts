import { writeSync } from "node:fs";
import { Socket } from "node:net";
import type { Writable } from "node:stream";
import { reason } from "../db/embedded-place.js";

/**
 * Watches what all commands print, by whatever way: what could not be written whole is said on stderr, once, and is exit
 * status 1. Who stops reading (`kith … | head`) has what they wanted: that says nothing, and changes no status.
 */
export function watchOutput(): void {
  const stdout: Writable & { fd: number } = process.stdout;
  let isLost = false;
  const lost = (error: NodeJS.ErrnoException) => {
    if (isLost || error.code === "EPIPE") return;
    isLost = true;
    console.error(`kith: the output could not be written whole: ${reason(error)}`);
  };
  // Console does not say what goes wrong with its stream; without a listener, everything else would end the process.
  stdout.on("error", lost);
  // A file or a device: there Node drops what a write that was cut short has left, which is how a disk gets full.
  if (!(stdout instanceof Socket)) {
    stdout._write = (chunk: Buffer, _encoding, done) => {
      try {
        for (let at = 0; at < chunk.length; ) at += writeSync(stdout.fd, chunk, at);
        done();
      } catch (error) {
        // At once: an event would come too late where the process is told to exit.
        lost(error as NodeJS.ErrnoException);
        done(error as Error);
      }
    };
  }
  process.on("exit", (status) => {
    if (isLost && status === 0) process.exitCode = 1;
  });
}
