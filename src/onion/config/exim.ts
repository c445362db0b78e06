import type { Listen } from "../../config.js";
import { type MtaSettings, writeListen } from "./settings.js";

/** The file that the variant without a running Kith reads, made by `kith onion export --format cdb`. */
const CDB_FILE = "/etc/exim4/onion.cdb";

/**
 * Exim's configuration for sending to onions and for receiving by one's own, each part headed `#### part: file`.
 *
 * Fail closed: whatever goes wrong between the question and the answer leaves the mail in the queue. Only a whole line
 * from Kith counts as an answer, and only an empty one sends the mail on to the next router.
 *
 * @param resolver the variant of the original how-to: the map as a cdb, onion names resolved by Tor's DNSPort
 */
export function eximConfig(settings: MtaSettings, resolver = false): string {
  return `# Onion MX for Exim (4.87 or later), ${settings.domains[0]}. Made by "kith onion config exim${resolver ? " --resolver" : ""}".
# Each part below says where it goes: the file is for Debian's split configuration, the section for any other.

${resolver ? resolverMain() : ""}#### acl: conf.d/acl/30_exim4-config_check_rcpt, first below "acl_check_rcpt:" (section acl, the ACL of acl_smtp_rcpt)

  # What comes through the own onion service arrives at ${settings.receive.host}, from 127.0.0.1, an address that may
  # usually relay. Here it may not: without this, everybody who has Tor can send mail through this server.
  deny
    condition = \${if eq{$received_ip_address}{${settings.receive.host}}}
    ! domains = +local_domains : +relay_to_domains
    message   = relay not permitted

#### router: conf.d/router/150_kith_onion (section routers, before the one that asks the DNS)

kith_onion:
  driver = manualroute
  # Mail to own domains never leaves, whatever the map says.
  domains = ! +local_domains
${resolver ? resolverRoute() : readsocketRoute(settings.readsocket)}
  # Never the next router because a host was not found: that one would use the clear net.
  host_find_failed = defer
  host_all_ignored = defer
  # A virtual address is never this machine; without this Exim may take one for it and freeze the mail.
  self = send
  transport = kith_onion_smtp

#### transport: conf.d/transport/30_kith_onion (section transports)

kith_onion_smtp:
  driver = smtp
  # Through Tor. Exim hands over an IP address only; Tor knows which onion it stands for.
  socks_proxy = ${settings.torSocks.host} port=${settings.torSocks.port}
  # With pipelining Exim sends QUIT and closes its half of the connection before it has the last answer. Tor knows no
  # half-closed connections: the answer would be lost, and the mail, which has arrived, sent again and again.
  hosts_avoid_pipelining = *
  # An onion has no TLSA record, and asking for one would tell the DNS whom the mail is for.
  hosts_try_dane = :
  # The onion address already says who answers; a certificate for that name need not be valid.
  tls_verify_hosts = :
  tls_try_verify_hosts = :
  # Building a circuit takes longer than a connection on the open net.
  connect_timeout = 2m
`;
}

function readsocketRoute(readsocket: Listen): string {
  const where = "path" in readsocket ? readsocket.path : `inet:${writeListen(readsocket)}`;
  return `  # Kith answers one line: hosts to try, or an empty line for "no onion", which passes the mail on to the next router.
  # Anything else (no Kith, no answer in time, half a line) is an error, and Exim tries again later. Do not add a
  # failure string to readsocket: it would be taken for "no onion", and the mail would go out in the clear.
  route_data = \${if match{\${readsocket{${where}}{$domain\\n}{10s}}}{\\N^([^\\n]*)\\n$\\N}{$1}{\${eval:no whole answer from Kith}}}`;
}

function resolverRoute(): string {
  return `  # The map as a file. A missing file is an error, and Exim tries again later; only a missing domain passes on.
  route_data = \${lookup{$domain}cdb{${CDB_FILE}}{"$value" bydns}fail}`;
}

function resolverMain(): string {
  return `# This variant needs no running Kith. Make the map's file, and make it again after each change:
#   kith onion export --format cdb > ${CDB_FILE}.new && mv ${CDB_FILE}.new ${CDB_FILE}
# Onion names have to be resolved by Tor. In torrc:
#   DNSPort 127.0.0.1:5353
#   AutomapHostsOnResolve 1
#   VirtualAddrNetworkIPv4 10.192.0.0/10
# and the resolver in /etc/resolv.conf has to ask it for .onion. dnsmasq:
#   server=/onion/127.0.0.1#5353
# unbound:
#   server: do-not-query-localhost: no
#           local-zone: "onion." nodefault
#           domain-insecure: "onion."
#   forward-zone: name: "onion."
#                 forward-addr: 127.0.0.1@5353

#### main: conf.d/main/05_kith_onion (section main)

# Tor would answer a question for an IPv6 address with one that is not in the range above.
dns_ipv4_lookup = *.onion

`;
}
