// Somebody outside, who asks and compares. Both suites use one cast: to make it takes longer than to question it.
import "./answers.js";
import "./limits.js";
