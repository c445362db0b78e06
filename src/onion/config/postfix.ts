import { Failure } from "../../failure.js";
import { POSTFIX_TRANSPORT } from "../lookup/postfix-nexthop.js";
import { type MtaSettings, writeListen } from "./settings.js";

/** Where Debian keeps Postfix's programs; tests and other systems have them elsewhere. */
export interface PostfixPlaces {
  daemonDirectory: string;
  configDirectory: string;
  torsocks: string;
}

export const DEBIAN_PLACES: PostfixPlaces = {
  daemonDirectory: "/usr/lib/postfix/sbin",
  configDirectory: "/etc/postfix",
  torsocks: "/usr/bin/torsocks",
};

/**
 * Postfix's configuration for sending to onions and for receiving by one's own, each part headed `#### part: file`.
 *
 * @throws Failure if the look-up service listens on a Unix socket only: Postfix's `tcp:` tables can't use one
 */
export function postfixConfig(settings: MtaSettings, places: PostfixPlaces = DEBIAN_PLACES): string {
  const { tcpTable, torSocks, receive } = settings;
  if ("path" in tcpTable) throw new Failure("Postfix needs KITH_ONION_TCP_TABLE as host:port, not as a socket's path");
  const torsocksConf = `${places.configDirectory}/kith-torsocks.conf`;
  return `# Onion MX for Postfix (3.5 or later) with torsocks (2.4 or later), ${settings.domains[0]}.
# Made by "kith onion config postfix". Each part below says where it goes.

#### main: ${places.configDirectory}/main.cf

# Asked for every address. "Can't tell" makes Postfix wait; only "certainly no onion" takes the clear net. Put it
# first if there are other transport maps.
transport_maps = tcp:${writeListen(tcpTable)}
# This machine alone. The usual 127.0.0.0/8 would trust every local address.
mynetworks = 127.0.0.1/32
# Postfix cleans the environment of its programs; torsocks has to find its settings in it.
import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LANG=C POSTLOG_SERVICE POSTLOG_HOSTNAME TORSOCKS_CONF_FILE=${torsocksConf}

#### master: ${places.configDirectory}/master.cf

# The program below, not in a chroot, which would hide torsocks from it.
${POSTFIX_TRANSPORT}   unix  -       -       n       -       -       smtp_tor
# Tor resolves onion names; a question to the DNS would tell it whom the mail is for.
    -o smtp_dns_support_level=disabled
    -o smtp_host_lookup=native
# torsocks has no IPv6.
    -o inet_protocols=ipv4
# A relay to fall back to would be the clear net. No bound address either: Tor is reached over loopback.
    -o smtp_fallback_relay=
    -o smtp_bind_address=
# The onion address already says who answers; rules for names of the open net don't fit.
    -o smtp_tls_security_level=may
    -o smtp_tls_policy_maps=
# What comes through the own onion service arrives here. It comes from 127.0.0.1, so it needs a listener that trusts no
# address at all: without this, everybody who has Tor can send mail through this server.
${writeListen(receive)} inet n - n - - smtpd
    -o syslog_name=postfix/onion
    -o mynetworks=
    -o smtpd_relay_restrictions=reject_unauth_destination
    -o smtpd_sasl_auth_enable=no

#### smtp_tor: ${places.daemonDirectory}/smtp_tor (mode 755)

#!/bin/sh
exec ${places.torsocks} -i ${places.daemonDirectory}/smtp "$@"

#### torsocks: ${torsocksConf}

# -i in smtp_tor gives every process circuits of its own.
TorAddress ${torSocks.host}
TorPort ${torSocks.port}
`;
}
