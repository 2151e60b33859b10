--- token.lua: the access token, one for all who share a key.
-- The idea: while a token lives, asking (grant_type=1) hands the same one to everybody with its remaining
-- seconds, and a refresh kills it for everybody else [inferred from live replies]. So renew by asking, and
-- refresh only when asking gives back the token that was just refused, or fails.
-- The danger: parallel renewals. One runs at a time: in a client the others wait for its op, across clients and
-- processes for its lease; and what lost the race never overwrites what won it, because the store swaps by
-- comparing, and no two records are alike: each has its generation.
-- @module tuya.token

local clock = require("tuya.clock")
local exchange = require("tuya.exchange")
local jitter = require("tuya.jitter")
local kept = require("tuya.kept")
local lease = require("tuya.lease")
local op = require("tuya.op")
local request = require("tuya.request")

local yield = op.yield

local token = {}

local MARGIN = 60      -- seconds before the end at which a token is renewed,
local SHARE = 0.1      -- or this part of its life, whichever is less
local EARLY = 2        -- seconds that a renewal may take while the token in hand still lives,
local AGAIN = 15       -- and after which one that failed is tried again
local PAUSE = 0.02     -- seconds at most between two looks at somebody else's renewal
local FIELDS = "^(%d+) (%d+) (%d+) (%S+) (%S*)$"

local out_of_time = { kind = "network", code = "timeout", sent = "no",
   message = "no time left while another program renews the token" }

local function parse(text)
   local generation, renew_at, expires_at, access, refresh = text:match(FIELDS)
   if not access then return nil end
   return {
      generation = tonumber(generation),
      renew_at = tonumber(renew_at),
      expires_at = tonumber(expires_at),
      access = access,
      refresh = refresh,
   }
end

-- The record of a store's text, moments in Tuya's milliseconds; parsed once as long as it stays the same.
local function read(context, text)
   if text ~= context.token_text then context.token_text, context.token_record = text, text and parse(text) end
   return context.token_record
end

local function load(context)
   local text = kept.load(context, context.token_key)
   return read(context, text), text
end

local function write(generation, fresh)
   local life = fresh.life * 1000
   local renew_at = fresh.since + life - math.min(MARGIN * 1000, SHARE * life)
   return ("%.0f %.0f %.0f %s %s"):format(generation, renew_at, fresh.since + life, fresh.access, fresh.refresh)
end

local MAX_TOKEN = 4096 -- of the core; Tuya's have 32

local function is_word(value)
   return type(value) == "string" and #value <= MAX_TOKEN and value:find("^[!-~]+$") ~= nil
end

-- A refresh token becomes part of a path.
local function is_segment(value)
   return is_word(value) and #value <= 1024 and value:find("^[A-Za-z0-9%-%._~!$&'()*+,;=:@]+$") ~= nil
end

-- What the cloud gave, or nil and what is wrong with it: a failed renewal never leaves an empty token.
local function accept(result, info)
   if result == nil then return nil, info end
   local given = type(result) == "table" and result or {}
   local life = tonumber(given.expire_time or given.expire)
   if is_word(given.access_token) and life and life >= 0 and life < 1e9 then
      local refresh = is_segment(given.refresh_token) and given.refresh_token or ""
      return { access = given.access_token, refresh = refresh, life = life }
   end
   return nil, { kind = "http", code = info.status, status = info.status, message = "the answer holds no token" }
end

-- Makes a token call; `since` is when it was sent, so that a token is never thought to live longer than it does.
local function fetch(context, terms, path, query, how)
   if context.tally then context.tally("renew") end
   if context.log then context.log { event = "renew", how = how } end
   local built = assert(request.build({ method = "GET", path = path, query = query, lang = context.lang }))
   local policy = {
      retries = terms.early and 0 or context.retries,
      timeout = terms.early and EARLY or nil,
      idempotent = how == "ask", -- a refresh token works once
      connect_timeout = context.connect_timeout,
      attempts = 0,
   }
   local fresh, detail = accept(exchange.run(context, built, policy))
   if fresh then
      fresh.since = policy.sealed_at
      return fresh
   end
   if detail.kind ~= "budget" then detail.method, detail.path = built.method, built.path end
   return nil, detail
end

-- Asks: a token; or nil, what is known of the failure, and a refresh token where the refused one came back.
local function ask(context, terms)
   local fresh, detail = fetch(context, terms, "/v1.0/token", { grant_type = 1 }, "ask")
   if not fresh or fresh.access ~= terms.refused or terms.keep then return fresh, detail end
   local message = "the cloud hands out a token that it refuses"
   return nil, { kind = "api", code = 1010, message = message, method = "GET", path = "/v1.0/token" }, fresh.refresh
