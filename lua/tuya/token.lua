--- token.lua: the access token, one for all who share a key and, where somebody logs in, the account.
-- The idea: a token is a record in the store, and a renewal asks the client's grant (grant.lua, login.lua) for a new
-- one; all else is the same for every way to a token.
-- The danger: parallel renewals. One runs at a time: in a client the others wait for its op, across clients and
-- processes for its lease; and what lost the race never overwrites what won it, because the store swaps by
-- comparing, and no two records are alike: each has its generation.
-- @module tuya.token

local clock = require("tuya.clock")
local errors = require("tuya.errors")
local jitter = require("tuya.jitter")
local kept = require("tuya.kept")
local lease = require("tuya.lease")
local op = require("tuya.op")

local yield = op.yield

local token = {}

local MARGIN = 60      -- seconds before the end at which a token is renewed,
local SHARE = 0.1      -- or this part of its life, whichever is less
local AGAIN = 15       -- seconds after which an early renewal that failed is tried again
local PAUSE = 0.02     -- seconds at most between two looks at somebody else's renewal
local SPREAD = 1       -- seconds at most before a renewal where each renews for itself, and kills what others just got
local FIELDS = "^(%d+) (%d+) (%d+) (%S+) (%S+) (%S+) (%S+) (%S+)$"
local NOTHING = "-"    -- stands for no value in a record

local out_of_time = { kind = "network", code = "timeout", sent = "no",
   message = "no time left while another program renews the token" }

local function value_of(field)
   if field ~= NOTHING then return field end
end

local function parse(text)
   local generation, renew_at, expires_at, access, refresh, uid, endpoint, origin = text:match(FIELDS)
   if not access then return nil end
   return {
      generation = tonumber(generation),
      renew_at = math.min(tonumber(renew_at), tonumber(expires_at)),
      expires_at = tonumber(expires_at),
      access = access,
      refresh = value_of(refresh),
      uid = value_of(uid),
      endpoint = value_of(endpoint), -- where the account is, if not at the client's own
      origin = value_of(origin),     -- a digest of the code that it goes back to
   }
end

-- The record of a store's text, moments in Tuya's milliseconds; parsed once as long as it stays the same.
local function read(context, text)
   if text ~= context.token_text then context.token_text, context.token_record = text, text and parse(text) end
   return context.token_record
end

local function load(context)
   if context.is_alone and context.token_record then return context.token_record, context.token_text end
   local text = kept.load(context, context.token_key)
   return read(context, text), text
end

local function write(generation, fresh)
   local life = fresh.life * 1000
   local renew_at = fresh.since + life - math.min(MARGIN * 1000, SHARE * life)
   return ("%.0f %.0f %.0f %s %s %s %s %s"):format(generation, renew_at, fresh.since + life, fresh.access,
      fresh.refresh or NOTHING, fresh.uid or NOTHING, fresh.endpoint or NOTHING, fresh.origin or NOTHING)
end

-- Puts the new token into the store, unless somebody else was faster.
local function save(context, record, old, fresh)
   local text = write(record and record.generation + 1 or 1, fresh)
   if kept.swap(context, context.token_key, old, text) then return read(context, text) end
   return load(context) or parse(text)
end

-- Whether the grant in hand goes with the record: a code that was not used yet goes before it.
local function is_ours(context, record)
   local is_unused = context.grant.is_unused
   return not is_unused or not is_unused(context.grant, record)
end

-- Whether a record's token is good until one of its moments: `expires_at`, or `renew_at`, which comes before that.
local function is_good(context, record, refused, moment)
   return record ~= nil and record.access ~= refused and clock.now(context) < record[moment]
      and is_ours(context, record)
end

local function is_alive(context, record, refused)
   return is_good(context, record, refused, "expires_at")
end

local function is_fresh(context, record, refused)
   return is_good(context, record, refused, "renew_at")
end

-- The renewal itself, with the lease in hand. One that failed looks once more: somebody else may have come before it.
local function renew_now(context, terms)
   local record, text = load(context)
   if is_fresh(context, record, terms.refused) then return record end
   local fresh, detail = context.grant:obtain(context, terms, record)
   context.renew_after = not fresh and context.monotonic() + AGAIN or nil
   if fresh then return fresh == record and record or save(context, record, text, fresh) end
   local now, text_now = load(context)
   if text_now ~= text and is_fresh(context, now, terms.refused) then return now end
   return nil, detail
