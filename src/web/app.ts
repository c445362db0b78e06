import { fileURLToPath } from "node:url";
import fastifyCookie from "@fastify/cookie";
import fastifyCsrf from "@fastify/csrf-protection";
import fastifyFormbody from "@fastify/formbody";
import proxyAddr from "@fastify/proxy-addr";
import fastifyStatic from "@fastify/static";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { learnParameters } from "../accounts/decoy-parameters.js";
import { openResets } from "../accounts/page-data.js";
import * as accounts from "../accounts/routes.js";
import { openSession, type Session } from "../accounts/sessions.js";
import { StaleKeyError } from "../accounts/state.js";
import type { Config } from "../config.js";
import type { Context } from "../context.js";
import { dayOf } from "../days.js";
import * as invites from "../invites/routes.js";
import * as onion from "../onion/routes.js";
import * as resets from "../resets/routes.js";
import * as review from "../review/routes.js";
import * as trust from "../trust/routes.js";
import { about, changePasswordPage, securityTxt } from "./about.js";
import { cookieName, cookieOptions, readCookie, setCookie } from "./cookies.js";
import { notFound, showError } from "./errors.js";
import { LANGUAGES, pickLanguage } from "./i18n.js";
import { clientOf, makeLimits } from "./limits.js";
import { answerMalformed, IDLE_TIMEOUT_MS, REQUEST_TIMEOUT_MS } from "./malformed.js";
import type { OpenReset } from "./pages.js";
import { securityHeaders } from "./security-headers.js";
import { toldMilliseconds, toldRoute } from "./told.js";
import { createView } from "./view.js";
import { inLanguage, isSecret, type MemberVisit, sameSitePath, untilStep, type Visit } from "./visit.js";

/** A route for members: without a session it answers 303 to `/sign-in?next=…`. One for admins is not there for others. */
interface MemberRoute {
  member: (visit: MemberVisit) => Promise<unknown>;
  forAdmins?: true;
}
/** A route that anybody may use; it says so here, and nowhere else. */
interface OpenRoute {
  anybody: (visit: Visit) => Promise<unknown>;
}
type Route = MemberRoute | OpenRoute;

const member = (handler: MemberRoute["member"]): Route => ({ member: handler });
const admin = (handler: MemberRoute["member"]): Route => ({ member: handler, forAdmins: true });
const anybody = (handler: OpenRoute["anybody"]): Route => ({ anybody: handler });

/**
 * Every page and form of Kith.
 *
 * `told` is the route that log and numbers tell instead: that somebody looked at the own list or letters or changed
 * them, and how, and whether a sign-in led to the question about a new key, is about others.
 */
