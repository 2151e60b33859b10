--- health.lua: counts of a gateway, of all its workers together.
-- The idea: a worker counts in a table of its own, which costs nothing, and adds that to the shared dictionary a second
-- later; without a dictionary each worker knows its own counts only.
-- @module tuya.health

local health = {}

local FLUSH = 1 -- seconds
local LATENCY = {} -- the names of the counts
local BUCKETS = { 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10 } -- seconds, as Prometheus has them
for i = 1, #BUCKETS + 1 do LATENCY[i] = "latency_" .. i end

local methods = {}
local metatable = { __name = "tuya.health", __index = methods }

--- Makes the counts of a worker.
-- @param dictionary nginx's, or nil
-- @tparam string project whose counts these are: others may lie in the same dictionary
-- @treturn table
function health.new(dictionary, project)
   return setmetatable({
      dictionary = dictionary,
      prefix = ("count %s "):format(project),
      counts = {},
      is_timed = false,
   }, metatable)
end

-- Adds what was counted to what all workers share.
local function flush(self)
   local counts = self.counts
   self.counts, self.is_timed = {}, false
   for name, n in pairs(counts) do self.dictionary:incr(self.prefix .. name, n, 0) end
end

local function flush_later(_, self)
   flush(self)
end

--- Counts.
-- @tparam string name
-- @tparam[opt=1] number n
function methods:count(name, n)
   self.counts[name] = (self.counts[name] or 0) + (n or 1)
   if self.dictionary and not self.is_timed then
      self.is_timed = true
      if not ngx.timer.at(FLUSH, flush_later, self) then flush(self) end -- nginx is about to end
   end
end

--- Counts a call through the gateway.
-- @tparam number seconds that it took
-- @tparam ?number code of its failure, where it was proxied; the client's own calls tell theirs by events
function methods:call(seconds, code)
   local i = 1
   while BUCKETS[i] and seconds > BUCKETS[i] do i = i + 1 end
   self:count(LATENCY[i])
   self:count("latency_sum", seconds)
   if code ~= nil then
      self:count("calls")
      if code then self:count("error_" .. tostring(code)) end
   end
end

--- Counts what a client does.
-- @tparam string what "reply" or "renew"
-- @param code of a reply that is a failure
function methods:tally(what, code)
   if what == "reply" then
      self:count("calls")
      if code then self:count("error_" .. tostring(code)) end
   else
      self:count("renewals")
      self.renewed_at = ngx.now()
      if self.dictionary then self.dictionary:set(self.prefix .. "renewed_at", self.renewed_at) end
   end
end

-- All counts by name; of all workers, up to a second old, where there is a dictionary.
local function all_counts(self)
   if not self.dictionary then return self.counts end
   flush(self)
   local counts, n = {}, #self.prefix
   for _, key in ipairs(self.dictionary:get_keys(0)) do
      if key:sub(1, n) == self.prefix then counts[key:sub(n + 1)] = self.dictionary:get(key) end
   end
   return counts
end

-- What stands behind a prefix, by the rest of the name.
local function group(counts, prefix)
   local found = {}
   for name, n in pairs(counts) do
      local rest = name:match("^" .. prefix .. "(.*)$")
      if rest then found[rest] = n end
   end
   return found
end

local function latency(counts)
   local histogram, total = { buckets = {}, sum = counts.latency_sum or 0 }, 0
   for i, bound in ipairs(BUCKETS) do
      total = total + (counts["latency_" .. i] or 0)
      histogram.buckets[i] = { le = bound, count = total }
   end
   histogram.count = total + (counts["latency_" .. #BUCKETS + 1] or 0)
   return histogram
end

--- How it goes.
-- @tparam ?table usage of the budget
-- @tparam number offset of the clock, ms
-- @treturn table
function methods:report(usage, offset)
   local counts = all_counts(self)
   local renewed_at = counts.renewed_at or self.renewed_at
   return {
      calls = counts.calls or 0,
      errors = group(counts, "error_"),
      refused = group(counts, "refused_"),
      renewals = counts.renewals or 0,
      token_age = renewed_at and ngx.now() - renewed_at,
      budget = usage,
      clock_offset_ms = offset,
      latency = latency(counts),
      of = self.dictionary and "all workers" or "this worker",
   }
end

local function add(lines, name, kind, labels, value)
   if kind then lines[#lines + 1] = ("# TYPE tuya_%s %s"):format(name, kind) end
   lines[#lines + 1] = ("tuya_%s%s %.14g"):format(name, labels or "", value)
end

local function add_group(lines, name, label, values)
   lines[#lines + 1] = ("# TYPE tuya_%s counter"):format(name)
   for key, value in pairs(values) do add(lines, name, nil, ('{%s="%s"}'):format(label, key), value) end
end

--- A report as Prometheus reads it.
-- @tparam table report
-- @treturn string
function health.prometheus(report)
   local lines = {}
   add(lines, "calls_total", "counter", nil, report.calls)
   add_group(lines, "errors_total", "code", report.errors)
   add_group(lines, "refused_total", "status", report.refused)
   add(lines, "renewals_total", "counter", nil, report.renewals)
   if report.token_age then add(lines, "token_age_seconds", "gauge", nil, report.token_age) end
   add(lines, "clock_offset_seconds", "gauge", nil, report.clock_offset_ms / 1000)
   if report.budget then lines[#lines + 1] = "# TYPE tuya_budget_left gauge" end
   for _, period in ipairs { "day", "month" } do
      local left = report.budget and report.budget[period].left
      if left then add(lines, "budget_left", nil, ('{period="%s"}'):format(period), left) end
   end
   lines[#lines + 1] = "# TYPE tuya_latency_seconds histogram"
   for _, bucket in ipairs(report.latency.buckets) do
      add(lines, "latency_seconds_bucket", nil, ('{le="%g"}'):format(bucket.le), bucket.count)
   end
   add(lines, "latency_seconds_bucket", nil, '{le="+Inf"}', report.latency.count)
   add(lines, "latency_seconds_sum", nil, nil, report.latency.sum)
   add(lines, "latency_seconds_count", nil, nil, report.latency.count)
   return table.concat(lines, "\n") .. "\n"
end

return health
