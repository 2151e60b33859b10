--- diagnose/build.lua: texts out of choices.
-- The idea: a choice is a table part = wrong value; what it does not name is right. Head and tail are built apart.
-- @module tuya.diagnose.build

local core = require("tuya.core")
local facts = require("tuya.diagnose.facts")

local build = {}

--- The parts of a head, and of what a tail is made of: its URL, its hash, and how these are put together.
build.HEAD = { id = true, token = true, t = true, nonce = true, bundle = true, prefix = true }
build.URL = { query = true, empty = true, order = true, encoding = true, path = true }
build.HASH = { body = true, hash = true }
build.SHAPE = { method = true, block = true, lines = true }

local PREFIX = { "id", "token", "t", "nonce", "bundle" }

--- The parts of a head: who signs, and when.
-- @tparam table f facts
-- @tparam table choice
-- @treturn table
function build.head_parts(f, choice)
   local parts = { secret = f.secret }
   for _, name in ipairs(PREFIX) do parts[name] = choice[name] or f.right[name] end
   return parts
end

--- A head.
-- @treturn string
function build.head(f, choice)
   local parts = build.head_parts(f, choice)
   if choice.prefix then return choice.prefix(parts) end
   return parts.id .. parts.token .. parts.t .. parts.nonce .. parts.bundle
end

--- The signed URL of a choice.
-- @treturn string
function build.url(f, choice)
   if not (choice.query or choice.empty or choice.order or choice.encoding) then
      return choice.path and choice.path(f.right.url) or f.right.url
   end
   local list = f.query
   if choice.query then list = choice.query(list) end
   if choice.empty then list = choice.empty(list) end
   list = (choice.order or facts.by_name)(list)
   local texts = {}
   for i, parameter in ipairs(list) do
      texts[i] = choice.encoding and choice.encoding(parameter) or facts.pair(parameter.name, parameter.value)
   end
   local url = facts.join(f.path, texts)
   return choice.path and choice.path(url) or url
end

--- The line of the body's hash.
-- @treturn string
function build.hash(f, choice)
   local body = choice.body or f.body
   if choice.hash then return choice.hash(body) end
   return choice.body and core.sha256(body) or f.right.hash
end

--- The parts of a tail: what is signed.
-- @tparam table f facts
-- @tparam table choice
-- @treturn table
function build.tail_parts(f, choice)
   return {
      method = choice.method or f.right.method,
      hash = build.hash(f, choice),
      block = choice.block or f.right.block,
      url = build.url(f, choice),
   }
end

--- The lines of stringToSign as the cloud builds them.
-- @tparam table parts
-- @treturn string
function build.lines(parts)
   return parts.method .. "\n" .. parts.hash .. "\n" .. parts.block .. "\n" .. parts.url
end

--- A tail; nil where the choice of lines does not apply.
-- @treturn ?string
function build.tail(f, choice)
   return (choice.lines or build.lines)(build.tail_parts(f, choice))
end

return build