const TABLE: readonly {
  url: string;
  get?: Route;
  post?: Route;
  told?: { get?: string; post?: string; sentOn?: string };
}[] = [
  { url: "/", get: anybody(accounts.home) },
  { url: "/about", get: anybody(about) },
  { url: "/.well-known/change-password", get: anybody(changePasswordPage) },
  { url: "/.well-known/security.txt", get: anybody(securityTxt) },

  { url: "/sign-in", get: anybody(accounts.showSignIn), post: anybody(accounts.postSignIn) },
  { url: "/sign-in/code", get: anybody((visit) => accounts.showCode(visit)), post: anybody(accounts.postCode) },
  { url: "/sign-out", post: anybody(accounts.signOut) },

  { url: "/invite/:letter", get: anybody(invites.showLetter), post: anybody(invites.join) },
  { url: "/welcome", get: member(invites.showWelcome) },
  {
    url: "/invites",
    get: member(invites.showInvites),
    post: member(invites.write),
    told: { get: "/trust", post: "/trust" },
  },
  { url: "/invites/card", get: member(invites.showLetterCard), told: { get: "/trust" } },
  { url: "/invites/revoke", post: member(invites.revoke), told: { post: "/trust" } },

  { url: "/trust", get: member(trust.showPeople), post: member(trust.addPerson) },
  { url: "/trust/remove", post: member(trust.removePerson), told: { post: "/trust" } },
  { url: "/trust/rules", post: member(trust.saveRules), told: { post: "/trust" } },
  {
    url: "/trust/confirm",
    get: member(trust.showConfirm),
    post: member(trust.confirmPerson),
    told: { get: "/", post: "/trust", sentOn: "/trust" },
  },
  { url: "/trust/card", get: member(trust.showCard), told: { get: "/trust" } },

  { url: "/reset", get: anybody(resets.showHow) },
  { url: "/help", get: member(resets.showHelp), post: member(resets.askToHelp) },
  { url: "/help/approve", post: member(resets.agree) },
  { url: "/help/agreed", get: member(resets.showAgreed) },
  { url: "/handover/:secret", get: anybody(resets.showHandover), post: anybody(resets.choose) },
  { url: "/resets/stop", post: member(resets.stop) },
  { url: "/resets/stopped", get: member(resets.showStopped) },
  { url: "/admin/cases", get: admin(resets.showAlarm) },

  { url: "/security", get: member(accounts.showSecurity) },
  { url: "/security/password", post: member(accounts.postPassword) },
  { url: "/security/sessions/end", post: member(accounts.postEndSessions) },
  { url: "/security/totp", get: member((visit) => accounts.showTotp(visit)), post: member(accounts.postTotp) },
  { url: "/security/totp/confirm", post: member(accounts.postTotpConfirm) },
  { url: "/security/totp/remove", post: member(accounts.postTotpRemove) },
  { url: "/security/recovery-codes", get: member(accounts.showRecoveryCodes) },

  { url: "/admin", get: admin(review.showAdmin) },
  { url: "/admin/tree", get: admin(review.showTree), post: admin(review.unlockTree) },
  { url: "/admin/tree/search", post: admin(review.search("/admin/tree", "list")) },
  { url: "/admin/accounts", get: admin(review.showAccounts) },
  { url: "/admin/accounts/search", post: admin(review.search("/admin/accounts", "list")) },
  { url: "/admin/accounts/suspend", post: admin(review.suspend) },
  { url: "/admin/accounts/reinstate", post: admin(review.reinstate) },
  { url: "/admin/accounts/freeze", post: admin(review.freeze) },
  { url: "/admin/accounts/unfreeze", post: admin(review.unfreeze) },
  { url: "/admin/accounts/invites", post: admin(review.giveInvites) },
  { url: "/admin/accounts/graft", post: admin(review.moveBranch) },
  { url: "/admin/accounts/role", post: admin(review.changeRole) },
  { url: "/admin/confirm", post: admin(review.confirm) },
  { url: "/admin/recovery", get: admin(review.showRecovery), post: admin(review.makeRecovery) },
  { url: "/admin/log", get: admin(review.showLog) },
  { url: "/admin/log/undo", post: admin(review.undoAct) },

  { url: "/account", get: member(accounts.showAccount) },
  { url: "/account/language", post: member(accounts.postLanguage) },
  { url: "/account/contact", post: member(accounts.postContact) },

  {
    url: "/admin/onion",
    get: admin(onion.showMap),
    post: admin(onion.pin),
  },
  { url: "/admin/onion/search", post: admin(onion.search) },
  { url: "/admin/onion/remove", post: admin(onion.remove) },
  { url: "/admin/onion/fallback", post: admin(onion.fallback) },
  {
    url: "/admin/onion/import",
    get: admin(onion.showImport),
    post: admin(onion.postImport),
  },
  { url: "/admin/onion/entry/:domain", get: admin(onion.showEntry) },
];

const MEMBER_PAGES = new Set(TABLE.filter(({ get }) => get && "member" in get).map(({ url }) => url));

/** The nearest page at or above the address of a form. */
function pageOf(form: string): string {
  for (let path = form; path !== ""; path = path.slice(0, path.lastIndexOf("/"))) {
    if (MEMBER_PAGES.has(path)) return path;
  }
  return "/";
}

/** Where to sign in, and go on after it; what was sent by a form was not done, and that is said there. */
function signInFor({ method, url, routeOptions }: FastifyRequest): string {
  const isForm = method === "POST";
  const next = isForm ? pageOf(routeOptions.url ?? "") : sameSitePath(url);
  const asked = [...(next ? [`next=${encodeURIComponent(next)}`] : []), ...(isForm ? ["lost=1"] : [])];
  return asked.length > 0 ? `/sign-in?${asked.join("&")}` : "/sign-in";
}

