--- diagnose/search.lua: which choices made this signature?
-- The idea: the candidates are the products of the choices in the table of mistakes, tried by their number: none, one,
-- two, three. A text is a head and a tail; every pair is one mac from kept state, in C. What gives the sent digest is
-- the answer, because nothing else could have.
-- The danger: the product of all choices is out of reach, so rare families meet only the partners that they name.
-- @module tuya.diagnose.search

local build = require("tuya.diagnose.build")
local core = require("tuya.core")
local mistakes = require("tuya.diagnose.mistakes")
local pool = require("tuya.diagnose.pool")

local search = {}

local CLOCK_SPAN = 5000 -- ms around the sent t in which the signed one is looked for

local joined = pool.joined

-- {{{ pools

local function choices_of(entry, rare)
   if rare then return entry.more or entry.rare and entry.choices end
   return not entry.rare and entry.choices
end

-- The entries that have choices of some parts here, each with its values.
local function entries_of(f, parts, rare)
   local list = {}
   for _, entry in ipairs(mistakes) do
      local choices = entry.part and parts[entry.part] and choices_of(entry, rare)
      if choices then
         local values = choices(f)
         if #values > 0 then
            list[#list + 1] = {
               slug = entry.slug, rank = entry.rank, part = entry.part, values = values, with = entry.with or {},
            }
         end
      end
   end
   return list
end

-- Every combination of up to `most` choices of different parts; visit(choice, slugs).
local function combine(entries, most, visit)
   local choice = {}
   local function descend(from, slugs, left)
      visit(choice, slugs)
      for i = from, left > 0 and #entries or 0 do
         local entry = entries[i]
         if choice[entry.part] == nil then
            local longer = joined(slugs, { entry.slug })
            for _, value in ipairs(entry.values) do
               choice[entry.part] = value
               descend(i + 1, longer, left - 1)
            end
            choice[entry.part] = nil
         end
      end
   end
   descend(1, {}, most)
end

-- The texts that the frequent choices of some parts make, up to `most` deep.
local function frequent(f, parts, make, most)
   local made = pool.new()
   combine(entries_of(f, parts, false), most, function(choice, slugs)
      local text = make(f, choice)
      if text then made:add(text, slugs) end
   end)
   return made
end

-- Every text of a pool up to a cost; visit(text, slugs).
local function each(from, most, visit)
   for cost = 0, most do
      for at, text in ipairs(from.texts[cost] or {}) do visit(text, from.slugs[cost][at]) end
   end
end

-- Tails: URLs and hashes, each text of them once, in every shape.
local function tails_of(f, most)
   local made = pool.new()
   local urls, hashes = frequent(f, build.URL, build.url, most), frequent(f, build.HASH, build.hash, most)
   combine(entries_of(f, build.SHAPE, false), most, function(choice, slugs)
      local parts = { method = choice.method or f.right.method, block = choice.block or f.right.block }
      local lines = choice.lines or build.lines
      each(hashes, most - #slugs, function(hash, hash_slugs)
         parts.hash = hash
         local so_far = joined(slugs, hash_slugs)
         each(urls, most - #so_far, function(url, url_slugs)
            parts.url = url
            local text = lines(parts)
            if text then made:add(text, joined(so_far, url_slugs)) end
         end)
      end)
   end)
   return made
end

local function named(entries, slugs)
   local out = {}
   for _, entry in ipairs(entries) do
      if slugs[entry.slug] then out[#out + 1] = entry end
   end
   return out
end

-- The texts of one rare entry's values. Those of its lines share the parts that they are made of.
local function add_rare(f, made, entry, choice, slugs, make)
   local parts = entry.part == "lines" and build.tail_parts(f, choice)
   local longer = joined({ entry.slug }, slugs)
   for _, value in ipairs(entry.values) do
      choice[entry.part] = value
      local text
      if parts then text = value(parts) else text = make(f, choice) end
      if text then made:add(text, longer) end
   end
   choice[entry.part] = nil
end

-- The rare entries of a half, each with a pool that is still empty; `half` says which.
local function rare_entries(f, parts, make, half)
   local list, usual = {}, entries_of(f, parts, false)
   for _, entry in ipairs(entries_of(f, parts, true)) do
      list[#list + 1] = {
         entry = entry, with = entry.with, partners = named(usual, entry.with),
         pool = pool.new(), make = make, half = half,
      }
   end
   return list
end

-- Puts the texts of a rare entry with `least` to `most` of its partners in this half into its pool.
local function grow(f, one, least, most)
   combine(one.partners, most, function(choice, slugs)
      if #slugs < least or choice[one.entry.part] ~= nil then return end
      add_rare(f, one.pool, one.entry, choice, slugs, one.make)
   end)
end

-- The facts with other right parts.
local function with_right(f, changes)
   local right = {}
   for name, value in pairs(f.right) do right[name] = changes[name] or value end
   return setmetatable({ right = right }, { __index = f })
end

local OLD_PARTS = { id = true, token = true, t = true, prefix = true }

-- Texts of the old algorithm: heads alone. It had no bundle id, and no nonce either: signing one or not makes no
-- difference to the name.
local function old_texts(f, most, also_rare)
   local made = pool.new()
   local function take(from)
      each(from, most + 1, function(text, slugs)
         if text ~= "" then made:add(text, joined({ "old-algorithm" }, slugs)) end
      end)
   end
   for _, at_hand in ipairs { with_right(f, { bundle = "" }), with_right(f, { bundle = "", nonce = "" }) } do
      take(frequent(at_hand, OLD_PARTS, build.head, most))
      for _, one in ipairs(also_rare and rare_entries(at_hand, OLD_PARTS, build.head) or {}) do
         if one.with["old-algorithm"] then
            grow(at_hand, one, 0, 1)
            take(one.pool)
         end
      end
   end
   return made
end

-- Texts that are neither head nor tail: layouts of other schemes.
local function whole_texts(f)
   local made = pool.new()
   local usual = entries_of(f, { token = true, hash = true }, false)
   for _, entry in ipairs(mistakes) do
      local layouts = entry.whole and entry.whole(f) or {}
      combine(named(usual, entry.with or {}), 2, function(choice, slugs)
         local parts = build.tail_parts(f, choice)
         for name, value in pairs(build.head_parts(f, choice)) do parts[name] = value end
         local longer = joined({ entry.slug }, slugs)
         for _, layout in ipairs(layouts) do
            local text = layout(parts)
            if text then made:add(text, longer) end
         end
      end)
   end
   return made
end

-- }}}

-- {{{ matching

local function better(a, b)
   if not a or (b and pool.is_better(b.slugs, a.slugs)) then return b end
   return a
end

local EMPTY = pool.of("")

-- The best explanation among all pairs that give the digest: `cost` choices, of heads and tails together.
local function match(f, key, heads, tails, cost, extra)
   local best
   for head_cost = 0, cost do
      local tail_cost = cost - head_cost
      local left, right, from = heads.texts[head_cost], tails.texts[tail_cost], 0
      while left and right and from do
         local h, t, after = key:search(f.digest, left, right, from)
         if h then
            local slugs = joined(joined(heads.slugs[head_cost][h], tails.slugs[tail_cost][t]), extra or {})
            best = better(best, { slugs = slugs, text = left[h] .. right[t] })
         end
         from = after
      end
   end
   return best
end

-- Other keys, and credentials to which something sticks: each one mistake more.
local function match_keys(f, state, cost)
   local best
   for _, entry in ipairs(mistakes) do
      for _, one in ipairs(entry.keys and entry.keys(f) or {}) do
         local key = core.key(one.key)
         if key then
            local at_hand = one.id and with_right(f, { id = one.id }) or f
            local heads = frequent(at_hand, build.HEAD, build.head, cost)
            best = better(best, match(f, key, heads, state.tails, cost, { entry.slug }))
            best = better(best, match(f, key, old_texts(at_hand, 0, false), EMPTY, cost, { entry.slug }))
         end
      end
   end
   return best
end

local function match_frequent(f, state, cost)
   return better(match(f, state.key, state.heads, state.tails, cost), match(f, state.key, state.old, EMPTY, cost))
end

-- The best explanation with one rare entry, whose half meets what its partners make of the other.
local function match_one(f, state, one, cost)
   if one.half == "head" then return match(f, state.key, one.pool, state.tails:only(one.with), cost) end
   return match(f, state.key, state.heads:only(one.with), one.pool, cost)
end

local function match_rare(f, state, cost)
   local best = match(f, state.key, state.whole, EMPTY, cost)
   for _, one in ipairs(state.rare) do best = better(best, match_one(f, state, one, cost)) end
   return best
end

-- }}}

-- {{{ the clock

local MARK = "\0t\0" -- stands for the moment in a text

local BASES = 16 -- texts in which the moment is looked for: each takes ten thousand macs

-- The texts with one mistake besides the moment, the likely ones first.
local function moment_bases(f)
   local marked, out = with_right(f, { t = MARK }), {}
   local function take(from, cost, around, wanted)
      for at, text in ipairs(from.texts[cost] or {}) do
         local slugs, whole = from.slugs[cost][at], around(text)
         local fits = not wanted or slugs[1] == wanted or slugs[2] == wanted
         if fits and whole:find(MARK, 1, true) then out[#out + 1] = { text = whole, slugs = slugs } end
      end
   end
   local head, tail = build.head(marked, {}), build.tail(f, {})
   take(frequent(marked, build.HEAD, build.head, 1), 1, function(text) return text .. tail end)
   take(tails_of(f, 1), 1, function(text) return head .. text end)
   local old = old_texts(marked, 1, false)
   take(old, 1, function(text) return text end)
   table.sort(out, function(a, b) return pool.is_better(a.slugs, b.slugs) end)
   -- samples for the shell sign the old way, without the token, and send the letter t
   take(old, 2, function(text) return text end, "access-token-not-signed")
   if #out > BASES then table.insert(out, 1, table.remove(out)) end
   return out
end

-- The signed t around a moment, in a text. Another than the sent one is a mistake, unless that shows anyway.
local function match_base(f, state, base)
   local at = base.text:find(MARK, 1, true)
   local before, after = base.text:sub(1, at - 1), base.text:sub(at + #MARK)
   local t = state.key:search_t(f.digest, before, after, state.centre, CLOCK_SPAN)
   if not t then return nil end
   local slugs = joined(state.moment_slug and { state.moment_slug } or {}, base.slugs)
   return { slugs = slugs, text = before .. ("%.0f"):format(t) .. after }
end

local function match_moment(f, state)
   if not state.centre then return nil end
   local marked = with_right(f, { t = MARK })
   return match_base(f, state, { text = build.head(marked, {}) .. build.tail(f, {}), slugs = {} })
end

local function match_moment_and_one(f, state)
   for i, base in ipairs(state.centre and moment_bases(f) or {}) do
      local found = i <= BASES and match_base(f, state, base)
      if found then return found end
   end
end

-- Where to look for the signed t, and what another than the sent one is called.
local function centre_of(f)
   if (f.t or ""):find("^%d+$") and #f.t == 13 then return tonumber(f.t), "t-signed-differs-from-t-sent" end
   if (f.t or ""):find("^%d+$") and #f.t == 10 then return tonumber(f.t) * 1000 + 500 end
   return f.server_time
end

-- }}}

--- The text that the cloud builds. A plus in the query may be read either way.
-- @tparam table f facts
-- @treturn table of texts
function search.right_texts(f)
   local out = {}
   for _, url in ipairs { f.right.url, f.right.url_plus } do
      local parts = build.tail_parts(f, {})
      parts.url = url
      out[#out + 1] = build.head(f, {}) .. build.lines(parts)
   end
   return out
end

local TAIL = {}
for _, parts in ipairs { build.URL, build.HASH, build.SHAPE } do
   for part in pairs(parts) do TAIL[part] = true end
end

local function better_of(f, state, cost)
   return better(match_frequent(f, state, cost), match_rare(f, state, cost))
end

-- One rare choice alone. The more usual ones come first, and what they find is the answer; the rest is not built then.
local function search_rare(f, state)
   local rare = joined(rare_entries(f, build.HEAD, build.head, "head"), rare_entries(f, TAIL, build.tail, "tail"))
   table.sort(rare, function(a, b) return a.entry.rank < b.entry.rank end)
   state.rare = rare
   for _, one in ipairs(rare) do
      grow(f, one, 0, 0)
      local found = match_one(f, state, one, 1)
      if found then return found end
   end
   state.whole = whole_texts(f)
   return match(f, state.key, state.whole, EMPTY, 1)
end

-- One mistake: of the frequent ones, of the keys, of the rare ones, another moment.
local function search_one(f, state)
   state.heads, state.tails = frequent(f, build.HEAD, build.head, 1), tails_of(f, 1)
   state.old = old_texts(f, 1, false)
   return match_frequent(f, state, 1) or match_keys(f, state, 0) or search_rare(f, state)
      or match_moment(f, state)
end

local function search_two(f, state)
   for _, one in ipairs(state.rare) do grow(f, one, 1, 1) end
   state.heads, state.tails = frequent(f, build.HEAD, build.head, 2), tails_of(f, 2)
   state.old = old_texts(f, 2, true)
   return better_of(f, state, 2) or match_keys(f, state, 1)
end

-- Three, and the named fours.
local function search_three(f, state)
   state.heads, state.tails = frequent(f, build.HEAD, build.head, 3), tails_of(f, 3)
   return better_of(f, state, 3) or match_rare(f, state, 4) or match_moment_and_one(f, state)
end

--- Looks for the choices that made a signature.
-- @tparam table f facts, with a digest
-- @treturn ?table `{ slugs = {...}, text = }`; nil when nothing known made it
function search.run(f)
   local key = core.key(f.secret)
   for _, text in ipairs(search.right_texts(f)) do
      if key:search(f.digest, { text }, { "" }) then return { slugs = {}, text = text } end
   end
   local state = { key = key }
   state.centre, state.moment_slug = centre_of(f)
   return search_one(f, state) or search_two(f, state) or search_three(f, state)
end

-- Texts that somebody may have sent as the sign, or hashed without a key.
local function plain_texts(f)
   local texts = { build.tail(f, {}) }
   for _, choice in ipairs { {}, { token = "" }, { nonce = "" }, { token = "", nonce = "" } } do
      texts[#texts + 1] = build.head(f, choice)
      texts[#texts + 1] = build.head(f, choice) .. build.tail(f, {})
   end
   return texts
end

--- Looks for a sign that is no HMAC: one of the texts itself, or its plain hash, with the secret on a side or without.
-- @tparam table f facts, with a sign
-- @treturn ?table as `run`
function search.plain(f)
   local sign = f.sign:lower()
   for _, text in ipairs(plain_texts(f)) do
      local is_it = f.sign == text
      for _, hashed in ipairs { text, text .. f.secret, f.secret .. text, f.secret .. text .. f.secret } do
         is_it = is_it or core.sha256(hashed) == sign
      end
      if is_it then return { slugs = { "sign-not-hmac" }, text = text } end
   end
end

return search
