-- run.lua: the run of tools/bench:  run.lua [sign] [requests] [cold] [diagnose] [events] [ticks] [counts] [gateway]
-- Says everything twice: to stdout as it comes, and to build/bench.md at the end.

local measure = require("bench.measure")

-- Many short rounds rather than few long ones: what disturbs a round then disturbs neighbours alike.
local ROUNDS = { sign = 21, requests = 11, cold = 21, diagnose = 11, events = 11, ticks = 7, longest = 5 }
local SIGNATURES = { c = 100000, lua = 50000, node = 15000 }
local REQUESTS = 3000 -- and a warm-up, which Node's compiler wants as long as that

local function env(name)
   return os.getenv("BENCH_" .. name)
end

local NO_NODE = env("NO_NODE")
local PIN = env("PIN") ~= "" and env("PIN") .. " " or ""

local report, verdicts = {}, {}

local function say(format, ...)
   local line = select("#", ...) > 0 and format:format(...) or format
   report[#report + 1] = line
   print(line)
end

local function has(program)
   return measure.run("command -v " .. program .. " || true")[1] ~= nil
end

local function c(program, ...)
   return table.concat({ "build/bench/" .. program, ... }, " ")
end

-- Never by tools/run, whose shell would count in a cold start.
local function lua(version, script, ...)
   return table.concat({ (version == "5.4" and "lua5.4" or version) .. " bench/" .. script, ... }, " ")
end

local function node(script, ...)
   return table.concat({ "node bench/" .. script, ... }, " ")
end

-- A row; what its command is told by the environment stands before all of it.
local function pinned(name, command)
   local paths = command:find("luajit", 1, true) and env("LUAJIT") .. " " or ""
   return { name = name, command = paths .. PIN .. command }
end

-- Adds the connector's row, or says why not; the row or nil.
local function add_node(rows, name, command)
   if NO_NODE then
      say("Node connector skipped: %s\n", NO_NODE)
      return nil
   end
   local row = pinned(name, command)
   rows[#rows + 1] = row
   return row
end

-- A target: the median of the ratios of two rows against a bound, from above or (at_least) from below.
local function judge(what, row, base, bound, at_least, column)
   if not row or not base then
      verdicts[#verdicts + 1] = ("| %s | | %s | not measured |"):format(what, bound)
      return
   end
   local ratios = at_least and measure.ratios(base, row, column) or measure.ratios(row, base, column)
   local median = measure.spread(ratios)
   local met = at_least and median >= bound or not at_least and median <= bound
   verdicts[#verdicts + 1] = ("| %s | %s | %s %s | %s |"):format(what, measure.text(ratios, "%.2f"),
      at_least and "at least" or "at most", bound, met and "met" or "MISSED")
end

-- A table of rows: a column of numbers each, then the ratio of one of them (the first) to the base's, round by round
-- and of the least of all rounds, which were the least disturbed.
local function show(rows, base, columns, compared)
   local head, rule = "| program |", "| --- |"
   for _, column in ipairs(columns) do
      head, rule = head .. " " .. column.name .. " |", rule .. " --- |"
   end
   say("%s ratio to %s | of the least |", head, base.name)
   say(rule .. " --- | --- |")
   for _, row in ipairs(rows) do
      local line = "| " .. row.name .. " |"
      for i, column in ipairs(columns) do
         line = line .. " " .. measure.text(measure.column(row, i), column.format) .. " |"
      end
      local _, least = measure.spread(measure.column(row, compared))
      local _, base_least = measure.spread(measure.column(base, compared))
      say("%s %s | %.2f |", line, measure.text(measure.ratios(row, base, compared), "%.2f"), least / base_least)
   end
   say("")
end

-- --- (a) a signature ---

-- All that sign the same bytes must come to the same signature.
local function check_signatures(rows)
   for i = 2, #rows do
      if rows[i].words[2] ~= rows[1].words[2] then
         error(("%s and %s came to different signatures"):format(rows[i].name, rows[1].name), 0)
      end
   end
end

local function sign()
   say("### A signature\n")
   say("POST, body of %d bytes, a token; CPU ns, median (least-greatest) of %d rounds.\n", #env("BODY"), ROUNDS.sign)
   local floor = pinned("C: EVP, state kept (the floor)", c("sign", "kept", SIGNATURES.c))
   local seal = pinned("C: tuya_seal", c("sign", "seal", SIGNATURES.c))
   local given = pinned("Lua 5.4: tuya.sign", lua("5.4", "sign.lua", "given", SIGNATURES.lua))
   local same = {
      floor,
      pinned("C: low-level SHA-256, states kept", c("sign", "midstate", SIGNATURES.c)),
      pinned("C: SHA256() and HMAC()", c("sign", "oneshot", SIGNATURES.c)),
      seal,
      pinned("C: tuya_seal_size, tuya_seal", c("sign", "size_seal", SIGNATURES.c)),
      given,
      pinned("LuaJIT: tuya.sign", lua("luajit", "sign.lua", "given", SIGNATURES.lua)),
      pinned("Lua 5.4: luaossl", lua("5.4", "sign.lua", "luaossl", SIGNATURES.lua)),
   }
   local rows = { table.unpack(same) }
   for _, version in ipairs { "5.4", "luajit" } do
      local name = version == "5.4" and "Lua 5.4" or "LuaJIT"
      rows[#rows + 1] = pinned(name .. ": tuya.sign, own clock and nonce",
         lua(version, "sign.lua", "own", SIGNATURES.lua))
      rows[#rows + 1] = pinned(name .. ": tuya.request of a table, tuya.sign, own clock and nonce",
         lua(version, "sign.lua", "whole", SIGNATURES.lua))
   end
   local connector = add_node(rows, "Node connector: getSignHeaders, own clock", node("sign.js", SIGNATURES.node))
   measure.rounds(rows, ROUNDS.sign)
   check_signatures(same)
   show(rows, floor, { { name = "ns", format = "%.0f" } })
   judge("tuya_seal / floor", seal, floor, 1.5)
   judge("tuya.sign from Lua 5.4 / floor", given, floor, 2.5)
   judge("Node connector / tuya.sign from Lua 5.4", given, connector, 5, true)
end

-- --- (b) a request ---

-- The programs of one scheme; [1] raw libcurl, [3] the client on Lua 5.4, [4] on LuaJIT.
local function request_rows(endpoint, ca)
   return {
      pinned("C: libcurl, easy, neither signed nor read", c("raw", endpoint .. env("PATH"), REQUESTS, ca)),
      pinned("C: tuya_seal, tuya_pool", c("pool", endpoint, REQUESTS, ca)),
      pinned("Lua 5.4: client:post", lua("5.4", "client.lua", endpoint, REQUESTS, ca)),
      pinned("LuaJIT: client:post", lua("luajit", "client.lua", endpoint, REQUESTS, ca)),
   }
end

local function requests_over(scheme, endpoint, ca)
   say("### A request over %s\n", scheme)
   say("Keep-alive on loopback, one after the other; CPU us of the client's process, median (least-greatest) of "
      .. "%d rounds of %d requests.\n", ROUNDS.requests, REQUESTS)
   local rows = request_rows(endpoint, ca)
   local raw, clients = rows[1], { ["Lua 5.4"] = rows[3], LuaJIT = rows[4] }
   local connector = add_node(rows, "Node connector: request", node("client.js", endpoint, REQUESTS))
   measure.rounds(rows, ROUNDS.requests)
   show(rows, raw, { { name = "us", format = "%.1f" } })
   for _, name in ipairs { "Lua 5.4", "LuaJIT" } do
      judge(("client:post from %s / raw libcurl, %s"):format(name, scheme), clients[name], raw, 1.5)
      judge(("client:post from %s / Node connector, %s"):format(name, scheme), clients[name], connector, 0.25)
   end
end

local function requests()
   requests_over("HTTP", env("HTTP"))
   requests_over("HTTPS", env("HTTPS"), env("CA"))
end

-- --- (c) a cold start ---

local function cold_over(scheme, endpoint, ca)
   say("### A cold start over %s\n", scheme)
   say("Exec to the answer of the second of two calls, a token and a POST; median (least-greatest) of %d runs.\n",
      ROUNDS.cold)
   local spawn = "build/bench/spawn "
   local program = pinned("C: libcurl, OpenSSL", spawn .. c("cold", endpoint, ca))
   local client = pinned("Lua 5.4: client:post", spawn .. lua("5.4", "client.lua", endpoint, 0, ca))
   local rows = {
      program,
      client,
      pinned("LuaJIT: client:post", spawn .. lua("luajit", "client.lua", endpoint, 0, ca)),
   }
   add_node(rows, "Node connector: request", spawn .. node("client.js", endpoint, 0))
   measure.rounds(rows, ROUNDS.cold)
   show(rows, program, {
      { name = "ms", format = "%.1f" },
      { name = "CPU ms to the end", format = "%.1f" },
      { name = "peak MiB", format = "%.1f" },
   })
   judge("cold start of Lua 5.4 / C program, " .. scheme, client, program, 1.5)
   judge("cold start of LuaJIT / C program, " .. scheme, rows[3], program, 1.5)
end

local function cold()
   cold_over("HTTP", env("HTTP"))
   cold_over("HTTPS", env("HTTPS"), env("CA"))
end

-- --- (d) a diagnosis ---

-- A target in the unit of a row's first column.
local function judge_alone(what, row, bound, unit)
   local list = measure.column(row)
   verdicts[#verdicts + 1] = ("| %s | %s %s | at most %s %s | %s |"):format(what, measure.text(list, "%.1f"), unit,
      bound, unit, measure.spread(list) <= bound and "met" or "MISSED")
end

local function diagnose()
   say("### A diagnosis\n")
   say("CPU ms, median (least-greatest) of %d rounds.\n", ROUNDS.diagnose)
   local rows = {}
   for _, version in ipairs { "5.4", "luajit" } do
      local name = version == "5.4" and "Lua 5.4" or "LuaJIT"
      for _, way in ipairs { "single", "pair", "three", "nothing" } do
         local row = pinned(name .. ": " .. way, lua(version, "diagnose.lua", way, way == "single" and 100 or 3))
         rows[#rows + 1], rows[name .. way] = row, row
      end
   end
   measure.rounds(rows, ROUNDS.diagnose)
   show(rows, rows[1], { { name = "ms", format = "%.1f" } })
   judge_alone("diagnosis of a frequent mistake, Lua 5.4", rows["Lua 5.4single"], 5, "ms")
   judge_alone("diagnosis when nothing fits, Lua 5.4", rows["Lua 5.4nothing"], 300, "ms")
end

-- --- (e) events ---

local function events()
   say("### An event\n")
   say("CPU us of one: its JSON by cjson and its data by OpenSSL alone, and all of it from the WebSocket's queue to a "
      .. "handler that has returned; median (least-greatest) of %d rounds.\n", ROUNDS.events)
   local rows = {}
   for _, version in ipairs { "5.4", "luajit" } do
      for _, way in ipairs { "raw", "ours" } do
         local name = (version == "5.4" and "Lua 5.4: " or "LuaJIT: ") .. way
         rows[#rows + 1] = pinned(name, lua(version, "events.lua", way, 20000))
      end
   end
   measure.rounds(rows, ROUNDS.events)
   show(rows, rows[1], { { name = "us", format = "%.1f" } })
   judge("an event / cjson and OpenSSL alone, Lua 5.4", rows[2], rows[1], 2)
   judge("an event / cjson and OpenSSL alone, LuaJIT", rows[4], rows[3], 2)
   local reaction = pinned("Lua 5.4: a rule", lua("5.4", "reaction.lua", 200))
   measure.rounds({ reaction }, 3)
   judge_alone("from a device's change to the command accepted, Lua 5.4", reaction, 20, "ms")
end

-- --- (f) many calls at once, from ticks ---

local CALLS, IN_FLIGHT = 1000, 64
local IDEAL = CALLS / IN_FLIGHT * 50 -- ms, of a cloud that answers after 50 ms

local function many_over(name, endpoint, connections, ca)
   say("### %d calls over %s\n", CALLS, name)
   say("Answered after 50 ms, %d in flight over %d connections; median (least-greatest) of %d rounds. At least "
      .. "%.0f ms.\n", IN_FLIGHT, connections, ROUNDS.ticks, IDEAL)
   local rest = table.concat({ CALLS, IN_FLIGHT, connections, ca }, " ")
   local raw = pinned("C: libcurl, multi_socket_action", c("multi", endpoint .. "/slow" .. env("PATH"), rest))
   local ours = pinned("Lua 5.4: client:start, client:tick", lua("5.4", "ticks.lua", "many", endpoint, rest))
   local jitted = pinned("LuaJIT: client:start, client:tick", lua("luajit", "ticks.lua", "many", endpoint, rest))
   local rows = { raw, ours, jitted }
   measure.rounds(rows, ROUNDS.ticks)
   show(rows, raw, { { name = "wall ms", format = "%.0f" }, { name = "CPU us of a call", format = "%.1f" } }, 2)
   judge_alone(("%d calls, wall, %s, Lua 5.4"):format(CALLS, name), ours, IDEAL * 1.5, "ms")
   judge_alone(("%d calls, wall, %s, LuaJIT"):format(CALLS, name), jitted, IDEAL * 1.5, "ms")
   judge(("CPU of a call / raw libcurl, %s, Lua 5.4"):format(name), ours, raw, 1.3, false, 2)
   judge(("CPU of a call / raw libcurl, %s, LuaJIT"):format(name), jitted, raw, 1.3, false, 2)
end

-- A row alone, and a bound for each of its columns.
local function alone(row, targets)
   measure.rounds({ row }, ROUNDS.ticks)
   for i, target in ipairs(targets) do
      local list = measure.column(row, i)
      local met = measure.spread(list) <= target[2]
      verdicts[#verdicts + 1] = ("| %s | %s %s | at most %s %s | %s |"):format(target[1], measure.text(list, "%.3f"),
         target[3], target[2], target[3], met and "met" or "MISSED")
   end
end

-- Beside OpenSSL alone, whose steps are the least that a connect can be cut into.
local function longest_ticks()
   local function longest(name, steps)
      return pinned(name, lua("5.4", "ticks.lua", "longest", env("CLOSING"), 2000, env("CA"), steps))
   end
   local step = pinned("C: OpenSSL, one step, the chain verified",
      c("handshake", env("CLOSING"):match("%d+$"), 1000, env("CA")))
   local usual = longest("Lua 5.4: tick(0), the collector as the interpreter has it")
   local small = longest("Lua 5.4: tick(0), the collector in small steps", "small")
   local rows = { step, usual, small }
   say("### The longest ticks\n\nEvery call connects anew, by TLS, 64 at a time; CPU ms, 99.9th percentile, median "
      .. "(least-greatest) of %d rounds.\n", ROUNDS.longest)
   measure.rounds(rows, ROUNDS.longest)
   show(rows, step, { { name = "ms", format = "%.2f" }, { name = "greatest; of OpenSSL, resumed", format = "%.2f" } })
   for i = 2, 3 do say("%s, ticks by ms: %s\n", rows[i].name, table.concat(rows[i].words, " ", 4)) end
   judge_alone("tick(0) with TLS connects, CPU, 99.9th percentile, the collector in small steps", small, 2, "ms")
   judge_alone("the same, the collector as the interpreter has it", usual, 2, "ms")
end

local function ticks()
   many_over("HTTP/1.1", env("HTTP"), IN_FLIGHT)
   many_over("HTTP/2", env("HTTP2"), 4, env("CA"))
   alone(pinned("idle", lua("5.4", "ticks.lua", "idle", env("HTTP"))), {
      { "tick(0), nothing in flight, CPU", 1, "us" }, { "tick(0), 64 waiting, CPU", 20, "us" } })
   longest_ticks()
   alone(pinned("slow", "env LD_PRELOAD=build/bench/slow_dns.so " .. lua("5.4", "ticks.lua", "slow")), {
      { "cancel, the resolver busy", 2, "ms" }, { "timeout, the resolver busy", 2, "ms" },
      { "close, the resolver busy", 2, "ms" } })
   alone(pinned("broker", "env LD_PRELOAD=build/bench/slow_dns.so " .. lua("5.4", "ticks.lua", "broker")), {
      { "MQTT's tick, its name being resolved", 2, "ms" } })
   local frames = measure.run(lua("5.4", "ticks.lua", "frames", env("HTTP"), 10))
   say("### A host at 60 Hz\n\n200 calls a second: %s frames, %s missed because of us; the longest tick took %s ms.\n",
      frames[1], frames[2], frames[3])
   verdicts[#verdicts + 1] = ("| frames missed because of us, 200 calls a second | %s of %s | none | %s |"):format(
      frames[2], frames[1], frames[2] == "0" and "met" or "MISSED")
   alone(pinned("day", lua("5.4", "ticks.lua", "day")), { { "a day of rules, CPU", 1000, "ms" } })
end

-- --- (g) counts, which do not drift ---

local FEW, MANY = 200, 700

-- A request's program warms up with a fifth more than it is told; a signature's always with the same number.
local SIGNATURE, REQUEST = 1, 1.2

local function instructions(command)
   local words = measure.run("valgrind --tool=callgrind --callgrind-out-file=/dev/null " .. command)
   for i, word in ipairs(words) do
      if word == "Collected" then return tonumber(words[i + 2]) end
   end
   error("callgrind counted nothing", 0)
end

local function count_instructions()
   say("### Instructions\n")
   if not has("valgrind") then
      say("Skipped: valgrind is not installed.\n")
      return
   end
   say("In user space, by callgrind; they do not drift. It hides the processor's SHA instructions.\n")
   say("| what | instructions |")
   say("| --- | --- |")
   for _, row in ipairs {
      { "signature, C: EVP, state kept (the floor)", c("sign", "kept"), SIGNATURE },
      { "signature, C: low-level SHA-256, states kept", c("sign", "midstate"), SIGNATURE },
      { "signature, C: tuya_seal", c("sign", "seal"), SIGNATURE },
      { "signature, C: tuya_seal_size, tuya_seal", c("sign", "size_seal"), SIGNATURE },
      { "signature, Lua 5.4: tuya.sign", lua("5.4", "sign.lua", "given"), SIGNATURE },
      { "request over HTTP, C: libcurl, easy", c("raw", env("HTTP") .. env("PATH")), REQUEST },
      { "request over HTTP, C: tuya_seal, tuya_pool", c("pool", env("HTTP")), REQUEST },
      { "request over HTTP, Lua 5.4: client:post", lua("5.4", "client.lua", env("HTTP")), REQUEST },
   } do
      local name, command, repeated = row[1], row[2], row[3]
      local more = instructions(command .. " " .. MANY) - instructions(command .. " " .. FEW)
      say("| %s | %.0f |", name, more / (MANY - FEW) / repeated)
   end
   say("")
end

-- Calls by name of a run under strace. The server is held up for 2 ms before each answer, or it would be there
-- before the client, which strace slows down, comes to wait for it.
local function system_calls(command)
   local log = os.tmpname()
   measure.run(([[(
      worker=$(cat /proc/%s/task/%s/children)
      strace -qq -o /dev/null -e trace=writev -e inject=writev:delay_enter=2000 -p $worker & holding=$!
      sleep 0.3
      strace -f -c -o %s %s
      status=$?
      kill $holding; wait $holding; exit $status)]]):format(env("NGINX"), env("NGINX"), log, command))
   local calls = {}
   for line in io.lines(log) do
      local count, rest = line:match("^%s*%S+%s+%S+%s+%d+%s+(%d+)%s+(.*)$")
      if count then calls[rest:match("(%S+)$")] = tonumber(count) end
   end
   os.remove(log)
   return calls
end

local function calls_per_request(command)
   local few, many = system_calls(command .. " " .. FEW), system_calls(command .. " " .. MANY)
   local sum, parts = 0, {}
   for name, count in pairs(many) do
      local each = (count - (few[name] or 0)) / (MANY - FEW) / REQUEST
      if name ~= "total" and each >= 0.01 then
         sum = sum + each
         parts[#parts + 1] = ("%s %.2f"):format(name, each)
      end
   end
   table.sort(parts)
   return sum, table.concat(parts, ", ")
end

local function count_system_calls()
   say("### System calls of a request over HTTP\n")
   if not has("strace") then
      say("Skipped: strace is not installed.\n")
      return
   end
   say("The answer comes after 2 ms, so that the client has to wait for it.\n")
   say("| program | calls | which |")
   say("| --- | --- | --- |")
   for _, row in ipairs {
      { "C: libcurl, easy", c("raw", env("HTTP") .. env("PATH")) },
      { "C: tuya_seal, tuya_pool", c("pool", env("HTTP")) },
      { "Lua 5.4: client:post", lua("5.4", "client.lua", env("HTTP")) },
   } do
      say("| %s | %.2f | %s |", row[1], calls_per_request(row[2]))
   end
   say("")
end

local function counts()
   count_instructions()
   count_system_calls()
end

-- --- (f) the gateway, in nginx ---

local function gateway()
   say("### The gateway: one nginx worker before a server on the other processor, 32 connections\n")
   local rows, missing = require("bench.gateway")()
   if not rows then return say("Left out: %s.\n", missing) end
   say("| way | requests/s | CPU of the worker, us a request | added | requests for its CPU, of plain |")
   say("| --- | --- | --- | --- | --- |")
   for _, row in ipairs(rows) do
      say("| %s | %.0f | %.1f | %.1f | %.0f %% |", row.name, row.rate, row.cost, row.added, 100 * row.share)
   end
   say("\nTargets: `sign()` 80 % and 10 us, `serve()` 60 % and 20 us.\n")
end

-- --- the run ---

local function first_line(command)
   return table.concat(measure.run(command .. " 2>&1 | head -n 1"), " ")
end

local function load()
   return first_line("cut -d ' ' -f 1 /proc/loadavg")
end

local function machine()
   local processor = first_line("grep -m 1 'model name' /proc/cpuinfo"):gsub("^model name : ", "")
   local versions = measure.run(c("raw", env("HTTP") .. env("PATH"), 5))
   table.remove(versions, 1)
   say("%s; %s, %s processors, load %s; %s; %s; %s; Node %s; %s.", os.date("%Y-%m-%d"), processor,
      first_line("nproc"), load(), table.concat(versions, " ", 1, 2),
      first_line("lua5.4 -v"):match("^Lua %S+"), first_line("luajit -v"):match("^LuaJIT %S+"),
      NO_NODE and "none" or first_line("node -v"), first_line("PATH=$PATH:/usr/sbin nginx -v"):match("nginx/.*"))
   say(PIN ~= "" and "Clients on the first processor, nginx on the last.\n" or "Clients and nginx on any processor.\n")
end

local parts = {
   sign = sign, requests = requests, cold = cold, diagnose = diagnose, events = events, ticks = ticks, counts = counts,
   gateway = gateway,
}

local function main(chosen)
   machine()
   for _, name in ipairs(chosen) do (parts[name] or error("no such part: " .. name, 0))() end
   if verdicts[1] then
      say("### Targets\n")
      say("| what | ratio, median (least-greatest) | target | |")
      say("| --- | --- | --- | --- |")
   end
   for _, line in ipairs(verdicts) do say("%s", line) end
   say("\nLoad at the end %s; 1 is this run alone, and what else ran spoils the numbers.", load())
   local file = assert(io.open("build/bench.md", "w"))
   file:write(table.concat(report, "\n"), "\n")
   file:close()
end

main(arg[1] and arg or { "sign", "requests", "cold", "diagnose", "events", "ticks", "counts", "gateway" })
