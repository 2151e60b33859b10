--- grant.lua: the ways to a token; here the project's own, and what all of them share.
-- The idea: a grant is a value with a flow, `obtain(grant, context, terms, record)`, which gets a token, by the record
-- that is in the store or from nothing. How tokens are kept, shared and renewed is the same for all (token.lua).
-- The danger: some of what is sent works once, a refresh token above all; it is sent with a lease that outlasts the
-- call, so that no living holder is taken over by somebody who would send it again.
-- @module tuya.grant

local exchange = require("tuya.exchange")
local lease = require("tuya.lease")
local request = require("tuya.request")

local grant = {}

local EARLY = 2 -- seconds that a renewal may take while the token in hand still lives
local ONCE = 10 -- seconds that a try may take of what works once; its lease lasts one more

local MAX_TOKEN = 4096 -- of the core; Tuya's have 32

local function is_word(value)
   return type(value) == "string" and #value <= MAX_TOKEN and value:find("^[!-~]+$") ~= nil
end

--- Whether a text may be part of a path, as a refresh token and a user's id are.
-- @param value
-- @treturn boolean
function grant.is_segment(value)
   return is_word(value) and #value <= 1024 and value:find("^[A-Za-z0-9%-%._~!$&'()*+,;=:@]+$") ~= nil
end

local function segment(value)
   return grant.is_segment(value) and value or nil
end

-- What the cloud gave, or nil and what is wrong with it: a failed renewal never leaves an empty token.
local function accept(result, info)
   if result == nil then return nil, info end
   local given = type(result) == "table" and result or {}
   local life = tonumber(given.expire_time or given.expire)
   if is_word(given.access_token) and life and life >= 0 and life < 1e9 then
      return {
         access = given.access_token,
         refresh = segment(given.refresh_token),
         uid = segment(given.uid),
         platform_url = is_word(given.platform_url) and given.platform_url or nil,
         life = life,
      }
   end
   return nil, { kind = "http", code = info.status, status = info.status, message = "the answer holds no token" }
end

-- Before every try of what works once. Where an answer was lost it is sent once more: at worst the cloud has taken it,
-- and refuses it now [inferred: published is only that a refresh token works once].
local function outlast(context, policy)
   if policy.is_once and policy.was_lost then policy.idempotent = false end
   if lease.keep(context, ONCE + 1) then return nil end
   local message = "another program has taken the renewal over"
   return { kind = "network", code = "timeout", sent = "no", message = message }
end

-- How long, and how often, a token call is tried. While the token in hand still lives it is not waited for long; but
-- what works once is not cut short once it is sent, as the answer would be lost with it.
local function new_policy(context, terms, how, is_sent_once)
   local keeps_lease = how ~= "ask"
   return {
      retries = terms.early and 0 or context.retries,
      timeout = keeps_lease and ONCE or terms.early and EARLY or nil,
      idempotent = not is_sent_once,
      connect_timeout = math.min(context.connect_timeout, terms.early and EARLY or math.huge),
      bearer = keeps_lease and outlast or nil,
      is_once = keeps_lease and how ~= "login",
      attempts = 0,
   }
end

--- Makes a token call. A flow.
-- @tparam table context the client's
-- @tparam table terms of the renewal
-- @tparam string how "ask", "refresh", "code" or "login": what the log says
-- @tparam table spec of the request
-- @tparam ?string endpoint where to, other than to the client's own
-- @tparam ?boolean is_sent_once not again where its answer was lost
-- @treturn ?table `access, refresh, uid, platform_url, life`, and `since`, when it was sent, so that a token is never
-- thought to live longer than it does; nil and what is known of the failure
-- @treturn ?boolean whether the answer of a try was lost
function grant.fetch(context, terms, how, spec, endpoint, is_sent_once)
   if context.tally then context.tally("renew") end
   if context.log then context.log { event = "renew", how = how } end
   spec.lang = context.lang
   local built = assert(request.build(spec, context.codec))
   local policy = new_policy(context, terms, how, is_sent_once)
   policy.endpoint = endpoint
   local fresh, detail = accept(exchange.run(context, built, policy))
   if fresh then
      fresh.since, fresh.endpoint = policy.sealed_at, endpoint
      return fresh
   end
   if detail.kind ~= "budget" then detail.method, detail.path = built.method, built.path end
   return nil, detail, policy.was_lost
end

--- Asks for a token by a refresh token. A flow.
-- @tparam table context the client's
-- @tparam table terms of the renewal
-- @tparam table spec `method`, and `path` before the refresh token
-- @tparam string refresh
-- @tparam ?string endpoint
-- @tparam ?boolean is_sent_once
-- @return as `fetch`
function grant.refresh(context, terms, spec, refresh, endpoint, is_sent_once)
   local call = { method = spec.method, path = spec.path .. refresh }
   return grant.fetch(context, terms, "refresh", call, endpoint, is_sent_once)
end

-- --- the project's own ---

-- Asks: a token; or nil, what is known of the failure, and a refresh token where the refused one came back.
local function ask(context, terms)
   local fresh, detail = grant.fetch(context, terms, "ask",
      { method = "GET", path = "/v1.0/token", query = { grant_type = 1 } })
   if not fresh or fresh.access ~= terms.refused or terms.keep then return fresh, detail end
   local refusal = {
      kind = "api", code = 1010, method = "GET", path = "/v1.0/token",
      message = "the cloud hands out a token that it refuses",
   }
   return nil, refusal, fresh.refresh or ""
end

-- Whether a refresh may help where asking did not: it kills the token of whoever still has a good one.
local function may_refresh(terms, detail)
   return not terms.early and not terms.keep and detail.kind ~= "network" and detail.kind ~= "budget"
end

--- The project's own token: while it lives, asking (grant_type=1) hands the same one to everybody with its remaining
-- seconds, and a refresh kills it for everybody else [inferred from live replies]. So it is renewed by asking, and
-- refreshed only when asking gives back the token that was just refused, or fails.
grant.project = { may_ask = true, refresh = { method = "GET", path = "/v1.0/token/" } }

--- A token that is not the refused one. A flow.
-- @tparam table context the client's
-- @tparam table terms `refused`, `keep`, `early`
-- @tparam ?table record what the store has
-- @treturn ?table as of `fetch`; nil and what is known of the failure
function grant.project:obtain(context, terms, record)
   local fresh, detail, with = ask(context, terms)
   if fresh or not may_refresh(terms, detail) then return fresh, detail end
   local came_back = with ~= nil
   if not came_back then with = record and record.refresh or "" end
   if with == "" or not lease.keep(context) then return nil, detail end
   local refreshed, trouble = grant.refresh(context, terms, self.refresh, with, nil, true) -- asking brings what it made
   if not refreshed and came_back then refreshed = ask(context, terms) end -- somebody else's may have come before it
   return refreshed, trouble
end

return grant