const ONE_YEAR_SECONDS = 365 * 86_400;

/**
 * Whose `X-Forwarded-*` is believed. A Unix socket has no addresses: whoever may open it is the proxy, and without its
 * word all visitors would be one client.
 */
function trustedPeers({ listen, trustedProxies }: Config): (address: string | undefined, hop: number) => boolean {
  const isListed = proxyAddr.compile([...trustedProxies]);
  return (address, hop) => (address === undefined ? "path" in listen && hop === 0 : isListed(address, hop));
}

/** No form of Kith is larger than this. */
const MAX_BODY_BYTES = 64 * 1024;

/** The web app, not yet listening; tests go through `app.inject`. */
export async function buildApp(context: Context): Promise<FastifyInstance> {
  const { config, log } = context;
  await learnParameters(context);
  const headers = securityHeaders(config);
  const app = Fastify({
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: IDLE_TIMEOUT_MS,
    clientErrorHandler: answerMalformed(headers),
    trustProxy: trustedPeers(config),
    forceCloseConnections: true,
    // Fastify answers an address that can't be read by itself, quoting it: ours is the page for whatever is not there.
    rewriteUrl: ({ url = "/" }) => (isReadable(url) ? url : "/%3F"),
    routerOptions: { maxParamLength: 300 },
    // Our own line below: the template of the route, never the address, which may hold a letter or a link.
    logger: false,
  });
  const view = createView({ today: () => dayOf(context.clock()) });
  const limits = makeLimits(context);

  await app.register(fastifyCookie);
  await app.register(fastifyFormbody, { bodyLimit: MAX_BODY_BYTES });
  await app.register(fastifyCsrf, { cookieKey: cookieName(config, "csrf"), cookieOpts: cookieOptions(config) });
  await app.register(async (files) => {
    files.addHook("onSend", async (_request, reply) => {
      if (reply.getHeader("content-type") === "image/svg+xml") reply.type("image/svg+xml; charset=utf-8");
    });
    await files.register(fastifyStatic, {
      root: fileURLToPath(new URL("../../public/", import.meta.url)),
      index: false,
      maxAge: "1h",
    });
  });
  // Only forms are understood.
  app.removeContentTypeParser(["application/json", "text/plain"]);

  const visits = new WeakMap<FastifyRequest, Visit>();
  const visitOf = (request: FastifyRequest, reply: FastifyReply): Visit => {
    const known = visits.get(request);
    if (known) return known;
    const fallback = readCookie(config, request, "language");
    let band: Promise<readonly OpenReset[]> | undefined;
    const visit: Visit = {
      context,
      request,
      reply,
      view,
      lang: pickLanguage(request.headers["accept-language"], fallback, config.language),
      session: undefined,
      anySession: undefined,
      client: clientOf(request),
      limits,
      openSession: (cookie) => openSession(context, cookie),
      band: () => {
        band ??= visit.session ? openResets(context, visit.session) : Promise.resolve([]);
        return band;
      },
    };
    visits.set(request, visit);
    return visit;
  };

  app.addHook("onRequest", (request, reply, done) => {
    reply.headers(headers);
    const onion = onionLocation(config, request);
    if (onion) reply.header("Onion-Location", onion);
    const asked = LANGUAGES.find((language) => language === (request.query as { language?: unknown }).language);
    if (!asked || request.method !== "GET") return done();
    setCookie(config, reply, "language", asked, ONE_YEAR_SECONDS);
    // A path that begins with two slashes would lead to another host.
    const path = sameSitePath(request.url.split("?")[0] as string);
    void reply.redirect(path ? path + inLanguage(request.url) : "/", 303);
  });
  app.addHook("onResponse", (request, reply, done) => {
    const route = toldRoute(request, reply);
    const milliseconds = toldMilliseconds(reply.elapsedTime);
    log.info({ method: request.method, route, status: reply.statusCode, milliseconds }, "answered");
    done();
  });
  /** Fastify would answer what fails in here by itself, quoting it: then the page is shown as to somebody without a session. */
  const tell = async (visit: Visit, error: unknown) => {
    try {
      return await showError(visit, error);
    } catch (failure) {
      visit.session = undefined;
      return await showError(visit, failure);
    }
  };
  app.setErrorHandler(async (error, request, reply) => {
    const visit = visitOf(request, reply);
    if ((error as { code?: string }).code?.startsWith("FST_CSRF") && configOf(request).isMember) {
      // Without a session there is nothing to protect, and more to say than that the form is too old.
      try {
        const { session } = await visitOfMember(request, reply);
        if (!session) return await reply.redirect(signInFor(request), 303);
        if (!mayUse(configOf(request), session)) return await notFound(visit);
      } catch (failure) {
        return await tell(visit, failure);
      }
    }
    if (!(error instanceof StaleKeyError)) return await tell(visit, error);
    // The session ended meanwhile.
    return await reply.redirect(visit.session ? signInFor(request) : "/sign-in", 303);
  });

  /** The visit with the session that its cookie opens, if any. */
  const visitOfMember = async (request: FastifyRequest, reply: FastifyReply): Promise<Visit> => {
    const visit = visitOf(request, reply);
    const cookie = readCookie(config, request, "session");
    visit.anySession = cookie ? await openSession(context, cookie, readCookie(config, request, "visit")) : undefined;
    if (visit.anySession?.newVisit) setCookie(config, reply, "visit", visit.anySession.newVisit);
    if (visit.anySession?.payload.stage === "full") {
      visit.session = visit.anySession;
      visit.lang = accounts.languageOf(visit) ?? visit.lang;
    }
    return visit;
  };
  // As a page that is not for this member answers, to the byte: what may not be seen is not there.
  app.setNotFoundHandler(async (request, reply) => await notFound(await visitOfMember(request, reply)));

  const serve = (route: Route) => async (request: FastifyRequest, reply: FastifyReply) => {
    const visit = await visitOfMember(request, reply);
    if ("anybody" in route) return await route.anybody(visit);
    if (visit.session) {
      // Every page has it: looked up while the page's own things are.
      if (request.method === "GET") visit.band().catch(() => undefined);
      return mayUse(route, visit.session) ? await route.member(visit as MemberVisit) : await notFound(visit);
    }
    return await reply.redirect(signInFor(request), 303);
  };
  for (const { url, get, post, told } of TABLE) {
    if (get) app.get(url, { config: { told: told?.get, sentOn: told?.sentOn } }, serve(get));
    if (!post) continue;
    // What they do takes the same time but for a millisecond or two.
    const isAlike = (told?.post ?? url) === "/trust";
    const onSend = isAlike ? [async (_request: FastifyRequest, reply: FastifyReply) => await untilStep(reply)] : [];
    const isMember = "member" in post;
    const config = { told: told?.post, isMember, forAdmins: isMember && post.forAdmins };
    app.post(url, { preHandler: app.csrfProtection, onSend, config }, serve(post));
  }
  return app;
}

/** For whom the form of a request is. */
function configOf({ routeOptions }: FastifyRequest): { isMember?: boolean; forAdmins?: boolean } {
  return routeOptions.config as { isMember?: boolean; forAdmins?: boolean };
}

/** Whether a route is there for this member: those for admins are for nobody else. */
function mayUse(route: { forAdmins?: boolean }, { account }: Session): boolean {
  return !route.forAdmins || account.role === "admin";
}

/** Whether the path of an address is percent-encoded UTF-8. */
function isReadable(url: string): boolean {
  try {
    decodeURIComponent(url.split("?")[0] as string);
    return true;
  } catch {
    return false;
  }
}

/**
 * Where Tor Browser finds the same page as an onion service. Not for pages with a letter or a link in their address,
 * and not for somebody who is there already.
 */
function onionLocation({ origin, onionOrigin }: Config, request: FastifyRequest): string | undefined {
  if (!onionOrigin || origin.protocol !== "https:" || request.host === onionOrigin.host) return undefined;
  const path = request.url.split("?")[0] as string;
  if (isSecret(path) || request.method !== "GET" || sameSitePath(path) === undefined) return undefined;
  return new URL(path, onionOrigin).href;
}
