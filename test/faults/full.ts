// `npm run test:faults`: all of them at the size that their arguments say.
import "./statements.test.js";
import "./kills.test.js";
import "./races.test.js";
