--- token.lua: the access token, one for all who share a key.
-- The idea: while a token lives, asking (grant_type=1) hands the same one to everybody with its remaining
-- seconds, and a refresh kills it for everybody else [inferred from live replies]. So renew by asking, and
-- refresh only when asking gives back the token that was just refused.
-- The danger: parallel renewals. One runs at a time, the others wait for it; and what lost the race never
-- overwrites what won it, because the store swaps by comparing.
-- @module tuya.token

local exchange = require("tuya.exchange")
local op = require("tuya.op")
local request = require("tuya.request")

local yield = coroutine.yield

local token = {}

local MARGIN = 60    -- seconds before the end at which a token is renewed,
local SHARE = 0.1    -- or this part of its life, whichever is less
local FIELDS = "^(%d+) (%d+) (%S+) (%S*)$"

local function parse(text)
   local renew_at, expires_at, access, refresh = text:match(FIELDS)
   if not access then return nil end
   return { renew_at = tonumber(renew_at), expires_at = tonumber(expires_at), access = access, refresh = refresh }
end

-- The record of a store's text, moments in Tuya's milliseconds; parsed once as long as it stays the same.
local function read(context, text)
   if text ~= context.token_text then context.token_text, context.token_record = text, text and parse(text) end
   return context.token_record
end

local function write(context, fresh)
   local now, life = context.clock(), fresh.life * 1000
   local renew_at = now + life - math.min(MARGIN * 1000, SHARE * life)
   return ("%.0f %.0f %s %s"):format(renew_at, now + life, fresh.access, fresh.refresh)
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
   if is_word(given.access_token) and life and life >= 0 then
      local refresh = is_segment(given.refresh_token) and given.refresh_token or ""
      return { access = given.access_token, refresh = refresh, life = life }
   end
   return nil, { kind = "http", code = info.status, status = info.status, message = "the answer holds no token" }
end

local function fetch(context, path, query, how)
   if context.log then context.log { event = "renew", how = how } end
   local built = assert(request.build({ method = "GET", path = path, query = query, lang = context.lang }))
   local policy = {
      retries = context.retries,
      idempotent = how == "ask", -- a refresh token works once
      connect_timeout = context.connect_timeout,
      attempts = 0,
   }
   local fresh, detail = accept(exchange.run(context, built, nil, policy))
   if fresh then return fresh end
   detail.method, detail.path, detail.attempts = built.method, built.path, policy.attempts
   return nil, detail
end

local function ask(context)
   return fetch(context, "/v1.0/token", { grant_type = 1 }, "ask")
end

local function refresh(context, refresh_token)
   return fetch(context, "/v1.0/token/" .. refresh_token, nil, "refresh")
end

-- A token that is not the refused one.
local function obtain(context, refused, record)
   local fresh, detail = ask(context)
   if fresh and fresh.access ~= refused then return fresh end
   local with = fresh and fresh.refresh or record and record.refresh or ""
   if with == "" or (detail and detail.kind == "network") then
      return nil, detail or { kind = "api", code = 1010, message = "the cloud hands out a token that it refuses" }
   end
   return refresh(context, with)
end

-- Puts the new token into the store, unless somebody else was faster.
local function save(context, old, fresh)
   local text = write(context, fresh)
   if yield("swap", context.token_key, old, text) then return fresh.access end
   local winner = read(context, yield("load", context.token_key))
   return winner and winner.access or fresh.access
end

local function is_alive(context, record, refused)
   return record ~= nil and record.access ~= refused and context.clock() < record.expires_at
end

local function is_fresh(context, record, refused)
   return is_alive(context, record, refused) and context.clock() < record.renew_at
end

-- The flow of a renewal: access token, or nil and detail.
local function renew(context, refused)
   local text = yield("load", context.token_key)
   local record = read(context, text)
   if is_fresh(context, record, refused) then return record.access end
   local fresh, detail = obtain(context, refused, record)
   if not fresh then return nil, detail end
   return save(context, text, fresh)
end

-- The renewal that is under way, or a new one.
local function join(context, refused)
   if not context.renewal or context.renewal.done then context.renewal = op.new(renew, context, refused) end
   return context.renewal
end

--- A token to sign with; renews it where needed. A flow.
-- @tparam table context the client's
-- @tparam ?string refused the token that the cloud has just refused
-- @treturn ?string access token
-- @treturn ?table what is known of the failure
function token.get(context, refused)
   local record = read(context, yield("load", context.token_key))
   if is_fresh(context, record, refused) then return record.access end
   local access, detail = yield("wait", join(context, refused))
   if access == refused and refused then access, detail = yield("wait", join(context, refused)) end
   if access then return access end
   if is_alive(context, record, refused) then return record.access end
   return nil, type(detail) == "table" and detail or { kind = "http", message = tostring(detail), sent = "no" }
end

return token
