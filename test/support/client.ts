import { type Place, Visitor } from "./app.js";

/** A visitor who comes from an address of their own. */
export class Client extends Visitor {
  constructor(
    place: Place,
    readonly address: string,
  ) {
    super(place.app);
  }
  override request(method: "GET" | "POST", url: string, body?: string, headers: Record<string, string> = {}) {
    return super.request(method, url, body, { ...headers, "x-forwarded-for": this.address });
  }
}
