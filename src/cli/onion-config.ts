import { type Command, Option } from "commander";
import { loadConfig } from "../config.js";
import { eximConfig } from "../onion/config/exim.js";
import { DEBIAN_PLACES, postfixConfig } from "../onion/config/postfix.js";
import { EXIM_RECEIVE, mtaSettings, POSTFIX_RECEIVE } from "../onion/config/settings.js";
import { hostPort } from "./host-port.js";

type Receive = { receive: { host: string; port: number } };

export function addOnionConfig(onion: Command): void {
  const config = onion
    .command("config")
    .description("prints what a mail server needs to send to onions, and to receive by its own");
  config
    .command("exim")
    .description("for Exim 4.87 or later")
    .addOption(receiveOption(EXIM_RECEIVE))
    .option("--resolver", "without a running Kith: the map as a cdb, names resolved by Tor's DNSPort")
    .action((options: Receive & { resolver?: boolean }) => {
      process.stdout.write(eximConfig(mtaSettings(loadConfig(), options.receive), options.resolver));
    });
  config
    .command("postfix")
    .description("for Postfix 3.5 or later, with torsocks 2.4 or later")
    .addOption(receiveOption(POSTFIX_RECEIVE))
    .option("--daemon-directory <directory>", "postconf -h daemon_directory", DEBIAN_PLACES.daemonDirectory)
    .option("--config-directory <directory>", "postconf -h config_directory", DEBIAN_PLACES.configDirectory)
    .option("--torsocks <file>", "the program", DEBIAN_PLACES.torsocks)
    .action((options: Receive & typeof DEBIAN_PLACES) => {
      process.stdout.write(postfixConfig(mtaSettings(loadConfig(), options.receive), options));
    });
}

/** Where Tor hands over incoming mail; `kith onion torrc` has to be told the same. */
export function receiveOption(usual: { host: string; port: number }): Option {
  return new Option("--receive <host:port>", "where Tor hands over incoming mail; the same for kith onion torrc")
    .argParser(hostPort)
    .default(usual, `${usual.host}:${usual.port}`);
}
