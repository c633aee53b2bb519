// Whose turn it is. A global such as fetch() does not know which virtual user calls it; who enters a user's code says so here first, and
// so do the answers of their requests. It stands until the next one enters.
//
// A user here has `pool`, a number: requests of one pool share its kept connections; and `cookies`, a list that they are kept in
// (cookies.mjs), or none: then cookies are neither kept nor sent.
export const everyone = { pool: 0, cookies: null };
export const current = { user: everyone };
