import { addDays, dayOf } from "../days.js";
import { show, type Visit } from "./visit.js";

/** `GET /about`: how that works. */
export async function about(visit: Visit) {
  return await show(visit, "about", {});
}

/** `GET /.well-known/change-password`: where password managers go (W3C change-password-url). */
export async function changePasswordPage(visit: Visit) {
  return await visit.reply.redirect("/security", 303);
}

/** `GET /.well-known/security.txt` (RFC 9116), if there is somebody to write to. */
export async function securityTxt(visit: Visit) {
  const { contact, origin } = visit.context.config;
  if (!contact) return await show(visit, "errors/not-found", {}, { status: 404 });
  const address = /^[a-z][a-z0-9+.-]*:/i.test(contact) ? contact : `mailto:${contact}`;
  const expires = `${addDays(dayOf(visit.context.clock()), 180)}T00:00:00Z`;
  const canonical = new URL("/.well-known/security.txt", origin).href;
  const lines = [
    `Contact: ${address}`,
    `Expires: ${expires}`,
    "Preferred-Languages: en, de",
    `Canonical: ${canonical}`,
  ];
  return await visit.reply.type("text/plain; charset=utf-8").send(`${lines.join("\n")}\n`);
}
