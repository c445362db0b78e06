// `npm run test:attack`: the full runs, one after the other.
import "./fuzz.test.js";
import "./sqlmap.js";
import "./wapiti.js";
