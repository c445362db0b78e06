// What the command line may ask of the map without changing it; and a domain that discovery is asked for.
export { readEntries, readVirtualAddresses, wantDomain } from "./queries.js";