end

-- Whether a refresh may help where asking did not: it kills the token of whoever still has a good one.
local function may_refresh(terms, detail)
   return not terms.early and not terms.keep and detail.kind ~= "network" and detail.kind ~= "budget"
end

-- A token that is not the refused one.
local function obtain(context, terms, record)
   local fresh, detail, with = ask(context, terms)
   if fresh or not may_refresh(terms, detail) then return fresh, detail end
   local came_back = with ~= nil
   if not came_back then with = record and record.refresh or "" end
   if with == "" or not lease.keep(context) then return nil, detail end
   local refreshed, trouble = fetch(context, terms, "/v1.0/token/" .. with, nil, "refresh")
   if not refreshed and came_back then refreshed = ask(context, terms) end -- somebody else's may have come before it
   return refreshed, trouble
end

-- Puts the new token into the store, unless somebody else was faster.
local function save(context, record, old, fresh)
   local generation = record and record.generation + 1 or 1
   if kept.swap(context, context.token_key, old, write(generation, fresh)) then return fresh.access end
   local winner = load(context)
   return winner and winner.access or fresh.access
end

local function is_alive(context, record, refused)
   return record ~= nil and record.access ~= refused and clock.now(context) < record.expires_at
end

local function is_fresh(context, record, refused)
   return is_alive(context, record, refused) and clock.now(context) < record.renew_at
end

-- The renewal itself, with the lease in hand.
local function renew_now(context, terms)
   local record, text = load(context)
   if is_fresh(context, record, terms.refused) then return record.access end
   local fresh, detail = obtain(context, terms, record)
   context.renew_after = not fresh and context.monotonic() + AGAIN or nil
   if not fresh then return nil, detail end
   return save(context, record, text, fresh)
end

-- The flow of a renewal: access token, or nil and detail. An early one waits for nobody.
local function renew(context, terms)
   while not lease.take(context) do
      if terms.early or not yield("sleep", jitter.draw(PAUSE, context)) then return nil, out_of_time end
      local record = load(context)
      if is_fresh(context, record, terms.refused) then return record.access end
   end
   local access, detail = renew_now(context, terms)
   lease.release(context)
   return access, detail
end

-- The renewal that is under way, or a new one; and whether it is somebody else's.
local function join(context, terms)
   local running = context.renewal
   if running and not running.done then return running, true end
   context.renewal = op.new(renew, context, terms)
   return context.renewal, false
end

-- Waits for a renewal; once more where that was somebody else's, on other terms, and did not help.
local function demand(context, terms)
   local renewal, is_theirs = join(context, terms)
   local access, detail = yield("wait", renewal)
   if is_theirs and (not access or access == terms.refused and not terms.keep) then
      access, detail = yield("wait", (join(context, terms)))
   end
   if access then return access end
   return nil, type(detail) == "table" and detail or { kind = "http", message = tostring(detail), sent = "no" }
end

-- Renews a token that still lives. A driver that can, runs that beside the call; one that cannot, bounds it.
local function renew_early(context, record)
   local running = context.renewal
   local is_busy = running and not running.done
   if is_busy or context.monotonic() < (context.renew_after or 0) then return record.access end
   yield("wait", (join(context, { early = true })), true)
   local now = load(context)
   return is_alive(context, now) and now.access or record.access
end

--- The token in hand, where it is good as it is; no flow.
-- @tparam table context the client's
-- @tparam ?string text what the store has
-- @tparam ?string refused as for `get`
-- @treturn ?string access token; nil: it takes `get`
function token.peek(context, text, refused)
   local record = read(context, text)
   return is_fresh(context, record, refused) and record.access or nil
end

--- A token to sign with; renews it where needed. A flow.
-- @tparam table context the client's
-- @tparam ?string refused the token with which the cloud has just refused a call
-- @tparam ?boolean keep whether that may be another's fault than the token's: it is asked for anew then, but not
-- killed by a refresh
-- @treturn ?string access token
-- @treturn ?table what is known of the failure
function token.get(context, refused, keep)
   local record = load(context)
   if is_fresh(context, record, refused) then return record.access end
   if is_alive(context, record, refused) then return renew_early(context, record) end
   return demand(context, { refused = refused, keep = keep })
end

return token
