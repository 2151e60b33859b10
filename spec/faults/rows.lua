-- rows.lua: the faults of the matrix, and what a call must come to under each.
--
--    name      of the fault
--    request   the relay's fault of a request: this row's devices meet it
--    rule      of the simulated cloud, for this row's devices; with `%s` in place of their paths
--    once      that rule meets the first try of each call only
--    rules     of the simulated cloud for other paths, while the row runs
--    connect   the relay's fault of connections, while the row runs
--    network   what the network of the client's process does, while the row runs
--    clock     how far the client's clock is off, in s; `jumps`: it is right, and jumps while a call is being made
--    fresh     the client has made no call before
--    timeout   of the call, in s
--    only      "http" or "https", where the other cannot have the fault
--    want      kind, code and sent of the detail, several where it is chance which; "ok": the call succeeds
--    says      what the message holds
--    tries     how often the call itself is sent: a GET, a POST
--    seen      how often the cloud saw it, where that differs
--    tokens    how many token calls a call takes, none where it is not given; many at once take as many each at most,
--    shared    or the same number together
local rows = {
   { name = "DNS failure", network = "dns", fresh = true, want = { "network dns no" }, tries = { 0, 0 } },
   { name = "connection refused", connect = "refuse", want = { "network connect no" },
      tries = { 2, 2 }, seen = { 0, 0 } },
   { name = "host unreachable", network = "unreachable", want = { "network connect no" }, tries = { 2, 2 },
      seen = { 0, 0 } },
   { name = "handshake fails", connect = "handshake fails", only = "https", want = { "network tls no" },
      tries = { 2, 2 }, seen = { 0, 0 } },
   { name = "handshake hangs", connect = "handshake hangs", only = "https", timeout = 0.2,
      want = { "network timeout no" }, tries = { 1, 1 }, seen = { 0, 0 } },
   { name = "certificate expired", connect = "expired", only = "https", want = { "network tls no" }, tries = { 2, 2 },
      seen = { 0, 0 }, says = "certificate has expired" },
   { name = "certificate self-signed", connect = "self-signed", only = "https", want = { "network tls no" },
      tries = { 2, 2 }, seen = { 0, 0 }, says = "certificate problem: self" },
   { name = "certificate of another host", connect = "wrong host", only = "https", want = { "network tls no" },
      tries = { 2, 2 }, seen = { 0, 0 } },
   { name = "reset before the handshake", connect = "reset before request", only = "https",
      want = { "network tls no", "network connect no" }, tries = { 2, 2 }, seen = { 0, 0 } },
   -- the reset may come before or after the request was written, at one try so and at the other so
   { name = "reset before the request", connect = "reset before request", only = "http",
      want = { "network reset maybe", "network connect no", "network connect maybe" },
      tries = { { 2 }, { 1, 2 } }, seen = { 0, 0 } },
   { name = "kept connection reset at the request", request = "reset at request", want = { "network reset maybe" },
      tries = { 2, 1 }, seen = { 0, 0 } },
   { name = "kept connection closed at the request", request = "close at request", want = { "network reset maybe" },
      tries = { 2, 1 }, seen = { 0, 0 } },
   { name = "reset in mid-request", request = "reset mid-request", want = { "network reset maybe" }, tries = { 2, 1 },
      seen = { 0, 0 } },
   { name = "reset before the answer", request = "reset before answer", want = { "network reset maybe" },
      tries = { 2, 1 } },
   { name = "closed before the answer", request = "close before answer", want = { "network reset maybe" },
      tries = { 2, 1 } },
   { name = "hang before the answer", request = "hang before answer", timeout = 1,
      want = { "network timeout maybe" }, tries = { 1, 1 } },
   { name = "hang in mid-answer", request = "hang mid-answer", timeout = 1,
      want = { "network timeout yes", "network timeout maybe" }, tries = { 1, 1 } },
   { name = "the same, of the simulated cloud", rule = "* %s: late hang", timeout = 1,
      want = { "network timeout maybe" }, tries = { 1, 1 } },
   { name = "answer truncated", rule = "* %s: truncate", want = { "http 200 maybe" }, tries = { 2, 1 },
      says = "an answer that is cut off" },
   { name = "answer cut off", request = "cut mid-answer", want = { "http 200 maybe", "network reset maybe" },
      tries = { 2, 1 } },
   { name = "slow drip", request = "slow drip", want = { "ok" }, tries = { 1, 1 } },
   { name = "bytes that are no HTTP", request = "garbage bytes", want = { "network protocol maybe" },
      tries = { 1, 1 },
      says = "the answer is not HTTP" },
   { name = "body that is no JSON", rule = "* %s: late garbage", want = { "http 200 maybe" }, tries = { 1, 1 },
      says = "an answer that is not JSON (application/json, 22 bytes)" },
   { name = "oversize", request = "oversize", want = { "http 200 maybe" }, tries = { 1, 1 },
      says = "an answer that is larger than max_reply" },
   { name = "gzip bomb", request = "gzip bomb", want = { "http 200 maybe" }, tries = { 1, 1 },
      says = "an answer that is larger than max_reply" },
   { name = "JSON depth bomb", request = "depth bomb", want = { "http 200 maybe" }, tries = { 1, 1 },
      says = "JSON that is nested too deeply (application/json, 200000 bytes)" },
   { name = "wrong content type", request = "wrong type", want = { "http 200 maybe" }, tries = { 1, 1 },
      says = "text/plain instead of the cloud's JSON" },
   { name = "empty body", rule = "* %s: late empty", want = { "http 200 maybe" }, tries = { 1, 1 },
      says = "HTTP 200: an empty answer" },
   { name = "captive portal", rule = "* %s: html", want = { "http 200 maybe" }, tries = { 1, 1 },
      says = 'an HTML page "Sign in to this network"' },
   { name = "302", rule = "* %s: redirect", want = { "http 302 maybe" }, tries = { 1, 1 },
      says = "a redirect to /redirected, which is refused" },
   { name = "429 with Retry-After, for good", rule = "* %s: 429 1s", timeout = 0.9, want = { "http 429 maybe" },
      tries = { 1, 1 } },
   { name = "429 with Retry-After, once", rule = "* %s: 429 1s", once = true, want = { "ok" }, tries = { 2, 2 } },
   { name = "500", rule = "* %s: late 500", want = { "http 500 maybe" }, tries = { 2, 1 } },
   { name = "502 with HTML", rule = "* %s: 502", want = { "http 502 maybe" }, tries = { 2, 1 },
      says = 'HTTP 502: an HTML page "502 Bad Gateway"' },
   { name = "1004", rule = "* %s: 1004", want = { "api 1004 yes" }, tries = { 2, 2 }, tokens = 1 },
   { name = "1010", rule = "* %s: 1010", want = { "api 1010 yes" }, tries = { 2, 2 }, tokens = 2, shared = true },
   { name = "1011", rule = "* %s: 1011", want = { "api 1011 yes" }, tries = { 2, 2 }, tokens = 2, shared = true },
   { name = "1004, once", rule = "* %s: 1004", once = true, want = { "ok" }, tries = { 2, 2 }, tokens = 1 },
   { name = "1010, once", rule = "* %s: 1010", once = true,
      want = { "ok" }, tries = { 2, 2 }, tokens = 2, shared = true },
   { name = "1011, once", rule = "* %s: 1011", once = true,
      want = { "ok" }, tries = { 2, 2 }, tokens = 2, shared = true },
   { name = "1013, once", rule = "* %s: 1013", once = true, want = { "ok" }, tries = { 2, 2 } },
   { name = "1013", rule = "* %s: 1013", want = { "api 1013 yes" }, tries = { 2, 2 } },
   { name = "1106", rule = "* %s: 1106", want = { "api 1106 yes" }, tries = { 1, 1 } },
   { name = "2001", rule = "* %s: 2001", want = { "api 2001 yes" }, tries = { 1, 1 } },
   { name = "2008", rule = "* %s: 2008", want = { "api 2008 yes" }, tries = { 1, 1 } },
   { name = "unknown code", rule = "* %s: code=7654321", want = { "api 7654321 yes" }, tries = { 1, 1 } },
   { name = "token endpoint down", rules = { "GET /v1.0/token: 502" }, fresh = true, want = { "http 502 no" },
      tries = { 0, 0 }, tokens = 2 },
   { name = "refresh refused", rule = "* %s: 1010", rules = { "GET /v1.0/token/*: 1010" },
      want = { "api 1010 yes" }, tries = { 1, 1 }, tokens = 3 },
   { name = "clock 1 h ahead", clock = 3600, fresh = true,
      want = { "ok" }, tries = { 1, 1 }, tokens = 2, shared = true },
   { name = "clock 1 h behind", clock = -3600, fresh = true,
      want = { "ok" }, tries = { 1, 1 }, tokens = 2, shared = true },
   { name = "clock jumps 1 h ahead in mid-call", clock = 3600, jumps = true, want = { "ok" }, tries = { 2, 2 } },
   { name = "clock jumps 1 h back in mid-call", clock = -3600, jumps = true, want = { "ok" }, tries = { 2, 2 } },
}

rows.MANY = 4 -- calls at once

-- Each of the calls at once has a device of its own, and the cloud's log tells them apart.
for _, row in ipairs(rows) do row.devices = "fault-" .. row.name:lower():gsub("[^%w]+", "-") .. "-" end

return rows