end

-- The flow of a renewal: the record, or nil and detail. An early one waits for nobody.
local function renew(context, terms)
   if terms.refused and kept.was_lost(context) then yield("sleep", jitter.draw(SPREAD, context)) end
   while not lease.take(context) do
      if terms.early or not yield("sleep", jitter.draw(PAUSE, context)) then return nil, out_of_time end
      local record = load(context)
      if is_fresh(context, record, terms.refused) then return record end
   end
   local record, detail = renew_now(context, terms)
   lease.release(context)
   return record, detail
end

-- The renewal that is under way, or a new one; and the terms of one that is somebody else's.
local function join(context, terms)
   local running = context.renewal
   if running and not running.done then return running, context.renewal_terms end
   context.renewal, context.renewal_terms = op.new(renew, context, terms), terms
   return context.renewal
end

-- Whether what a renewal on somebody else's terms has come to is an answer for ours: its failure is, where it did all
-- that ours would do.
local function answers(theirs, terms, record)
   if record then return record.access ~= terms.refused or terms.keep end
   return not theirs.early and (terms.keep or not theirs.keep)
end

-- Waits for a renewal; once more where that was somebody else's, on other terms, and did not help.
local function demand(context, terms)
   local renewal, theirs = join(context, terms)
   local record, detail = yield("wait", renewal)
   if theirs and not answers(theirs, terms, record) then
      record, detail = yield("wait", (join(context, terms)))
   end
   if record then return record end
   return nil, type(detail) == "table" and detail or { kind = "http", message = tostring(detail), sent = "no" }
end

-- Renews a token that still lives. A driver that can, runs that beside the call; one that cannot, bounds it.
local function renew_early(context, record)
   local running = context.renewal
   local is_busy = running and not running.done
   if is_busy or context.monotonic() < (context.renew_after or 0) then return record end
   yield("wait", (join(context, { early = true })), true)
   local now = load(context)
   return is_alive(context, now) and now or record
end

--- The token in hand, where it is good as it is; no flow.
-- @tparam table context the client's
-- @tparam ?string text what the store has
-- @tparam ?string refused as for `get`
-- @treturn ?table as of `get`; nil: it takes `get`
function token.peek(context, text, refused)
   local record = read(context, text)
   return is_fresh(context, record, refused) and record or nil
end

--- A token to sign with; renews it where needed. A flow.
-- @tparam table context the client's
-- @tparam ?string refused the token with which the cloud has just refused a call
-- @tparam ?boolean keep whether that may be another's fault than the token's: it is asked for anew then, where that
-- kills nothing, and left as it is where it would
-- @treturn ?table `access`, and where they are known `uid`, whose it is, and `endpoint`, where to go with it other than
-- to the client's own
-- @treturn ?table what is known of the failure
function token.get(context, refused, keep)
   local record = load(context)
   if is_fresh(context, record, refused) then return record end
   if keep and not context.grant.may_ask and is_alive(context, record) then return record end
   if is_alive(context, record, refused) then return renew_early(context, record) end
   return demand(context, { refused = refused, keep = keep })
end

-- A failure of its own, by what is known of it: others may have waited for the same.
local function failure(detail)
   local own = { kind = "lookup", code = "absent", sent = "no", message = "the cloud gave a token without a user's id" }
   for name, value in pairs(detail or {}) do own[name] = value end
   return errors.failure(own)
end

--- Whose token it is. A flow.
-- @tparam table context the client's
-- @treturn ?string the user's id
-- @return nil; or message and detail of the failure
function token.uid(context)
   local record, detail = token.get(context)
   if record and record.uid then return record.uid end
   return failure(detail)
end

--- Where its account is. A flow.
-- @tparam table context the client's
-- @treturn ?string endpoint
-- @return nil; or message and detail of the failure
function token.endpoint(context)
   local record, detail = token.get(context)
   if record then return record.endpoint or context.endpoint end
   return failure(detail)
end

return token
