-- matrix.lua: a program; every fault of rows.lua x {GET, POST} x {blocking, many at once} x {HTTP, HTTPS}, against
-- the simulated cloud behind a relay. Each cell checks what the call came to, how often it was sent, `sent` against
-- the cloud's own log, that it ended, and that the next call on the same client works.
-- It writes the table into docs/reliability.md, and counts its cells. tools/faults runs it.
local beside = require("spec.faults.beside")
local http = require("spec.faults.http")
local memory = require("tuya.store.memory")
local rows = require("spec.faults.rows")
local socket = require("socket")
local tuya = require("tuya")

local MANY = rows.MANY  -- calls at once
local TIMEOUT = 3       -- s, where a row gives none
local PATIENCE = 5      -- s beyond the timeout; a call that takes longer hangs
local RETRIES = 1
local NETWORK = os.getenv("TUYA_NETWORK") -- the file that tells the preloaded network.c what to do

local cloud = beside.start()

for _, row in ipairs(rows) do
   if row.request then cloud:order("meet", "/devices/" .. row.devices, row.request) end
end

local function network(word)
   local file = assert(io.open(NETWORK, "w"))
   file:write(word)
   file:close()
end

-- {{{ One cell

local METHODS = { "GET", "POST" }

-- A clock that `skew` puts off; where it jumps, between two readings in one call.
local function clock_of(row)
   local clock = { skew = not row.jumps and row.clock or 0 }
   function clock.read()
      local ms = socket.gettime() * 1000 + clock.skew * 1000
      if clock.armed then clock.skew, clock.armed = row.clock, false end
      return ms - ms % 1
   end
   return clock
end

local function new_client(row, scheme, clock)
   return tuya.client {
      access_id = beside.ID, access_secret = beside.SECRET, endpoint = cloud[scheme], ca_file = cloud.ca_file,
      timeout = row.timeout or TIMEOUT, connect_timeout = row.timeout or TIMEOUT, retries = RETRIES,
      max_reply = http.MAX_REPLY, clock = clock.read, store = memory.new(), proxy = "",
   }
end

local function arm(row, clock)
   for i = 1, row.rule and MANY or 0 do
      local rule = row.rule:format("/v1.0/devices/" .. row.devices .. i .. "/*")
      cloud:order("rule", row.once and rule .. " 1" or rule)
   end
   for _, other in ipairs(row.rules or {}) do cloud:order("rule", other) end
   if row.connect or row.network then cloud:order("cut") end
   if row.connect then cloud:order("befall", row.connect) end
   if row.network then network(row.network) end
   clock.armed = row.jumps
end

local function disarm(row)
   cloud:order("unrule")
   if row.connect then cloud:order("befall") end
   if row.network then network("") end
end

-- The triples of some calls: of the first, which blocks, or of all, many at once.
local faces = {}

function faces.blocking(client, specs)
   return { { client:request(specs[1]) } }
end

faces["many at once"] = function(client, specs, give_up)
   local triples = {}
   for i, spec in ipairs(specs) do
      assert(client:start(spec, function(...) triples[i] = { ... } end))
   end
   while client:tick(0.05) > 0 do assert(socket.gettime() < give_up, "the calls came to no end") end
   return triples
end

-- {{{ What a cell must come to

local function summary(triple)
   if triple[1] ~= nil then return "ok" end
   local detail = triple[3]
   return ("%s %s %s"):format(detail.kind, tostring(detail.code), detail.sent)
end

local function is_one_of(list, value)
   if type(list) ~= "table" then return list == value end
   for _, one in ipairs(list) do
      if one == value then return true end
   end
   return false
end

local function check_failure(triple, spec)
   local _, message, detail = triple[1], triple[2], triple[3]
   assert(type(message) == "string" and message:find("%S") and not message:find("%c"), "message: one line expected")
   assert(not message:find(beside.SECRET, 1, true), "message: it holds the secret")
   assert(tostring(detail) == message and type(detail.message) == "string", "detail: its text is not the message")
   assert(detail.kind == "network" or detail.method, "detail: no method")
   -- the detail of a call that got no token is that of the token call
   assert(detail.path == spec.path or detail.path:find("^/v1.0/token"), "detail: the path is " .. detail.path)
end

local function check_call(row, at, spec, triple, count)
   local wrong = beside.wrong_sent(triple, count)
   assert(not wrong, wrong)
   local came = summary(triple)
   assert(is_one_of(row.want, came), "it came to " .. came .. ": " .. tostring(triple[2]))
   if triple[1] == nil then
      check_failure(triple, spec)
      assert(triple[2]:find(row.says or "", 1, true), "it says: " .. triple[2])
      assert(is_one_of(row.tries[at], triple[3].attempts), ("%d attempts"):format(triple[3].attempts))
   end
   local expected = (row.seen or row.tries)[at]
   assert(count == expected, ("the cloud saw %d, expected %d"):format(count, expected))
end

local function check_cell(row, at, specs, triples, counts)
   for i, triple in ipairs(triples) do
      check_call(row, at, specs[i], triple, counts[specs[i].method .. ":" .. specs[i].path] or 0)
   end
   local tokens = (counts["GET:/v1.0/token"] or 0) + (counts["GET:/v1.0/token/*"] or 0)
   local each = row.tokens or 0
   local most = row.shared and each or each * #triples
   assert(tokens >= each and tokens <= most, ("%d token calls, expected %d to %d"):format(tokens, each, most))
   assert(not counts["GET:/redirected"] and not counts["POST:/redirected"], "a redirect was followed")
end

-- }}}

local function specs_of(row, method)
   local specs = {}
   for i = 1, MANY do specs[i] = beside.spec(row.devices .. i, method) end
   return specs
end

local function run_cell(row, scheme, at, face)
   local clock = clock_of(row)
   local client = new_client(row, scheme, clock)
   local specs = specs_of(row, METHODS[at])
   if not row.fresh then assert(client:request(beside.spec("ok", "GET"))) end
   cloud:seen()
   arm(row, clock)
   local give_up = socket.gettime() + (row.timeout or TIMEOUT) + PATIENCE
   local ok, triples = pcall(faces[face], client, specs, give_up)
   local ended = socket.gettime()
   disarm(row)
   assert(ok, triples)
   assert(#triples == (face == "blocking" and 1 or MANY), "a call was not told of")
   assert(ended < give_up, "it took longer than its timeout allows")
   check_cell(row, at, specs, triples, cloud:seen())
   local next_one, message = client:request(beside.spec("ok", "GET"))
   assert(next_one, "the next call failed: " .. tostring(message))
   client:close()
end

-- }}}

-- {{{ All of them

local passed, failed = 0, 0

-- What the table shows of the cells of a row over one scheme by one face: how many were right.
local function run_cells(row, scheme, face)
   if row.only and row.only ~= scheme then return "–" end
   local right = 0
   for at, method in ipairs(METHODS) do
      local ok, trouble = pcall(run_cell, row, scheme, at, face)
      if ok then right = right + 1
      else
         cloud:order("unrule")
         cloud:order("befall")
         network("")
         print(("FAILED: %s, %s, %s, %s: %s"):format(row.name, scheme, method, face, tostring(trouble)))
      end
   end
   passed, failed = passed + right, failed + 2 - right
   return right == 2 and "as it must" or "**FAILED**"
end

local function number(value)
   return type(value) == "table" and table.concat(value, " or ") or tostring(value)
end

local function line_of(row)
   local cells = {}
   for _, scheme in ipairs { "http", "https" } do
      for _, face in ipairs { "blocking", "many at once" } do
         cells[#cells + 1] = run_cells(row, scheme, face)
      end
   end
   local tried, reached = row.tries, row.seen or row.tries
   return ("| %s | %s | %s, %s | %s, %s | %s |"):format(row.name, table.concat(row.want, " or "), number(tried[1]),
      number(tried[2]), number(reached[1]), number(reached[2]), table.concat(cells, " | "))
end

local MARK, PAGE = "<!-- written by tools/faults -->\n", "docs/reliability.md"

local function write_page(lines)
   local file = assert(io.open(PAGE, "r"))
   local text = file:read("*a")
   file:close()
   local before, after = text:match("^(.-" .. MARK:gsub("%-", "%%-") .. ").-(" .. MARK:gsub("%-", "%%-") .. ".*)$")
   local new = before .. "\n" .. table.concat(lines, "\n") .. "\n\n" .. after
   if new == text then return end
   file = assert(io.open(PAGE, "w"))
   file:write(new)
   file:close()
end

local function chosen(row)
   return not arg[1] or row.name:find(arg[1], 1, true)
end

local lines = {
   "| fault | the call comes to | GET, POST sent | seen | HTTP, blocking | HTTP, many at once | HTTPS, blocking "
      .. "| HTTPS, many at once |",
   "| --- | --- | --- | --- | --- | --- | --- | --- |",
}
for _, row in ipairs(rows) do
   if chosen(row) then lines[#lines + 1] = line_of(row) end
end
cloud:stop()
if not arg[1] then write_page(lines) end
beside.finish("fault matrix", passed, failed)

-- }}}
