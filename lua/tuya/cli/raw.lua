--- cli/raw.lua: JSON as text.
-- The idea: what the cloud answered is shown as it came: cut out and indented, never decoded and written anew, so
-- that order, digits and empty lists stay what they were.
-- The danger: it cuts valid JSON only; a text is decoded once by `tuya.json` before it comes here.
-- @module tuya.cli.raw

local bytes = require("tuya.bytes")
local json = require("tuya.json")

local raw = {}

-- Past the string that begins at `at`.
local function skip_string(text, at)
   repeat
      at = text:find('["\\]', at + 1)
      local is_escape = text:sub(at, at) == "\\"
      if is_escape then at = at + 1 end
   until not is_escape
   return at + 1
end

-- Past the value that begins at `at`.
local function skip(text, at)
   local depth = 0
   repeat
      local char = text:sub(at, at)
      if char == '"' then at = skip_string(text, at)
      elseif char:find("[%[{]") then depth, at = depth + 1, at + 1
      elseif char:find("[%]}]") then depth, at = depth - 1, at + 1
      elseif char:find("[%s,:]") then at = at + 1
      else at = text:match("^[^%s,:%[%]{}\"]+()", at) end
   until depth == 0
   return at
end

--- A member of an object: the text of its value, or nil.
function raw.member(text, name)
   local at = text:match("^%s*{%s*()")
   while at and text:sub(at, at) == '"' do
      local after = skip_string(text, at)
      local found = json.decode("[" .. text:sub(at, after - 1) .. "]")[1]
      local from = text:match("^%s*:%s*()", after)
      at = skip(text, from)
      if found == name then return text:sub(from, at - 1) end
      at = text:match("^%s*,%s*()", at)
   end
end

-- Past the token that begins at `at`.
local function skip_token(text, at)
   if text:sub(at, at) == '"' then return skip_string(text, at) end
   return text:match("^[%[%]{}:,]()", at) or text:match("^[^%s,:%[%]{}\"]+()", at)
end

-- The tokens, without the blanks between them.
local function tokens(text)
   local list, at = {}, text:match("^%s*()")
   while at <= #text do
      local after = skip_token(text, at)
      list[#list + 1] = text:sub(at, after - 1)
      at = text:match("^%s*()", after)
   end
   return list
end

--- The same JSON on one line.
function raw.compact(text)
   return table.concat(tokens(text))
end

--- The same JSON, indented.
function raw.indented(text)
   local out, depth, list = {}, 0, tokens(text)
   local function line_end()
      out[#out + 1] = "\n" .. ("  "):rep(depth)
   end
   for i, piece in ipairs(list) do
      local is_empty = (list[i - 1] or ""):find("^[%[{]$") ~= nil
      if piece:find("^[%]}]$") then
         depth = depth - 1
         if not is_empty then line_end() end
      elseif is_empty then line_end() end
      out[#out + 1] = piece == ":" and ": " or piece
      if piece:find("^[%[{]$") then depth = depth + 1 end
      if piece == "," then line_end() end
   end
   return table.concat(out)
end

-- Debian's library writes "/" as "\/".
local function scalar(value)
   local text = assert(json.encode({ value })):sub(2, -2)
   return (text:gsub("\\(.)", { ["/"] = "/" }))
end

--- A value of ours as JSON, names in order. An empty table is an object unless `json.array` marked it.
function raw.encode(value)
   if type(value) ~= "table" then return scalar(value) end
   local parts = {}
   if value[1] ~= nil then
      for i, item in ipairs(value) do parts[i] = raw.encode(item) end
      return "[" .. table.concat(parts, ",") .. "]"
   end
   if next(value) == nil then return assert(json.encode(value)) end -- {} or []
   for i, name in ipairs(bytes.names(value)) do parts[i] = scalar(name) .. ":" .. raw.encode(value[name]) end
   return "{" .. table.concat(parts, ",") .. "}"
end

return raw
